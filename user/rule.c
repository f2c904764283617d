// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads and writes the rules of a guard, word by word. */
#include "rule.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "quote.h"

const struct signal_info signal_infos[FS_SIGNAL_COUNT] = {
#define SIGNAL_ROW(suffix, name, kind, needs, outcome, bad, fake) \
    [FS_SIGNAL_##suffix] = {name, FS_KIND_##kind, FS_NEEDS_##needs, outcome, bad, fake},
    FS_SIGNALS(SIGNAL_ROW)
#undef SIGNAL_ROW
};

#define SIGNS "<>=!~" /* what a comparison may look like; only ">" is one */
enum { WORD_MAX = 64, MILLION = FS_SHARE_ONE };

static const char forms[] = "a rule is NAME > SHARE% or pQUANTILE NAME > DURATION, as in "
                            "connect_failures > 1% or p99 connect_time > 20ms";

/* A text that is being read, and the word at hand. */
struct words {
    const char *text;
    const char *rest;    /* what is behind the word */
    int column;          /* where the word begins, from 1 */
    char word[WORD_MAX]; /* "" at the end */
    struct error *err;
};

/* A word is a comparison, or ends at a blank or a comparison. One that is too long to be anything
 * ends in "...", so that what is left is not taken for something. */
static void next_word(struct words *words)
{
    const char *from = words->rest + strspn(words->rest, " ");
    size_t length = strspn(from, SIGNS);

    if (!length)
        length = strcspn(from, " " SIGNS);
    words->rest = from + length;
    words->column = (int)(from - words->text) + 1;
    if (length < WORD_MAX)
        snprintf(words->word, sizeof(words->word), "%.*s", (int)length, from);
    else
        snprintf(words->word, sizeof(words->word), "%.*s...", WORD_MAX - 4, from);
}

__attribute__((format(printf, 2, 3))) static int refuse(const struct words *words,
                                                        const char *format, ...)
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
        return refuse(words, "%s is no quantile; %s", quote(words->word).text, allowed);
    if (number.digits > 4)
        return refuse(words, "%s has more than four decimals; %s", quote(words->word).text,
                      allowed);
    if (number.whole >= 100 || (!number.whole && !number.fraction))
        return refuse(words, "%s is out of range; %s", quote(words->word).text, allowed);
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
    if (!*words->word || strchr(SIGNS, *words->word))
        return refuse(words, "a signal is missing; known signals: %s", known);
    return refuse(words, "unknown signal %s; known signals: %s", quote(words->word).text, known);
}

static int read_comparison(const struct words *words)
{
    if (strcmp(words->word, ">") == 0)
        return 0;
    if (*words->word && strchr(SIGNS, *words->word))
        return refuse(words, "a rule can't compare by %s; only > is allowed",
                      quote(words->word).text);
    return refuse(words, "a > is missing; %s", forms);
}

static int read_share(const struct words *words, const char *name, unsigned *ppm)
{
    struct error why;

    if (!*words->word)
        return refuse(words, "the limit is missing; %s is a share, so write %s > 1%%", name, name);
    if (parse_share(words->word, ppm, &why))
        return refuse(words, "the limit of %s is a share: %s", name, why.text);
    if (!*ppm || *ppm >= MILLION)
        return refuse(words, "a limit of %s is out of range; 0.0001%% to 99.9999%% is allowed",
                      words->word);
    return 0;
}

static int read_time(const struct words *words, const char *name, uint64_t *ns)
{
    struct error why;

    if (!*words->word)
        return refuse(words, "the limit is missing; %s is a time, so write p99 %s > 20ms", name,
                      name);
    if (parse_latency(words->word, ns, &why))
        return refuse(words, "the limit of %s is a time: %s", name, why.text);
    return 0;
}

/* A time needs a quantile, a share has none. */
static int check_kind(const struct words *words, const struct signal_info *signal,
                      bool has_quantile)
{
    if (signal->kind == FS_KIND_TIME && !has_quantile)
        return refuse(words, "%s is a time, which needs a quantile; write p99 %s > 20ms",
                      signal->name, signal->name);
    if (signal->kind == FS_KIND_SHARE && has_quantile)
        return refuse(words, "%s is a share, which has no quantile; write %s > 1%%", signal->name,
                      signal->name);
    return 0;
}

int rule_parse(const char *text, struct rule_spec *rule, struct error *err)
{
    struct words words = {.text = text, .rest = text, .err = err};
    const struct signal_info *signal;
    bool has_quantile = false;
    int ret;

    next_word(&words);
    if (!*words.word)
        return refuse(&words, "nothing is there; %s", forms);
    if (is_quantile(words.word)) {
        ret = read_quantile(&words, &rule->share_ppm);
        if (ret)
            return ret;
        has_quantile = true;
        next_word(&words);
    }
    ret = read_signal(&words, &rule->signal);
    if (ret)
        return ret;
    signal = &signal_infos[rule->signal];
    ret = check_kind(&words, signal, has_quantile);
    if (ret)
        return ret;
    next_word(&words);
    ret = read_comparison(&words);
    if (ret)
        return ret;
    next_word(&words);
    rule->limit_ns = 0;
    ret = signal->kind == FS_KIND_TIME ? read_time(&words, signal->name, &rule->limit_ns)
                                       : read_share(&words, signal->name, &rule->share_ppm);
    if (ret)
        return ret;
    next_word(&words);
    return *words.word ? refuse(&words, "%s is too much; a rule ends with its limit",
                                quote(words.word).text)
                       : 0;
}

bool rule_same(const struct rule_spec *a, const struct rule_spec *b)
{
    return a->signal == b->signal && a->share_ppm == b->share_ppm && a->limit_ns == b->limit_ns;
}

struct rule_spec rule_declared(const struct fs_rule *rule)
{
    return (struct rule_spec){
        .signal = rule->signal, .share_ppm = rule->share_ppm, .limit_ns = rule->limit_ns};
}

const char *rule_format(const struct rule_spec *rule, char *buf)
{
    bool known = (unsigned)rule->signal < FS_SIGNAL_COUNT;
    const char *name = known ? signal_infos[rule->signal].name : "unknown";
    char share[16], limit[32];

    if (!known || signal_infos[rule->signal].kind == FS_KIND_SHARE) {
        snprintf(buf, RULE_TEXT_MAX, "%.28s > %s", name, format_share(rule->share_ppm, share));
        return buf;
    }
    format_share(MILLION - rule->share_ppm, share);
    share[strlen(share) - 1] = '\0';
    snprintf(buf, RULE_TEXT_MAX, "p%s %.28s > %s", share, name,
             format_latency(rule->limit_ns, limit));
    return buf;
}

const char *rule_text(const struct fs_rule *rule, char *buf)
{
    struct rule_spec declared = rule_declared(rule);

    return rule_format(&declared, buf);
}
