// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any text as a rule of a guard: refused with a message and a column that is in the text, or a rule
 * within its bounds that reads back as written. */
#include <string.h>

#include "fuzz.h"
#include "rule.h"
#include "rule_message.h"

enum { TEXT_MAX = 1024 };

static void expect_rule(const struct rule_spec *rule)
{
    bool is_time = signal_infos[rule->signal].kind == FS_KIND_TIME;
    char written[RULE_TEXT_MAX], again_written[RULE_TEXT_MAX];
    struct rule_spec again = {0};
    struct error err;

    EXPECT(rule->share_ppm > 0 && rule->share_ppm < FS_SHARE_ONE);
    EXPECT(is_time ? rule->limit_ns >= 1000 && rule->limit_ns <= 100000000000 : !rule->limit_ns);
    EXPECT(rule->limit_ns % 1000 == 0);
    EXPECT(!rule_parse(rule_format(rule, written), &again, &err));
    EXPECT(rule_same(rule, &again));
    EXPECT(strcmp(written, rule_format(&again, again_written)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rule_spec rule = {.limit_ns = 12345};
    char text[TEXT_MAX] = {0};
    struct error err = {{0}};

    if (size >= TEXT_MAX)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (rule_parse(text, &rule, &err))
        expect_message(text, &err);
    else
        expect_rule(&rule);
    return 0;
}
