// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What libyaml didn't like about a file, and where, in a message. */
#include "yaml_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* The place of a byte. */
static struct place byte_place(const char *file, const struct bytes *bytes, size_t offset)
{
    struct place place = {file, 1, 1};

    for (size_t i = 0; i < offset && i < bytes->length; i++) {
        if (bytes->data[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if ((bytes->data[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

struct place yaml_mark_place(const char *file, const yaml_mark_t *mark)
{
    return (struct place){file, (int)mark->line + 1, (int)mark->column + 1};
}

/* Whether the character at a mark is a tab, which YAML doesn't allow for indentation. */
static bool is_tab(const struct bytes *bytes, const yaml_mark_t *mark)
{
    size_t left = mark->index;

    for (size_t i = 0; i < bytes->length; i++)
        if ((bytes->data[i] & 0xc0) != 0x80 && left-- == 0)
            return bytes->data[i] == '\t';
    return false;
}

/* What libyaml's scanner, parser or composer didn't like. */
static int refuse_yaml(const yaml_parser_t *parser, const char *file, const struct bytes *bytes,
                       struct error *err)
{
    struct place at = yaml_mark_place(file, &parser->problem_mark);
    struct place context = yaml_mark_place(file, &parser->context_mark);
    const char *hint = is_tab(bytes, &parser->problem_mark) ? "; use spaces, not tabs" : "";

    if (!parser->context)
        return place_refuse(at, err, "not valid YAML: %s%s", parser->problem, hint);
    if (context.line == at.line && context.column == at.column)
        return place_refuse(at, err, "not valid YAML: %s: %s%s", parser->context, parser->problem,
                            hint);
    return place_refuse(at, err, "not valid YAML: %s (line %d, column %d): %s%s", parser->context,
                        context.line, context.column, parser->problem, hint);
}

/* What libyaml's reader didn't like: bytes, which have no mark. */
static int refuse_bytes(const yaml_parser_t *parser, const char *file, const struct bytes *bytes,
                        struct error *err)
{
    char value[16] = "";

    if (parser->problem_value >= 0)
        snprintf(value, sizeof(value), " (0x%02x)", (unsigned)parser->problem_value);
    return place_refuse(byte_place(file, bytes, parser->problem_offset), err,
                        "not a text: %s%s; UTF-8 without control characters is allowed",
                        parser->problem, value);
}

int yaml_refuse(const yaml_parser_t *parser, const char *file, const struct bytes *bytes,
                struct error *err)
{
    switch (parser->error) {
    case YAML_MEMORY_ERROR:
        return error_set(err, -ENOMEM, "%.400s: out of memory", file);
    case YAML_READER_ERROR:
        return refuse_bytes(parser, file, bytes, err);
    default:
        return refuse_yaml(parser, file, bytes, err);
    }
}
