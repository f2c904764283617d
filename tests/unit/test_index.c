// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Indexes of endpoints: all that was entered is found, nothing else is, and they stay small for
 * addresses as people give them out. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>

#include "index.h"
#include "random.h"

#define RECORDS FS_MAX_BACKENDS

/* A record that begins with an endpoint, of an odd size as both kinds of record are. */
struct record {
    struct fs_endpoint at;
    uint32_t rest[3];
};

static struct record *records;
static uint32_t *numbers;

static struct fs_endpoint v4(uint32_t addr, uint16_t port, uint8_t proto)
{
    return (struct fs_endpoint){
        .addr = {htonl(addr)}, .port_be = htons(port), .proto = proto, .family = 4};
}

static struct fs_endpoint v6(uint32_t network, uint32_t host, uint16_t port, uint8_t proto)
{
    return (struct fs_endpoint){.addr = {htonl(0x20010db8), htonl(network), 0, htonl(host)},
                                .port_be = htons(port),
                                .proto = proto,
                                .family = 6};
}

static struct index_draft build(const struct fs_hash_key *key, uint32_t count)
{
    struct index_draft index;

    for (uint32_t i = 0; i < count; i++)
        numbers[i] = i;
    assert_int_equal(index_build(&index, key, records, sizeof(*records), numbers, count), 0);
    assert_int_equal(index.count & (index.count - 1), 0);
    return index;
}

static long find(const struct index_draft *index, const struct fs_hash_key *key,
                 struct fs_endpoint at)
{
    return index_find(index, key, records, sizeof(*records), &at);
}

/* Is the record in one of the cells that the data path looks at? */
static bool is_near(const struct index_draft *index, const struct fs_hash_key *key, uint32_t number)
{
    const struct fs_endpoint *at = &records[number].at;
    uint32_t start =
        fs_hash_endpoint(key, at->addr, at->port_be, at->proto, at->family, index->count);

    for (uint32_t i = 0; i < FS_INDEX_PROBES; i++)
        if (index->cells[(start + i) & (index->count - 1)] == number + 1)
            return true;
    return false;
}

/* Each record is found under its number, and not far from where the search for it begins. */
static void assert_found(const struct index_draft *index, const struct fs_hash_key *key,
                         uint32_t count)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++)
        if (find(index, key, records[i].at) != i || !is_near(index, key, i))
            fail_msg("record %u of %u is not found in %u cells", i, count, index->count);
    for (uint32_t i = 0; i < index->count; i++)
        used += index->cells[i] != 0;
    assert_int_equal(used, count);
}

static void test_empty(void **state)
{
    struct rng rng = {41};
    struct fs_hash_key key = rng_key(&rng);
    struct index_draft index = build(&key, 0);

    (void)state;
    assert_int_equal(find(&index, &key, v4(0x0a000001, 80, 6)), -1);
    free(index.cells);
}

static void test_random(void **state)
{
    struct rng rng = {42};

    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct fs_hash_key key = rng_key(&rng);
        uint32_t count = 1 + rng_below(&rng, 3000);
        struct index_draft index;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = i + 1;

            records[i].at = rng_below(&rng, 2) ? v4(at, (uint16_t)rng_next(&rng), 6)
                                               : v6((uint32_t)rng_next(&rng), at, 80, 17);
        }
        index = build(&key, count);
        assert_found(&index, &key, count);
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t at = count + 1 + rng_below(&rng, 1u << 30);

            assert_int_equal(find(&index, &key, v4(at, (uint16_t)i, 6)), -1);
            assert_int_equal(find(&index, &key, v6(i, at, 80, 17)), -1);
        }
        free(index.cells);
    }
}

/* What differs in one part alone is another endpoint. */
static void test_near_misses(void **state)
{
    struct rng rng = {43};
    struct fs_hash_key key = rng_key(&rng);
    struct index_draft index;

    (void)state;
    records[0].at = v4(0x0a000001, 80, 6);
    records[1].at = v6(7, 1, 80, 6);
    index = build(&key, 2);
    assert_found(&index, &key, 2);
    assert_int_equal(find(&index, &key, v4(0x0a000001, 80, 17)), -1);
    assert_int_equal(find(&index, &key, v4(0x0a000001, 81, 6)), -1);
    assert_int_equal(find(&index, &key, v4(0x0a000002, 80, 6)), -1);
    assert_int_equal(find(&index, &key, v6(7, 2, 80, 6)), -1);
    assert_int_equal(find(&index, &key, v6(8, 1, 80, 6)), -1);
    assert_int_equal(find(&index, &key, v6(7, 1, 80, 17)), -1);
    free(index.cells);
}

/* Of records with one endpoint the first that is listed is found, in whatever place it stands. */
static void test_first_wins(void **state)
{
    struct rng rng = {44};
    struct fs_hash_key key = rng_key(&rng);
    struct index_draft index;
    const uint32_t order[] = {4, 9, 2, 3};

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        records[i].at = v4(0x0a000001 + i % 2, 80, 6);
    assert_int_equal(index_build(&index, &key, records, sizeof(*records), order, COUNT(order)), 0);
    assert_int_equal(find(&index, &key, v4(0x0a000001, 80, 6)), 4);
    assert_int_equal(find(&index, &key, v4(0x0a000002, 80, 6)), 9);
    free(index.cells);
}

static void test_unlisted(void **state)
{
    struct rng rng = {45};
    struct fs_hash_key key = rng_key(&rng);
    struct index_draft index;
    const uint32_t listed[] = {1};

    (void)state;
    records[0].at = v4(0x0a000001, 80, 6);
    records[1].at = v4(0x0a000002, 80, 6);
    assert_int_equal(index_build(&index, &key, records, sizeof(*records), listed, 1), 0);
    assert_int_equal(find(&index, &key, records[0].at), -1);
    assert_int_equal(find(&index, &key, records[1].at), 1);
    free(index.cells);
}

static struct fs_endpoint block_v4(uint32_t i)
{
    return v4(0x0a000001 + i, 8080, 6);
}

static struct fs_endpoint gateways_v4(uint32_t i)
{
    return v4((10u << 24) + (i << 8) + 1, 80, 6);
}

static struct fs_endpoint ports_v4(uint32_t i)
{
    return v4(0x7f000001, (uint16_t)i, 17);
}

static struct fs_endpoint block_v6(uint32_t i)
{
    return v6(1, i, 8080, 6);
}

static struct fs_endpoint gateways_v6(uint32_t i)
{
    return v6(i, 1, 8080, 6);
}

/* Backends are mostly neighbours. Their index has at most 64 cells a record, mostly 4. */
static void test_structured(void **state)
{
    static struct fs_endpoint (*const shapes[])(uint32_t) = {block_v4, gateways_v4, ports_v4,
                                                             block_v6, gateways_v6};
    static const uint32_t counts[] = {9, 100, 1000, RECORDS};
    struct rng rng = {46};

    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        struct fs_hash_key key = rng_key(&rng);

        for (size_t s = 0; s < COUNT(shapes); s++)
            for (size_t c = 0; c < COUNT(counts) - (round > 1); c++) {
                struct index_draft index;

                for (uint32_t i = 0; i < counts[c]; i++)
                    records[i].at = shapes[s](i);
                index = build(&key, counts[c]);
                assert_found(&index, &key, counts[c]);
                if (index.count > 64 * counts[c])
                    fail_msg("shape %zu: %u records take %u cells", s, counts[c], index.count);
                free(index.cells);
            }
    }
}

static int setup(void **state)
{
    (void)state;
    records = calloc(RECORDS, sizeof(*records));
    numbers = calloc(RECORDS, sizeof(*numbers));
    return records && numbers ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(records);
    free(numbers);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("in an empty index nothing is found", test_empty),
        TEST("all that was entered is found, and nothing else", test_random),
        TEST("another address, port, protocol or family is another endpoint", test_near_misses),
        TEST("of records with one endpoint the first listed is found", test_first_wins),
        TEST("a record that isn't listed isn't found", test_unlisted),
        TEST("neighbours are found in an index that stays small", test_structured),
    };

    return cmocka_run_group_tests_name("index", tests, setup, teardown);
}
