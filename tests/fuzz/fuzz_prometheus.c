// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a Prometheus server's answer: one printable line, and a number only if there is one.
 * The first two bytes choose the comparison and the status. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "prometheus.h"

static void expect_finding(const struct finding *finding, const struct plan_check *check)
{
    bool fails = finding->value > check->fail_limit;

    EXPECT(finding->text[0] && strlen(finding->text) < ANSWER_TEXT_MAX);
    for (const char *at = finding->text; *at; at++)
        EXPECT(*at >= ' ' && *at <= '~');
    if (finding->answer == CHECK_NO_ANSWER)
        return;
    EXPECT(finding->answer == CHECK_GOOD || finding->answer == CHECK_BAD);
    EXPECT(!isnan(finding->value));
    if (check->fail_if == CHECK_AT_MOST || check->fail_if == CHECK_BELOW)
        fails = finding->value < check->fail_limit;
    if (finding->value != check->fail_limit)
        EXPECT(fails == (finding->answer == CHECK_BAD));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_check check = {.kind = CHECK_PROMETHEUS, .fail_limit = 0.01};
    struct finding finding;
    long status;

    if (size < 2)
        return 0;
    check.fail_if = (enum check_comparison)(data[0] % 4);
    status = data[1] % 4 ? 200 : 503;
    finding = prometheus_judge(&check, status, (const char *)data + 2, size - 2);
    EXPECT(status == 200 || finding.answer == CHECK_NO_ANSWER);
    expect_finding(&finding, &check);
    return 0;
}
