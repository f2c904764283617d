// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any text as a rule of a comparison: refused with a message and a column that is in the text, or a
 * rule within its bounds that reads back as written. */
#include <string.h>

#include "compare.h"
#include "fuzz.h"
#include "rule.h"
#include "rule_message.h"

enum { TEXT_MAX = 1024 };

static void expect_rule(const struct compare_rule *rule)
{
    bool is_time = signal_infos[rule->signal].kind == FS_KIND_TIME;
    char written[COMPARE_TEXT_MAX], again_written[COMPARE_TEXT_MAX];
    struct compare_rule again = {0};
    struct error err;

    EXPECT(is_time ? rule->share_ppm > 0 && rule->share_ppm < FS_SHARE_ONE : !rule->share_ppm);
    EXPECT(rule->factor_millis >= 1000 && rule->factor_millis <= 1000000);
    EXPECT(is_time ? !rule->margin_ppm : rule->margin_ppm < FS_SHARE_ONE);
    EXPECT(is_time ? rule->margin_ns <= 100000000000 : !rule->margin_ns);
    EXPECT(rule->margin_ns % 1000 == 0);
    EXPECT(!compare_parse(compare_format(rule, written), &again, &err));
    EXPECT(compare_same(rule, &again));
    EXPECT(strcmp(written, compare_format(&again, again_written)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compare_rule rule = {.margin_ns = 12345, .margin_ppm = 7};
    char text[TEXT_MAX] = {0};
    struct error err = {{0}};

    if (size >= TEXT_MAX)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (compare_parse(text, &rule, &err))
        expect_message(text, &err);
    else
        expect_rule(&rule);
    return 0;
}
