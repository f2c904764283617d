/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Texts of files for the tests of plan_file.h. */
#ifndef FLOWSPLIT_UNIT_PLAN_TEXT_H
#define FLOWSPLIT_UNIT_PLAN_TEXT_H

#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "plan_file.h"

/* A rollout in lines 1 to 4; what is added begins in line 5. */
#define PLAN_HEAD  "rollout:\n  service: web\n  version: canary\n"
#define PLAN_STEPS PLAN_HEAD "  steps: [{set: {canary: 1%}}]\n"

/* A rollout whose steps begin in line 5. */
#define STEPS_OF(steps) PLAN_HEAD "  steps:\n" steps

static inline int plan_text_read(const char *text, struct plan_file *out, struct error *err)
{
    FILE *stream = fmemopen((void *)text, strlen(text), "r");
    int ret;

    assert_non_null(stream);
    ret = plan_file_read(stream, "f", out, err);
    fclose(stream);
    return ret;
}

/* Reads a text, which must be fine. */
static inline void plan_text_accepted(const char *text, struct plan_file *out)
{
    struct error err = {{0}};
    int ret = plan_text_read(text, out, &err);

    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
}

/* A thing that is refused, a file with it, and the message. */
struct plan_refusal {
    const char *thing, *text, *message;
};

static inline void plan_text_refused(void **state)
{
    const struct plan_refusal *refusal = *state;
    struct plan_file contents = {.has_plan = true};
    struct error err = {{0}};

    assert_int_equal(plan_text_read(refusal->text, &contents, &err), -EINVAL);
    assert_string_equal(err.text, refusal->message);
    assert_false(contents.has_plan);
    assert_int_equal(contents.plan.step_count, 0);
}

/* Defines main(): a test for each of an array of struct plan_refusal. */
#define PLAN_REFUSALS_MAIN(name, refusals)                                            \
    int main(void)                                                                    \
    {                                                                                 \
        struct CMUnitTest tests[COUNT(refusals)];                                     \
        char sentences[COUNT(refusals)][80];                                          \
                                                                                      \
        for (size_t i = 0; i < COUNT(refusals); i++) {                                \
            snprintf(sentences[i], sizeof(sentences[i]), "a plan with %s is refused", \
                     refusals[i].thing);                                              \
            tests[i] = (struct CMUnitTest)TEST_ROW(sentences[i], plan_text_refused,   \
                                                   (void *)&refusals[i]);             \
        }                                                                             \
        return cmocka_run_group_tests_name(name, tests, NULL, NULL);                  \
    }

#endif
