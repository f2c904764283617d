// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit guard`. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "guard.h"
#include "guard_simulate.h"
#include "parse.h"
#include "rule.h"
#include "terminal.h"

enum {
    RUNS = 501,                /* of each replay */
    EFFORT = 20 * 1000 * 1000, /* bad outcomes in all: about a second */
    ROWS = FS_BANKS + 2, /* replays of a rule: the limit, what it is made to notice, all bad */
    SEED = 1
};

/* A rule against outcomes of which a share is bad. */
struct replay {
    double rate;
    uint64_t most;        /* outcomes that were tried */
    uint64_t median, p90; /* until the trip, or GUARD_NEVER */
};

/* All that is found out about a rule. */
struct verdict {
    struct replay replays[ROWS]; /* by ascending rate */
    int count;
    double false_alarm_every; /* outcomes */
};

/* What is asked for, and what came out. */
struct test {
    const char *service;
    unsigned rate_ppm; /* 0: several */
    struct fs_guard guard;
    struct verdict verdicts[FS_MAX_RULES];
};

static int find_guard(const struct instance *instance, struct test *test, struct error *err)
{
    void *arena = instance->arena;
    const struct fs_directory *dir =
        fs_at(struct fs_directory, arena, fs_at(struct fs_root, arena, 0)->directory);
    const struct fs_service *services = fs_at(struct fs_service, arena, dir->services);

    for (uint32_t i = 0; i < dir->service_count; i++) {
        const struct fs_table *table = fs_at(struct fs_table, arena, services[i].table);

        if (strcmp(table->name, test->service) != 0)
            continue;
        if (!table->guard.rule_count || table->guard.rule_count > FS_MAX_RULES)
            return error_set(err, -ENOENT,
                             "service %s has no guard; declare one under `guard:` in its file, see "
                             "`flowsplit help apply`",
                             test->service);
        test->guard = table->guard;
        return 0;
    }
    return error_set(err, -ENOENT, "no service \"%.64s\"; `flowsplit status` lists those there are",
                     test->service);
}

/* --- replays --- */

static void add_rate(struct verdict *verdict, double rate)
{
    int at = verdict->count++;

    for (; at > 0 && verdict->replays[at - 1].rate > rate; at--)
        verdict->replays[at] = verdict->replays[at - 1];
    verdict->replays[at].rate = rate;
}

static void choose_rates(const struct test *test, const struct fs_rule *rule,
                         struct verdict *verdict)
{
    double rates[FS_BANKS];

    if (test->rate_ppm) {
        add_rate(verdict, (double)test->rate_ppm / FS_SHARE_ONE);
        return;
    }
    guard_rates(rule->share_ppm, rates);
    add_rate(verdict, (double)rule->share_ppm / FS_SHARE_ONE);
    for (int i = 0; i < FS_BANKS; i++)
        add_rate(verdict, rates[i]);
    add_rate(verdict, 1);
}

/* Takes at most `effort` bad outcomes; returns how many it has taken. */
static double replay_run(const struct fs_rule *rule, struct replay *replay, double effort)
{
    uint64_t trips[RUNS];
    double used = 0;

    replay->most = (uint64_t)(effort / RUNS / replay->rate);
    guard_simulate(rule, replay->rate, SEED, replay->most, trips, RUNS);
    replay->median = trips[RUNS / 2];
    replay->p90 = trips[RUNS * 9 / 10];
    for (int i = 0; i < RUNS; i++)
        used += (double)(trips[i] < replay->most ? trips[i] : replay->most) * replay->rate;
    return used;
}

/* High rates trip soon, and leave most of their effort to low ones. */
static void judge(const struct test *test, const struct fs_rule *rule, struct verdict *verdict)
{
    double effort = (double)EFFORT / test->guard.rule_count;

    choose_rates(test, rule, verdict);
    for (int i = verdict->count - 1; i >= 0; i--)
        effort -= replay_run(rule, &verdict->replays[i], effort / (i + 1));
    verdict->false_alarm_every = guard_false_alarm_every(rule, SEED);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void judge_all(struct test *test, bool quiet)
{
    bool shows = !quiet && isatty(STDERR_FILENO), shown = false;
    double begin = seconds();

    for (uint32_t i = 0; i < test->guard.rule_count; i++) {
        if (shows && seconds() - begin > 1) {
            fprintf(stderr, "\rreplaying rule %u of %u", i + 1, test->guard.rule_count);
            shown = true;
        }
        judge(test, &test->guard.rules[i], &test->verdicts[i]);
    }
    if (shown)
        fputs("\r\033[K", stderr);
}

/* --- what is shown --- */

static json_t *outcomes_json(uint64_t outcomes)
{
    return outcomes == GUARD_NEVER ? json_null() : json_integer((json_int_t)outcomes);
}

static json_t *verdict_json(const struct fs_rule *rule, const struct verdict *verdict)
{
    struct rule_spec declared = rule_declared(rule);
    json_t *replays = json_array();
    char text[RULE_TEXT_MAX];

    for (int i = 0; i < verdict->count; i++) {
        const struct replay *replay = &verdict->replays[i];

        json_array_append_new(replays, json_pack("{s:f, s:I, s:o, s:o}", "rate", replay->rate,
                                                 "outcomes_tried", (json_int_t)replay->most,
                                                 "median", outcomes_json(replay->median), "p90",
                                                 outcomes_json(replay->p90)));
    }
    return json_pack("{s:s, s:f, s:I, s:I, s:o}", "rule", rule_format(&declared, text), "limit",
                     (double)rule->share_ppm / FS_SHARE_ONE, "hold_ms",
                     (json_int_t)declared.hold_ms, "false_alarm_every",
                     (json_int_t)verdict->false_alarm_every, "replays", replays);
}

static void print_json(const struct test *test)
{
    json_t *rules = json_array();

    for (uint32_t i = 0; i < test->guard.rule_count; i++)
        json_array_append_new(rules, verdict_json(&test->guard.rules[i], &test->verdicts[i]));
    terminal_print_json(json_pack("{s:s, s:f, s:i, s:i, s:o}", "service", test->service,
                                  "false_alarm", test->guard.false_alarm_ppb / 1e9, "clients",
                                  test->guard.clients, "runs", RUNS, "rules", rules));
}

/* "3064", or "> 1.4M" when half of the runs had not tripped by then. */
static const char *outcomes_text(uint64_t outcomes, uint64_t most, char *buf)
{
    char count[16];

    snprintf(buf, 24, "%s%s", outcomes == GUARD_NEVER ? "> " : "",
             terminal_count(count, (double)(outcomes == GUARD_NEVER ? most : outcomes)));
    return buf;
}

static void print_verdict(const struct fs_rule *rule, const struct verdict *verdict)
{
    struct rule_spec declared = rule_declared(rule);
    char text[RULE_TEXT_MAX], rate[24], median[24], p90[24], every[16];

    for (int i = 0; i < verdict->count; i++) {
        const struct replay *replay = &verdict->replays[i];

        snprintf(rate, sizeof(rate), "%.7g%%", replay->rate * 100);
        printf("%-30s %10s %12s %12s", i ? "" : rule_format(&declared, text), rate,
               outcomes_text(replay->median, replay->most, median),
               outcomes_text(replay->p90, replay->most, p90));
        if (!i)
            printf("   once in %s", terminal_count(every, verdict->false_alarm_every));
        putchar('\n');
    }
}

static void print_text(const struct test *test)
{
    printf("%s  false_alarm %g  on_trip %s  clients %u\n\n", test->service,
           test->guard.false_alarm_ppb / 1e9,
           test->guard.on_trip == FS_TRIP_REPORT ? "report" : "withdraw", test->guard.clients);
    printf("%s%-30s %10s %12s %12s   %s%s\n", terminal_style(STYLE_BOLD), "RULE", "BAD",
           "TRIPS AFTER", "90% BY", "FALSE ALARM", terminal_style(STYLE_OFF));
    for (uint32_t i = 0; i < test->guard.rule_count; i++)
        print_verdict(&test->guard.rules[i], &test->verdicts[i]);
    printf("\nIn outcomes: the median and the 90th percentile of %d runs with the kernel's "
           "arithmetic,\nof outcomes that come from many clients alike, and independently of each "
           "other; a rule with `for`\ntrips by the first bad one after that time. FALSE ALARM: how "
           "often a version that sits exactly\nat the limit trips by chance, if outcomes are "
           "independent.\n",
           RUNS);
}

static int read_rate(const char *text, unsigned *ppm)
{
    struct error why;

    if (parse_share(text, ppm, &why))
        return command_misused(&command_guard, "--rate: %s", why.text);
    if (!*ppm)
        return command_misused(&command_guard,
                               "--rate: at 0%% nothing ever trips; more than 0%% is allowed");
    return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct test test = {0};
    struct instance instance;
    struct error err;
    int code;

    if (strcmp(argv[0], "test") != 0)
        return command_misused(&command_guard, "guard: unknown word \"%.64s\"; known: test",
                               argv[0]);
    if (argc < 2)
        return command_misused(&command_guard, "guard test: a service is missing");
    test.service = argv[1];
    code = options->rate ? read_rate(options->rate, &test.rate_ppm) : 0;
    if (code)
        return code;
    if (instance_open(&instance, options->pin_dir, INSTANCE_READ, &err))
        return command_failed(&err);
    code = find_guard(&instance, &test, &err);
    instance_close(&instance);
    if (code)
        return command_failed(&err);
    judge_all(&test, options->quiet);
    if (options->json)
        print_json(&test);
    else
        print_text(&test);
    return EXIT_DONE;
}

const struct command command_guard = {
    .name = "guard",
    .usage = "test SERVICE [--rate SHARE] [--json]",
    .summary = "Says how soon a service's rules trip, and how seldom by chance",
    .help =
        "Replays made-up outcomes against each rule, with the arithmetic and the numbers that the\n"
        "kernel has, and touches nothing. Of the outcomes a share is bad: the limit itself, the\n"
        "rates that the rule is made to notice, and all; or the one that --rate gives.\n\n"
        "  flowsplit guard test web\n"
        "  flowsplit guard test web --rate 10%\n",
    .options = OPTION_JSON | OPTION_RATE,
    .args_min = 1,
    .args_max = 2,
    .run = run,
};
