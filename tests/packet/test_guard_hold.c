// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A rule that asks for time trips when its evidence has stood for that long, and not when it has
 * lapsed in between. */
#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD  "drain: 10m, sample: 1/1, guard: {rules: [connect_failures > 20% for 1s]},"
#define HOLD   1.2
#define ENOUGH 40 /* failures for any threshold */
#define GOOD   40 /* successes after which every score is below half of its threshold */

static const volatile struct fs_health *health(const struct way *way)
{
    return health_named(way->service, "canary");
}

static void fail(const struct way *way, int times)
{
    while (times--)
        talk_fails(way, way->canary);
}

static void check_state(const struct way *way, enum fs_trip_state state, const char *when)
{
    check_number(health(way)->trip.state, state, "state of the trip %s", when);
}

static void begins(const struct way *way)
{
    way_test(way, "evidence that is complete but young trips nothing");
    fail(way, ENOUGH);
    check_state(way, FS_TRIP_NONE, "at once");
    check(health(way)->scores[0].reached_ns != 0, "it isn't noted when it was complete");
    check_number((uint64_t)health(way)->scores[0].score[0],
                 (uint64_t)table_named(way->service)->guard.rules[0].threshold, "score");
    test_end();
}

static void lasts(const struct way *way)
{
    way_test(way, "when it has stood for that long, the next failure trips");
    check_state(way, FS_TRIP_NONE, "without a packet");
    talk_succeeds(way, way->canary);
    check_state(way, FS_TRIP_NONE, "after a success");
    fail(way, 1);
    check_state(way, FS_TRIP_WITHDRAWN, "after a failure");
    test_end();
}

static void lapses(const struct way *way)
{
    way_test(way, "successes in between make it lapse");
    for (int i = 0; i < GOOD; i++)
        talk_succeeds(way, way->canary);
    check_number(health(way)->scores[0].reached_ns, 0, "when it was complete");
    fail(way, ENOUGH);
    check_state(way, FS_TRIP_NONE, "after more failures");
    test_end();
}

int main(void)
{
    host_start(ways_declare(GUARD, "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        begins(&ways[i]);
    host_sleep(HOLD);
    for (int i = 0; i < WAYS; i++)
        lasts(&ways[i]);
    ways_renew(GUARD, "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        begins(&ways[i]);
    host_sleep(HOLD);
    for (int i = 0; i < WAYS; i++)
        lapses(&ways[i]);
    return tests_done();
}
