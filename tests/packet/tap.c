// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Says how the tests went, as TAP. */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A test whose packets all go wrong need not say so thousands of times. */
#define NOTES_PER_TEST 20

static struct {
    unsigned count, failed, wrong;
    char sentence[256];
} tap;

static void print_note(const char *line, va_list args)
{
    fputs("# ", stdout);
    vprintf(line, args);
    putchar('\n');
    fflush(stdout);
}

void note(const char *line, ...)
{
    va_list args;

    va_start(args, line);
    print_note(line, args);
    va_end(args);
}

void test_begin(const char *sentence, ...)
{
    va_list args;

    va_start(args, sentence);
    vsnprintf(tap.sentence, sizeof(tap.sentence), sentence, args);
    va_end(args);
    tap.wrong = 0;
}

bool check(bool right, const char *wrong, ...)
{
    va_list args;

    if (right)
        return true;
    if (tap.wrong++ < NOTES_PER_TEST) {
        va_start(args, wrong);
        print_note(wrong, args);
        va_end(args);
    }
    return false;
}

bool check_number(unsigned long long got, unsigned long long wished, const char *what, ...)
{
    char text[256];
    va_list args;

    if (got == wished)
        return true;
    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    return check(false, "%s: %llu instead of %llu", text, got, wished);
}

unsigned test_wrong(void)
{
    return tap.wrong;
}

void test_end(void)
{
    tap.count++;
    tap.failed += tap.wrong != 0;
    printf("%s %u - %s\n", tap.wrong ? "not ok" : "ok", tap.count, tap.sentence);
    fflush(stdout);
}

void test_skip(const char *reason, const char *sentence, ...)
{
    va_list args;

    printf("ok %u - ", ++tap.count);
    va_start(args, sentence);
    vprintf(sentence, args);
    va_end(args);
    printf(" # SKIP %s\n", reason);
    fflush(stdout);
}

int tests_done(void)
{
    printf("1..%u\n", tap.count);
    fflush(stdout);
    return tap.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void give_up(const char *why, ...)
{
    va_list args;

    fputs("Bail out! ", stdout);
    va_start(args, why);
    vprintf(why, args);
    va_end(args);
    putchar('\n');
    exit(EXIT_FAILURE);
}
