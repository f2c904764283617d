/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One message for one failure: lower layers fill it, the command prints it once. */
#ifndef FLOWSPLIT_ERROR_H
#define FLOWSPLIT_ERROR_H

/* The text of a failure: what was wrong, where, and what is allowed; no trailing newline. */
struct error {
    char text[1024];
};

/* Sets the text and returns `code` (a negative errno), so that `return error_set(...)` reads well.
 * A second call replaces the text. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
