// SPDX-License-Identifier: GPL-2.0-only
/* The control: as many of the baseline's buckets as the version has, each set as likely as any
 * other. */
#include "arena_model.h"

#include <errno.h>
#include <math.h>

#include "change_control.h"

enum { STABLE = 3, CANARY = 7 };

static bool nowhere(const struct fs_endpoint *at)
{
    (void)at;
    return false;
}

static struct change change_of(struct model *model)
{
    return (struct change){.model = model, .is_local = nowhere, .notes = stderr};
}

/* `web`, whose canary has this weight; its model. */
static struct model *web(unsigned canary_bp)
{
    struct model *model = read_model();
    int number = add_service(model, "web", v4(0x0a000001, 80));
    struct fs_endpoint at[] = {v4(0x0a00000b, 8080), v4(0x0a00000c, 8080)};
    struct draft *draft = model_draft(model, (uint32_t)number);

    draft->baseline = STABLE;
    snprintf(draft->versions[STABLE].name, FS_NAME_MAX, "stable");
    snprintf(draft->versions[CANARY].name, FS_NAME_MAX, "canary");
    add_version(model, number, STABLE, FS_BUCKETS - canary_bp, &at[0], 1);
    add_version(model, number, CANARY, canary_bp, &at[1], 1);
    publish(model);
    return read_model();
}

static struct draft *choose(struct model *model, uint64_t seed)
{
    struct change change = change_of(model);
    struct error err = {{0}};

    if (change_control(&change, "web", "canary", seed, &err))
        fail_msg("%s", err.text);
    return model_draft(model, 0);
}

static void set_canary(struct model *model, unsigned canary_bp)
{
    struct change change = change_of(model);
    struct named_weight weight = {.version = "canary", .weight_bp = canary_bp};
    struct error err = {{0}};

    if (change_set(&change, "web", &weight, 1, &err))
        fail_msg("%s", err.text);
}

static unsigned count(const struct draft *draft, bool only_strangers)
{
    unsigned found = 0;

    for (int i = 0; i < FS_BUCKETS; i++)
        found +=
            draft->in_control[i] && (!only_strangers || draft->buckets[i].owner != draft->baseline);
    return found;
}

static void test_as_many(void **state)
{
    static const unsigned weights[] = {1, 100, 2500, 4999, 5000};

    (void)state;
    for (size_t i = 0; i < COUNT(weights); i++) {
        struct model *model;
        struct draft *draft;

        model_setup(NULL);
        model = web(weights[i]);
        draft = choose(model, 42 + i);
        assert_int_equal(control_buckets(draft), weights[i]);
        assert_int_equal(count(draft, false), weights[i]);
        assert_int_equal(count(draft, true), 0);
        assert_true(model->changed && model->services[0].changed);
        model_free(model);
        model_teardown(NULL);
    }
}

static void test_too_few(void **state)
{
    struct model *model = web(9990);
    struct draft *draft = choose(model, 1);

    (void)state;
    assert_int_equal(control_buckets(draft), 10);
    assert_int_equal(count(draft, true), 0);
    set_canary(model, 10000);
    choose(model, 1);
    assert_int_equal(control_buckets(draft), 0);
    assert_int_equal(count(draft, false), 0);
    set_canary(model, 0);
    choose(model, 1);
    assert_int_equal(control_buckets(draft), 0);
    assert_int_equal(count(draft, false), 0);
    model_free(model);
}

static void test_seed(void **state)
{
    struct model *model = web(1000);
    struct draft *draft = choose(model, 4711);
    bool first[FS_BUCKETS];

    (void)state;
    memcpy(first, draft->in_control, sizeof(first));
    choose(model, 4712);
    assert_memory_not_equal(first, draft->in_control, sizeof(first));
    choose(model, 4711);
    assert_memory_equal(first, draft->in_control, sizeof(first));
    model_free(model);
}

/* Each bucket as often as any other, and two neighbours together as often as they should be. */
static void test_uniform(void **state)
{
    enum { SEEDS = 900, OWN = 9000, WANTED = 1000 };
    struct model *model = web(WANTED);
    const double p = (double)WANTED / OWN, pair = p * (WANTED - 1) / (OWN - 1);
    static unsigned chosen[FS_BUCKETS];
    double square = 0, pairs = 0, chances = 0;
    struct draft *draft;

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        draft = choose(model, seed);
        for (int i = 0; i < FS_BUCKETS; i++) {
            bool both_own =
                i && draft->buckets[i].owner == STABLE && draft->buckets[i - 1].owner == STABLE;

            chosen[i] += draft->in_control[i];
            pairs += draft->in_control[i] && i && draft->in_control[i - 1];
            chances += both_own;
        }
    }
    for (int i = 0; i < FS_BUCKETS; i++)
        if (model_draft(model, 0)->buckets[i].owner == STABLE)
            square += pow(chosen[i] - SEEDS * p, 2) / (SEEDS * p * (1 - p));
        else
            assert_int_equal(chosen[i], 0);
    assert_true(fabs(square - OWN) < 5 * sqrt(2.0 * OWN));
    assert_true(fabs(pairs - chances * pair) < 5 * sqrt(chances * pair));
    model_free(model);
}

/* --- what is published --- */

static unsigned published(void)
{
    const struct fs_table *table = table_of(service_at(directory_now(), 0));
    unsigned bits = 0;

    for (int i = 0; i < FS_BUCKETS; i++) {
        bits += (table->owner[i] & FS_OWNER_CONTROL) != 0;
        if (table->owner[i] & FS_OWNER_CONTROL)
            assert_int_equal(table->owner[i] & FS_OWNER_VERSION, STABLE);
    }
    return bits;
}

static void test_leaves(void **state)
{
    struct model *model = web(1000);
    unsigned left;

    (void)state;
    choose(model, 5);
    publish(model);
    assert_int_equal(published(), 1000);
    model = read_model();
    assert_int_equal(control_buckets(model_draft(model, 0)), 1000);
    set_canary(model, 4000);
    left = control_buckets(model_draft(model, 0));
    assert_in_range(left, 550, 780); /* two thirds */
    publish(model);
    assert_int_equal(published(), left);
    model = read_model();
    set_canary(model, 1000); /* what comes back is in it no more */
    assert_int_equal(control_buckets(model_draft(model, 0)), left);
    publish(model);
    assert_int_equal(published(), left);
}

static void test_slot(void **state)
{
    struct model *model = web(1000);
    struct draft *draft = choose(model, 5);
    uint32_t slot = draft->control;
    struct error err = {{0}};
    struct change change;

    (void)state;
    assert_true(slot < FS_HEALTH_SLOTS && draft->control_new);
    choose(model, 6);
    assert_int_equal(draft->control, slot);
    publish(model);

    model = read_model();
    draft = choose(model, 7);
    assert_int_equal(draft->control, slot);
    assert_false(draft->control_new); /* goes on counting */
    assert_int_not_equal(model_health_take(model), slot);
    change = change_of(model);
    assert_int_equal(change_control_end(&change, "web", &err), 0);
    assert_int_equal(draft->control, FS_NO_HEALTH);
    assert_int_equal(control_buckets(draft), 0);
    publish(model);
    assert_int_equal(published(), 0);

    model = read_model();
    change = change_of(model);
    assert_int_equal(change_control_end(&change, "web", &err), 0);
    assert_false(model->changed);
    assert_int_equal(model_health_take(model), slot);
    model_free(model);
}

static void test_refused(void **state)
{
    struct model *model = web(1000);
    struct change change = change_of(model);
    struct error err = {{0}};

    (void)state;
    assert_int_equal(change_control(&change, "dns", "canary", 1, &err), -ENOENT);
    assert_true(change_control(&change, "web", "beta", 1, &err) < 0);
    assert_contains(err.text, "beta");
    assert_int_equal(change_control_end(&change, "dns", &err), -ENOENT);
    while (model_health_take(model) != FS_NO_HEALTH)
        ;
    assert_int_equal(change_control(&change, "web", "canary", 1, &err), -ENOSPC);
    assert_contains(err.text, "one too many to be observed");
    assert_false(model->changed);
    model_free(model);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("it has as many buckets as the version, of the baseline's only", test_as_many),
        MODEL("where the baseline has fewer, it has all of them", test_too_few),
        MODEL("a seed always chooses the same", test_seed),
        MODEL("over all seeds, each bucket and each two are chosen alike", test_uniform),
        MODEL("a bucket that leaves the baseline leaves the control for good", test_leaves),
        MODEL("its slot is kept as long as there is a control, and freed then", test_slot),
        MODEL("unknown names, and one control too many, are refused", test_refused),
    };

    return cmocka_run_group_tests_name("the control", tests, NULL, NULL);
}
