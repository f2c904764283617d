// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first flow that a trip diverts is noted, whoever comes first: a flow or a command. */
#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define GUARD "drain: 10m, sample: 1/1, guard: {rules: [connect_failures > 1%]},"

static void trip(const struct way *way)
{
    for (int i = 0; i < 4; i++)
        talk_fails(way, way->canary);
    check_number(health_named(way->service, "canary")->trip.state, FS_TRIP_WITHDRAWN,
                 "state of the trip");
}

static void diverted_later(const struct way *way)
{
    struct talk talk = talk_new(way, way->canary);

    way_test(way, "the first diverted flow is noted even behind the trip's writing down");
    trip(way);
    flowsplit("status");
    talk.backend = way->stable;
    talk_syn(&talk);
    check(health_named(way->service, "canary")->trip.diverted_ns != 0, "it isn't");
    test_end();
}

int main(void)
{
    host_start(ways_declare(GUARD, "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        diverted_later(&ways[i]);
    return tests_done();
}
