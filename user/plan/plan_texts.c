// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the texts of a plan that are for others: addresses, queries, commands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_read.h"
#include "quote.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first character that a plan's text may not have, or NULL: controls but tab and newline, and
 * what ends a line to some (U+0085, U+2028, U+2029) or is no character (U+FEFF, U+FFFE, U+FFFF). As
 * JSON these would not be read again as they are. */
static const char *find_control(const char *text)
{
    static const char *const sequences[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                            "\xef\xbf\xbe", "\xef\xbf\xbf"};

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
            return text;
        if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
            return text;
        for (size_t i = 0; i < COUNT(sequences); i++)
            if (strncmp(text, sequences[i], 3) == 0)
                return text;
    }
    return NULL;
}

/* What is to stand for the name in a {{name}}, or NULL. */
static const char *find_value(const struct plan *plan, const char *name, size_t length)
{
    if (length == 7 && strncmp(name, "version", length) == 0)
        return plan->version;
    if (length == 7 && strncmp(name, "service", length) == 0)
        return plan->service;
    return NULL;
}

/* Writes the text with the names put in. */
static int expand(const struct doc_at *at, const char *what, const struct plan *plan,
                  const char *text, FILE *to)
{
    const char *open, *name, *rest, *value;

    while ((open = strstr(text, "{{"))) {
        name = open + 2 + strspn(open + 2, " ");
        rest = name + strcspn(name, " {}");
        value = find_value(plan, name, (size_t)(rest - name));
        rest += strspn(rest, " ");
        if (!value || strncmp(rest, "}}", 2) != 0)
            return place_refuse(doc_place(at), at->err,
                                "%s: unknown template %s; known: {{version}}, {{service}}", what,
                                quote(open).text);
        fwrite(text, 1, (size_t)(open - text), to);
        fputs(value, to);
        text = rest + 2;
    }
    fputs(text, to);
    return 0;
}

static int check_text(const struct doc_at *at, const char *what, const char *text)
{
    if (!*text)
        return place_refuse(doc_place(at), at->err, "%s is empty; a text is needed", what);
    if (find_control(text))
        return place_refuse(doc_place(at), at->err,
                            "%s has a control character; tabs and newlines are allowed", what);
    return 0;
}

int plan_read_text(const struct doc_at *at, const char *what, const struct plan *plan, size_t max,
                   char **out)
{
    size_t length = 0;
    const char *text;
    FILE *to;
    int ret;

    *out = NULL;
    if (doc_kind(at) == DOC_MAPPING)
        return place_refuse(doc_place(at), at->err,
                            "%s must be a text, but is a mapping of keys to values; with braces in "
                            "it, it needs quotes",
                            what);
    ret = doc_text(at, what, &text);
    ret = ret ? ret : check_text(at, what, text);
    if (ret)
        return ret;
    to = open_memstream(out, &length);
    if (!to)
        return doc_out_of_memory(at);
    ret = expand(at, what, plan, text, to);
    if (fclose(to) && !ret)
        ret = doc_out_of_memory(at);
    if (!ret && length > max)
        ret = place_refuse(doc_place(at), at->err, "%s has %zu bytes; %zu are allowed", what,
                           length, max);
    if (ret) {
        free(*out);
        *out = NULL;
    }
    return ret;
}

int plan_read_url(const struct doc_at *at, const struct plan *plan, char **url)
{
    const char *host;
    int ret = plan_read_text(at, "url", plan, PLAN_MAX_URL, url);

    if (ret)
        return ret;
    host = strstr(*url, "://");
    if ((strncmp(*url, "http://", 7) != 0 && strncmp(*url, "https://", 8) != 0) ||
        strchr("/?#:", host[3]))
        return place_refuse(doc_place(at), at->err,
                            "url %s is not the address of a server; write it like "
                            "http://127.0.0.1:9090; http and https are allowed",
                            quote(*url).text);
    for (const char *c = *url; *c; c++)
        if (*c <= ' ' || *c > '~')
            return place_refuse(doc_place(at), at->err,
                                "url %s has a blank or a character beyond ASCII; write it as %%20 "
                                "and the like",
                                quote(*url).text);
    return 0;
}

int plan_read_command(const struct doc_at *at, const struct plan *plan, char ***command)
{
    size_t count;
    int ret = doc_list(at, "command", PLAN_MAX_ARGS, &count);

    if (ret)
        return ret;
    if (!count)
        return place_refuse(doc_place(at), at->err,
                            "command is an empty list; 1 to %d words are allowed", PLAN_MAX_ARGS);
    *command = calloc(count + 1, sizeof(**command));
    if (!*command)
        return doc_out_of_memory(at);
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        ret = plan_read_text(&item, "a word of command", plan, PLAN_MAX_TEXT, &(*command)[i]);
    }
    return ret;
}
