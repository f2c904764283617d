// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The steps of a run. */
#include "steps.h"

#include "chance.h"
#include "forge.h"
#include "host.h"
#include "promise.h"
#include "records.h"
#include "traffic.h"
#include "users.h"

/* The brief services, 2 and 3: when in each so many steps they change, and their buckets come to
 * rest. It takes seconds. */
#define BRIEF_EVERY 250000
#define BRIEF_MOVES 60000
#define BRIEF_RESTS 160000

/* After how long an entry whose flow is over may be swept (FS_CLOSED_TICKS). */
#define CLOSED_S 5.3

/* Steps in 10,000; the rest is users'. */
enum {
    FORGES = 4000,
    ARRIVES = 1200,
    FLOODS = 3,
    WEIGHTS = 2,
    POOLS = 1,
    SWEEPS = 1,
    ATTACHES = 1
};

void steps_begin(void)
{
    services_restart();
    hosts_begin();
    traffic_reset();
    records_begin();
    promises_begin();
    tcp_first += 0x9e3779b9;
}

static struct conn *any_conn(void)
{
    return &conns[chance_below(FLOWS_MAX)];
}

static void sweep(void)
{
    services_sweep();
    records_check();
}

/* Who is silent until a brief service's drain is over is lost; so all speak. */
static void move_brief(void)
{
    for (unsigned service = 2; service < 4; service++) {
        users_forget_handshakes(service);
        services_change_weights(service);
        for (int i = 0; i < FLOWS_MAX; i++)
            if (conns[i].service == service)
                users_exchange(&conns[i]);
    }
}

/* By then nobody waits for an answer to what was asked before. */
static void rest_brief(void)
{
    services_wait_brief();
    for (int i = 0; i < FLOWS_MAX; i++)
        conns[i].asked = false;
}

static void change_weights(void)
{
    static const uint8_t lasting[] = {0, 1, 0, 1, 4, 5, 6};

    services_change_weights(lasting[chance_below(sizeof(lasting))]);
}

static void change_pool(void)
{
    static const uint8_t lasting[] = {0, 1, 4, 5};

    services_change_pool(lasting[chance_below(sizeof(lasting))]);
}

static void forge_some(void)
{
    struct conn *victim = any_conn();

    for (unsigned i = chance_in(4) ? 2 + chance_below(3) : 1; i; i--)
        forge(victim);
}

/* Takes `range` from what is left of *lot; true if it was in there. */
static bool drawn(int *lot, int range)
{
    *lot -= range;
    return *lot < 0 && *lot >= -range;
}

void step_make(uint64_t seed, uint64_t number)
{
    int lot;

    promise_step = number;
    chance_begin(seed, number);
    lot = (int)chance_below(10000);
    trace("step %llu", (unsigned long long)number);
    if (number % BRIEF_EVERY == BRIEF_MOVES)
        move_brief();
    else if (number % BRIEF_EVERY == BRIEF_RESTS)
        rest_brief();
    else if (drawn(&lot, FORGES))
        forge_some();
    else if (drawn(&lot, ARRIVES))
        traffic_arrives();
    else if (drawn(&lot, FLOODS))
        forge_flood();
    else if (drawn(&lot, WEIGHTS))
        change_weights();
    else if (drawn(&lot, POOLS))
        change_pool();
    else if (drawn(&lot, SWEEPS))
        sweep();
    else if (drawn(&lot, ATTACHES))
        services_attached(chance_in(2));
    else
        users_do(any_conn());
}

void steps_end(uint64_t seed, uint64_t number)
{
    promise_step = number;
    chance_begin(seed, number);
    trace("the end");
    for (int i = 0; i < 4 * FLOWS_MAX; i++)
        forge(&conns[i % FLOWS_MAX]);
    sweep();
    host_sleep(CLOSED_S);
    sweep();
    for (int i = 0; i < FLOWS_MAX; i++)
        users_exchange(&conns[i]);
}
