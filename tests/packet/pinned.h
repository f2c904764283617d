/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens pins: what data_path.c and data_maps.c share. */
#ifndef FLOWSPLIT_PINNED_H
#define FLOWSPLIT_PINNED_H

/* A pinned map or program; gives up if it isn't there. */
int pinned_open(const char *pin_dir, const char *kind, const char *name);

/* Opens all maps. */
void data_maps_open(const char *pin_dir);

#endif
