// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which reasons `flowsplit reasons --top` shows, in which order. */
#include "unit.h"

#include "reason_rows.h"

static uint64_t first[FS_REASON_COUNT], before[FS_REASON_COUNT], now[FS_REASON_COUNT];
static struct reason_row rows[FS_REASON_COUNT];

static int counted_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < FS_REASON_COUNT; i++)
        first[i] = before[i] = now[i] = 0;
    return 0;
}

static void counted(enum fs_reason reason, uint64_t at_first, uint64_t at_last, uint64_t is)
{
    first[reason] = at_first;
    before[reason] = at_last;
    now[reason] = is;
}

static void shown(int place, enum fs_reason reason, uint64_t packets, double rate, bool fresh)
{
    assert_int_equal(rows[place].reason, reason);
    assert_int_equal(rows[place].packets, packets);
    assert_true(rows[place].rate == rate);
    assert_int_equal(rows[place].fresh, fresh);
}

static void test_zero(void **state)
{
    (void)state;
    assert_int_equal(reason_rows(rows, first, before, now, 1), 0);
    counted(FS_REASON_MALFORMED, 0, 0, 1);
    assert_int_equal(reason_rows(rows, first, before, now, 1), 1);
    shown(0, FS_REASON_MALFORMED, 1, 1, true);
}

static void test_order(void **state)
{
    (void)state;
    counted(FS_REASON_NO_SERVICE, 900, 900, 900);
    counted(FS_REASON_NOT_IP, 5, 5, 5);
    counted(FS_REASON_TO_LOCAL, 10, 1000, 4000);
    counted(FS_REASON_REPLY_EGRESS, 10, 1000, 5000);
    counted(FS_REASON_BLACKHOLE, 0, 3, 3);
    counted(FS_REASON_STACK_MTU, 0, 0, 4);
    assert_int_equal(reason_rows(rows, first, before, now, 2), 6);
    shown(0, FS_REASON_STACK_MTU, 4, 2, true);
    shown(1, FS_REASON_BLACKHOLE, 3, 0, true);
    shown(2, FS_REASON_REPLY_EGRESS, 5000, 2000, false);
    shown(3, FS_REASON_TO_LOCAL, 4000, 1500, false);
    shown(4, FS_REASON_NO_SERVICE, 900, 0, false);
    shown(5, FS_REASON_NOT_IP, 5, 0, false);
}

static void test_equals(void **state)
{
    (void)state;
    counted(FS_REASON_ICMP_OUT, 1, 1, 1);
    counted(FS_REASON_NOT_IP, 1, 1, 1);
    counted(FS_REASON_TO_LOCAL, 1, 1, 1);
    assert_int_equal(reason_rows(rows, first, before, now, 1), 3);
    shown(0, FS_REASON_NOT_IP, 1, 0, false);
    shown(1, FS_REASON_TO_LOCAL, 1, 0, false);
    shown(2, FS_REASON_ICMP_OUT, 1, 0, false);
}

/* A tracepoint's count goes with its link. */
static void test_less(void **state)
{
    (void)state;
    counted(FS_REASON_TRACEPOINT_MISSED, 9, 9, 4);
    assert_int_equal(reason_rows(rows, first, before, now, 1), 1);
    shown(0, FS_REASON_TRACEPOINT_MISSED, 4, 0, false);
}

static void test_settings(void **state)
{
    (void)state;
    assert_string_equal(reason_texts[FS_REASON_STACK_FORWARDING].name, "stack_forwarding");
    assert_non_null(strstr(reason_texts[FS_REASON_STACK_FORWARDING].setting, "ip_forward"));
    assert_false(reason_is_normal(&reason_texts[FS_REASON_STACK_FORWARDING]));
    for (int i = 0; i < FS_REASON_COUNT; i++)
        assert_true(!*reason_texts[i].setting || !reason_is_normal(&reason_texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"only what isn't zero is shown", test_zero, counted_nothing, NULL, NULL},
        {"new ones come first, each kind by its rate, then by packets", test_order, counted_nothing,
         NULL, NULL},
        {"equals stay in the order of the list", test_equals, counted_nothing, NULL, NULL},
        {"a count that has become less has no rate", test_less, counted_nothing, NULL, NULL},
        {"a setting is said of what deserves a look only", test_settings, counted_nothing, NULL,
         NULL},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
