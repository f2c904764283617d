/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The plan of a rollout, as read from a file. Plain data, no maps, no clock. */
#ifndef FLOWSPLIT_PLAN_H
#define FLOWSPLIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flowsplit/abi.h>
#include <flowsplit/guard.h>

#include "compare.h"
#include "error.h"
#include "place.h"

enum {
    PLAN_MAX_STEPS = 64,
    PLAN_MAX_RULES = 16,
    PLAN_MAX_CHECKS = 16,
    PLAN_MAX_HOOKS = 16,
    PLAN_MAX_ARGS = 32, /* words of a command */
    PLAN_MAX_URL = 2048,
    PLAN_MAX_TEXT = 4096, /* bytes of a query, of a word */
    PLAN_MAX_EVIDENCE = 1000 * 1000 * 1000,
    PLAN_EVIDENCE_DEFAULT = 500,
    PLAN_CONFIDENCE_MIN_PPM = 900 * 1000,
    PLAN_CONFIDENCE_DEFAULT_PPM = 990 * 1000,
    PLAN_PROMETHEUS_DEFAULT_MS = 15 * 1000,
    PLAN_EXEC_DEFAULT_MS = 60 * 1000,
    PLAN_NO_TRAFFIC_DEFAULT_MS = 10 * 60 * 1000,
    PLAN_HEARTBEAT_DEFAULT_MS = 10 * 1000,
    PLAN_SOAK_DEFAULT_MS = 30 * 60 * 1000,
};

enum step_kind { STEP_SET, STEP_RAMP, STEP_PAUSE };

enum ramp_by { RAMP_DOUBLE, RAMP_PLUS, RAMP_ADAPTIVE };

/* One step. */
struct plan_step {
    enum step_kind kind;
    /* SET: `set: {NAME: WEIGHT, ...}`, and how long it is held at least */
    struct plan_weight {
        char version[FS_NAME_MAX + 1];
        unsigned weight_bp;
        struct place place;
    } weights[FS_MAX_VERSIONS];
    size_t weight_count;
    unsigned hold_ms;
    /* RAMP: the plan's version goes from what it has to `to_bp` */
    enum ramp_by by;
    unsigned to_bp;
    unsigned up_bp;   /* PLUS, ADAPTIVE */
    unsigned down_bp; /* ADAPTIVE: taken back when it looks worse without being proven so */
    unsigned every_ms;
    struct place place;
};

enum check_kind { CHECK_PROMETHEUS, CHECK_EXEC };

enum check_comparison {
    CHECK_ABOVE,
    CHECK_AT_LEAST,
    CHECK_BELOW,
    CHECK_AT_MOST,
    CHECK_COMPARISON_COUNT
};

/* Their signs: ">" and so on. */
extern const char *const plan_comparison_signs[CHECK_COMPARISON_COUNT];

/* A check from outside. `{{version}}` and `{{service}}` in the texts of checks and hooks are
 * replaced when the plan is read. */
struct plan_check {
    enum check_kind kind;
    unsigned every_ms;
    char *url;                     /* PROMETHEUS: of the server, without /api */
    char *query;                   /* PROMETHEUS */
    enum check_comparison fail_if; /* PROMETHEUS: `fail: "> 0.01"` */
    double fail_limit;
    char **command; /* EXEC: words, ended by NULL */
    struct place place;
};

/* What hooks are called for. */
enum plan_event {
    PLAN_EVENT_STARTED,
    PLAN_EVENT_ADVANCED,
    PLAN_EVENT_PAUSED,
    PLAN_EVENT_RESUMED,
    PLAN_EVENT_ROLLED_BACK,
    PLAN_EVENT_PROMOTED,
    PLAN_EVENT_UNDONE,
    PLAN_EVENT_COUNT,
};

/* The words of `on`, by enum plan_event. */
extern const char *const plan_event_names[PLAN_EVENT_COUNT];

enum hook_kind { HOOK_WEBHOOK, HOOK_EXEC };

/* Who is told. */
struct plan_hook {
    enum hook_kind kind;
    char *url;      /* WEBHOOK */
    char **command; /* EXEC: words, ended by NULL */
    unsigned on;    /* set of 1 << enum plan_event */
    struct place place;
};

/* What is done when something is not as it should be. */
enum plan_act { PLAN_HOLD, PLAN_PAUSE, PLAN_ROLLBACK, PLAN_ACT_COUNT };

/* Their words. */
extern const char *const plan_act_names[PLAN_ACT_COUNT];

/* Owns what its checks and hooks point to; release with plan_free(). */
struct plan {
    char service[FS_NAME_MAX + 1];
    char version[FS_NAME_MAX + 1];
    struct plan_step steps[PLAN_MAX_STEPS];
    size_t step_count;
    uint64_t evidence; /* connections; default 500 */
    struct compare_rule rules[PLAN_MAX_RULES];
    size_t rule_count;
    struct plan_check checks[PLAN_MAX_CHECKS];
    size_t check_count;
    unsigned confidence_ppm;       /* of a verdict "worse", in millionths; default 990000 */
    enum plan_act on_worse;        /* ROLLBACK (default) or PAUSE */
    enum fs_live_flows live_flows; /* what a rollback does to the version's live flows */
    unsigned live_ms;
    unsigned no_traffic_ms;      /* after how long without; default 10m */
    enum plan_act on_no_traffic; /* PAUSE (default), ROLLBACK or HOLD */
    unsigned heartbeat_ms;       /* `lost_after`, default 10s */
    enum plan_act on_lost;       /* HOLD (default) or ROLLBACK, done by the kernel */
    unsigned soak_ms;            /* default 30m; 0s: none */
    struct plan_hook hooks[PLAN_MAX_HOOKS];
    size_t hook_count;
    struct place place, service_place, version_place;
};

/* Sets what a plan has whose file says nothing of it. */
void plan_defaults(struct plan *plan);
void plan_free(struct plan *plan);

/* The weight that a ramp gives after `from_bp` when all is well, at most its `to_bp`. What has
 * nothing yet begins with 0.01 % when it is to be doubled. */
unsigned plan_ramp_next(const struct plan_step *ramp, unsigned from_bp);

#define PLAN_WEIGHT_UNKNOWN (~0u)

/* How long a rollout takes at least, which begins when the version has `from_bp` or
 * PLAN_WEIGHT_UNKNOWN: all that is held, and each stage of the ramps. */
uint64_t plan_least_ms(const struct plan *plan, unsigned from_bp);

#endif
