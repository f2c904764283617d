// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a file of `flowsplit save`, and any JSON as its contents: refused with a message, or
 * a model that is sound, and is saved and restored again as the same. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "saved.h"

static void expect_items(const struct split_item *items, size_t count, const bool *owners)
{
    for (size_t i = 0; i < count; i++) {
        EXPECT(owners[items[i].owner]);
        EXPECT(items[i].previous == SPLIT_NOBODY || owners[items[i].previous]);
        EXPECT(items[i].order < count && !items[i].unsettled);
    }
}

static void expect_version(const struct model *model, uint32_t service, uint32_t number,
                           const struct draft_version *version)
{
    static bool owners[FS_MAX_BACKENDS];

    EXPECT((version->slot_count & (version->slot_count - 1)) == 0);
    EXPECT(!version->slot_count == !version->member_count);
    memset(owners, 0, sizeof(owners));
    for (uint32_t i = 0; i < version->member_count; i++) {
        const struct fs_backend *backend = &model->backends[version->members[i]];

        EXPECT(version->members[i] < model->backend_count && !owners[version->members[i]]);
        EXPECT(backend->service == service && backend->version == number);
        EXPECT(backend->flags & FS_BACKEND_IN_POOL);
        owners[version->members[i]] = true;
    }
    expect_items(version->slots, version->slot_count, owners);
}

static void expect_service(struct model *model, uint32_t number)
{
    const struct draft *draft = model->services[number].draft;
    bool owners[FS_VERSION_SLOTS];

    EXPECT(draft && model->services[number].changed && draft->guard.rule_count <= FS_MAX_RULES);
    for (uint32_t i = 0; i < FS_VERSION_SLOTS; i++) {
        owners[i] = draft->versions[i].state == FS_VERSION_DECLARED;
        if (owners[i])
            expect_version(model, number, i, &draft->versions[i]);
    }
    EXPECT(owners[draft->baseline]);
    expect_items(draft->buckets, FS_BUCKETS, owners);
}

static void expect_again(struct model *model)
{
    static struct fs_health health[FS_HEALTH_SLOTS];
    struct saved_source source = {.model = model, .health = health};
    json_t *contents;
    struct error err;

    for (uint32_t i = 0; i < model->service_count; i++)
        model->services[i].draft->generation++; /* as publishing does */
    contents = saved_contents(&source);
    EXPECT(contents && saved_check(contents, &err) == 0);
    json_decref(contents);
}

static void try_contents(const json_t *contents)
{
    const struct fs_hash_key key = {.mul = {1, 1}};
    void *arena = calloc(1, FS_ROOT_BYTES + sizeof(struct fs_directory) + sizeof(uint32_t));
    struct error err = {{0}};
    struct model *model;

    EXPECT(arena);
    model_format(arena, &key, 0);
    model = model_read(arena, NULL, &err);
    EXPECT(model);
    if (saved_restore(contents, model, 0, &err)) {
        EXPECT(*err.text);
    } else {
        for (uint32_t i = 0; i < model->service_count; i++)
            expect_service(model, i);
        expect_again(model);
    }
    model_free(model);
    free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {{0}};
    json_t *contents = saved_open((const char *)data, size, "FILE", &err);

    EXPECT(contents ? !*err.text : strstr(err.text, "FILE") != NULL);
    if (!contents) /* the checksum is no secret */
        contents = json_loadb((const char *)data, size, 0, NULL);
    if (contents)
        try_contents(contents);
    json_decref(contents);
    return 0;
}
