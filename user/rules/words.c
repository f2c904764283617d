// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes the text of a rule apart, and reads the signal that it is about. */
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "rule.h"

enum { MILLION = FS_SHARE_ONE };

void words_begin(struct words *words, const char *text, const struct rule_form *form,
                 struct error *err)
{
    *words = (struct words){.text = text, .rest = text, .form = form, .err = err};
    words_next(words);
}

void words_next(struct words *words)
{
    const char *from = words->rest + strspn(words->rest, " ");
    size_t length = strspn(from, words->form->signs);

    if (!length) {
        size_t to_blank = strcspn(from, " ");

        length = strcspn(from, words->form->signs);
        length = length < to_blank ? length : to_blank;
    }
    words->rest = from + length;
    words->column = (int)(from - words->text) + 1;
    if (length < WORD_MAX)
        snprintf(words->word, sizeof(words->word), "%.*s", (int)length, from);
    else
        snprintf(words->word, sizeof(words->word), "%.*s...", WORD_MAX - 4, from);
}

bool words_is_sign(const struct words *words)
{
    return *words->word && strchr(words->form->signs, *words->word);
}

int words_refuse(const struct words *words, const char *format, ...)
{
    struct error why;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof(why.text), format, args);
    va_end(args);
    return error_set(words->err, -EINVAL, "rule %s, column %d: %s", quote(words->text).text,
                     words->column, why.text);
}

/* Is the word at hand meant as a quantile? No signal's name begins like one. */
static bool is_quantile(const char *word)
{
    return word[0] == 'p' && (!word[1] || !isalpha((unsigned char)word[1])) && word[1] != '_';
}

/* "p99.9" is a share of 0.1 %. */
static int read_quantile(const struct words *words, unsigned *ppm)
{
    const char *allowed = "p0.0001 to p99.9999 is allowed, as in p99 or p99.9";
    struct number number;
    const char *end = parse_number(words->word + 1, &number);

    if (!end || *end)
        return words_refuse(words, "%s is no quantile; %s", quote(words->word).text, allowed);
    if (number.digits > 4)
        return words_refuse(words, "%s has more than four decimals; %s", quote(words->word).text,
                            allowed);
    if (number.whole >= 100 || (!number.whole && !number.fraction))
        return words_refuse(words, "%s is out of range; %s", quote(words->word).text, allowed);
    *ppm = MILLION - (number.whole * (MILLION / 100) + number.fraction / 100);
    return 0;
}

static int read_signal(const struct words *words, enum fs_signal *signal)
{
    char known[512];
    size_t used = 0;

    for (int i = 0; i < FS_SIGNAL_COUNT; i++) {
        if (strcmp(words->word, signal_infos[i].name) == 0) {
            *signal = (enum fs_signal)i;
            return 0;
        }
        if (used < sizeof(known))
            used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
                                     signal_infos[i].name);
    }
    if (!*words->word || words_is_sign(words))
        return words_refuse(words, "a signal is missing; known signals: %s", known);
    return words_refuse(words, "unknown signal %s; known signals: %s", quote(words->word).text,
                        known);
}

/* A time needs a quantile, a share has none. */
static int check_kind(const struct words *words, const struct signal_info *signal,
                      bool has_quantile)
{
    if (signal->kind == FS_KIND_TIME && !has_quantile)
        return words_refuse(words, "%s is a time, which needs a quantile; write p99 %s %s",
                            signal->name, signal->name, words->form->time_example);
    if (signal->kind == FS_KIND_SHARE && has_quantile)
        return words_refuse(words, "%s is a share, which has no quantile; write %s %s",
                            signal->name, signal->name, words->form->share_example);
    return 0;
}

int words_signal(struct words *words, unsigned *share_ppm, enum fs_signal *signal)
{
    bool has_quantile = false;
    int ret;

    if (!*words->word)
        return words_refuse(words, "nothing is there; %s", words->form->forms);
    if (is_quantile(words->word)) {
        ret = read_quantile(words, share_ppm);
        if (ret)
            return ret;
        has_quantile = true;
        words_next(words);
    }
    ret = read_signal(words, signal);
    if (!ret)
        ret = check_kind(words, &signal_infos[*signal], has_quantile);
    if (!ret)
        words_next(words);
    return ret;
}
