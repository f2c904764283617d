// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads and writes the rules of a guard, word by word. */
#include "rule.h"

#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "quote.h"
#include "words.h"

const struct signal_info signal_infos[FS_SIGNAL_COUNT] = {
#define SIGNAL_ROW(suffix, name, kind, needs, outcome, bad, fake) \
    [FS_SIGNAL_##suffix] = {name, FS_KIND_##kind, FS_NEEDS_##needs, outcome, bad, fake},
    FS_SIGNALS(SIGNAL_ROW)
#undef SIGNAL_ROW
};

enum { MILLION = FS_SHARE_ONE };

static const struct rule_form form = {
    .signs = "<>=!~", /* what a comparison may look like; only ">" is one */
    .forms = "a rule is NAME > SHARE% or pQUANTILE NAME > DURATION, as in connect_failures > 1% or "
             "p99 connect_time > 20ms, and may end in for DURATION",
    .share_example = "> 1%",
    .time_example = "> 20ms",
};

static int read_comparison(const struct words *words)
{
    if (strcmp(words->word, ">") == 0)
        return 0;
    if (words_is_sign(words))
        return words_refuse(words, "a rule can't compare by %s; only > is allowed",
                            quote(words->word).text);
    return words_refuse(words, "a > is missing; %s", form.forms);
}

static int read_share(const struct words *words, const char *name, unsigned *ppm)
{
    struct error why;

    if (!*words->word)
        return words_refuse(words, "the limit is missing; %s is a share, so write %s > 1%%", name,
                            name);
    if (parse_share(words->word, ppm, &why))
        return words_refuse(words, "the limit of %s is a share: %s", name, why.text);
    if (!*ppm || *ppm >= MILLION)
        return words_refuse(
            words, "a limit of %s is out of range; 0.0001%% to 99.9999%% is allowed", words->word);
    return 0;
}

static int read_time(const struct words *words, const char *name, uint64_t *ns)
{
    struct error why;

    if (!*words->word)
        return words_refuse(words, "the limit is missing; %s is a time, so write p99 %s > 20ms",
                            name, name);
    if (parse_latency(words->word, ns, &why))
        return words_refuse(words, "the limit of %s is a time: %s", name, why.text);
    return 0;
}

/* `for 2s`, or nothing. */
static int read_hold(struct words *words, unsigned *ms)
{
    struct error why;

    *ms = 0;
    if (!*words->word)
        return 0;
    if (strcmp(words->word, "for") != 0)
        return words_refuse(words,
                            "%s is too much; after its limit a rule ends, or goes on with "
                            "for DURATION, as in for 2s",
                            quote(words->word).text);
    words_next(words);
    if (!*words->word)
        return words_refuse(words, "the time after for is missing; write for 2s");
    if (parse_duration(words->word, ms, &why))
        return words_refuse(words, "after for: %s", why.text);
    if (!*ms || *ms > SPEC_HOLD_MAX_MS)
        return words_refuse(words, "for %s is out of range; 1ms to 1h is allowed", words->word);
    words_next(words);
    return *words->word ? words_refuse(words, "%s is too much; a rule ends with its time",
                                       quote(words->word).text)
                        : 0;
}

int rule_parse(const char *text, struct rule_spec *rule, struct error *err)
{
    const struct signal_info *signal;
    struct words words;
    int ret;

    words_begin(&words, text, &form, err);
    ret = words_signal(&words, &rule->share_ppm, &rule->signal);
    if (!ret)
        ret = read_comparison(&words);
    if (ret)
        return ret;
    signal = &signal_infos[rule->signal];
    words_next(&words);
    rule->limit_ns = 0;
    ret = signal->kind == FS_KIND_TIME ? read_time(&words, signal->name, &rule->limit_ns)
                                       : read_share(&words, signal->name, &rule->share_ppm);
    if (ret)
        return ret;
    words_next(&words);
    return read_hold(&words, &rule->hold_ms);
}

bool rule_same(const struct rule_spec *a, const struct rule_spec *b)
{
    return a->signal == b->signal && a->share_ppm == b->share_ppm && a->limit_ns == b->limit_ns;
}

struct rule_spec rule_declared(const struct fs_rule *rule)
{
    return (struct rule_spec){.signal = rule->signal,
                              .share_ppm = rule->share_ppm,
                              .limit_ns = rule->limit_ns,
                              .hold_ms = (unsigned)(rule->hold_ns / 1000000)};
}

const char *rule_format(const struct rule_spec *rule, char *buf)
{
    bool known = (unsigned)rule->signal < FS_SIGNAL_COUNT;
    const char *name = known ? signal_infos[rule->signal].name : "unknown";
    char share[16], limit[32], hold[32], end[40] = "";

    if (rule->hold_ms)
        snprintf(end, sizeof(end), " for %s", format_duration(rule->hold_ms, hold));
    if (!known || signal_infos[rule->signal].kind == FS_KIND_SHARE) {
        snprintf(buf, RULE_TEXT_MAX, "%.28s > %s%s", name, format_share(rule->share_ppm, share),
                 end);
        return buf;
    }
    format_share(MILLION - rule->share_ppm, share);
    share[strlen(share) - 1] = '\0';
    snprintf(buf, RULE_TEXT_MAX, "p%s %.28s > %s%s", share, name,
             format_latency(rule->limit_ns, limit), end);
    return buf;
}

const char *rule_text(const struct fs_rule *rule, char *buf)
{
    struct rule_spec declared = rule_declared(rule);

    return rule_format(&declared, buf);
}
