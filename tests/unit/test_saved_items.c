// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An owner's items as text, and back. */
#include "unit.h"

#include <stdlib.h>

#include "random.h"
#include "saved_items.h"

#define ITEMS 300u

static void nobodys(struct split_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i] = (struct split_item){.owner = SPLIT_NOBODY, .previous = SPLIT_NOBODY};
}

static void test_text(void **state)
{
    struct split_item items[12];
    char *text;

    (void)state;
    nobodys(items, COUNT(items));
    items[9] = (struct split_item){.owner = 5, .order = 0, .previous = SPLIT_NOBODY};
    for (uint32_t i = 2; i < 6; i++)
        items[i] = (struct split_item){.owner = 5, .order = i - 1, .previous = SPLIT_NOBODY};
    items[6] = (struct split_item){.owner = 5, .order = 5, .previous = 3};
    items[7] = (struct split_item){.owner = 5, .order = 6, .previous = 3};
    items[0] = (struct split_item){.owner = 5, .order = 7, .previous = SPLIT_NOBODY};
    text = saved_items_text(items, COUNT(items), 5);
    assert_string_equal(text, "9 2-5 6-7/3 0");
    free(text);
    text = saved_items_text(items, COUNT(items), 4);
    assert_string_equal(text, "");
    free(text);
}

static void test_way_back(void **state)
{
    struct rng rng = {1};

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct split_item items[ITEMS], back[ITEMS];
        struct split_share shares[7];
        struct error err;

        split_init(items, ITEMS);
        for (unsigned i = 0; i < 5; i++) {
            rng_shares(&rng, shares, COUNT(shares), ITEMS);
            assert_true(split_divide(items, ITEMS, shares, COUNT(shares), (struct split_time){0}) >=
                        0);
        }
        nobodys(back, ITEMS);
        for (uint32_t owner = 0; owner < COUNT(shares); owner++) {
            char *text = saved_items_text(items, ITEMS, owner);

            assert_int_equal(saved_items_read(text, back, ITEMS, owner, &err), 0);
            free(text);
        }
        assert_memory_equal(items, back, sizeof(items));
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"1 1", "1 is given away twice"},
        {"0-3 2", "2 is given away twice"},
        {"12", "12 is too high: there are 12"},
        {"3-12", "12 is too high"},
        {"3-2", "no number or range"},
        {"-2", "no number or range"},
        {"2-", "no number or range"},
        {"2/", "no number or range"},
        {"2/x", "no number or range"},
        {"2,3", "no number or range"},
        {" 2", "no number or range"},
        {"2  3", "no number or range"},
        {"+2", "no number or range"},
        {"4294967298", "no number or range"},
        {"2-99999999999999999999", "no number or range"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct split_item items[12];
        struct error err = {{0}};

        nobodys(items, COUNT(items));
        if (!saved_items_read(rows[i].text, items, COUNT(items), 0, &err))
            fail_msg("\"%s\" is taken", rows[i].text);
        assert_contains(err.text, rows[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("an owner's items stand in the order in which it took them, with who had them before",
             test_text),
        TEST("what is written is read back", test_way_back),
        TEST("what is no such text is refused, and so is what is given away twice", test_refused),
    };

    return cmocka_run_group_tests_name("saved_items", tests, NULL, NULL);
}
