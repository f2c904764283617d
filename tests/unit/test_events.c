// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ring of events, as who follows it reads it while others write. */
#include "unit.h"

#include "clock.h"
#include "events.h"
#include "health.h"

#define SECOND_NS 1000000000ULL

struct ring {
    struct instance instance;
    uint64_t next; /* to be read */
    uint64_t read[8];
    unsigned count;
};

/* Nothing has happened yet. */
static struct ring *make(void)
{
    static struct fs_trips trips;
    static struct fs_health health[FS_HEALTH_SLOTS];
    static struct fs_event events[FS_EVENTS];
    static struct ring ring;

    memset(&trips, 0, sizeof(trips));
    memset(events, 0, sizeof(events));
    ring = (struct ring){.instance = {.trips = &trips, .health = health, .events = events}};
    return &ring;
}

/* Somebody takes a place in the ring, and doesn't finish. Returns the event's number. */
static uint64_t begin(struct ring *ring)
{
    uint64_t number = ring->instance.trips->event_count++;

    ring->instance.events[number & (FS_EVENTS - 1)].number = 0;
    return number;
}

static void finish(struct ring *ring, uint64_t number, uint64_t age_ns)
{
    struct fs_event *event = &ring->instance.events[number & (FS_EVENTS - 1)];

    event->kind = FS_EVENT_COMMAND;
    event->time_ns = clock_now_ns() - age_ns;
    event->number = number + 1;
}

static void note(void *context, const struct fs_event *event)
{
    struct ring *ring = context;

    assert_true(ring->count < COUNT(ring->read));
    ring->read[ring->count++] = event->number - 1;
}

/* All that there is to be read now. Returns how many were lost. */
static uint64_t follow(struct ring *ring)
{
    ring->count = 0;
    return events_each(&ring->instance, &ring->next, note, ring);
}

static void test_unfinished(void **state)
{
    struct ring *ring = make();
    uint64_t number;

    (void)state;
    finish(ring, begin(ring), 0);
    number = begin(ring);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 1);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 0);
    finish(ring, number, 0);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 1);
    assert_int_equal(ring->read[0], number);
}

static void test_in_order(void **state)
{
    struct ring *ring = make();
    uint64_t first = begin(ring), second = begin(ring);

    (void)state;
    finish(ring, second, 0);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 0);
    finish(ring, first, 0);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 2);
    assert_int_equal(ring->read[0], first);
    assert_int_equal(ring->read[1], second);
}

static void test_never_finished(void **state)
{
    struct ring *ring = make();
    uint64_t number;

    (void)state;
    begin(ring);
    begin(ring);
    number = begin(ring);
    finish(ring, number, 2 * SECOND_NS);
    assert_int_equal(follow(ring), 2);
    assert_int_equal(ring->count, 1);
    assert_int_equal(ring->read[0], number);
}

static void test_overwritten(void **state)
{
    struct ring *ring = make();

    (void)state;
    for (int i = 0; i < FS_EVENTS; i++)
        finish(ring, begin(ring), 0);
    ring->next = FS_EVENTS - 1;
    finish(ring, begin(ring), 0);
    assert_int_equal(follow(ring), 0);
    assert_int_equal(ring->count, 2);
    ring->next = 0;
    ring->count = 0;
    for (int i = 0; i < FS_EVENTS - 2; i++)
        begin(ring);
    assert_int_equal(follow(ring), FS_EVENTS - 1);
    assert_int_equal(ring->count, 2);
    assert_int_equal(ring->next, FS_EVENTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("an event that is being written is waited for", test_unfinished),
        TEST("so that events are told in their order", test_in_order),
        TEST("one that never gets finished is counted as lost, and keeps back no other for long",
             test_never_finished),
        TEST("what has been overwritten is lost", test_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
