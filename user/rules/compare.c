// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads and writes the rules of a comparison, word by word. */
#include "compare.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "rule.h"
#include "words.h"

enum { MILLION = FS_SHARE_ONE, FACTOR_MAX = 1000 };

static const struct rule_form form = {
    .signs = "<>=!~+", /* only "<=" and "+" mean something */
    .forms = "a rule is [pQUANTILE] SIGNAL <= [FACTORx] baseline [+ MARGIN], as in "
             "connect_failures <= baseline + 0.5% or p99 response_time <= 1.25x baseline",
    .share_example = "<= baseline + 0.5%",
    .time_example = "<= 1.25x baseline",
};

static int read_comparison(struct words *words)
{
    if (strcmp(words->word, "<=") == 0) {
        words_next(words);
        return 0;
    }
    if (words_is_sign(words))
        return words_refuse(words, "a rule can't compare by %s; only <= is allowed",
                            quote(words->word).text);
    return words_refuse(words, "a <= is missing; %s", form.forms);
}

/* "1.25x". */
static int read_factor(struct words *words, unsigned *millis)
{
    const char *allowed = "1x to 1000x is allowed, in steps of 0.001x";
    struct number number;
    const char *end = parse_number(words->word, &number);

    if (!end || (*end && strcmp(end, "x") != 0))
        return words_refuse(words, "%s is no factor; %s", quote(words->word).text, allowed);
    if (!*end)
        return words_refuse(words, "%s has no x behind it; write %sx baseline",
                            quote(words->word).text, words->word);
    if (number.digits > 3)
        return words_refuse(words, "%s has more than three decimals; %s", quote(words->word).text,
                            allowed);
    if (!number.whole || number.whole > FACTOR_MAX ||
        (number.whole == FACTOR_MAX && number.fraction))
        return words_refuse(words, "%s is out of range; %s", quote(words->word).text, allowed);
    *millis = number.whole * 1000 + number.fraction / 1000;
    words_next(words);
    return 0;
}

static int read_baseline(struct words *words)
{
    if (strcmp(words->word, "baseline") == 0) {
        words_next(words);
        return 0;
    }
    if (!*words->word || words_is_sign(words))
        return words_refuse(words, "baseline is missing; %s", form.forms);
    return words_refuse(words, "%s can't be compared with, only baseline; %s",
                        quote(words->word).text, form.forms);
}

static int read_share(const struct words *words, const char *name, unsigned *ppm)
{
    struct error why;

    if (!*words->word)
        return words_refuse(words, "the margin is missing; %s is a share, so write + 0.5%%", name);
    if (parse_share(words->word, ppm, &why))
        return words_refuse(words, "the margin of %s is a share: %s", name, why.text);
    if (!*ppm || *ppm >= MILLION)
        return words_refuse(words,
                            "a margin of %s is out of range; 0.0001%% to 99.9999%% is "
                            "allowed",
                            words->word);
    return 0;
}

static int read_time(const struct words *words, const char *name, uint64_t *ns)
{
    struct error why;

    if (!*words->word)
        return words_refuse(words, "the margin is missing; %s is a time, so write + 5ms", name);
    if (parse_latency(words->word, ns, &why))
        return words_refuse(words, "the margin of %s is a time: %s", name, why.text);
    return 0;
}

/* "+ 0.5%", or nothing. */
static int read_margin(struct words *words, struct compare_rule *rule)
{
    const struct signal_info *signal = &signal_infos[rule->signal];
    int ret;

    if (!*words->word)
        return 0;
    if (strcmp(words->word, "+") != 0)
        return words_refuse(words, "%s can't follow baseline, only + and a margin",
                            quote(words->word).text);
    words_next(words);
    ret = signal->kind == FS_KIND_TIME ? read_time(words, signal->name, &rule->margin_ns)
                                       : read_share(words, signal->name, &rule->margin_ppm);
    if (ret)
        return ret;
    words_next(words);
    return *words->word ? words_refuse(words, "%s is too much; a rule ends with its margin",
                                       quote(words->word).text)
                        : 0;
}

int compare_parse(const char *text, struct compare_rule *rule, struct error *err)
{
    struct words words;
    int ret;

    rule->share_ppm = rule->margin_ppm = 0;
    rule->margin_ns = 0;
    rule->factor_millis = 1000;
    words_begin(&words, text, &form, err);
    ret = words_signal(&words, &rule->share_ppm, &rule->signal);
    if (!ret)
        ret = read_comparison(&words);
    if (!ret && isdigit((unsigned char)*words.word))
        ret = read_factor(&words, &rule->factor_millis);
    if (!ret)
        ret = read_baseline(&words);
    return ret ? ret : read_margin(&words, rule);
}

/* "1.25x ", the shortest exact form; "" for 1x. buf holds 16. */
static const char *format_factor(unsigned millis, char *buf)
{
    int length;

    *buf = '\0';
    if (millis == 1000)
        return buf;
    length = snprintf(buf, 16, "%u.%03u", millis / 1000, millis % 1000);
    while (buf[length - 1] == '0')
        length--;
    if (buf[length - 1] == '.')
        length--;
    snprintf(buf + length, 16 - (size_t)length, "x ");
    return buf;
}

bool compare_same(const struct compare_rule *a, const struct compare_rule *b)
{
    return a->signal == b->signal && a->share_ppm == b->share_ppm &&
           a->factor_millis == b->factor_millis && a->margin_ppm == b->margin_ppm &&
           a->margin_ns == b->margin_ns;
}

const char *compare_format(const struct compare_rule *rule, char *buf)
{
    bool known = (unsigned)rule->signal < FS_SIGNAL_COUNT;
    bool is_time = known && signal_infos[rule->signal].kind == FS_KIND_TIME;
    char quantile[16] = "", factor[16], margin[32] = "";

    if (is_time) {
        format_share(MILLION - rule->share_ppm, quantile);
        quantile[strlen(quantile) - 1] = '\0';
    }
    if (rule->margin_ns)
        format_latency(rule->margin_ns, margin);
    else if (rule->margin_ppm)
        format_share(rule->margin_ppm, margin);
    snprintf(buf, COMPARE_TEXT_MAX, "%s%s%s%.28s <= %sbaseline%s%s", is_time ? "p" : "", quantile,
             is_time ? " " : "", known ? signal_infos[rule->signal].name : "unknown",
             format_factor(rule->factor_millis, factor), *margin ? " + " : "", margin);
    return buf;
}
