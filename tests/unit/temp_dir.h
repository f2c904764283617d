/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory for a test, and files in it. */
#ifndef FLOWSPLIT_UNIT_TEMP_DIR_H
#define FLOWSPLIT_UNIT_TEMP_DIR_H

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temp_dir {
    char path[64], file[80];
};

/* A new directory, and the path of the file `name` in it, which isn't there. */
static inline void temp_dir_make(struct temp_dir *dir, const char *name)
{
    snprintf(dir->path, sizeof(dir->path), "/tmp/flowsplit-unit.XXXXXX");
    assert_non_null(mkdtemp(dir->path));
    snprintf(dir->file, sizeof(dir->file), "%.63s/%.15s", dir->path, name);
}

/* Removes both. */
static inline void temp_dir_remove(const struct temp_dir *dir)
{
    unlink(dir->file);
    assert_int_equal(rmdir(dir->path), 0);
}

static inline void temp_file_write(const struct temp_dir *dir, const char *text, size_t length)
{
    FILE *file = fopen(dir->file, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* What the file holds, the caller's, with a terminator. */
static inline char *temp_file_read(const struct temp_dir *dir, size_t *length)
{
    FILE *file = fopen(dir->file, "re"), *into;
    char *text;

    assert_non_null(file);
    into = open_memstream(&text, length);
    for (int c; (c = fgetc(file)) != EOF;)
        fputc(c, into);
    fclose(into);
    fclose(file);
    return text;
}

static inline void assert_file(const struct temp_dir *dir, const char *text)
{
    size_t length;
    char *got = temp_file_read(dir, &length);

    assert_string_equal(got, text);
    assert_int_equal(length, strlen(text));
    free(got);
}

#endif
