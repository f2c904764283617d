// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What flows of the baseline's say in the control's buckets is counted for the control as well;
 * what others say is not. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define OPTIONS "sample: 1/1, http: true, drain: 10m,"

enum cohort { STABLE, CONTROL, CANARY, COHORTS };

static const char *const cohort_names[] = {"the baseline", "the control", "the canary"};

/* How often, in a cohort's slot. */
struct told {
    struct fs_tally tallies[FS_SIGNAL_COUNT];
    unsigned connect_times, response_times;
};

static void choose(uint64_t seed)
{
    for (unsigned i = 0; i < WAYS; i++)
        control_choose(host_pin_dir(), ways[i].service, "canary", seed + i);
}

/* --- what is told --- */

static const struct fs_health *slot_of(const struct way *way, enum cohort cohort)
{
    if (cohort == CONTROL)
        return (const struct fs_health *)health_of_control(way->service);
    return (const struct fs_health *)health_named(way->service,
                                                  cohort == CANARY ? "canary" : "stable");
}

static struct fs_health before[COHORTS];
static struct fs_backend_counters counted;

static void watch(const struct way *way, const char *backend)
{
    for (int i = 0; i < COHORTS; i++)
        before[i] = *slot_of(way, (enum cohort)i);
    backend_read(backend_at(backend), &counted);
}

static unsigned in_bins(const struct fs_histogram *is, const struct fs_histogram *was)
{
    unsigned moved = 0;

    for (int i = 0; i < FS_BINS; i++)
        moved += (unsigned)(is->bins[i] - was->bins[i]);
    return moved;
}

static void check_told(const struct way *way, enum cohort cohort, const struct told *wished)
{
    const struct fs_health *is = slot_of(way, cohort), *was = &before[cohort];
    const char *name = cohort_names[cohort];

    for (int i = 0; i < FS_SIGNAL_COUNT; i++) {
        check_number(is->tallies[i].total - was->tallies[i].total, wished->tallies[i].total,
                     "outcomes of signal %d of %s", i, name);
        check_number(is->tallies[i].bad - was->tallies[i].bad, wished->tallies[i].bad,
                     "bad outcomes of signal %d of %s", i, name);
    }
    check_number(is->connect_time.count - was->connect_time.count, wished->connect_times,
                 "connect times of %s", name);
    check_number(is->response_time.count - was->response_time.count, wished->response_times,
                 "response times of %s", name);
    check_number(in_bins(&is->connect_time, &was->connect_time), wished->connect_times,
                 "connect times in bins of %s", name);
    check_number(in_bins(&is->response_time, &was->response_time), wished->response_times,
                 "response times in bins of %s", name);
}

/* The backend's counters say the same. */
static void check_counted(const char *backend, const struct told *told)
{
    struct fs_backend_counters now;

    backend_read(backend_at(backend), &now);
    check_number(now.answered - counted.answered + now.refused - counted.refused,
                 told->tallies[FS_SIGNAL_CONNECT_FAILURES].total, "handshakes with an end");
    check_number(now.refused - counted.refused, told->tallies[FS_SIGNAL_CONNECT_FAILURES].bad,
                 "refused handshakes");
    check_number(now.answered - counted.answered, told->connect_times, "answered handshakes");
    check_number(now.resets - counted.resets, told->tallies[FS_SIGNAL_RESETS].bad, "resets");
    check_number(now.ended - counted.ended + now.resets - counted.resets,
                 told->tallies[FS_SIGNAL_RESETS].total, "connections with an end");
}

/* --- a version that says all it can --- */

static struct talk talk_of(const struct way *way, enum cohort cohort)
{
    struct talk talk;

    do
        talk = talk_new(way, cohort == CANARY ? way->canary : way->stable);
    while (cohort != CANARY && is_in_control(way->service, talk.client) != (cohort == CONTROL));
    return talk;
}

static const struct told all = {
    .tallies = {[FS_SIGNAL_CONNECT_FAILURES] = {3, 1},
                [FS_SIGNAL_CONNECT_TIME] = {2, 0},
                [FS_SIGNAL_RESPONSE_TIME] = {2, 0},
                [FS_SIGNAL_HTTP_5XX] = {2, 1},
                [FS_SIGNAL_RESETS] = {2, 1}},
    .connect_times = 2,
    .response_times = 2,
};

static void says_all(const struct way *way, enum cohort cohort)
{
    struct talk good = talk_of(way, cohort), bad = talk_of(way, cohort),
                refused = talk_of(way, cohort);

    watch(way, good.backend);
    talk_begin(&good);
    talk_asks(&good);
    talk_tells(&good, "HTTP/1.1 200 OK\r\n");
    backend_says(&good, (struct segment){.flags = FIN | ACK, .seq = 61, .ack = 61});
    talk_begin(&bad);
    talk_asks(&bad);
    talk_tells(&bad, "HTTP/1.1 500 \r\n");
    backend_says(&bad, (struct segment){.flags = RST | ACK, .seq = 61, .ack = 61});
    talk_syn(&refused);
    talk_refused(&refused);
    check_counted(good.backend, &all);
}

static void test_way(const struct way *way)
{
    static const struct told none;

    way_test(way, "what the baseline says in the control's buckets is the control's, too");
    says_all(way, CONTROL);
    check_told(way, STABLE, &all);
    check_told(way, CONTROL, &all);
    check_told(way, CANARY, &none);
    test_end();

    way_test(way, "what it says in others is not");
    says_all(way, STABLE);
    check_told(way, STABLE, &all);
    check_told(way, CONTROL, &none);
    check_told(way, CANARY, &none);
    test_end();

    way_test(way, "nor is what the canary says");
    says_all(way, CANARY);
    check_told(way, STABLE, &none);
    check_told(way, CONTROL, &none);
    check_told(way, CANARY, &all);
    test_end();
}

/* --- a flow that outlives its bucket's part in the control, or begins before it --- */

static struct talk joins[WAYS], leaves[WAYS];

static void begin_others(void)
{
    for (int i = 0; i < WAYS; i++) {
        talk_begin(&joins[i]);
        talk_begin(&leaves[i]);
    }
}

/* Clients that are in the one control and not in the other. */
static void find_others(uint64_t first, uint64_t second)
{
    static bool was[WAYS][300];
    static struct talk talks[WAYS][300];

    choose(first);
    for (int i = 0; i < WAYS; i++)
        for (int k = 0; k < 300; k++) {
            talks[i][k] = talk_new(&ways[i], ways[i].stable);
            was[i][k] = is_in_control(ways[i].service, talks[i][k].client);
        }
    choose(second);
    for (int i = 0; i < WAYS; i++)
        for (int k = 0; k < 300; k++) {
            bool is = is_in_control(ways[i].service, talks[i][k].client);

            if (is && !was[i][k])
                joins[i] = talks[i][k];
            if (!is && was[i][k])
                leaves[i] = talks[i][k];
        }
    choose(first);
}

static void ends(const struct talk *talk)
{
    backend_says(talk, (struct segment){.flags = RST | ACK, .seq = 1, .ack = 1});
}

static void test_chosen_anew(const struct way *way, int number)
{
    struct told reset = {.tallies = {[FS_SIGNAL_RESETS] = {1, 1}}}, none = {.connect_times = 0};

    way_test(way, "a flow says it for the control that there is then");
    watch(way, way->stable);
    ends(&leaves[number]);
    check_told(way, CONTROL, &none);
    check_told(way, STABLE, &reset);
    watch(way, way->stable);
    ends(&joins[number]);
    check_told(way, CONTROL, &reset);
    check_told(way, STABLE, &reset);
    test_end();
}

/* --- a flow of the canary's whose bucket has become the baseline's --- */

static struct talk stayed[WAYS];

static void find_stayed(void)
{
    static struct talk talks[WAYS][20];

    for (int i = 0; i < WAYS; i++) {
        flowsplit("set %s canary=98%%", ways[i].service);
        for (int k = 0; k < 20; k++) {
            talks[i][k] = talk_new(&ways[i], ways[i].canary);
            talk_begin(&talks[i][k]);
        }
        flowsplit("set %s canary=49%%", ways[i].service);
    }
    choose(7);
    for (int i = 0; i < WAYS; i++)
        for (int k = 0; k < 20; k++)
            if (is_in_control(ways[i].service, talks[i][k].client))
                stayed[i] = talks[i][k];
}

static void test_stayed(const struct way *way, const struct talk *talk)
{
    struct told reset = {.tallies = {[FS_SIGNAL_RESETS] = {1, 1}}}, none = {.connect_times = 0};

    way_test(way, "what a flow of the canary's says in a bucket of the control's is not");
    if (!talk->backend)
        give_up("of 20 buckets that the canary had, the control has none");
    watch(way, way->canary);
    ends(talk);
    check_told(way, CANARY, &reset);
    check_told(way, CONTROL, &none);
    check_told(way, STABLE, &none);
    test_end();
}

static void test_ended(const struct way *way, const volatile struct fs_health *slot)
{
    struct fs_health was = *(const struct fs_health *)slot;

    way_test(way, "a control that has ended is told nothing");
    for (int i = 0; i < 10; i++) {
        talk_succeeds(way, way->stable);
        talk_fails(way, way->stable);
    }
    check(!memcmp(&was, (const void *)slot, sizeof(was)), "something has changed in its slot");
    check_number(table_named(way->service)->control, FS_NO_HEALTH, "its slot");
    test_end();
}

int main(void)
{
    const volatile struct fs_health *slots[WAYS];

    host_start(ways_declare(OPTIONS, "70%", "30%"));
    evidence_open(host_pin_dir());
    choose(20261121);
    for (int i = 0; i < WAYS; i++)
        test_way(&ways[i]);
    find_others(1, 1000);
    begin_others();
    choose(1000);
    for (int i = 0; i < WAYS; i++)
        test_chosen_anew(&ways[i], i);
    find_stayed();
    for (int i = 0; i < WAYS; i++)
        test_stayed(&ways[i], &stayed[i]);
    for (int i = 0; i < WAYS; i++)
        slots[i] = health_of_control(ways[i].service);
    for (int i = 0; i < WAYS; i++)
        control_end(host_pin_dir(), ways[i].service);
    for (int i = 0; i < WAYS; i++)
        test_ended(&ways[i], slots[i]);
    return tests_done();
}
