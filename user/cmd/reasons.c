// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit reasons`. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "reason_rows.h"
#include "terminal.h"

static volatile sig_atomic_t stopped;

/* What was counted, by which instance and when. */
struct look {
    uint64_t counts[FS_REASON_COUNT];
    uint64_t instance;
    uint64_t at_ns;
};

/* Without an instance, nothing. Returns 0 or -errno with *err set. */
static int look(const struct options *options, struct look *look, struct error *err)
{
    struct instance instance;
    int code = instance_open(&instance, options->pin_dir, INSTANCE_READ, err);

    memset(look, 0, sizeof(*look));
    look->at_ns = clock_now_ns();
    if (code)
        return code == -ENOENT ? 0 : code;
    look->instance = instance.inode;
    code = instance_reasons(&instance, look->counts);
    instance_close(&instance);
    return code ? error_set(err, code, "can't read the counters: %s", strerror(-code)) : 0;
}

static json_t *item(const struct reason_text *reason, uint64_t packets)
{
    return json_pack("{s:s, s:I, s:s, s:b, s:s, s:s}", "name", reason->name, "packets",
                     (json_int_t)packets, "fate", reason->fate, "normal", reason_is_normal(reason),
                     "description", reason->text, "setting", reason->setting);
}

/* --- all of them --- */

static void print_json(const uint64_t counts[FS_REASON_COUNT])
{
    json_t *list = json_array();

    for (int i = 0; i < FS_REASON_COUNT; i++)
        json_array_append_new(list, item(&reason_texts[i], counts[i]));
    terminal_print_json(json_pack("{s:o}", "reasons", list));
}

static void print_table(const uint64_t counts[FS_REASON_COUNT])
{
    printf("%-18s %12s  %-8s  %s\n", "REASON", "PACKETS", "FATE", "WHAT IT SAYS");
    for (int i = 0; i < FS_REASON_COUNT; i++) {
        const struct reason_text *reason = &reason_texts[i];
        bool odd = counts[i] && !reason_is_normal(reason);

        printf("%s%-18s %12" PRIu64 "  %-8s  %s%s%s\n", odd ? terminal_style(STYLE_WARN) : "",
               reason->name, counts[i], reason->fate, reason->text,
               reason_is_normal(reason) ? "" : " (!)", odd ? terminal_style(STYLE_OFF) : "");
    }
    puts("\n(!) not normal: other than zero, it deserves a look.");
}

/* --- those that are met --- */

static void print_top_json(const struct reason_row *rows, int count, double seconds)
{
    json_t *list = json_array();

    for (int i = 0; i < count; i++) {
        json_t *row = item(&reason_texts[rows[i].reason], rows[i].packets);

        json_object_set_new(row, "rate", json_real(rows[i].rate));
        json_object_set_new(row, "new", json_boolean(rows[i].fresh));
        json_array_append_new(list, row);
    }
    terminal_print_json(json_pack("{s:f, s:o}", "seconds", seconds, "reasons", list));
}

static void print_top(const struct reason_row *rows, int count)
{
    printf("%-20s %10s %9s  %-8s  %s\n", "REASON", "PACKETS", "RATE", "FATE", "WHAT IT SAYS");
    for (int i = 0; i < count; i++) {
        const struct reason_text *reason = &reason_texts[rows[i].reason];
        bool odd = !reason_is_normal(reason);
        char packets[16], rate[16];

        printf("%s%-20s %10s %7s/s  %-8s  %s%s%s%s\n", odd ? terminal_style(STYLE_WARN) : "",
               reason->name, terminal_count(packets, (double)rows[i].packets),
               terminal_count(rate, rows[i].rate), reason->fate, rows[i].fresh ? "new: " : "",
               reason->text, odd ? " (!)" : "", odd ? terminal_style(STYLE_OFF) : "");
        if (*reason->setting)
            printf("%52s  setting: %s\n", "", reason->setting);
    }
    puts(count ? "\n(!) not normal: other than zero, it deserves a look." : "nothing was counted");
}

static void show(const struct options *options, const struct look *first, const struct look *before,
                 const struct look *now)
{
    struct reason_row rows[FS_REASON_COUNT];
    double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
    int count = reason_rows(rows, first->counts, before->counts, now->counts, seconds);

    if (options->json) {
        print_top_json(rows, count, seconds);
        return;
    }
    if (isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    print_top(rows, count);
    fflush(stdout);
}

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* Once, after a second, or on a terminal once a second until interrupted. */
static int top(const struct options *options, struct look *first, struct error *err)
{
    bool again = isatty(STDOUT_FILENO) && !options->json;
    struct look before = *first, now;
    int code = 0;

    if (again) {
        sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    }
    do {
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        if (stopped)
            break;
        code = look(options, &now, err);
        if (code)
            break;
        if (now.instance != first->instance) { /* another, which has begun at zero */
            memset(first->counts, 0, sizeof(first->counts));
            memset(before.counts, 0, sizeof(before.counts));
            first->instance = now.instance;
        }
        show(options, first, &before, &now);
        before = now;
    } while (again && !ferror(stdout));
    return code;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct look now;
    struct error err;
    int code = look(options, &now, &err);

    (void)argc;
    (void)argv;
    if (!code && options->top)
        code = top(options, &now, &err);
    else if (!code && options->json)
        print_json(now.counts);
    else if (!code)
        print_table(now.counts);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_reasons = {
    .name = "reasons",
    .usage = "[--top] [--json]",
    .summary = "Counts packets by what became of them, and says which counts are normal",
    .help =
        "A packet counts once for its fate; `noted` reasons come on top.\n\n"
        "--top shows those that aren't zero, with packets a second, and the setting that a\n"
        "reason points to. First come those that were zero when this command began (`new`),\n"
        "each kind by its rate. On a terminal it shows the last second until it is\n"
        "interrupted; in a pipe, and with --json, it looks once more after a second, and ends.\n",
    .options = OPTION_JSON | OPTION_TOP,
    .run = run,
};
