// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Texts of a YAML document that stand for values. */
#include "yaml_words.h"

#include <errno.h>
#include <string.h>

#include "parse.h"
#include "quote.h"

static const struct doc_times live_times = {1000, 24 * 3600 * 1000, "1s to 24h"};

int doc_refuse(const struct doc_at *at, const struct error *why)
{
    return place_refuse(doc_place(at), at->err, "%s", why->text);
}

int doc_out_of_memory(const struct doc_at *at)
{
    return error_set(at->err, -ENOMEM, "%.400s: out of memory", at->doc->file);
}

int doc_name(const struct doc_at *at, const char *what, char *name)
{
    struct error why;
    const char *text;
    int ret = doc_text(at, what, &text);

    if (ret)
        return ret;
    if (parse_name(what, text, &why))
        return doc_refuse(at, &why);
    strcpy(name, text);
    return 0;
}

int doc_weight(const struct doc_at *at, const char *what, unsigned *bp)
{
    struct error why;
    const char *text;
    int ret = doc_text(at, what, &text);

    if (ret)
        return ret;
    return parse_weight(text, bp, &why) ? doc_refuse(at, &why) : 0;
}

/* `whole` is the text that the time is a part of. */
static int read_time(const struct doc_at *at, const char *what, const char *whole, const char *text,
                     const struct doc_times *allowed, unsigned *ms)
{
    struct error why;

    if (parse_duration(text, ms, &why))
        return place_refuse(doc_place(at), at->err, "%s %s: %s", what, quote(whole).text, why.text);
    if (*ms < allowed->min || *ms > allowed->max)
        return place_refuse(doc_place(at), at->err, "%s %s is out of range; %s is allowed", what,
                            quote(whole).text, allowed->text);
    return 0;
}

int doc_time(const struct doc_at *at, const char *what, const struct doc_times *allowed,
             unsigned *ms)
{
    const char *text;
    int ret = doc_text(at, what, &text);

    return ret ? ret : read_time(at, what, text, text, allowed, ms);
}

int doc_choice(const struct doc_at *at, const char *what, const char *const *words, size_t count,
               size_t *index)
{
    char known[256] = "";
    size_t used = 0;
    const char *text;
    int ret = doc_text(at, what, &text);

    if (ret)
        return ret;
    for (*index = 0; *index < count; ++*index) {
        if (strcmp(text, words[*index]) == 0)
            return 0;
        if (used < sizeof(known))
            used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
                                     words[*index]);
    }
    return place_refuse(doc_place(at), at->err, "%s %s is unknown; known: %s", what,
                        quote(text).text, known);
}

int doc_live_flows(const struct doc_at *at, enum fs_live_flows *live_flows, unsigned *ms)
{
    const char *text;
    int ret = doc_text(at, "live_flows", &text);

    if (ret)
        return ret;
    if (strncmp(text, "drain ", 6) == 0) {
        *live_flows = FS_LIVE_DRAIN;
        return read_time(at, "live_flows", text, text + 6 + strspn(text + 6, " "), &live_times, ms);
    }
    *live_flows = strcmp(text, "cut") == 0 ? FS_LIVE_CUT : FS_LIVE_KEEP;
    if (*live_flows == FS_LIVE_KEEP && strcmp(text, "keep") != 0)
        return place_refuse(doc_place(at), at->err,
                            "live_flows %s is unknown; known: keep, drain TIME (as in drain 30s), "
                            "cut",
                            quote(text).text);
    return 0;
}
