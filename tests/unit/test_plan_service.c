// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Plans against services: what can be carried out, and what is refused with which words. */
#include "plan_text.h"

#include <netinet/in.h>

#include "plan_service.h"

/* Three versions; of `new` no backend is up yet, and `old` only drains. */
static const struct plan_service web = {
    .name = "web",
    .versions = {{"stable", true, true, 9000},
                 {"", false, false, 0},
                 {"canary", true, true, 500},
                 {"old", false, false, 0},
                 {"beta", true, true, 500},
                 {"new", true, false, 0}},
    .version_count = 6,
    .baseline = 0,
    .proto = IPPROTO_TCP,
    .http = true,
    .local = true,
};

static int check(const char *text, const struct plan_service *service, struct error *err)
{
    struct plan_file contents;
    int ret;

    plan_text_accepted(text, &contents);
    ret = plan_check(&contents.plan, service, err);
    plan_file_free(&contents);
    return ret;
}

/* --- what can be carried out --- */

static char *const fits[] = {
    /* stable takes the rest, also what canary gives back */
    STEPS_OF("    - set: {canary: 95%}\n    - set: {canary: 0%}\n    - set: {canary: 95%}\n"),
    /* beta keeps its 5 % until it is named */
    STEPS_OF("    - set: {canary: 95%}\n    - set: {canary: 100%, beta: 0%}\n"),
    /* stable named: 100 % in all */
    STEPS_OF("    - set: {stable: 70%, canary: 30%, beta: 0%}\n"
             "    - set: {stable: 34%, canary: 33%, beta: 33%}\n    - pause\n"
             "    - set: {canary: 67%}\n"),
    STEPS_OF("    - ramp: {to: 5.01%, by: double, every: 1m}\n"
             "    - ramp: {to: 95%, by: +10%, every: 1m}\n"),
    STEPS_OF("    - set: {new: 0%, canary: 1%}\n"),
    PLAN_STEPS "  compare: [http_5xx <= baseline + 1%, retransmits <= 2x baseline + 1%]\n",
};

static void test_fits(void **state)
{
    struct error err = {{0}};
    int ret = check(*state, &web, &err);

    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
}

/* --- what can't --- */

static const struct plan_refusal misfits[] = {
    {"an unknown version", "rollout: {service: web, version: blue, steps: [set: {blue: 5%}]}\n",
     "f:1:34: service \"web\" has no version \"blue\"; it has stable, canary, beta, new"},
    {"a version that only drains",
     "rollout: {service: web, version: old, steps: [set: {old: 5%}]}\n",
     "f:1:34: service \"web\" has no version \"old\"; it has stable, canary, beta, new"},
    {"the baseline as version",
     "rollout: {service: web, version: stable, steps: [set: {stable: 100%}]}\n",
     "f:1:34: version \"stable\" is the baseline of service \"web\", which the rollout of another "
     "one is compared with; a rollout is for another version"},
    {"an unknown version in a step",
     STEPS_OF("    - set: {canary: 5%}\n    - set: {canary: 5%, gamma: 5%}\n"),
     "f:6:25: service \"web\" has no version \"gamma\"; it has stable, canary, beta, new"},
    {"weights over 100 % with one that is kept",
     STEPS_OF("    - set: {canary: 95%}\n    - set: {canary: 95.01%}\n"),
     "f:6:7: step 2: the weights of service \"web\", with those kept, come to 100.01%; at most "
     "100% "
     "can be given, and the baseline \"stable\" takes the rest"},
    {"weights over 100 % with one of an earlier step",
     STEPS_OF("    - set: {beta: 50%}\n    - pause\n    - set: {canary: 51%}\n"),
     "f:7:7: step 3: the weights of service \"web\", with those kept, come to 101%; at most 100% "
     "can be given, and the baseline \"stable\" takes the rest"},
    {"the baseline named and less than 100 %", STEPS_OF("    - set: {stable: 90%, canary: 4%}\n"),
     "f:5:7: step 1: the weights of service \"web\", with those kept, come to 99%; with the "
     "baseline \"stable\" named they must come to 100%"},
    {"a ramp over 100 %", STEPS_OF("    - ramp: {to: 96%, by: double, every: 1m}\n"),
     "f:5:7: step 1: the weights of service \"web\", with those kept, come to 101%; at most 100% "
     "can be given, and the baseline \"stable\" takes the rest"},
    {"a ramp to where it begins", STEPS_OF("    - ramp: {to: 5%, by: double, every: 1m}\n"),
     "f:5:7: step 1: a ramp to 5%, but version \"canary\" has 5% by then; a ramp to more is "
     "allowed"},
    {"a ramp down",
     STEPS_OF("    - ramp: {to: 50%, by: double, every: 1m}\n"
              "    - ramp: {to: 20%, by: double, every: 1m}\n"),
     "f:6:7: step 2: a ramp to 20%, but version \"canary\" has 50% by then; a ramp to more is "
     "allowed"},
    {"weight for a version without backends", STEPS_OF("    - set: {canary: 5%, new: 1%}\n"),
     "f:5:7: step 1: version \"new\" of service \"web\" would get 1%, but has no backends"},
};

static void refuses(const char *text, const struct plan_service *service, const char *message)
{
    struct error err = {{0}};

    assert_int_equal(check(text, service, &err), -EINVAL);
    assert_string_equal(err.text, message);
}

static void test_misfit(void **state)
{
    const struct plan_refusal *misfit = *state;

    refuses(misfit->text, &web, misfit->message);
}

static void test_empty_baseline(void **state)
{
    struct plan_service service = web;
    struct error err;

    (void)state;
    service.versions[0] = (struct plan_version){"stable", true, false, 0};
    service.versions[2].weight_bp = 9500;
    assert_int_equal(check(STEPS_OF("    - set: {canary: 95%}\n"), &service, &err), 0);
    refuses(STEPS_OF("    - set: {canary: 94%}\n"), &service,
            "f:5:7: step 1: version \"stable\" of service \"web\" would get 1%, but has no "
            "backends");
    service.versions[2].weight_bp = 500;
    refuses(STEPS_OF("    - ramp: {to: 95%, by: +50%, every: 1m}\n"), &service,
            "f:5:7: step 1: version \"stable\" of service \"web\" would get 40%, but has no "
            "backends");
}

static void test_unobserved(void **state)
{
    struct plan_service service = web;

    (void)state;
    service.http = false;
    refuses(PLAN_STEPS "  compare: [resets <= baseline, http_5xx <= baseline + 1%]\n", &service,
            "f:5:33: rule http_5xx <= baseline + 1% can't be observed on service \"web\": "
            "responses are read only with http: true in the service");
    service.local = false;
    refuses(PLAN_STEPS "  compare: [retransmits <= 2x baseline]\n", &service,
            "f:5:13: rule retransmits <= 2x baseline can't be observed on service \"web\": it "
            "needs sockets of both versions' backends on this host");
    service.proto = IPPROTO_UDP;
    refuses(PLAN_STEPS "  compare: [resets <= baseline]\n", &service,
            "f:5:13: rule resets <= baseline can't be observed on service \"web\": its VIP is "
            "UDP, and signals are seen in TCP only");
}

/* --- with the services in the same file --- */

#define SERVICES                                                            \
    "services:\n"                                                           \
    "  - {name: web, vip: 10.0.0.1:80/tcp, baseline: stable, versions: [\n" \
    "      {name: stable, backends: [10.0.0.2:80]},\n"                      \
    "      {name: canary, weight: 5%, backends: [10.0.0.3:80]},\n"          \
    "      {name: new, weight: 0%, backends: []}]}\n"
#define ROLLOUT(service, step) \
    "rollout: {service: " service ", version: canary, steps: [" step "]}\n"

static void test_together(void **state)
{
    struct plan_file contents;

    (void)state;
    plan_text_accepted(SERVICES ROLLOUT("web", "set: {canary: 100%}"), &contents);
    assert_true(contents.has_spec && contents.has_plan);
    assert_int_equal(contents.spec.service_count, 1);
    plan_file_free(&contents);
    plan_text_accepted(ROLLOUT("web", "set: {canary: 100%}") SERVICES, &contents);
    assert_true(contents.has_spec && contents.has_plan);
    plan_file_free(&contents);
    plan_text_accepted(ROLLOUT("web", "set: {canary: 100%}"), &contents);
    assert_false(contents.has_spec);
    plan_file_free(&contents);
}

static void refuses_both(const char *text, const char *message)
{
    struct plan_file contents;
    struct error err = {{0}};

    assert_int_equal(plan_text_read(text, &contents, &err), -EINVAL);
    assert_string_equal(err.text, message);
    assert_false(contents.has_spec || contents.has_plan);
}

static void test_not_together(void **state)
{
    (void)state;
    refuses_both(SERVICES ROLLOUT("api", "set: {canary: 100%}"),
                 "f:6:20: service \"api\" is none of this file's services; it has web");
    refuses_both("services: []\n" ROLLOUT("api", "set: {canary: 100%}"),
                 "f:2:20: service \"api\" is none of this file's services; it has none");
    refuses_both(SERVICES ROLLOUT("web", "ramp: {to: 5%, by: double, every: 1m}"),
                 "f:6:50: step 1: a ramp to 5%, but version \"canary\" has 5% by then; a ramp to "
                 "more is allowed");
    refuses_both(SERVICES ROLLOUT("web", "set: {canary: 5%, new: 1%}"),
                 "f:6:50: step 1: version \"new\" of service \"web\" would get 1%, but has no "
                 "backends");
    refuses_both(SERVICES "rollout: {}\n",
                 "f:6:10: key \"service\" is missing in a rollout; required keys: service, "
                 "version, steps");
}

/* What `apply` wants. */
static void test_spec_alone(void **state)
{
    struct plan_file contents;
    struct error err = {{0}};
    struct spec spec;

    (void)state;
    plan_text_accepted(SERVICES ROLLOUT("web", "set: {canary: 100%}"), &contents);
    assert_int_equal(plan_file_take_spec(&contents, &spec, &err), 0);
    assert_int_equal(spec.service_count, 1);
    assert_int_equal(contents.spec.service_count, 0);
    spec_free(&spec);
    plan_text_accepted(ROLLOUT("web", "set: {canary: 100%}"), &contents);
    assert_int_equal(plan_file_take_spec(&contents, &spec, &err), -EINVAL);
    assert_string_equal(err.text, "f:1:10: the file has a rollout but no services; a rollout is "
                                  "carried out by `flowsplit run`");
    assert_int_equal(spec.service_count, 0);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        TEST("a baseline without backends can't take a rest", test_empty_baseline),
        TEST("a rule that nothing can feed is refused", test_unobserved),
        TEST("a file may have services and a rollout of one of them", test_together),
        TEST("a rollout is checked against the services of its file", test_not_together),
        TEST("whoever wants services only refuses a file without", test_spec_alone),
    };
    struct CMUnitTest tests[COUNT(others) + COUNT(fits) + COUNT(misfits)];
    char sentences[COUNT(misfits)][80];
    size_t count = COUNT(others);

    memcpy(tests, others, sizeof(others));
    for (size_t i = 0; i < COUNT(fits); i++)
        tests[count++] = (struct CMUnitTest)TEST_ROW("a plan that can be carried out is accepted",
                                                     test_fits, fits[i]);
    for (size_t i = 0; i < COUNT(misfits); i++) {
        snprintf(sentences[i], sizeof(sentences[i]), "a plan with %s is refused", misfits[i].thing);
        tests[count++] =
            (struct CMUnitTest)TEST_ROW(sentences[i], test_misfit, (void *)&misfits[i]);
    }
    return cmocka_run_group_tests_name("plans and services", tests, NULL, NULL);
}
