/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The text of a rule, word by word, and what rules of all kinds begin with: `[pQUANTILE] SIGNAL`.
 * Refusals name the column. Pure. */
#ifndef FLOWSPLIT_WORDS_H
#define FLOWSPLIT_WORDS_H

#include <stdbool.h>

#include <flowsplit/signals.h>

#include "error.h"

/* What a kind of rules looks like. */
struct rule_form {
    const char *signs;         /* characters of which comparisons and the like are made */
    const char *forms;         /* for messages: how such a rule is written */
    const char *share_example; /* what may follow a signal that is a share: "> 1%" */
    const char *time_example;
};

enum { WORD_MAX = 64 };

/* A text that is being read, and the word at hand. */
struct words {
    const char *text;
    const char *rest;    /* what is behind the word */
    int column;          /* where the word begins, from 1 */
    char word[WORD_MAX]; /* "" at the end */
    const struct rule_form *form;
    struct error *err;
};

/* The first word is at hand then. */
void words_begin(struct words *words, const char *text, const struct rule_form *form,
                 struct error *err);

/* A word is a run of signs, or ends at a blank or a sign. One that is too long to be anything ends
 * in "...", so that what is left is not taken for something. */
void words_next(struct words *words);

/* Is the word at hand made of signs? */
bool words_is_sign(const struct words *words);

/* Sets the message, with the text and the column in front, and returns -EINVAL. */
int words_refuse(const struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads `[pQUANTILE] SIGNAL`, with a quantile if and only if the signal is a time; the word after
 * it is at hand then. Sets *share_ppm to 1 - quantile if there is one, else leaves it. Returns 0 or
 * -EINVAL. */
int words_signal(struct words *words, unsigned *share_ppm, enum fs_signal *signal);

#endif
