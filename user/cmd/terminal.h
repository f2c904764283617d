/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes to a person's terminal or into a pipe: colours, bars, JSON. */
#ifndef FLOWSPLIT_TERMINAL_H
#define FLOWSPLIT_TERMINAL_H

#include <jansson.h>
#include <stdbool.h>

enum style { STYLE_OFF, STYLE_BOLD, STYLE_DIM, STYLE_WARN, STYLE_GOOD };

/* The escape sequence of a style, or "" where stdout is no terminal or NO_COLOR is set. */
const char *terminal_style(enum style style);

/* A bar of `width` characters, `part` of `whole` filled; ASCII in a pipe. buf holds
 * 3 * width + 1. Returns buf. */
const char *terminal_bar(char *buf, int width, double part, double whole);

/* "12345" as "12.3k", and the like; buf holds 16. Returns buf. */
const char *terminal_count(char *buf, double count);

/* Prints a JSON value on one line and drops the reference. */
void terminal_print_json(json_t *value);

#endif
