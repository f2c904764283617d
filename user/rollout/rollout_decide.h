/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a rollout does next, from what is seen of it. Pure: no clock, no map, no journal. */
#ifndef FLOWSPLIT_ROLLOUT_DECIDE_H
#define FLOWSPLIT_ROLLOUT_DECIDE_H

#include "rollout.h"

/* What is seen of a rollout at one moment. Times are in ms. */
struct situation {
    const char *gone;         /* why it can't go on (no such service or version), or NULL */
    const char *withdrawn;    /* why the kernel or somebody has withdrawn the version, or NULL */
    const char *by_hand;      /* who has changed weights, from what to what, or NULL */
    const char *failed_check; /* which check fails and how, or NULL */
    const char *silent_check; /* which check has had no answer for longest, or NULL */
    uint64_t silent_check_ms; /* for how long */
    bool checks_good;         /* all have answered so since the stage began */
    bool compared;            /* there is a control */
    struct answer answers[PLAN_MAX_RULES]; /* by rule */
    uint64_t connections;                  /* of the version, since the stage began */
    uint64_t all_connections;              /* of all versions */
    uint64_t held_ms;                      /* for how long the stage has been held */
    uint64_t idle_ms;                      /* since the version's last new connection */
    uint64_t ended_ms;                     /* since the rollout ended */
};

enum next {
    NEXT_NOTHING,
    NEXT_REDO,    /* an announced act may not be done yet */
    NEXT_ADVANCE, /* to `step`, `stage`, with `weight_bp` for the version in a ramp */
    NEXT_PAUSE,   /* at `step` */
    NEXT_ROLL_BACK,
    NEXT_PROMOTE,
    NEXT_SOAKED,
};

struct decision {
    enum next next;
    size_t step;
    unsigned stage;
    unsigned weight_bp;
    bool by_hand; /* PAUSE: because of what somebody did */
    char why[ROLLOUT_WHY_MAX];
};

struct decision rollout_decide(const struct rollout *rollout, const struct situation *situation);

/* The step after the present one, because somebody asks for it (`promote`, or `resume` in a pause
 * step). */
struct decision rollout_next_step(const struct rollout *rollout, const char *why);

/* What keeps a running stage from being left, as a text; "" if nothing does. Returns buf. */
const char *rollout_waits_for(const struct rollout *rollout, const struct situation *situation,
                              char *buf, size_t size);

/* How long the stage is to be held at least. */
unsigned rollout_hold_ms(const struct rollout *rollout);

/* How often the stage's "worse" may be wrong, for one rule: the step's share, divided among rules
 * and, in a ramp, among stages (1/2, 1/6, 1/12, ...: they never come to more than all). */
double rollout_alpha(const struct rollout *rollout);

/* Outcomes of a rule's signal that as many connections as the plan wants are good for; where only
 * one connection in 2^`sample_shift` is looked at, these are fewer. */
uint64_t rollout_evidence(const struct rollout *rollout, const struct compare_rule *rule,
                          unsigned sample_shift);

#endif
