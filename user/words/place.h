/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where in a file something stands, for messages that begin with FILE:LINE:COLUMN. */
#ifndef FLOWSPLIT_PLACE_H
#define FLOWSPLIT_PLACE_H

#include "error.h"

/* Lines and columns count from 1, columns in characters. */
struct place {
    const char *file;
    int line, column;
};

/* Sets the text, with the place in front, and returns -EINVAL. */
int place_refuse(struct place at, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
