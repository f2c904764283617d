/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A journal in a directory of its own for each test, and what is read from it. */
#ifndef FLOWSPLIT_UNIT_JOURNAL_FILES_H
#define FLOWSPLIT_UNIT_JOURNAL_FILES_H

#include "temp_dir.h"

#include <errno.h>

#include "journal.h"

#define HEAD "{\"flowsplit_journal\":1}\n"
#define LINE "{\"what\":\"x\",\"time\":\"2026-11-21T08:00:00.042Z\"}\n"

/* --- a journal for each test --- */

static inline int make(void **state)
{
    static struct temp_dir dir;

    temp_dir_make(&dir, "journal");
    *state = &dir;
    return 0;
}

static inline int clean(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static inline struct journal *open_it(const struct temp_dir *dir)
{
    struct error err = {{0}};
    struct journal *journal = journal_open(dir->path, &err);

    if (!journal)
        fail_msg("%s", err.text);
    return journal;
}

static inline void assert_refused(const struct temp_dir *dir, const char *why)
{
    struct error err = {{0}};

    assert_null(journal_open(dir->path, &err));
    assert_contains(err.text, why);
    assert_contains(err.text, dir->file);
}

static inline int append(struct journal *journal, int number, struct error *err)
{
    json_t *line = json_pack("{s:i}", "number", number);
    int code = journal_append(journal, line, err);

    json_decref(line);
    return code;
}

static inline void appended(struct journal *journal, int number)
{
    struct error err = {{0}};

    if (append(journal, number, &err))
        fail_msg("%s", err.text);
}

/* --- what is read --- */

struct reading {
    unsigned count, stop_at;
    int numbers[64];
    uint64_t time_ms;
};

static inline int visit(void *context, json_t *line)
{
    struct reading *reading = context;

    assert_true(reading->count < COUNT(reading->numbers));
    reading->numbers[reading->count++] = (int)json_integer_value(json_object_get(line, "number"));
    reading->time_ms = journal_time_ms(line);
    return reading->count == reading->stop_at ? 42 : 0;
}

static inline struct reading read_it(const struct temp_dir *dir)
{
    struct reading reading = {0};
    struct error err = {{0}};

    if (journal_each(dir->path, visit, &reading, &err))
        fail_msg("%s", err.text);
    return reading;
}

/* The journal has the lines 1 to `count`. */
static inline void assert_lines(const struct temp_dir *dir, unsigned count)
{
    struct reading reading = read_it(dir);

    assert_int_equal(reading.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(reading.numbers[i], i + 1);
}

#define IN_DIR(sentence, fn)            \
    {                                   \
        sentence, fn, make, clean, NULL \
    }

#endif
