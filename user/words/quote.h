/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text from outside, made safe and short enough to stand in a message. */
#ifndef FLOWSPLIT_QUOTE_H
#define FLOWSPLIT_QUOTE_H

enum {
    QUOTE_MAX = 88 /* room for the quotation marks, the text, "..." and the terminator */
};

struct quoted {
    char text[QUOTE_MAX];
};

/* In double quotes; what isn't printable ASCII as \xNN, what is too long cut with "...". Meant to
 * be used in place: error_set(err, code, "%s is wrong", quote(text).text). */
struct quoted quote(const char *text);

#endif
