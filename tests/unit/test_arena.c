// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finding free space in the arena: what is given out is aligned, free and inside; what can't be
 * reached is free again. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "arena.h"
#include "random.h"

/* As a new arena: the root and a directory of one page. */
static struct extents fresh(void)
{
    struct extents used = {.count = 2};

    used.list[0] = (struct extent){0, FS_ROOT_BYTES};
    used.list[1] = (struct extent){FS_ROOT_BYTES, 2 * FS_ROOT_BYTES};
    return used;
}

static void assert_sorted(const struct extents *used)
{
    for (size_t i = 0; i < used->count; i++) {
        assert_true(used->list[i].begin <= used->list[i].end);
        assert_true(used->list[i].end <= FS_ARENA_SIZE);
        if (i && used->list[i - 1].end > used->list[i].begin)
            fail_msg("extent %zu ends at %#x, behind the next one's begin at %#x", i - 1,
                     used->list[i - 1].end, used->list[i].begin);
    }
}

static void test_alloc(void **state)
{
    struct extents used = fresh();
    fs_ref first = extents_alloc(&used, 1), second = extents_alloc(&used, FS_ARENA_ALIGN + 1);

    (void)state;
    assert_int_equal(first, 2 * FS_ROOT_BYTES);
    assert_int_equal(second, first + FS_ARENA_ALIGN);
    assert_int_equal(extents_alloc(&used, 1), second + 2 * FS_ARENA_ALIGN);
    assert_sorted(&used);
    assert_int_equal(extents_bytes(&used), 2 * FS_ROOT_BYTES + 4 * FS_ARENA_ALIGN);
}

static void test_gap(void **state)
{
    struct extents used = fresh();

    (void)state;
    used.list[2] = (struct extent){3 * FS_ROOT_BYTES, 4 * FS_ROOT_BYTES};
    used.count = 3;
    assert_int_equal(extents_alloc(&used, FS_ROOT_BYTES + 1), 4 * FS_ROOT_BYTES);
    assert_int_equal(extents_alloc(&used, FS_ROOT_BYTES), 2 * FS_ROOT_BYTES);
    assert_sorted(&used);
}

static void test_full(void **state)
{
    struct extents used = fresh(), before;
    size_t left = FS_ARENA_SIZE - 2 * FS_ROOT_BYTES;

    (void)state;
    before = used;
    assert_int_equal(extents_alloc(&used, 0), 0);
    assert_int_equal(extents_alloc(&used, left + 1), 0);
    assert_int_equal(extents_alloc(&used, FS_ARENA_SIZE + 1ul), 0);
    assert_int_equal(extents_alloc(&used, SIZE_MAX), 0);
    assert_int_equal(extents_alloc(&used, 1ul << 32), 0);
    assert_memory_equal(&before, &used, sizeof(used));
    assert_int_equal(extents_alloc(&used, left), 2 * FS_ROOT_BYTES);
    assert_int_equal(extents_bytes(&used), FS_ARENA_SIZE);
    assert_int_equal(extents_alloc(&used, 1), 0);
    assert_sorted(&used);
}

/* Root, directory, a table for each service, and as much again beside them. */
static void test_many(void **state)
{
    struct extents used = fresh();

    (void)state;
    for (int i = 0; i < 2 * FS_MAX_SERVICES + 1; i++)
        assert_int_not_equal(extents_alloc(&used, 100), 0);
    assert_sorted(&used);
    while (used.count < COUNT(used.list))
        assert_int_not_equal(extents_alloc(&used, 100), 0);
    assert_int_equal(extents_alloc(&used, 100), 0);
}

static void test_random(void **state)
{
    struct rng rng = {51};

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct extents used = fresh();

        for (int i = 0; i < 400; i++) {
            size_t bytes = 1 + rng_below(&rng, 300000);
            fs_ref at = extents_alloc(&used, bytes);

            if (at) {
                assert_int_equal(at % FS_ARENA_ALIGN, 0);
                assert_true(at >= FS_ROOT_BYTES && at + bytes <= FS_ARENA_SIZE);
            }
            if (!at || rng_below(&rng, 3) == 0) { /* free one, but never root and directory */
                size_t gone = 2 + rng_below(&rng, (uint32_t)used.count - 2);

                used.count--;
                memmove(&used.list[gone], &used.list[gone + 1],
                        (used.count - gone) * sizeof(used.list[0]));
            }
            assert_sorted(&used);
        }
    }
}

/* An arena with a directory and two tables, not in the order of their places. */
static void test_read(void **state)
{
    char *arena = calloc(1, FS_ARENA_BYTES);
    struct fs_directory *dir = fs_at(struct fs_directory, arena, 1u << 20);
    struct fs_service *services;
    struct extents used;
    const struct extent expected[] = {{0, FS_ROOT_BYTES},
                                      {4u << 10, (4u << 10) + 131072},
                                      {1u << 20, (1u << 20) + 20032},
                                      {2u << 20, (2u << 20) + 100032}};

    (void)state;
    fs_at(struct fs_root, arena, 0)->directory = 1u << 20;
    dir->bytes = 20000;
    dir->service_count = 2;
    dir->services = (1u << 20) + sizeof(*dir);
    services = fs_at(struct fs_service, arena, dir->services);
    services[0].table = 2u << 20;
    services[1].table = 4u << 10;
    fs_at(struct fs_table, arena, 2u << 20)->bytes = 99970;
    fs_at(struct fs_table, arena, 4u << 10)->bytes = 131072;
    extents_read(arena, &used);
    assert_int_equal(used.count, COUNT(expected));
    assert_memory_equal(used.list, expected, sizeof(expected));
    assert_int_equal(extents_bytes(&used), FS_ROOT_BYTES + 131072 + 20032 + 100032);
    free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("pieces are aligned and follow each other", test_alloc),
        TEST("the first gap that is wide enough is taken", test_gap),
        TEST("what doesn't fit is refused, and nothing is taken", test_full),
        TEST("there is room for a directory and two tables of every service", test_many),
        TEST("whatever is taken and freed, pieces never overlap", test_random),
        TEST("in use is what the root leads to", test_read),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
