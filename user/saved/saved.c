// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file around what is saved: its format and its checksum. */
#include "saved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FORMAT_KEY   "flowsplit_saved"
#define CHECKSUM_MAX 32

static int add_to_checksum(const char *text, size_t length, void *into)
{
    uLong *sum = into;

    *sum = crc32_z(*sum, (const Bytef *)text, length);
    return 0;
}

static const char *checksum(const json_t *contents, char *buf)
{
    uLong sum = crc32_z(0, NULL, 0);

    if (json_dump_callback(contents, add_to_checksum, &sum, JSON_COMPACT | JSON_SORT_KEYS))
        return NULL;
    snprintf(buf, CHECKSUM_MAX, "crc32 %08lx", sum);
    return buf;
}

char *saved_text(json_t *contents)
{
    char sum[CHECKSUM_MAX], *text;
    json_t *file = checksum(contents, sum) ? json_pack("{s:i, s:s, s:O}", FORMAT_KEY, SAVED_FORMAT,
                                                       "checksum", sum, "contents", contents)
                                           : NULL;

    text = file ? json_dumps(file, JSON_INDENT(1)) : NULL;
    json_decref(file);
    return text;
}

static json_t *load(const char *text, size_t length, const char *name, struct error *err)
{
    json_error_t why;
    json_t *file;

    if (!length) {
        error_set(err, -EINVAL, "%s is empty", name);
        return NULL;
    }
    file = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (!file && json_error_code(&why) == json_error_premature_end_of_input)
        error_set(err, -EINVAL, "%s has been cut off: it ends in line %d", name, why.line);
    else if (!file)
        error_set(err, -EINVAL, "%s:%d:%d: no file of `flowsplit save`: %s", name, why.line,
                  why.column, why.text);
    return file;
}

/* Before anything else is looked at: another format may be anything. */
static int check_format(const json_t *file, const char *name, struct error *err)
{
    json_t *format = json_object_get(file, FORMAT_KEY);
    const char *by = json_string_value(json_object_get(json_object_get(file, "contents"), "by"));

    if (!json_is_integer(format) || json_integer_value(format) < 1)
        return error_set(err, -EINVAL, "%s is no file of `flowsplit save`: it has no \"%s\"", name,
                         FORMAT_KEY);
    if (json_integer_value(format) > SAVED_FORMAT)
        return error_set(err, -EPROTO,
                         "%s is of format %lld, and this flowsplit knows formats up to %d: take a "
                         "newer one%s%.32s%s",
                         name, (long long)json_integer_value(format), SAVED_FORMAT,
                         by ? " (it was saved by " : "", by ? by : "", by ? ")" : "");
    return 0;
}

static int check_whole(const json_t *file, const char *name, struct error *err)
{
    const char *wanted = json_string_value(json_object_get(file, "checksum"));
    const json_t *contents = json_object_get(file, "contents");
    char sum[CHECKSUM_MAX];

    if (!wanted || !json_is_object(contents) || json_object_size(file) != 3)
        return error_set(err, -EINVAL,
                         "%s has been altered: it needs \"%s\", \"checksum\" and \"contents\", and "
                         "nothing else",
                         name, FORMAT_KEY);
    if (!checksum(contents, sum))
        return error_set(err, -ENOMEM, "out of memory");
    if (strcmp(sum, wanted) != 0)
        return error_set(err, -EINVAL,
                         "%s has been altered: the checksum of its contents is \"%s\", and it says "
                         "\"%.24s\"",
                         name, sum, wanted);
    return 0;
}

json_t *saved_open(const char *text, size_t length, const char *name, struct error *err)
{
    json_t *file = load(text, length, name, err), *contents = NULL;

    if (file && !check_format(file, name, err) && !check_whole(file, name, err))
        contents = json_incref(json_object_get(file, "contents"));
    json_decref(file);
    return contents;
}

int saved_check(const json_t *contents, struct error *err)
{
    const struct fs_hash_key key = {.mul = {1, 1}};
    void *arena = calloc(1, FS_ROOT_BYTES + sizeof(struct fs_directory) + sizeof(uint32_t));
    struct model *model;
    int code;

    if (!arena)
        return error_set(err, -ENOMEM, "out of memory");
    model_format(arena, &key, 0);
    model = model_read(arena, NULL, err);
    code = model ? saved_restore(contents, model, 0, err) : -ENOMEM;
    model_free(model);
    free(arena);
    return code;
}

bool saved_iface(const json_t *contents, size_t i, const char **name, enum iface_mode *mode)
{
    const json_t *iface = json_array_get(json_object_get(contents, "interfaces"), i);
    const char *text = json_string_value(json_object_get(iface, "mode"));
    struct error err;

    *name = json_string_value(json_object_get(iface, "name"));
    return *name && text && !iface_mode_parse(text, mode, &err);
}

int saved_iface_add(json_t *contents, const char *name, enum iface_mode mode)
{
    return json_array_append_new(
               json_object_get(contents, "interfaces"),
               json_pack("{s:s, s:s}", "name", name, "mode", iface_mode_name(mode)))
               ? -ENOMEM
               : 0;
}
