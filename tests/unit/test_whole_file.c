// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files are written whole or not at all. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "whole_file.h"

static char dir[64];

static const char *path(const char *name)
{
    static char buf[128];

    snprintf(buf, sizeof(buf), "%s/%s", dir, name);
    return buf;
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/fs-unit-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path("a"));
    unlink(path("a.new"));
    unlink(path("pipe"));
    return rmdir(dir);
}

static void write_text(const char *text)
{
    struct error err = {{0}};

    if (whole_file_write(path("a"), text, strlen(text), &err))
        fail_msg("%s", err.text);
}

static void assert_text(const char *wanted)
{
    struct error err = {{0}};
    size_t length;
    char *text;

    if (whole_file_read(path("a"), 1000, &text, &length, &err))
        fail_msg("%s", err.text);
    assert_int_equal(length, strlen(wanted));
    assert_memory_equal(text, wanted, length);
    free(text);
}

static void test_replaced(void **state)
{
    struct stat there;

    (void)state;
    write_text("one");
    assert_text("one");
    write_text("and another");
    assert_text("and another");
    assert_int_equal(stat(path("a"), &there), 0);
    assert_int_equal(there.st_mode & 07777, 0600);
    assert_int_not_equal(access(path("a.new"), F_OK), 0);
}

/* Also one that others could read, or that leads elsewhere. */
static void test_left_behind(void **state)
{
    struct stat there;
    FILE *file;

    (void)state;
    write_text("one");
    file = fopen(path("a.new"), "we");
    assert_non_null(file);
    fputs("half of", file);
    fclose(file);
    assert_int_equal(chmod(path("a.new"), 0666), 0);
    write_text("two");
    assert_text("two");
    assert_int_equal(stat(path("a"), &there), 0);
    assert_int_equal(there.st_mode & 07777, 0600);
    assert_int_equal(symlink("/dev/null", path("a.new")), 0);
    write_text("three");
    assert_text("three");
}

/* As a full disk does: a part can be written, the rest can't. */
static void test_full(void **state)
{
    struct rlimit before, tight;
    struct error err = {{0}};
    char text[1000];

    (void)state;
    write_text("one");
    memset(text, 'x', sizeof(text));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 500;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(whole_file_write(path("a"), text, sizeof(text), &err), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_contains(err.text, "can't write");
    assert_text("one");
    assert_int_not_equal(access(path("a.new"), F_OK), 0);
}

static void test_refused(void **state)
{
    struct error err = {{0}};
    size_t length;
    char *text;

    (void)state;
    /* No device of the machine's: a mistake would replace it. */
    assert_int_equal(mkfifo(path("pipe"), 0600), 0);
    assert_int_equal(whole_file_write(path("pipe"), "x", 1, &err), -EINVAL);
    assert_contains(err.text, "no file");
    assert_int_equal(whole_file_write(path(""), "x", 1, &err), -EISDIR);
    assert_int_equal(whole_file_write(path("no/a"), "x", 1, &err), -ENOENT);
    assert_contains(err.text, "no/a");
    assert_int_equal(whole_file_read(path("a"), 10, &text, &length, &err), -ENOENT);
    write_text("eleven char");
    assert_int_equal(whole_file_read(path("a"), 10, &text, &length, &err), -EFBIG);
    assert_null(text);
}

#define FILES(sentence, fn)                 \
    {                                       \
        sentence, fn, setup, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES("a file is replaced, for its owner only", test_replaced),
        FILES("what a killed writer left is in nobody's way", test_left_behind),
        FILES("where there is no room for all of it, the old one stays", test_full),
        FILES("what is no file, too long or not there is refused", test_refused),
    };

    return cmocka_run_group_tests_name("whole_file", tests, NULL, NULL);
}
