// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Foreign words as one line, in as much room as there is. */
#include "unit.h"

#include <stdlib.h>

#include "printable.h"

static void assert_line(const char *text, size_t size, const char *wanted)
{
    char *buf = malloc(size);

    assert_string_equal(printable(buf, size, text, strlen(text)), wanted);
    free(buf);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_line("123456", 8, "123456");
    assert_line("1234567", 8, "1234567");
    assert_line("12345678", 8, "1234...");
    assert_line("123456789", 8, "1234...");
    assert_line("12345  67", 8, "1234...");
    assert_line("123456  7", 8, "1234...");
    assert_line("1234567 \n", 8, "1234567");
    assert_line("12", 5, "12");
    assert_line("12345", 5, "1...");
}

static void test_bytes(void **state)
{
    (void)state;
    assert_line("", 8, "");
    assert_line(" \r\n\t", 8, "");
    assert_line("  a\t \r\nb\x7f"
                "c ",
                16, "a b c");
    assert_line("\x1b[1m~\xc3\xa9\xff!", 16,
                "[1m~?"
                "?"
                "?!");
}

static void assert_last(const char *text, const char *wanted)
{
    char buf[16];

    assert_string_equal(printable_last_line(buf, sizeof(buf), text, strlen(text)), wanted);
}

static void test_last_lines(void **state)
{
    (void)state;
    assert_last("", "");
    assert_last("\n \n\t\n", "");
    assert_last("one", "one");
    assert_last("one\ntwo", "two");
    assert_last("one\n two \r\n\n  \n", "two");
    assert_last("\none\n", "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("what fits is whole, what doesn't ends with dots", test_sizes),
        TEST("it is printable, with single blanks inside and none around", test_bytes),
        TEST("the last line is the last that says something", test_last_lines),
    };

    return cmocka_run_group_tests_name("printable words", tests, NULL, NULL);
}
