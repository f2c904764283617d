// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "load.h"
#include "frames.h"

#include <bpf/libbpf.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOG_WORDS = 1, /* the kernel's BPF_LOG_LEVEL1 and BPF_LOG_STATS */
    LOG_STATS = 4,
    LOG_SIZE = (1 << 24) - 1, /* the most that every kernel takes */
    LINES_SHOWN = 3,
};

static char kernel_log[LOG_SIZE];
static char first_warning[sizeof(((struct verdict *)NULL)->words)];

static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list arguments)
{
    if (level == LIBBPF_WARN && !first_warning[0])
        vsnprintf(first_warning, sizeof(first_warning), format, arguments);
    return 0;
}

static struct bpf_object *open_object(const char *path)
{
    struct bpf_object *object;

    libbpf_set_print(keep_first_warning);
    first_warning[0] = '\0';
    object = bpf_object__open(path);
    if (!object)
        err(2, "%s", path);
    return object;
}

static struct bpf_program *choose_program(struct bpf_object *object, size_t index)
{
    struct bpf_program *program, *chosen = NULL;
    size_t i = 0;

    bpf_object__for_each_program(program, object)
    {
        bpf_program__set_autoload(program, i == index);
        if (i++ == index)
            chosen = program;
    }
    return chosen;
}

static bool section_steers(const char *section)
{
    return !strncmp(section, "xdp", 3) || !strncmp(section, "tc", 2);
}

/* What stands behind WORD in the statistics, the last thing in the log. NULL: the verifier didn't
 * get there. */
static const char *statistic(const char *word)
{
    const char *found = NULL, *next = kernel_log;

    while ((next = strstr(next, word))) {
        next += strlen(word);
        found = next;
    }
    return found;
}

static bool is_statistic(const char *line)
{
    return !strncmp(line, "verification time ", 18) || !strncmp(line, "stack depth ", 12) ||
           !strncmp(line, "processed ", 10) || !*line;
}

/* The last lines of the log but for the statistics. */
static void take_words(struct verdict *verdict)
{
    const char *last[LINES_SHOWN] = {"", "", ""};
    char *rest = kernel_log, *line;

    while ((line = strsep(&rest, "\n"))) {
        if (is_statistic(line))
            continue;
        memmove(last, last + 1, (LINES_SHOWN - 1) * sizeof(*last));
        last[LINES_SHOWN - 1] = line;
    }
    snprintf(verdict->words, sizeof(verdict->words), "%.160s\n%.160s\n%.160s", last[0], last[1],
             last[2]);
}

static void take_numbers(const struct bpf_program *program, struct verdict *verdict)
{
    const char *processed = statistic("processed "), *depths = statistic("stack depth ");
    size_t count = bpf_program__insn_cnt(program);

    verdict->size = count * sizeof(struct bpf_insn);
    verdict->verified = processed;
    verdict->processed = processed ? strtol(processed, NULL, 10) : 0;
    verdict->stack = depths ? frames_deepest(bpf_program__insns(program), count, depths) : -1;
}

static void take_identity(const struct bpf_program *program, struct verdict *verdict)
{
    snprintf(verdict->program, sizeof(verdict->program), "%s", bpf_program__name(program));
    verdict->observes = !section_steers(bpf_program__section_name(program));
}

/* Fills kernel_log with what the kernel says of the one program. */
static bool load(const char *path, size_t index, int level, struct verdict *verdict)
{
    struct bpf_object *object = open_object(path);
    struct bpf_program *program = choose_program(object, index);

    if (program) {
        kernel_log[0] = '\0';
        bpf_program__set_log_level(program, level);
        bpf_program__set_log_buf(program, kernel_log, sizeof(kernel_log));
        verdict->error = -bpf_object__load(object);
        take_identity(program, verdict);
        take_numbers(program, verdict);
    }
    bpf_object__close(object);
    return program;
}

bool load_program(const char *path, size_t index, struct verdict *verdict)
{
    struct verdict again;

    *verdict = (struct verdict){0};
    if (!load(path, index, LOG_STATS, verdict))
        return false;
    if (verdict->error)
        snprintf(verdict->words, sizeof(verdict->words), "%s", first_warning);
    /* With all its words the verifier takes much longer. */
    if (verdict->error && verdict->verified && load(path, index, LOG_WORDS, &again))
        take_words(verdict);
    return true;
}
