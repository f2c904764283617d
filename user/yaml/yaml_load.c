// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a stream to a YAML document, with IPv6 endpoints that have no quotes, and `adaptive {...}`.
 */
#include "yaml_doc.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_error.h"

/* Reads a stream to its end, but not more than one byte beyond the largest size. */
static int slurp(FILE *stream, const char *file, struct bytes *bytes, struct error *err)
{
    size_t room = 0, got;

    *bytes = (struct bytes){0};
    do {
        char *more;

        room = room ? room * 2 : 64 << 10;
        if (room > DOC_MAX_BYTES)
            room = DOC_MAX_BYTES + 1;
        more = realloc(bytes->data, room);
        if (!more)
            return error_set(err, -ENOMEM, "%.400s: out of memory", file);
        bytes->data = more;
        got = fread(bytes->data + bytes->length, 1, room - bytes->length, stream);
        bytes->length += got;
    } while (bytes->length == room && room <= DOC_MAX_BYTES);
    if (ferror(stream))
        return error_set(err, errno ? -errno : -EIO, "%.400s: cannot be read: %s", file,
                         strerror(errno));
    if (bytes->length > DOC_MAX_BYTES)
        return error_set(err, -EINVAL, "%.400s: is too large; the largest file is %d MiB", file,
                         DOC_MAX_BYTES >> 20);
    return 0;
}

/* Without the byte order mark, which would shift the columns of the first line. */
static struct bytes skip_mark(const struct bytes *bytes)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t length = sizeof(mark) - 1;

    if (bytes->length < length || memcmp(bytes->data, mark, length) != 0)
        return *bytes;
    return (struct bytes){bytes->data + length, bytes->length - length};
}

/* The length of what looks like [2001:db8::1]: followed by a digit, or 0. Generous about what is
 * between the brackets, so that the parser of addresses says what is wrong with it; where YAML
 * allows these characters in this order outside of texts, a list is a key, which no file needs. */
static size_t bracketed_length(const char *text, const char *end)
{
    const char *at = text + 1;

    if (*text != '[')
        return 0;
    while (at < end && (isalnum((unsigned char)*at) || memchr(":.%_-", *at, 5)))
        at++;
    if (end - at < 3 || at[0] != ']' || at[1] != ':' || !isdigit((unsigned char)at[2]))
        return 0;
    return (size_t)(at + 1 - text);
}

/* To YAML, [ begins a list. Puts a character that the file doesn't use in the place of the brackets
 * around IPv6 addresses, so that lines and columns stay as they are; restore_brackets() undoes it
 * in the document. Returns that character, or 0 if there is none: then these need quotes. */
static char hide_brackets(const struct bytes *bytes)
{
    const char *end = bytes->data + bytes->length, *hidden = "^~;$<(+=_";
    char *at = bytes->data;

    while (*hidden && memchr(bytes->data, *hidden, bytes->length))
        hidden++;
    while (*hidden && at < end) {
        size_t length = bracketed_length(at, end);

        if (length)
            at[0] = at[length - 1] = *hidden;
        at += length ? length : 1;
    }
    return *hidden;
}

static void restore_brackets(yaml_document_t *document, char hidden)
{
    yaml_node_t *node = document->nodes.start;

    for (; hidden && node < document->nodes.top; node++) {
        char *at = node->type == YAML_SCALAR_NODE ? (char *)node->data.scalar.value : NULL;

        while (at && (at = strchr(at, hidden))) {
            char *close = strchr(at + 1, hidden);

            *at = '[';
            if (close)
                *close = ']';
            at = close;
        }
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char adaptive[] = "adaptive";

/* Does "adaptive" stand at `at`, between `by:` and `{`? */
static bool is_adaptive(const struct bytes *bytes, const char *at)
{
    const char *begin = bytes->data, *end = begin + bytes->length;
    const char *before = at, *after = at + sizeof(adaptive) - 1;

    if (after >= end || memcmp(at, adaptive, sizeof(adaptive) - 1) != 0)
        return false;
    while (after < end && is_blank(*after))
        after++;
    while (before > begin && is_blank(before[-1]))
        before--;
    return after < end && *after == '{' && before < at && before - begin > 3 &&
           memcmp(before - 3, "by:", 3) == 0 && strchr(" \t\n{,", before[-4]);
}

/* To YAML, `by: adaptive {up: 10%, down: 5%}` is a text with a mapping too much behind it. Puts
 * blanks in the place of the word, so that `by` has the mapping; not where a quotation mark is open
 * in the line. Returns whether there was such a thing. For what isn't YAML without this only. */
static bool blank_adaptive(const struct bytes *bytes)
{
    bool single = false, twofold = false, found = false;

    for (char *at = bytes->data; at < bytes->data + bytes->length; at++) {
        single = *at != '\n' && single ^ (*at == '\'');
        twofold = *at != '\n' && twofold ^ (*at == '"');
        if (single || twofold || *at != *adaptive || !is_adaptive(bytes, at))
            continue;
        memset(at, ' ', sizeof(adaptive) - 1);
        found = true;
    }
    return found;
}

/* What has been seen of a file. */
struct shape {
    unsigned documents, depth, anchors;
};

static const char *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static int check_event(const yaml_event_t *event, struct shape *shape, const char *file,
                       struct error *err)
{
    struct place at = yaml_mark_place(file, &event->start_mark);

    shape->documents += event->type == YAML_DOCUMENT_START_EVENT;
    shape->depth += event->type == YAML_SEQUENCE_START_EVENT;
    shape->depth += event->type == YAML_MAPPING_START_EVENT;
    shape->depth -= event->type == YAML_SEQUENCE_END_EVENT;
    shape->depth -= event->type == YAML_MAPPING_END_EVENT;
    shape->anchors += anchor_of(event) != NULL;
    if (shape->documents > 1)
        return place_refuse(at, err,
                            "a second YAML document begins here; one is allowed in a file");
    if (shape->depth > DOC_MAX_DEPTH)
        return place_refuse(at, err,
                            "lists and mappings are nested too deep; %d levels are allowed",
                            DOC_MAX_DEPTH);
    if (shape->anchors > DOC_MAX_ANCHORS)
        return place_refuse(at, err, "there are too many anchors; %d are allowed", DOC_MAX_ANCHORS);
    return 0;
}

/* Goes through the file once without building anything: libyaml takes time quadratic in depth and
 * in anchors to build a document. */
static int check_shape(yaml_parser_t *parser, const struct bytes *bytes, struct doc *doc,
                       struct error *err)
{
    struct shape shape = {0};
    bool at_end = false;
    int ret = 0;

    while (!at_end && !ret) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event))
            return yaml_refuse(parser, doc->file, bytes, err);
        at_end = event.type == YAML_STREAM_END_EVENT;
        ret = check_event(&event, &shape, doc->file, err);
        yaml_event_delete(&event);
    }
    if (!ret && !shape.documents)
        ret = place_refuse((struct place){doc->file, 1, 1}, err,
                           "the file is empty; a file begins with \"services:\", and declares none "
                           "with \"services: []\", or with \"rollout:\"");
    return ret;
}

static int build(yaml_parser_t *parser, const struct bytes *bytes, struct doc *doc,
                 struct error *err)
{
    if (!yaml_parser_load(parser, &doc->yaml))
        return yaml_refuse(parser, doc->file, bytes, err);
    return 0;
}

static int with_parser(int (*step)(yaml_parser_t *parser, const struct bytes *bytes,
                                   struct doc *doc, struct error *err),
                       const struct bytes *bytes, struct doc *doc, struct error *err)
{
    yaml_parser_t parser;
    int ret;

    if (!yaml_parser_initialize(&parser))
        return error_set(err, -ENOMEM, "%.400s: out of memory", doc->file);
    /* Without this, two odd bytes at the beginning would make it UTF-16. */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes->data, bytes->length);
    ret = step(&parser, bytes, doc, err);
    yaml_parser_delete(&parser);
    return ret;
}

static int load_bytes(const struct bytes *bytes, struct doc *doc, struct error *err)
{
    char hidden = hide_brackets(bytes);
    int ret = with_parser(check_shape, bytes, doc, err);

    if (ret == -EINVAL && blank_adaptive(bytes))
        ret = with_parser(check_shape, bytes, doc, err);
    if (!ret)
        ret = with_parser(build, bytes, doc, err);
    if (!ret)
        restore_brackets(&doc->yaml, hidden);
    return ret;
}

int doc_load(FILE *stream, const char *file, struct doc *doc, struct error *err)
{
    struct bytes bytes, text;
    int ret = slurp(stream, file, &bytes, err);

    doc->file = file;
    text = skip_mark(&bytes);
    if (!ret)
        ret = load_bytes(&text, doc, err);
    free(bytes.data);
    return ret;
}

void doc_free(struct doc *doc)
{
    yaml_document_delete(&doc->yaml);
}
