/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Says how the tests went, as TAP. A test is a sentence and any number of checks. */
#ifndef FLOWSPLIT_TAP_H
#define FLOWSPLIT_TAP_H

#include <stdbool.h>

/* Begins the test that this sentence names. */
void test_begin(const char *sentence, ...) __attribute__((format(printf, 1, 2)));

/* Notes what is wrong unless `right`, which it returns. */
bool check(bool right, const char *wrong, ...) __attribute__((format(printf, 2, 3)));

/* Two numbers that must be the same. */
bool check_number(unsigned long long got, unsigned long long wished, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* How many checks of this test have been wrong. */
unsigned test_wrong(void);

/* A line for whoever reads the output. */
void note(const char *line, ...) __attribute__((format(printf, 1, 2)));

/* Ends a test: it passed if all its checks did. */
void test_end(void);

/* A test that can't be made here. */
void test_skip(const char *reason, const char *sentence, ...) __attribute__((format(printf, 2, 3)));

/* Prints the plan. Returns the exit status of the program. */
int tests_done(void);

/* Ends the program: the tests can't be made at all. */
void give_up(const char *why, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
