// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From JSON to a model: the instance and its services. */
#include "saved_version.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_pool.h"
#include "parse.h"
#include "saved.h"
#include "saved_items.h"
#include "spec.h"
#include "weights.h"

/* --- the instance --- */

static int read_key(const struct saved_reader *reader, const json_t *instance)
{
    struct fs_hash_key *key = &reader->model->key;
    json_t *add[2], *mul[2];
    int code = saved_unpack(reader, instance, "{s:[oo!], s:[oo!]}", "key_add", &add[0], &add[1],
                            "key_mul", &mul[0], &mul[1]);

    for (int i = 0; i < 2 && !code; i++) {
        uint64_t word = 0;

        code = saved_word(reader, add[i], &word);
        key->add[i] = word;
        code = code ? code : saved_word(reader, mul[i], &word);
        key->mul[i] = word;
    }
    if (!code && !(key->mul[0] & key->mul[1] & 1))
        code = saved_refuse(reader, "the hash key's factors must be odd");
    return code;
}

static int read_instance(const struct saved_reader *reader, const json_t *instance)
{
    uint32_t next_service = 0;
    json_int_t created_ns = 0;
    int code = saved_unpack(reader, instance, "{s:I}", "created_ns", &created_ns);

    code = code ? code
                : saved_number(reader, instance, "next_service", 1, FS_SCOPE_DIRECT, &next_service);
    code = code ? code : read_key(reader, instance);
    if (code)
        return code;
    reader->model->created_ns = (uint64_t)created_ns;
    if (reader->model->next_service < next_service)
        reader->model->next_service = next_service;
    return 0;
}

/* --- a service's buckets --- */

static int read_buckets(const struct saved_reader *reader, const json_t *versions,
                        struct draft *draft)
{
    struct error why;
    size_t i;
    json_t *version;

    for (i = 0; i < FS_BUCKETS; i++)
        draft->buckets[i] = (struct split_item){.owner = SPLIT_NOBODY, .previous = SPLIT_NOBODY};
    json_array_foreach(versions, i, version)
    {
        const char *text = json_string_value(json_object_get(version, "buckets"));
        uint32_t number = (uint32_t)json_integer_value(json_object_get(version, "number"));

        if (!text)
            return saved_refuse(reader, "a version's buckets are missing");
        if (saved_items_read(text, draft->buckets, FS_BUCKETS, number, &why))
            return saved_refuse(reader, "buckets of version %s: %s", draft->versions[number].name,
                                why.text);
    }
    return 0;
}

static bool is_version(const struct draft *draft, uint32_t number)
{
    return number < FS_VERSION_SLOTS && draft->versions[number].state == FS_VERSION_DECLARED;
}

static void count_buckets(const struct draft *draft, unsigned have[FS_VERSION_SLOTS])
{
    memset(have, 0, FS_VERSION_SLOTS * sizeof(*have));
    for (int i = 0; i < FS_BUCKETS; i++)
        have[draft->buckets[i].owner]++;
}

/* In files of format 1, the baseline has the buckets of what is withdrawn. */
static bool is_first_format(const struct draft *draft)
{
    unsigned have[FS_VERSION_SLOTS], effective[FS_VERSION_SLOTS];

    count_buckets(draft, have);
    weights_effective(draft, effective);
    return memcmp(have, effective, sizeof(have)) == 0;
}

/* Every bucket has an owner that has backends, and each version as many as its weight says. */
static int check_buckets(const struct saved_reader *reader, struct draft *draft)
{
    unsigned have[FS_VERSION_SLOTS];

    for (int i = 0; i < FS_BUCKETS; i++) {
        const struct split_item *bucket = &draft->buckets[i];

        if (bucket->owner == SPLIT_NOBODY)
            return saved_refuse(reader, "bucket %d is nobody's", i);
        if (bucket->previous != SPLIT_NOBODY && !is_version(draft, bucket->previous))
            return saved_refuse(reader, "bucket %d was version %u's, which there isn't", i,
                                bucket->previous);
    }
    if (is_first_format(draft) && weights_divide(draft, NULL, (struct split_time){0, 0}) < 0)
        return error_set(reader->err, -ENOMEM, "out of memory");
    count_buckets(draft, have);
    for (int i = 0; i < FS_VERSION_SLOTS; i++) {
        const struct draft_version *version = &draft->versions[i];

        if (have[i] != version->weight_bp)
            return saved_refuse(reader, "version %s has %u buckets, and its weight is %u",
                                version->name, have[i], version->weight_bp);
        if (have[i] && !version->slot_count)
            return saved_refuse(reader, "version %s has buckets, but no backends", version->name);
    }
    return 0;
}

static int read_control(const struct saved_reader *reader, const json_t *control,
                        struct draft *draft)
{
    struct split_item *items;
    struct error why;
    const char *text;
    int code;

    if (json_is_null(control))
        return 0;
    code = saved_unpack(reader, control, "{s:s}", "buckets", &text);
    code = code ? code
                : saved_number(reader, control, "health", 0, FS_HEALTH_SLOTS - 1, &draft->control);
    if (code)
        return code;
    if (!model_health_reserve(reader->model, draft->control))
        return saved_refuse(reader, "health slot %u is taken", draft->control);
    items = calloc(FS_BUCKETS, sizeof(*items));
    if (!items)
        return error_set(reader->err, -ENOMEM, "out of memory");
    split_init(items, FS_BUCKETS);
    code = saved_items_read(text, items, FS_BUCKETS, 0, &why);
    for (int i = 0; i < FS_BUCKETS; i++)
        draft->in_control[i] = items[i].owner == 0 && draft->buckets[i].owner == draft->baseline;
    free(items);
    draft->control_new = true;
    return code ? saved_refuse(reader, "control: %s", why.text) : 0;
}

/* --- services --- */

static bool vip_is_taken(const struct model *model, const struct fs_endpoint *vip)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        if (memcmp(&model->services[i].record.vip, vip, sizeof(*vip)) == 0)
            return true;
    return false;
}

static bool id_is_taken(const struct model *model, uint32_t id)
{
    for (uint32_t i = 0; i + 1 < model->service_count; i++)
        if (model->services[i].record.id == id)
            return true;
    return false;
}

/* What a service is, whatever its versions. Returns its number, or -errno. */
static int add_service(struct saved_reader *reader, const json_t *from)
{
    const char *vip_text, *mode_text, *affinity_text;
    enum fs_affinity affinity;
    struct fs_endpoint vip;
    struct error why;
    enum fs_mode mode;
    int code = saved_unpack(reader, from, "{s:s, s:s, s:s, s:s}", "name", &reader->service, "vip",
                            &vip_text, "mode", &mode_text, "affinity", &affinity_text);

    if (code)
        return code;
    if (parse_name("service name", reader->service, &why) || parse_vip(vip_text, &vip, &why) ||
        parse_mode(mode_text, &mode, &why) || parse_affinity(affinity_text, &affinity, &why))
        return saved_refuse(reader, "%s", why.text);
    if (model_find(reader->model, reader->service) >= 0 || vip_is_taken(reader->model, &vip))
        return saved_refuse(reader, "its name or VIP stands twice");
    return model_add(reader->model, reader->service, &vip, mode, affinity, reader->err);
}

/* Publishing counts the generation up once more. */
static int read_scalars(const struct saved_reader *reader, const json_t *from, uint32_t number,
                        struct draft *draft)
{
    struct fs_service *record = &reader->model->services[number].record;
    uint32_t next = reader->model->next_service;
    uint64_t salt = 0;
    int http = 0, adopt = 1, code = saved_number(reader, from, "id", 1, next - 1, &record->id);

    code = code ? code : saved_word(reader, json_object_get(from, "salt"), &salt);
    code = code ? code : saved_number(reader, from, "sample", 1, UINT32_MAX, &record->sample);
    code =
        code ? code : saved_number(reader, from, "generation", 1, UINT32_MAX, &draft->generation);
    code = code ? code
                : saved_number(reader, from, "drain_ms", SPEC_DRAIN_MIN_MS, SPEC_DRAIN_MAX_MS,
                               &draft->drain_ms);
    code = code ? code
                : saved_number(reader, from, "baseline", 0, FS_VERSION_SLOTS - 1, &draft->baseline);
    code = code ? code : saved_unpack(reader, from, "{s:b, s?b}", "http", &http, "adopt", &adopt);
    code = code ? code : saved_read_guard(reader, json_object_get(from, "guard"), &draft->guard);
    if (!code && id_is_taken(reader->model, record->id))
        code = saved_refuse(reader, "its id stands twice");
    record->salt = salt;
    record->http = (uint8_t)http;
    record->adopt = adopt && record->vip.proto == IPPROTO_TCP ? FS_ADOPT_WANTED : 0;
    draft->generation--;
    return code;
}

static int read_service(struct saved_reader *reader, const json_t *from)
{
    struct model *model = reader->model;
    uint32_t next_service = model->next_service;
    json_t *versions, *version;
    struct draft *draft;
    int number = add_service(reader, from), code;
    size_t i;

    model->next_service = next_service;
    if (number < 0)
        return number;
    draft = model->services[number].draft;
    code = read_scalars(reader, from, (uint32_t)number, draft);
    code = code ? code : saved_unpack(reader, from, "{s:o}", "versions", &versions);
    if (code)
        return code;
    json_array_foreach(
        versions, i,
        version) if ((code = saved_read_version(reader, version, (uint32_t)number))) return code;
    if (!is_version(draft, draft->baseline) || draft->versions[draft->baseline].withdrawn)
        return saved_refuse(reader, "version %u can't be the baseline", draft->baseline);
    code = read_buckets(reader, versions, draft);
    code = code ? code : check_buckets(reader, draft);
    return code ? code : read_control(reader, json_object_get(from, "control"), draft);
}

int saved_restore(const json_t *contents, struct model *model, uint64_t realtime_0,
                  struct error *err)
{
    struct saved_reader reader = {.model = model, .realtime_0 = realtime_0, .err = err};
    json_t *instance, *services, *service;
    int code;
    size_t i;

    if (model->service_count)
        return error_set(err, -EEXIST,
                         "there are services already (the first is %s), and only an instance "
                         "without any can take up what was saved",
                         model_name(model, 0));
    code =
        saved_unpack(&reader, contents, "{s:o, s:o}", "instance", &instance, "services", &services);
    code = code ? code : read_instance(&reader, instance);
    if (code)
        return code;
    json_array_foreach(services, i, service)
    {
        reader.service = NULL;
        if ((code = read_service(&reader, service)))
            return code;
    }
    model->changed = true;
    return change_check_pools(model, err);
}
