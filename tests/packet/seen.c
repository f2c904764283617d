// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What packets must have told of a version. */
#include "seen.h"

#include <string.h>

#include "evidence.h"
#include "tap.h"

static struct {
    const struct way *way;
    const volatile struct fs_health *health;
    struct fs_backend_counters count;
    struct fs_health before;
} seen;

static const char *const rules[SEEN_RULES] = {"connect_failures", "resets", "connect_time",
                                              "response_time", "http_5xx"};

void seen_begin(const struct way *way)
{
    seen.way = way;
    seen.health = health_named(way->service, "canary");
    seen.before = *(const struct fs_health *)seen.health;
    backend_read(backend_at(way->canary), &seen.count);
    traffic_begin(way->canary);
}

static void check_counters(const struct seen *wished)
{
    static const char *const names[] = {"packets_in", "bytes_in",    "packets_out", "bytes_out",
                                        "new_flows",  "handshakes",  "answered",    "refused",
                                        "unanswered", "established", "ended",       "resets"};
    struct fs_backend_counters now, wish = traffic_sent();
    const __u64 *was = &seen.count.packets_in, *is = &now.packets_in, *should = &wish.packets_in;

    wish.handshakes = wished->handshakes;
    wish.answered = wished->answered;
    wish.refused = wished->refused;
    wish.unanswered = wished->unanswered;
    wish.established = wished->established;
    wish.ended = wished->ended;
    wish.resets = wished->resets;
    backend_read(backend_at(seen.way->canary), &now);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        check_number(is[i] - was[i], should[i], "%s of the backend", names[i]);
}

/* One more in a histogram is one more in the bin of what the sum has grown by. */
static void check_histogram(const char *name, const struct fs_histogram *was,
                            const volatile struct fs_histogram *is, unsigned wished)
{
    uint64_t moved = 0;

    check_number(is->count - was->count, wished, "times in %s", name);
    for (unsigned i = 0; i < FS_BINS; i++)
        moved += is->bins[i] - was->bins[i];
    check_number(moved, wished, "times in the bins of %s", name);
    if (wished == 1) {
        unsigned bin = fs_bin(is->sum_ns - was->sum_ns);

        check_number(is->bins[bin] - was->bins[bin], 1, "times in bin %u of %s", bin, name);
    } else if (!wished) {
        check_number(is->sum_ns - was->sum_ns, 0, "sum of %s", name);
    }
}

/* A score of another edition of the rules counts as zero. */
static void check_outcomes(const struct seen *wished)
{
    const struct fs_guard *guard = &table_named(seen.way->service)->guard;

    for (unsigned i = 0; i < SEEN_RULES && i < guard->rule_count; i++) {
        struct fs_score is = *(const struct fs_score *)&seen.health->scores[i];
        struct fs_score was = seen.before.scores[i];

        is = is.edition == guard->edition ? is : (struct fs_score){0};
        was = was.edition == guard->edition ? was : (struct fs_score){0};
        check_number(is.total - was.total, wished->outcomes[i].total, "outcomes of %s", rules[i]);
        check_number(is.bad - was.bad, wished->outcomes[i].bad, "bad outcomes of %s", rules[i]);
    }
}

void seen_end(const struct seen *wished)
{
    check_counters(wished);
    check_outcomes(wished);
    check_histogram("connect_time", &seen.before.connect_time, &seen.health->connect_time,
                    wished->connect_times);
    check_histogram("response_time", &seen.before.response_time, &seen.health->response_time,
                    wished->response_times);
    for (int i = 0; i < FS_HTTP_CLASSES; i++)
        check_number(seen.health->http[i] - seen.before.http[i], wished->http[i],
                     "responses of class %d", i);
    seen_begin(seen.way);
}
