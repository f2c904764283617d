/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of all programs: a table of program x compiler, and a line of TAP for each. */
#pragma once

#include "load.h"

struct column {
    const char *name; /* of the compiler */
    struct verdict *verdicts;
    size_t count;
};

struct limits {
    long processed;
    int stack;
};

/* Each line of the table begins with MARGIN. */
void table_print(const struct column *columns, size_t count, const struct limits *limits,
                 const char *margin);

/* Prints the results that are bad, and the good ones, too, if ALL. Returns how many are bad. */
int table_results(const struct column *columns, size_t count, const struct limits *limits,
                  bool all);
