// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Versions for which no place was left to observe them: they are steered like any other. */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define FILLERS (FS_HEALTH_SLOTS / FS_MAX_VERSIONS) /* services that take all places */

/* The services of all ways behind so many others that nothing is left for them. */
static const char *declare(void)
{
    static char text[256 * 1024];
    size_t used = (size_t)snprintf(text, sizeof(text), "services:\n");
    const char *wanted = ways_declare(
        "drain: 10m, sample: 1/1, guard: {rules: [connect_failures > 1%, resets > 1%]},", "50%",
        "50%");

    for (int i = 0; i < FILLERS; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "  - {name: f%d, vip: '10.9.0.%d:80/tcp', mode: nat, affinity: "
                                 "flow, baseline: v0, versions: [",
                                 i, i);
        for (int v = 0; v < FS_MAX_VERSIONS; v++)
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "%s\n    {name: v%d, weight: %s, backends: ['10.1.0.9:%d']}",
                                     v ? "," : "", v, v ? "0%" : "100%", 10000 + i * 100 + v);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "]}\n");
    }
    used +=
        (size_t)snprintf(text + used, sizeof(text) - used, "%s", wanted + strlen("services:\n"));
    if (used >= sizeof(text))
        give_up("no room for the services");
    return text;
}

static uint32_t health_slot(const struct fs_table *table)
{
    for (int i = 0; i < FS_VERSION_SLOTS; i++)
        if (!strcmp(table->versions[i].name, "canary"))
            return table->pool[i].health;
    give_up("no canary");
}

static void unobserved(const struct way *way)
{
    struct talk live = talk_new(way, way->canary);
    struct fs_backend_counters before, after;
    uint64_t number = event_next();

    way_test(way, "a version that can't be observed is counted and steered, and never trips");
    check_number(health_slot(table_named(way->service)), FS_NO_HEALTH, "its slot");
    backend_read(backend_at(way->canary), &before);
    talk_begin(&live);
    for (int i = 0; i < 10; i++)
        talk_fails(way, way->canary);
    talk_asks(&live);
    talk_tells(&live, "all is well");
    backend_says(&live, (struct segment){.flags = RST | ACK, .seq = 1, .ack = 1});
    talk_succeeds(way, way->canary);
    backend_read(backend_at(way->canary), &after);
    check_number(after.handshakes - before.handshakes, 12, "handshakes");
    check_number(after.answered - before.answered, 2, "answered");
    check_number(after.refused - before.refused, 10, "refused");
    check_number(after.resets - before.resets, 1, "resets");
    check_number(event_next(), number, "the next event's number");
    check_number(trip_word(way->service, "canary").tick, 0, "tick of the trip");
    test_end();
}

int main(void)
{
    host_start(declare());
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        unobserved(&ways[i]);
    return tests_done();
}
