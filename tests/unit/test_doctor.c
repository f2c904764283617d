// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a doctor says: findings as text and as JSON, and the verifier's words. */
#include "unit.h"

#include <stdlib.h>

#include "report.h"
#include "trial.h"

static struct report three(void)
{
    struct report report = {0};

    report_add(&report, "kernel", LEVEL_GOOD, "Linux %s", "6.1");
    report_add(&report, "accept_local", LEVEL_DEGRADED, "eth0");
    report_remedy(&report, "sysctl -w %s", "x=1");
    report_add(&report, "BTF", LEVEL_FAILING, "none");
    report_remedy(&report, "another kernel");
    return report;
}

static void assert_printed(const struct report *report, bool problems_only, const char *wanted)
{
    char *text = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);

    report_print(report, problems_only, file);
    fclose(file);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_text(void **state)
{
    struct report report = three();

    (void)state;
    setenv("NO_COLOR", "1", 1);
    assert_printed(&report, false,
                   "good      kernel       Linux 6.1\n"
                   "degraded  accept_local eth0\n"
                   "                       -> sysctl -w x=1\n"
                   "failing   BTF          none\n"
                   "                       -> another kernel\n"
                   "1 good, 1 degraded, 1 failing\n");
    assert_printed(&report, true,
                   "degraded  accept_local eth0\n"
                   "                       -> sysctl -w x=1\n"
                   "failing   BTF          none\n"
                   "                       -> another kernel\n"
                   "1 good, 1 degraded, 1 failing\n");
    report_free(&report);
    assert_printed(&report, false, "0 good, 0 degraded, 0 failing\n");
}

static void test_json(void **state)
{
    struct report report = three();
    json_t *json = report_json(&report);
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);

    (void)state;
    assert_string_equal(
        text, "{\"findings\":["
              "{\"check\":\"kernel\",\"level\":\"good\",\"text\":\"Linux 6.1\",\"remedy\":\"\"},"
              "{\"check\":\"accept_local\",\"level\":\"degraded\",\"text\":\"eth0\","
              "\"remedy\":\"sysctl -w x=1\"},"
              "{\"check\":\"BTF\",\"level\":\"failing\",\"text\":\"none\","
              "\"remedy\":\"another kernel\"}],\"failing\":1,\"degraded\":1}");
    free(text);
    json_decref(json);
    report_free(&report);
}

/* Names of programs and interfaces are others' choice. */
static void test_foreign(void **state)
{
    struct report report = {0};
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    report_add(&report, "holder", LEVEL_GOOD, "a\033[2Jb\n%s", "\xff\xfe");
    assert_string_equal(report.findings[0].text, "a [2Jb ??");
    report_add(&report, "holder", LEVEL_GOOD, "%s", text);
    assert_true(strlen(report.findings[1].text) < sizeof(report.findings[1].text));
    report_free(&report);
}

static void test_many(void **state)
{
    struct report report = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        report_add(&report, "backend", LEVEL_FAILING, "%d", i);
    assert_int_equal(report.count, 1000);
    assert_int_equal(report.of[LEVEL_FAILING], 1000);
    assert_string_equal(report.findings[999].text, "999");
    report_free(&report);
}

static void assert_complaint(const char *log, const char *wanted)
{
    char complaint[256];

    trial_complaint(log, complaint);
    assert_string_equal(complaint, wanted);
}

static void test_complaint(void **state)
{
    (void)state;
    assert_complaint("", "");
    assert_complaint("\n\n", "");
    assert_complaint("0: (85) call bpf_x#1\nunknown func bpf_x#1\nprocessed 1 insns (limit 1)\n",
                     "unknown func bpf_x#1");
    assert_complaint("unknown func bpf_x#1\nmore of it\n", "unknown func bpf_x#1");
    assert_complaint("R1 invalid mem access 'scalar'\nprocessed 2 insns\n",
                     "R1 invalid mem access 'scalar'");
    assert_complaint("without an end", "without an end");
    assert_complaint("processed 2 insns", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("findings are aligned, with remedies below and sums at the end", test_text),
        TEST("findings are JSON with sums", test_json),
        TEST("what others have named steers no terminal and fits", test_foreign),
        TEST("there is room for many findings", test_many),
        TEST("of the verifier's words the one that says why is kept", test_complaint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
