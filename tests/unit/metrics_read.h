/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads what metrics_text.h writes, as simply as the format can be read: lines of a text. */
#ifndef FLOWSPLIT_UNIT_METRICS_READ_H
#define FLOWSPLIT_UNIT_METRICS_READ_H

#include <stdlib.h>
#include <string.h>

#include "metrics_text.h"

/* The text, terminated, and emptied into the caller's hands: free(). */
static inline char *take_text(struct metrics_text *text)
{
    char *copy;

    assert_false(text->failed);
    copy = strndup(text->bytes ? text->bytes : "", text->length);
    assert_non_null(copy);
    metrics_text_free(text);
    return copy;
}

/* Writes nothing but one label. */
static inline struct metrics_labels one_label(const char *name, const char *value)
{
    struct metrics_labels labels = {0};

    metrics_label(&labels, name, value);
    return labels;
}

/* As assert_contains(), which would show all of a text. */
static inline void assert_has(const char *words, const char *part)
{
    if (!strstr(words, part))
        fail_msg("there is no \"%s\"", part);
}

#endif
