// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the lines of a journal, after one that starts a rollout or not: refused with a
 * message, or rollouts that can be shown and conducted. */
#include <string.h>

#include "fuzz.h"
#include "rollout_decide.h"

static const char started[] =
    "{\"what\":\"started\",\"service\":\"web\",\"weights_bp\":{\"stable\":9000,\"canary\":1000},"
    "\"plan\":{\"rollout\":{\"service\":\"web\",\"version\":\"canary\",\"steps\":["
    "{\"ramp\":{\"to\":\"50%\",\"by\":{\"adaptive\":{\"up\":\"9%\",\"down\":\"5%\"}},"
    "\"every\":\"1m\"}},\"pause\",{\"set\":{\"canary\":\"100%\"}}],"
    "\"compare\":[\"resets <= baseline\",\"p99 connect_time <= 2x baseline\"],"
    "\"checks\":[{\"exec\":{\"command\":[\"true\"]}}]}}}";

static void take(struct rollouts *rollouts, const char *text, size_t length)
{
    json_t *line = json_loadb(text, length, 0, NULL);
    struct error err = {{0}};

    if (line)
        EXPECT(!rollouts_take(rollouts, line, &err) || *err.text);
    json_decref(line);
}

static void expect_conducted(const struct rollout *rollout, uint64_t moment)
{
    struct situation s = {.checks_good = moment & 1,
                          .compared = moment & 2,
                          .withdrawn = moment & 4 ? "so" : NULL,
                          .by_hand = moment & 8 ? "so" : NULL,
                          .connections = moment,
                          .held_ms = moment * 1000,
                          .idle_ms = moment * 100};
    char buf[ROLLOUT_WHY_MAX];
    struct decision decision;
    json_t *line;

    s.answers[0].verdict = (enum verdict)(moment % 3);
    decision = rollout_decide(rollout, &s);
    EXPECT(decision.next <= NEXT_SOAKED && decision.step < PLAN_MAX_STEPS);
    EXPECT(rollout->step < PLAN_MAX_STEPS && rollout->state <= ROLLOUT_UNDONE);
    EXPECT(rollout->act <= ACT_UNDO && rollout->wished.count <= FS_MAX_VERSIONS);
    EXPECT(strlen(rollout_waits_for(rollout, &s, buf, sizeof(buf))) < sizeof(buf));
    EXPECT(strlen(weight_set_text(&rollout->wished, buf, sizeof(buf))) < sizeof(buf));
    line = rollout_line_holding(rollout, rollout->measures, 1, 2);
    EXPECT(line);
    json_decref(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    struct rollouts rollouts = {0};

    if (size % 8)
        take(&rollouts, started, sizeof(started) - 1);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop ? stop : end;
        take(&rollouts, at, (size_t)(stop - at));
        for (size_t i = 0; i < rollouts.count; i++)
            expect_conducted(rollouts.list[i], size);
        at = stop + 1;
    }
    rollouts_free(&rollouts);
    return 0;
}
