/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What commands and servers say, as one line that can stand in a message, a log and JSON. */
#ifndef FLOWSPLIT_PRINTABLE_H
#define FLOWSPLIT_PRINTABLE_H

#include <stddef.h>

/* Copies `length` bytes of text as printable ASCII: anything else becomes a "?", control characters
 * and blanks in a row one blank, none at the ends; what is too long for `size` ends with "...".
 * size > 4. Returns buf. */
char *printable(char *buf, size_t size, const char *text, size_t length);

/* The same for its last line that says anything; "" if none does. */
char *printable_last_line(char *buf, size_t size, const char *text, size_t length);

#endif
