/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The version of the whole. */
#ifndef FLOWSPLIT_VERSION_H
#define FLOWSPLIT_VERSION_H

#define FLOWSPLIT_VERSION "0.1.0"

#endif
