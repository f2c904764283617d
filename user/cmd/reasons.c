// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit reasons`. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "command.h"
#include "terminal.h"

/* What the programs count, described. */
static const struct {
    const char *name, *fate, *normal, *text;
} reasons[] = {
#define REASON_ROW(id, name, fate, normal, text) {name, fate, normal, text},
    FS_REASONS(REASON_ROW)
#undef REASON_ROW
};

static void print_json(const uint64_t counts[FS_REASON_COUNT])
{
    json_t *list = json_array();

    for (int i = 0; i < FS_REASON_COUNT; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:s, s:b, s:s}", "name", reasons[i].name,
                                        "packets", (json_int_t)counts[i], "fate", reasons[i].fate,
                                        "normal", strcmp(reasons[i].normal, "normal") == 0,
                                        "description", reasons[i].text));
    terminal_print_json(json_pack("{s:o}", "reasons", list));
}

static void print_table(const uint64_t counts[FS_REASON_COUNT])
{
    printf("%-18s %12s  %-8s  %s\n", "REASON", "PACKETS", "FATE", "WHAT IT SAYS");
    for (int i = 0; i < FS_REASON_COUNT; i++) {
        bool look = counts[i] && strcmp(reasons[i].normal, "normal") != 0;

        printf("%s%-18s %12" PRIu64 "  %-8s  %s%s%s\n", look ? terminal_style(STYLE_WARN) : "",
               reasons[i].name, counts[i], reasons[i].fate, reasons[i].text,
               strcmp(reasons[i].normal, "normal") == 0 ? "" : " (!)",
               look ? terminal_style(STYLE_OFF) : "");
    }
    puts("\n(!) not normal: other than zero, it deserves a look.");
}

static int run(const struct options *options, int argc, char **argv)
{
    uint64_t counts[FS_REASON_COUNT] = {0};
    struct instance instance;
    struct error err;
    int code = instance_open(&instance, options->pin_dir, INSTANCE_READ, &err);

    (void)argc;
    (void)argv;
    if (code && code != -ENOENT)
        return command_failed(&err);
    if (!code) {
        code = instance_reasons(&instance, counts);
        instance_close(&instance);
        if (code) {
            error_set(&err, code, "can't read the counters: %s", strerror(-code));
            return command_failed(&err);
        }
    }
    if (options->json)
        print_json(counts);
    else
        print_table(counts);
    return EXIT_DONE;
}

const struct command command_reasons = {
    .name = "reasons",
    .usage = "[--json]",
    .summary = "Counts packets by what became of them, and says which counts are normal",
    .help = "A packet counts once for its fate; `noted` reasons come on top.\n",
    .options = OPTION_JSON,
    .run = run,
};
