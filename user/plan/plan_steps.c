// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the steps of a plan. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "plan_read.h"
#include "quote.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct doc_times hold_times = {0, 7 * 24 * 3600 * 1000, "0s to 7d"};
static const struct doc_times every_times = {1000, 7 * 24 * 3600 * 1000, "1s to 7d"};

/* A step that is being read. */
struct reading {
    struct plan_step *step;
    bool has_set, has_ramp;
};

/* Is this a mapping with one key, and that? */
static bool is_only_key(const struct doc_at *at, const char *name)
{
    struct error nowhere;
    struct doc_at mapping = *at, key;
    const char *text;
    size_t count;

    mapping.err = &nowhere;
    if (doc_pairs(&mapping, name, 1, &count) || count != 1)
        return false;
    key = doc_pair_key(&mapping, 0);
    return !doc_text(&key, name, &text) && strcmp(text, name) == 0;
}

/* --- set --- */

static int read_set_weight(const struct doc_at *key, const struct doc_at *value,
                           struct plan_step *step)
{
    struct plan_weight *weight = &step->weights[step->weight_count];
    int ret = doc_name(key, "version name", weight->version);

    if (ret)
        return ret;
    weight->place = doc_place(key);
    for (size_t i = 0; i < step->weight_count; i++)
        if (strcmp(step->weights[i].version, weight->version) == 0)
            return place_refuse(weight->place, key->err,
                                "version \"%s\" stands twice in set; once is allowed",
                                weight->version);
    step->weight_count++;
    return doc_weight(value, "weight", &weight->weight_bp);
}

static int check_sum(const struct doc_at *at, const struct plan_step *step)
{
    unsigned sum = 0;
    char text[16];

    for (size_t i = 0; i < step->weight_count; i++)
        sum += step->weights[i].weight_bp;
    if (sum <= FS_BUCKETS)
        return 0;
    return place_refuse(doc_place(at), at->err,
                        "the weights in set come to %s; at most 100%% is allowed",
                        format_weight(sum, text));
}

static int read_set(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    size_t count;
    int ret = doc_pairs(at, "set", FS_MAX_VERSIONS, &count);

    reading->has_set = true;
    reading->step->kind = STEP_SET;
    if (ret)
        return ret;
    if (!count)
        return place_refuse(doc_place(at), at->err,
                            "set names no version; write it like {canary: 5%%}");
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at key = doc_pair_key(at, i), value = doc_pair_value(at, i);

        ret = read_set_weight(&key, &value, reading->step);
    }
    return ret ? ret : check_sum(at, reading->step);
}

static int read_hold(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    if (!reading->has_set)
        return place_refuse(doc_place(at), at->err,
                            "hold is for a set; a ramp holds each weight for the time `every`");
    return doc_time(at, "hold", &hold_times, &reading->step->hold_ms);
}

/* --- ramp --- */

/* A share that isn't nothing, as a text on its own. */
static int parse_part(const struct doc_at *at, const char *what, const char *text, unsigned *bp)
{
    struct error why;

    if (parse_weight(text, bp, &why))
        return place_refuse(doc_place(at), at->err, "%s: %s", what, why.text);
    if (!*bp)
        return place_refuse(doc_place(at), at->err,
                            "%s %s is out of range; 0.01%% to 100%% is allowed", what,
                            quote(text).text);
    return 0;
}

static int read_part(const struct doc_at *at, const char *what, unsigned *bp)
{
    const char *text;
    int ret = doc_text(at, what, &text);

    return ret ? ret : parse_part(at, what, text, bp);
}

static int read_to(const struct doc_at *at, void *into)
{
    return read_part(at, "to", &((struct plan_step *)into)->to_bp);
}

static int read_up(const struct doc_at *at, void *into)
{
    return read_part(at, "up", &((struct plan_step *)into)->up_bp);
}

static int read_down(const struct doc_at *at, void *into)
{
    return read_part(at, "down", &((struct plan_step *)into)->down_bp);
}

/* {up: 10%, down: 5%} */
static int read_adaptive(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {{"up", read_up, true}, {"down", read_down, true}};

    return doc_mapping(at, "adaptive", keys, COUNT(keys), into);
}

/* {adaptive: {up: 10%, down: 5%}}, or without the word, which is how the form without quotes comes
 * from doc_load(). */
static int read_by_mapping(const struct doc_at *at, struct plan_step *step)
{
    static const struct doc_key keys[] = {{"adaptive", read_adaptive, true}};

    step->by = RAMP_ADAPTIVE;
    if (is_only_key(at, "adaptive"))
        return doc_mapping(at, "by", keys, COUNT(keys), step);
    return read_adaptive(at, step);
}

/* "adaptive {up: 10%, down: 5%}" */
static int read_adaptive_text(const struct doc_at *at, const char *text, struct plan_step *step)
{
    char up[16], down[16];
    int end = 0, ret;

    sscanf(text, "adaptive { up : %15[^,} ] , down : %15[^,} ] }%n", up, down, &end);
    if (!end || text[end])
        return place_refuse(doc_place(at), at->err,
                            "by %s is not understood; write it like adaptive {up: 10%%, down: 5%%}",
                            quote(text).text);
    step->by = RAMP_ADAPTIVE;
    ret = parse_part(at, "up", up, &step->up_bp);
    return ret ? ret : parse_part(at, "down", down, &step->down_bp);
}

static int read_by(const struct doc_at *at, void *into)
{
    struct plan_step *step = into;
    const char *text;
    int ret;

    if (doc_kind(at) == DOC_MAPPING)
        return read_by_mapping(at, step);
    ret = doc_text(at, "by", &text);
    if (ret)
        return ret;
    if (strncmp(text, "adaptive", 8) == 0)
        return read_adaptive_text(at, text, step);
    step->by = *text == '+' ? RAMP_PLUS : RAMP_DOUBLE;
    if (step->by == RAMP_PLUS)
        return parse_part(at, "by", text + 1, &step->up_bp);
    if (strcmp(text, "double") == 0)
        return 0;
    return place_refuse(doc_place(at), at->err,
                        "by %s is unknown; known: double, +SHARE (as in +5%%), adaptive {up: "
                        "SHARE, down: SHARE}",
                        quote(text).text);
}

static int read_every(const struct doc_at *at, void *into)
{
    return doc_time(at, "every", &every_times, &((struct plan_step *)into)->every_ms);
}

static int read_ramp(const struct doc_at *at, void *into)
{
    static const struct doc_key keys[] = {
        {"to", read_to, true}, {"by", read_by, true}, {"every", read_every, true}};
    struct reading *reading = into;

    if (reading->has_set)
        return place_refuse(doc_place(at), at->err,
                            "a step has a set already; a ramp needs a step of its own");
    reading->has_ramp = true;
    reading->step->kind = STEP_RAMP;
    return doc_mapping(at, "ramp", keys, COUNT(keys), reading->step);
}

/* --- steps --- */

static int read_word(const struct doc_at *at, struct plan_step *step)
{
    const char *text;
    int ret = doc_text(at, "a step", &text);

    if (ret)
        return ret;
    step->kind = STEP_PAUSE;
    if (strcmp(text, "pause") == 0)
        return 0;
    return place_refuse(doc_place(at), at->err,
                        "step %s is unknown; known: set: {VERSION: WEIGHT}, ramp: {to: WEIGHT, by: "
                        "HOW, every: TIME}, pause",
                        quote(text).text);
}

static int read_step(const struct doc_at *at, struct plan_step *step)
{
    /* The order matters: hold and ramp look at what stands above. */
    static const struct doc_key keys[] = {
        {"set", read_set, false}, {"ramp", read_ramp, false}, {"hold", read_hold, false}};
    struct reading reading = {.step = step};
    int ret;

    step->place = doc_place(at);
    if (doc_kind(at) == DOC_TEXT)
        return read_word(at, step);
    if (is_only_key(at, "pause"))
        return place_refuse(step->place, at->err,
                            "a pause is a word without a colon; write it like - pause");
    ret = doc_mapping(at, "a step", keys, COUNT(keys), &reading);
    if (!ret && !reading.has_set && !reading.has_ramp)
        ret =
            place_refuse(step->place, at->err, "a step without set, ramp or pause; one is needed");
    return ret;
}

/* Does the version ever get anything? */
static bool gives_weight(const struct plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];

        if (step->kind == STEP_RAMP)
            return true;
        for (size_t w = 0; w < step->weight_count; w++)
            if (step->weights[w].weight_bp && strcmp(step->weights[w].version, plan->version) == 0)
                return true;
    }
    return false;
}

int plan_read_steps(const struct doc_at *at, struct plan *plan)
{
    size_t count;
    int ret = doc_list(at, "steps", PLAN_MAX_STEPS, &count);

    if (ret)
        return ret;
    if (!count)
        return place_refuse(doc_place(at), at->err, "steps is an empty list; 1 to %d are allowed",
                            PLAN_MAX_STEPS);
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        ret = read_step(&item, &plan->steps[plan->step_count++]);
    }
    if (!ret && !gives_weight(plan))
        ret = place_refuse(doc_place(at), at->err,
                           "no step gives version \"%s\" a weight; a rollout needs one that does",
                           plan->version);
    return ret;
}
