// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whatever of a journal has been written can be read: the controller may die at any line, and any
 * byte of one. */
#include "rollout_lines.h"
#include "temp_dir.h"

#include "journal.h"
#include "random.h"
#include "rollout_decide.h"

#define PLAN                                                                                 \
    STEPS_OF("    - set: {canary: 1%}\n    - pause\n    - set: {canary: 100%}\n")            \
    "  compare: [connect_failures <= baseline + 0.5%]\n  checks: [{exec: {command: [a]}}]\n" \
    "  notify: [{exec: {command: [b]}}]\n"

static int make(void **state)
{
    static struct temp_dir dir;

    temp_dir_make(&dir, "journal");
    *state = &dir;
    return 0;
}

static int clean(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

/* --- a story, as the controller writes it --- */

struct story {
    struct journal *journal;
    struct rollouts rollouts;
    struct rollout after[32]; /* as known after so many lines; plans are borrowed */
    size_t lines;
};

static struct rollout *web(struct story *story)
{
    return rollouts_find(&story->rollouts, "web");
}

static void write_line(struct story *story, json_t *line)
{
    struct error err = {{0}};

    assert_int_equal(journal_append(story->journal, line, &err), 0);
    lines_take(&story->rollouts, line);
    assert_true(++story->lines < COUNT(story->after));
    story->after[story->lines] = *web(story);
}

static void write_stage(struct story *story, size_t step, unsigned canary_bp)
{
    struct weight_set weights = two_weights(FS_BUCKETS - canary_bp, canary_bp);
    struct measure measure = {true, {canary_bp, step}, {9, 1}, 0, 0, 0.1};

    write_line(story, rollout_line_advancing(web(story), step, 0, &weights, canary_bp * 7,
                                             "goes on", "anna"));
    write_line(story, rollout_line_holding(web(story), &measure, canary_bp * 10, canary_bp * 20));
}

static void write_act(struct story *story, enum rollout_act act, const char *done)
{
    struct weight_set weights = web(story)->start;

    write_line(story, rollout_line_act(web(story), act, &weights, "enough", "ben"));
    write_line(story, rollout_line(web(story), done, NULL, NULL));
}

static void write_story(struct story *story)
{
    const struct finding finding = {.answer = CHECK_GOOD, .text = "exit status 0"};
    struct weight_set start = two_weights(10000, 0);
    struct plan_file contents;

    plan_text_accepted(PLAN, &contents);
    for (int i = 0; i < 2; i++) {
        write_line(story, rollout_line_started(&contents.plan, &start, "root"));
        write_stage(story, 0, 100);
        write_line(story, rollout_line_checked(web(story), 0, &finding));
        write_line(story, rollout_line(web(story), "paused", "for a decision", NULL));
        write_line(story, rollout_line_told(web(story), 0, web(story)->untold[1].line, true, ""));
        if (i == 0)
            write_act(story, ACT_ROLL_BACK, "rolled_back");
    }
    write_line(story, rollout_line(web(story), "resumed", "", "anna"));
    write_stage(story, 2, 10000);
    write_act(story, ACT_PROMOTE, "promoted");
    write_act(story, ACT_UNDO, "undone");
    plan_file_free(&contents);
}

static void assert_same(const struct rollout *a, const struct rollout *b)
{
    struct rollout left = *a, right = *b;

    left.plan = right.plan = (struct plan){0};
    for (size_t i = 0; i < ROLLOUT_UNTOLD_MAX; i++)
        left.untold[i].message = right.untold[i].message = NULL;
    assert_memory_equal(&left, &right, sizeof(left));
}

/* Cut off at, before and behind the ends of lines, and in some other places, it is the story up to
 * the last whole line. */
static void test_prefixes(void **state)
{
    struct story *story = test_calloc(1, sizeof(*story));
    struct error err = {{0}};
    size_t length, lines = 0;
    char *text;

    story->journal = journal_open(((struct temp_dir *)*state)->path, &err);
    assert_non_null(story->journal);
    write_story(story);
    journal_close(story->journal);
    text = temp_file_read(*state, &length);
    for (size_t cut = 0; cut <= length; cut++) {
        bool near_end = memchr(text + cut - (cut > 1) - (cut > 0), '\n', 3);
        struct rollouts read;

        lines += cut && text[cut - 1] == '\n';
        if (!near_end && cut % 101)
            continue;
        temp_file_write(*state, text, cut);
        assert_int_equal(rollouts_read(((struct temp_dir *)*state)->path, &read, &err), 0);
        assert_int_equal(read.lines, lines ? lines - 1 : 0);
        assert_int_equal(read.count, lines > 1);
        if (lines > 1)
            assert_same(rollouts_find(&read, "web"), &story->after[lines - 1]);
        rollouts_free(&read);
    }
    assert_int_equal(lines, story->lines + 1);
    assert_int_equal(story->after[lines - 1].state, ROLLOUT_UNDONE);
    free(text);
    rollouts_free(&story->rollouts);
    test_free(story);
}

/* --- any lines --- */

static json_t *random_value(struct rng *rng)
{
    static const char *const texts[] = {
        "",    "web",     "canary", "stable", "good",
        "bad", "advance", "x",      "ffff",   "2026-11-21T08:00:00.000Z"};
    static const json_int_t numbers[] = {0,  1,     2,         63,        64,
                                         -1, 10000, 1LL << 32, INT64_MIN, INT64_MAX};

    switch (rng_below(rng, 8)) {
    case 0:
        return json_null();
    case 1:
        return json_true();
    case 2:
        return json_real((double)rng_next(rng) / 1e9 - 1e3);
    case 3:
    case 4:
        return json_string(texts[rng_below(rng, COUNT(texts))]);
    default:
        return json_integer(numbers[rng_below(rng, COUNT(numbers))]);
    }
}

static json_t *random_part(struct rng *rng, unsigned depth)
{
    static const char *const keys[] = {
        "version",          "control", "base_rate", "canary", "stable",
        "version_limit_ns", "rollout", "a",         "b",      "c"};
    json_t *part;

    if (!depth || rng_below(rng, 3) == 0)
        return random_value(rng);
    part = rng_below(rng, 2) ? json_array() : json_object();
    for (uint32_t i = rng_below(rng, depth == 2 ? 40 : 4); i; i--)
        if (json_is_array(part))
            json_array_append_new(part, random_part(rng, depth - 1));
        else
            json_object_set_new(part, keys[rng_below(rng, COUNT(keys))],
                                random_part(rng, depth - 1));
    return part;
}

static json_t *random_line(struct rng *rng)
{
    static const char *const whats[] = {"started",     "advancing",    "holding",   "paused",
                                        "resumed",     "rolling_back", "promoting", "undoing",
                                        "rolled_back", "promoted",     "undone",    "checked",
                                        "soaked",      "told",         "dances"};
    static const char *const keys[] = {"weights_bp", "step",     "stage",       "seed",    "why",
                                       "who",        "measures", "connections", "by_hand", "check",
                                       "answer",     "text",     "time",        "plan",    "hook",
                                       "of",         "ok"};
    json_t *line = json_pack("{s:s, s:s}", "what", whats[rng_below(rng, COUNT(whats))], "service",
                             rng_below(rng, 9) ? "web" : "dns");

    for (uint32_t i = rng_below(rng, 10); i; i--)
        json_object_set_new(line, keys[rng_below(rng, COUNT(keys))], random_part(rng, 2));
    return line;
}

/* Whatever has been read, it can be shown and conducted. */
static void assert_sane(const struct rollout *rollout, struct rng *rng)
{
    struct situation situation = {.checks_good = rng_below(rng, 2),
                                  .compared = rng_below(rng, 2),
                                  .withdrawn = rng_below(rng, 2) ? "so" : NULL,
                                  .connections = rng_next(rng) >> rng_below(rng, 64),
                                  .held_ms = rng_next(rng) >> rng_below(rng, 64)};
    struct decision decision = rollout_decide(rollout, &situation);
    char buf[ROLLOUT_WHY_MAX];
    json_t *line;

    assert_in_range(decision.next, NEXT_NOTHING, NEXT_SOAKED);
    assert_true(decision.step < PLAN_MAX_STEPS && rollout->step < PLAN_MAX_STEPS);
    assert_true(rollout->wished.count <= FS_MAX_VERSIONS);
    assert_non_null(rollout_state_names[rollout->state]);
    assert_true(rollout_alpha(rollout) > 0);
    rollout_waits_for(rollout, &situation, buf, sizeof(buf));
    weight_set_text(&rollout->wished, buf, sizeof(buf));
    line = rollout_line_holding(rollout, rollout->measures, 1, 2);
    assert_non_null(line);
    json_decref(line);
}

static void test_random(void **state)
{
    struct rng rng = {20261121};
    struct weight_set start = two_weights(10000, 0);

    (void)state;
    for (int round = 0; round < 100; round++) {
        struct rollouts rollouts = {0};

        if (round)
            lines_start(&rollouts, PLAN, &start);
        for (int i = 0; i < 40; i++) {
            json_t *line = random_line(&rng);
            struct error err = {{0}};

            assert_true(!rollouts_take(&rollouts, line, &err) || *err.text);
            json_decref(line);
            for (size_t n = 0; n < rollouts.count; n++)
                assert_sane(rollouts.list[n], &rng);
        }
        rollouts_free(&rollouts);
    }
}

/* A journal that can't be read is no journal of no rollouts. */
static void test_broken(void **state)
{
    static const char text[] = "{\"flowsplit_journal\":1}\n{\"what\":\"started\"}\n";
    struct rollouts rollouts;
    struct error err = {{0}};

    temp_file_write(*state, text, sizeof(text) - 1);
    assert_true(rollouts_read(((struct temp_dir *)*state)->path, &rollouts, &err) < 0);
    assert_contains(err.text, "without a plan");
    rollouts_free(&rollouts);
}

#define IN_DIR(sentence, fn)            \
    {                                   \
        sentence, fn, make, clean, NULL \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_DIR("a journal cut off anywhere is the story up to the last whole line", test_prefixes),
        IN_DIR("a journal with a rollout without a plan is refused", test_broken),
        TEST("100 random journals are read, shown and conducted without harm", test_random),
    };

    return cmocka_run_group_tests_name("journals of rollouts", tests, NULL, NULL);
}
