// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The data path's scores are what the arithmetic of guard.h makes of the same outcomes, however
 * these mix; each rule trips by its own signal; and evidence lasts as long as its rules. */
#include <stdio.h>
#include <string.h>

#include "evidence.h"
#include "host.h"
#include "talk.h"
#include "tap.h"

#define SECOND_NS 1000000000ULL
#define OPTIONS   "drain: 10m, sample: 1/1, http: true, "
#define MIXED                                                                      \
    OPTIONS "guard: {on_trip: report, clients: 1, rules: [connect_failures > 1%, " \
            "connect_failures > 20%, "                                             \
            "connect_failures > 45%, resets > 10%, p70 connect_time > 10s, "       \
            "p99 response_time > 10s, http_5xx > 12.5%]},"
#define RULES 7

/* --- a model of the scores --- */

static struct model {
    const struct way *way;
    bool tripped;
    struct fs_score scores[RULES];
} model;

static void expect(enum fs_signal signal, bool bad)
{
    const struct fs_guard *guard = &table_named(model.way->service)->guard;

    for (int i = 0; i < RULES; i++) {
        struct fs_score *score = &model.scores[i];
        bool calm = true;

        if (guard->rules[i].signal != signal)
            continue;
        score->total++;
        score->bad += bad;
        score->first_bad_ns |= bad;
        for (int bank = 0; bank < FS_BANKS; bank++) {
            score->score[bank] = fs_score_next(&guard->rules[i], bank, score->score[bank], bad);
            calm &= score->score[bank] == 0;
            model.tripped |= score->score[bank] >= guard->rules[i].threshold;
        }
        if (calm)
            score->first_bad_ns = 0;
    }
}

static bool check_scores(void)
{
    bool right = check_number(health_named(model.way->service, "canary")->trip.state,
                              model.tripped ? FS_TRIP_REPORTED : FS_TRIP_NONE, "state of the trip");

    for (int i = 0; i < RULES; i++) {
        const volatile struct fs_score *is = &health_named(model.way->service, "canary")->scores[i];
        const struct fs_score *should = &model.scores[i];

        right &= check_number(is->total, should->total, "outcomes of rule %d", i);
        right &= check_number(is->bad, should->bad, "bad outcomes of rule %d", i);
        right &= check_number(is->first_bad_ns != 0, should->first_bad_ns,
                              "is there a first bad one of rule %d", i);
        for (int bank = 0; bank < FS_BANKS; bank++)
            right &= check_number((uint64_t)is->score[bank], (uint64_t)should->score[bank],
                                  "score %d of rule %d", bank, i);
    }
    return right;
}

/* --- connections that do what comes to their mind --- */

static bool chance(unsigned percent)
{
    return host_random() % 100 < percent;
}

struct life {
    struct talk talk;
    enum { UNBORN, WAITING, FAILED, LIVE } state;
};

static void answer(struct life *life)
{
    bool slow = chance(30);

    if (slow)
        handshake_age(model.way->service, life->talk.client, 11 * SECOND_NS);
    talk_answered(&life->talk);
    client_says(&life->talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    if (life->state == WAITING)
        expect(FS_SIGNAL_CONNECT_FAILURES, false);
    expect(FS_SIGNAL_CONNECT_TIME, slow);
    life->state = LIVE;
}

static void fail(struct life *life)
{
    if (life->state == WAITING)
        expect(FS_SIGNAL_CONNECT_FAILURES, true);
    if (life->state == WAITING && chance(50)) {
        handshake_age(model.way->service, life->talk.client, SECOND_NS);
        talk_syn(&life->talk);
        life->state = FAILED;
        return;
    }
    talk_refused(&life->talk);
    life->state = UNBORN;
}

/* A whole response, as long as talk_tells() has them. */
#define RESPONSE(status) \
    "HTTP/1.1 " status " \r\nContent-Length: 0\r\nX: aaaaaaaaaaaaaaaaaaa\r\n\r\n"

static void exchange(struct life *life)
{
    bool slow = chance(2), error = chance(10);

    talk_asks(&life->talk);
    if (slow)
        sample_age(model.way->service, life->talk.client, 11 * SECOND_NS);
    talk_tells(&life->talk, error ? RESPONSE("503") : RESPONSE("200"));
    talk_goes_on(&life->talk);
    expect(FS_SIGNAL_RESPONSE_TIME, slow);
    expect(FS_SIGNAL_HTTP_5XX, error);
}

static void end(struct life *life)
{
    bool reset = chance(20);

    backend_says(&life->talk,
                 (struct segment){.flags = reset ? RST | ACK : FIN | ACK, .seq = 1, .ack = 1});
    expect(FS_SIGNAL_RESETS, reset);
    life->state = UNBORN;
}

static void live(struct life *life, unsigned failures)
{
    switch (life->state) {
    case UNBORN:
        life->talk = talk_new(model.way, model.way->canary);
        talk_syn(&life->talk);
        life->state = WAITING;
        return;
    case WAITING:
    case FAILED:
        (chance(failures) ? fail : answer)(life);
        return;
    case LIVE:
        (chance(60) ? exchange : end)(life);
        return;
    }
}

static void mixed(const struct way *way)
{
    struct life lives[8] = {0};

    model = (struct model){.way = way};
    way_test(way, "scores are what the arithmetic makes of a random mixture of outcomes");
    for (int i = 0; i < 400; i++) {
        live(&lives[host_random() % 8], i < 200 ? 5 : 40);
        if (!check_scores()) {
            note("after %d steps", i + 1);
            break;
        }
    }
    check(model.scores[2].total > 50 && model.scores[2].bad > 5, "too few outcomes: %llu, %llu",
          model.scores[2].total, model.scores[2].bad);
    test_end();
}

/* --- each rule --- */

#define EACH                                                                                  \
    OPTIONS "guard: {clients: 1, rules: [connect_failures > 1%, resets > 1%, http_5xx > 1%, " \
            "p99 connect_time > 10s, p99 response_time > 10s]},"

static void bad_once(const struct way *way, int rule)
{
    struct talk talk = talk_new(way, way->canary);

    talk_syn(&talk);
    if (rule == 0) {
        talk_refused(&talk);
        return;
    }
    if (rule == 3)
        handshake_age(way->service, talk.client, 11 * SECOND_NS);
    talk_answered(&talk);
    client_says(&talk, (struct segment){.flags = ACK, .seq = 1, .ack = 1});
    if (rule == 1)
        backend_says(&talk, (struct segment){.flags = RST, .seq = 1, .ack = 1});
    if (rule != 2 && rule != 4)
        return;
    talk_asks(&talk);
    if (rule == 4)
        sample_age(way->service, talk.client, 11 * SECOND_NS);
    talk_tells(&talk, rule == 2 ? "HTTP/1.1 500 " : "HTTP/1.1 200 ");
}

static void each_rule(const struct way *way)
{
    static const char *const sentences[] = {
        "the fourth refusal of four trips", "the fourth reset of four trips",
        "the fourth 5xx of four trips", "the fourth slow answer to a SYN of four trips",
        "the fourth slow response of four trips"};
    const volatile struct fs_trip *trip = &health_named(way->service, "canary")->trip;

    for (int rule = 0; rule < 5; rule++) {
        struct talk next = talk_new(way, way->canary);

        way_test(way, sentences[rule]);
        for (int i = 0; i < 3; i++)
            bad_once(way, rule);
        check_number(trip->state, FS_TRIP_NONE, "state after three");
        bad_once(way, rule);
        check_number(trip->state, FS_TRIP_WITHDRAWN, "state after four");
        check_number(trip->rule, (unsigned)rule, "the rule");
        next.backend = way->stable;
        talk_begin(&next);
        test_end();
        flowsplit("clear %s canary", way->service);
    }
}

/* --- evidence and its rules --- */

#define RULE(text) OPTIONS "guard: {rules: [" text "]},"

static void fail_thrice(void)
{
    for (int i = 0; i < WAYS; i++)
        for (int k = 0; k < 3; k++)
            talk_fails(&ways[i], ways[i].canary);
}

static int64_t score_after(const struct fs_rule *rule, int bank, int bad)
{
    __s64 score = 0;

    while (bad--)
        score = fs_score_next(rule, bank, score, 1);
    return score;
}

static void check_fourth(const char *sentence, bool trips)
{
    for (int i = 0; i < WAYS; i++) {
        const volatile struct fs_health *health = health_named(ways[i].service, "canary");
        const struct fs_rule *rule = &table_named(ways[i].service)->guard.rules[0];

        way_test(&ways[i], sentence);
        talk_fails(&ways[i], ways[i].canary);
        check_number(health->trip.state, trips ? FS_TRIP_WITHDRAWN : FS_TRIP_NONE,
                     "state of the trip");
        check_number(health->scores[0].total, trips ? 4 : 1, "outcomes");
        for (int bank = 0; bank < FS_BANKS; bank++)
            check_number((uint64_t)health->scores[0].score[bank],
                         (uint64_t)score_after(rule, bank, trips ? 4 : 1), "score %d", bank);
        test_end();
    }
}

static void editions(void)
{
    fail_thrice();
    flowsplit_apply(ways_declare(RULE("connect_failures > 2%"), "50%", "50%"));
    check_fourth("evidence of other rules counts no more", false);
    ways_renew(RULE("connect_failures > 1%"), "50%", "50%");
    fail_thrice();
    flowsplit_apply(ways_declare(RULE("connect_failures > 1%"), "20%", "80%"));
    check_fourth("evidence outlasts a change of weights", true);
}

int main(void)
{
    host_start(ways_declare(MIXED, "50%", "50%"));
    evidence_open(host_pin_dir());
    for (int i = 0; i < WAYS; i++)
        mixed(&ways[i]);
    ways_renew(EACH, "50%", "50%");
    for (int i = 0; i < WAYS; i++)
        each_rule(&ways[i]);
    ways_renew(RULE("connect_failures > 1%"), "50%", "50%");
    editions();
    return tests_done();
}
