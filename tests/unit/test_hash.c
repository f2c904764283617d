// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The hash that places flows: even over inputs as structured as addresses and ports are, under many
 * keys, and with slots that know nothing of buckets. */
#include "unit.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <flowsplit/hash.h>

#include "random.h"

#define KEYS    6
#define SAMPLES 400000u
#define SLOTS   128u

/* The nth client of a structured set. */
struct source {
    const char *name;
    uint8_t family, affinity;
    void (*fill)(uint32_t n, __be32 addr[4], __be16 *port_be);
};

static void v4_addresses(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    addr[0] = htonl(0x0a000000 + n);
    *port_be = htons(40000);
}

static void v4_networks(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    addr[0] = htonl(n << 8 | 1);
    *port_be = htons(40000);
}

static void v4_ports(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    addr[0] = htonl(0xc0a80001 + n / 28000);
    *port_be = htons((uint16_t)(32768 + n % 28000));
}

static void v4_even_ports(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    addr[0] = htonl(0xc0a80001 + n / 14000);
    *port_be = htons((uint16_t)(32768 + 2 * (n % 14000)));
}

static void v6_set(__be32 addr[4], uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    addr[0] = htonl(a);
    addr[1] = htonl(b);
    addr[2] = htonl(c);
    addr[3] = htonl(d);
}

static void v6_addresses(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    v6_set(addr, 0x20010db8, 1, 0, n);
    *port_be = htons(40000);
}

static void v6_networks(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    v6_set(addr, 0x20010db8 + (n >> 16), n << 16, 0, 1);
    *port_be = htons(40000);
}

static void v6_ports(uint32_t n, __be32 addr[4], __be16 *port_be)
{
    v6_set(addr, 0x20010db8, n / 28000, 0, 1);
    *port_be = htons((uint16_t)(32768 + n % 28000));
}

static const struct source sources[] = {
    {"consecutive v4 addresses", 4, FS_AFFINITY_FLOW, v4_addresses},
    {"v4 networks", 4, FS_AFFINITY_FLOW, v4_networks},
    {"v4 ports", 4, FS_AFFINITY_FLOW, v4_ports},
    {"even v4 ports", 4, FS_AFFINITY_FLOW, v4_even_ports},
    {"consecutive v4 addresses, source affinity", 4, FS_AFFINITY_SOURCE, v4_addresses},
    {"v4 networks, source affinity", 4, FS_AFFINITY_SOURCE, v4_networks},
    {"consecutive v6 addresses", 6, FS_AFFINITY_FLOW, v6_addresses},
    {"v6 networks", 6, FS_AFFINITY_FLOW, v6_networks},
    {"v6 ports", 6, FS_AFFINITY_FLOW, v6_ports},
    {"v6 networks, source affinity", 6, FS_AFFINITY_SOURCE, v6_networks},
};

static uint64_t hash_nth(const struct source *source, const struct fs_hash_key *key, uint64_t salt,
                         uint32_t n)
{
    __be32 addr[4];
    __be16 port_be;

    source->fill(n, addr, &port_be);
    return fs_hash_client(key, salt, addr, port_be, source->family, source->affinity);
}

/* How many standard deviations chi-square is above what chance makes of it. */
static double excess(const uint32_t *found, size_t cells, double expected)
{
    double chi = 0, freedom = (double)cells - 1;

    for (size_t i = 0; i < cells; i++)
        chi += (found[i] - expected) * (found[i] - expected) / expected;
    return (chi - freedom) / sqrt(2 * freedom);
}

static void assert_even(const char *what, const char *name, unsigned key, const uint32_t *found,
                        size_t cells, uint32_t samples)
{
    double z = excess(found, cells, (double)samples / (double)cells);

    if (z > 6)
        fail_msg("%s of %s under key %u: chi-square is %.1f deviations too high", what, name, key,
                 z);
}

static void test_buckets_even(void **state)
{
    static uint32_t found[FS_BUCKETS];
    struct rng rng = {31};

    (void)state;
    for (unsigned k = 0; k < KEYS; k++) {
        struct fs_hash_key key = rng_key(&rng);
        uint64_t salt = rng_next(&rng);

        for (size_t s = 0; s < COUNT(sources); s++) {
            memset(found, 0, sizeof(found));
            for (uint32_t n = 0; n < SAMPLES; n++)
                found[fs_hash_bucket(hash_nth(&sources[s], &key, salt, n))]++;
            assert_even("buckets", sources[s].name, k, found, FS_BUCKETS, SAMPLES);
        }
    }
}

/* Slots are even among the flows of every 5 % of the buckets. */
static void test_slots_independent(void **state)
{
    static uint32_t found[20][SLOTS], sizes[20];
    struct rng rng = {32};

    (void)state;
    for (unsigned k = 0; k < KEYS; k++) {
        struct fs_hash_key key = rng_key(&rng);
        uint64_t salt = rng_next(&rng);

        for (size_t s = 0; s < COUNT(sources); s++) {
            memset(found, 0, sizeof(found));
            memset(sizes, 0, sizeof(sizes));
            for (uint32_t n = 0; n < SAMPLES; n++) {
                uint64_t hash = hash_nth(&sources[s], &key, salt, n);
                uint32_t part = fs_hash_bucket(hash) / (FS_BUCKETS / 20);

                found[part][fs_hash_slot(hash, SLOTS)]++;
                sizes[part]++;
            }
            for (int part = 0; part < 20; part++)
                assert_even("slots in a part of the buckets", sources[s].name, k, found[part],
                            SLOTS, sizes[part]);
        }
    }
}

/* A few backends in one bucket after another: slot parity, say, doesn't follow bucket parity. */
static void test_neighbours_independent(void **state)
{
    struct rng rng = {33};

    (void)state;
    for (unsigned k = 0; k < KEYS; k++) {
        struct fs_hash_key key = rng_key(&rng);

        for (size_t s = 0; s < COUNT(sources); s++) {
            uint32_t found[16] = {0};

            for (uint32_t n = 0; n < SAMPLES; n++) {
                uint64_t hash = hash_nth(&sources[s], &key, 0, n);

                found[fs_hash_bucket(hash) % 4 * 4 + fs_hash_slot(hash, SLOTS) % 4]++;
            }
            assert_even("last bits of bucket and slot", sources[s].name, k, found, 16, SAMPLES);
        }
    }
}

/* Two services place the same clients independently of each other. */
static void test_services_independent(void **state)
{
    struct rng rng = {34};

    (void)state;
    for (unsigned k = 0; k < KEYS; k++) {
        struct fs_hash_key key = rng_key(&rng);

        for (size_t s = 0; s < COUNT(sources); s++) {
            uint32_t found[400] = {0};

            for (uint32_t n = 0; n < SAMPLES; n++) {
                uint32_t a = fs_hash_bucket(hash_nth(&sources[s], &key, 0x9e3779b97f4a7c15, n));
                uint32_t b = fs_hash_bucket(hash_nth(&sources[s], &key, 2 * 0x9e3779b97f4a7c15, n));

                found[a / 500 * 20 + b / 500]++;
            }
            assert_even("pairs of buckets", sources[s].name, k, found, 400, SAMPLES);
        }
    }
}

static void test_ranges(void **state)
{
    static const uint64_t hashes[] = {0, 1, 0xffffffff, 1ULL << 32, UINT64_MAX - 1, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(hashes); i++) {
        assert_in_range(fs_hash_bucket(hashes[i]), 0, FS_BUCKETS - 1);
        assert_in_range(fs_hash_slot(hashes[i], 65536), 0, 65535);
        assert_int_equal(fs_hash_slot(hashes[i], 1), 0);
    }
    assert_int_equal(fs_hash_bucket(0), 0);
    assert_int_equal(fs_hash_bucket(UINT64_MAX), FS_BUCKETS - 1);
    assert_int_equal(fs_hash_slot(UINT64_MAX, 128), 127);
    assert_int_equal(fs_hash_slot(0xffffffff00000000, 128), 0);
}

static uint64_t hash_of(const struct fs_hash_key *key, const __be32 *addr, __be16 port_be,
                        uint8_t family, uint8_t affinity)
{
    return fs_hash_client(key, 77, addr, port_be, family, affinity);
}

static void test_source(void **state)
{
    struct rng rng = {35};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct fs_hash_key key = rng_key(&rng);
        __be32 addr[4], other[4];

        for (int word = 0; word < 4; word++)
            other[word] = addr[word] = (__be32)rng_next(&rng);
        other[2 + i % 2] ^= 1u << rng_below(&rng, 32);
        assert_true(hash_of(&key, addr, 1, 4, FS_AFFINITY_SOURCE) ==
                    hash_of(&key, other, 2, 4, FS_AFFINITY_SOURCE));
        assert_true(hash_of(&key, addr, 1, 6, FS_AFFINITY_SOURCE) ==
                    hash_of(&key, other, 2, 6, FS_AFFINITY_SOURCE));
        other[1] ^= 1u << rng_below(&rng, 32); /* the lowest bits of the /64 count */
        assert_true(hash_of(&key, addr, 1, 6, FS_AFFINITY_SOURCE) !=
                    hash_of(&key, other, 1, 6, FS_AFFINITY_SOURCE));
    }
}

static void test_flow(void **state)
{
    struct rng rng = {36};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct fs_hash_key key = rng_key(&rng);
        uint8_t affinity = i % 2 ? FS_AFFINITY_FLOW : FS_AFFINITY_NONE, family = i % 4 < 2 ? 4 : 6;
        __be32 addr[4], other[4];
        __be16 port_be = (__be16)rng_next(&rng);
        uint64_t hash;

        for (int word = 0; word < 4; word++)
            other[word] = addr[word] = (__be32)rng_next(&rng);
        hash = hash_of(&key, addr, port_be, family, affinity);
        assert_true(hash != hash_of(&key, addr, port_be ^ (1u << i % 16), family, affinity));
        other[family == 4 ? 0 : rng_below(&rng, 4)] ^= 1u << rng_below(&rng, 32);
        assert_true(hash != hash_of(&key, other, port_be, family, affinity));
        assert_true(hash != fs_hash_client(&key, 78, addr, port_be, family, affinity));
        key.add[0]++;
        assert_true(hash != hash_of(&key, addr, port_be, family, affinity));
    }
}

/* For IPv4 only the first word of the address may be read: there is no more in the packet. */
static void test_v4_reads_one_word(void **state)
{
    struct rng rng = {37};
    struct fs_hash_key key = rng_key(&rng);
    __be32 *addr = malloc(sizeof(*addr));

    (void)state;
    addr[0] = htonl(0x0a000001);
    fs_hash_client(&key, 0, addr, 1, 4, FS_AFFINITY_FLOW);
    fs_hash_client(&key, 0, addr, 1, 4, FS_AFFINITY_SOURCE);
    assert_in_range(fs_hash_endpoint(&key, addr, 1, 6, 4, 16), 0, 15);
    free(addr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("buckets are even over structured addresses and ports", test_buckets_even),
        TEST("slots are even within every part of the buckets", test_slots_independent),
        TEST("the last bits of bucket and slot are independent", test_neighbours_independent),
        TEST("two services place the same clients independently", test_services_independent),
        TEST("every hash gives a bucket and a slot in range", test_ranges),
        TEST("source affinity ignores the port and the lower /64, and nothing else", test_source),
        TEST("flow affinity hashes every bit of address and port, with salt and key", test_flow),
        TEST("of an IPv4 address one word is read", test_v4_reads_one_word),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
