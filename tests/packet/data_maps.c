// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pinned maps of the instance under test. */
#include "data_path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <flowsplit/arena.h>
#include <flowsplit/health.h>

#include "pinned.h"
#include "tap.h"

const char *const table_names[TABLE_COUNT] = {"flows", "unproven", "udp_flows"};

static const char *const reason_names[] = {
#define REASON_NAME(id, name, fate, normal, text, setting) name,
    FS_REASONS(REASON_NAME)};

static int tables[TABLE_COUNT], backend_counters, reason_counters, direct_seen, no_redirect,
    answers, arena;
static int samples, handshakes, fragments;

void data_maps_open(const char *pin_dir)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        tables[i] = pinned_open(pin_dir, "maps", table_names[i]);
    backend_counters = pinned_open(pin_dir, "maps", "backend_counters");
    reason_counters = pinned_open(pin_dir, "maps", "reason_counters");
    direct_seen = pinned_open(pin_dir, "maps", "direct_seen");
    answers = pinned_open(pin_dir, "maps", "answers");
    no_redirect = pinned_open(pin_dir, "maps", "no_redirect");
    arena = pinned_open(pin_dir, "maps", "arena");
    samples = pinned_open(pin_dir, "maps", "samples");
    handshakes = pinned_open(pin_dir, "maps", "handshakes");
    fragments = pinned_open(pin_dir, "maps", "fragments");
}

static void must(int err, const char *what)
{
    if (err)
        give_up("cannot %s: %s", what, strerror(errno));
}

/* One value for each possible CPU, added up word by word. */
static void sum_cpus(int map, uint32_t key, uint64_t *sum, size_t words)
{
    int cpus = libbpf_num_possible_cpus();
    uint64_t *values = calloc((size_t)cpus * words, sizeof(*values));

    memset(sum, 0, words * sizeof(*sum));
    must(bpf_map_lookup_elem(map, &key, values), "read a counter");
    for (size_t i = 0; i < (size_t)cpus * words; i++)
        sum[i % words] += values[i];
    free(values);
}

void reasons_read(uint64_t counts[FS_REASON_COUNT])
{
    for (uint32_t i = 0; i < FS_REASON_COUNT; i++)
        sum_cpus(reason_counters, i, &counts[i], 1);
}

void backend_read(unsigned number, struct fs_backend_counters *sum)
{
    sum_cpus(backend_counters, number, (uint64_t *)sum, sizeof(*sum) / sizeof(uint64_t));
}

bool check_reasons(const uint64_t before[FS_REASON_COUNT], ...)
{
    uint64_t now[FS_REASON_COUNT], wished[FS_REASON_COUNT];
    bool right = true;
    va_list args;
    int reason;

    memcpy(wished, before, sizeof(wished));
    va_start(args, before);
    while ((reason = va_arg(args, int)) >= 0)
        wished[reason] += (unsigned)va_arg(args, int);
    va_end(args);
    reasons_read(now);
    for (int i = 0; i < FS_REASON_COUNT; i++)
        right &= check(now[i] == wished[i], "the counter %s moved by %lld instead of %lld",
                       reason_names[i], (long long)(now[i] - before[i]),
                       (long long)(wished[i] - before[i]));
    return right;
}

unsigned table_entries(enum table table)
{
    struct fs_flow_key key, *from = NULL;
    unsigned count = 0;

    for (; !bpf_map_get_next_key(tables[table], from, &key); from = &key)
        count++;
    return count;
}

bool check_entries(unsigned wished_flows, unsigned wished_unproven, unsigned wished_udp)
{
    unsigned wished[] = {wished_flows, wished_unproven, wished_udp};
    bool right = true;

    for (int i = 0; i < TABLE_COUNT; i++)
        right &= check_number(table_entries(i), wished[i], "entries of %s", table_names[i]);
    return right;
}

bool table_find(enum table table, const char *client, struct fs_flow_key *key, struct fs_flow *flow)
{
    struct fs_flow_key *from = NULL, next;
    struct end end = end_of(client);

    for (; !bpf_map_get_next_key(tables[table], from, &next); from = key) {
        *key = next;
        if (memcmp(key->addr, end.addr, 16) || key->port_be != __builtin_bswap16(end.port))
            continue;
        if (!bpf_map_lookup_elem(tables[table], key, flow))
            return true;
    }
    return false;
}

bool table_try(enum table table, const struct fs_flow_key *key, const struct fs_flow *flow)
{
    return !bpf_map_update_elem(tables[table], key, flow, BPF_ANY);
}

void table_put(enum table table, const struct fs_flow_key *key, const struct fs_flow *flow)
{
    must(!table_try(table, key, flow), "write an entry");
}

static void empty(int map)
{
    union {
        struct fs_flow_key flow;
        struct fs_fragment_key fragment;
    } key, next;
    int end = bpf_map_get_next_key(map, NULL, &next);

    while (!end) { /* from the entry's place on, which is lost with it */
        key = next;
        end = bpf_map_get_next_key(map, &key, &next);
        bpf_map_delete_elem(map, &key);
    }
}

void tables_clear(void)
{
    uint32_t zero = 0;

    for (int i = 0; i < TABLE_COUNT; i++)
        empty(tables[i]);
    for (uint32_t i = 0; i < 256; i++) /* more backends than any test has */
        must(bpf_map_update_elem(direct_seen, &i, &zero, BPF_ANY), "clear direct_seen");
}

/* Makes all cells of an array map zero. */
static void zero(int map, uint32_t count, size_t bytes)
{
    void *none = calloc(count, bytes);
    uint32_t *keys = calloc(count, sizeof(*keys));
    LIBBPF_OPTS(bpf_map_batch_opts, options);

    for (uint32_t i = 0; i < count; i++)
        keys[i] = i;
    must(bpf_map_update_batch(map, keys, none, &count, &options), "clear an array");
    free(none);
    free(keys);
}

void maps_clear(void)
{
    tables_clear();
    empty(samples);
    empty(fragments);
    zero(handshakes, FS_HANDSHAKE_SETS, sizeof(struct fs_handshakes));
    zero(answers, FS_ANSWER_SETS, sizeof(struct fs_answers));
}

uint32_t tick_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)(((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) / FS_TICK_NS);
}

void ban_redirect(unsigned ifindex, enum fs_ban_kind kind, bool over)
{
    uint32_t key = ifindex % FS_NO_REDIRECT_SIZE;
    struct fs_ban ban = {.kind = kind, .until = tick_now() + (over ? 0 : FS_BAN_TICKS)};

    must(bpf_map_update_elem(no_redirect, &key, &ban, BPF_ANY), "write no_redirect");
}

void *arena_map(void)
{
    void *at = mmap(NULL, FS_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, arena, 0);

    if (at == MAP_FAILED)
        give_up("cannot map the arena: %s", strerror(errno));
    return at;
}
