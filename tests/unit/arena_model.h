/* SPDX-License-Identifier: GPL-2.0-only */
/* A whole arena in memory, models of it, and a copy of all that a reader can reach. */
#ifndef FLOWSPLIT_UNIT_ARENA_MODEL_H
#define FLOWSPLIT_UNIT_ARENA_MODEL_H

#include "datapath.h"
#include "random.h"
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "arena.h"
#include "model.h"
#include "pool.h"
#include "weights.h"

static inline struct fs_endpoint v4(uint32_t addr, uint16_t port)
{
    return (struct fs_endpoint){
        .addr = {htonl(addr)}, .port_be = htons(port), .proto = IPPROTO_TCP, .family = 4};
}

static inline struct fs_endpoint v6(uint32_t host, uint16_t port)
{
    return (struct fs_endpoint){.addr = {htonl(0x20010db8), 0, 0, htonl(host)},
                                .port_be = htons(port),
                                .proto = IPPROTO_TCP,
                                .family = 6};
}

static inline struct fs_root *root(void)
{
    return fs_at(struct fs_root, fs_arena, 0);
}

static inline struct model *read_model(void)
{
    struct error err;
    struct model *model = model_read(fs_arena, &fs_trips, &err);

    assert_non_null(model);
    return model;
}

/* Writes, publishes and throws the model away. */
static inline void publish(struct model *model)
{
    struct error err = {{0}};
    fs_ref ref = model_write(model, &err);

    if (!ref)
        fail_msg("not written: %s", err.text);
    model_commit(model, ref);
    model_free(model);
}

static inline int add_service(struct model *model, const char *name, struct fs_endpoint vip)
{
    struct error err;
    int number = model_add(model, name, &vip, FS_MODE_NAT, FS_AFFINITY_FLOW, &err);

    assert_true(number >= 0);
    return number;
}

static inline uint32_t add_backend(struct model *model, int service, uint32_t version,
                                   struct fs_endpoint at)
{
    struct error err;
    int number = model_backend_add(model, (uint32_t)service, version, &at, &err);

    assert_true(number >= 0);
    model->backends[number].flags |= FS_BACKEND_IN_POOL;
    return (uint32_t)number;
}

/* A version with this weight and backends, which may be none. */
static inline void add_version(struct model *model, int service, uint32_t number,
                               uint32_t weight_bp, const struct fs_endpoint *at, uint32_t count)
{
    struct draft *draft = model_draft(model, (uint32_t)service);
    struct draft_version *version = &draft->versions[number];

    version->state = FS_VERSION_DECLARED;
    version->weight_bp = weight_bp;
    version->members = calloc(count + 1, sizeof(*version->members));
    version->member_count = count;
    for (uint32_t i = 0; i < count; i++)
        version->members[i] = add_backend(model, service, number, at[i]);
    assert_true(pool_spread(version, (struct split_time){0, 0}) >= 0);
    assert_true(weights_divide(draft, NULL, (struct split_time){0, 0}) >= 0);
    model->services[service].changed = true;
}

/* One service, 10.0.0.1:80, with one backend. */
static inline void publish_web(void)
{
    struct model *model = read_model();
    int web = add_service(model, "web", v4(0x0a000001, 80));
    struct fs_endpoint at = v4(0x0a00000b, 8080);

    add_version(model, web, 0, FS_BUCKETS, &at, 1);
    publish(model);
}

static inline __u32 service_of(struct fs_endpoint at)
{
    return find_service(directory_now(), at.addr, at.port_be, at.proto, at.family);
}

static inline __u32 backend_of(struct fs_endpoint at)
{
    return find_backend(directory_now(), at.addr, at.port_be, at.proto, at.family);
}

/* --- what is reachable, and a copy of it */

struct copy {
    struct extents extents;
    char *bytes[COUNT(((struct extents *)0)->list)];
};

static inline void copy_reachable(struct copy *copy)
{
    extents_read(fs_arena, &copy->extents);
    for (size_t i = 0; i < copy->extents.count; i++) {
        const struct extent *extent = &copy->extents.list[i];

        copy->bytes[i] = malloc(extent->end - extent->begin);
        memcpy(copy->bytes[i], fs_arena + extent->begin, extent->end - extent->begin);
    }
}

/* All is as it was, but for the root's one reference; which is, too, if `published` is false. */
static inline void assert_untouched(struct copy *copy, bool published)
{
    if (published)
        ((struct fs_root *)copy->bytes[0])->directory = root()->directory;
    for (size_t i = 0; i < copy->extents.count; i++) {
        const struct extent *extent = &copy->extents.list[i];

        if (memcmp(copy->bytes[i], fs_arena + extent->begin, extent->end - extent->begin) != 0)
            fail_msg("the extent at %#x has been written to", extent->begin);
        free(copy->bytes[i]);
    }
}

static inline void assert_no_overlap(void)
{
    struct extents used;

    extents_read(fs_arena, &used);
    for (size_t i = 1; i < used.count; i++)
        if (used.list[i - 1].end > used.list[i].begin)
            fail_msg("extents at %#x and %#x overlap", used.list[i - 1].begin, used.list[i].begin);
}

static inline int model_setup(void **state)
{
    struct rng rng = {80};
    struct fs_hash_key key = rng_key(&rng);

    (void)state;
    fs_arena = calloc(1, FS_ARENA_BYTES);
    if (!fs_arena)
        return -1;
    model_format(fs_arena, &key, 4711);
    return 0;
}

static inline int model_teardown(void **state)
{
    (void)state;
    free(fs_arena);
    return 0;
}

#define MODEL(sentence, fn)                             \
    {                                                   \
        sentence, fn, model_setup, model_teardown, NULL \
    }

#endif
