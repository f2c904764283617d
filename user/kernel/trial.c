// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tries the programs one by one, with one set of maps. */
#include "trial.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance_make.h"
#include "observers.h"
#include "printable.h"
#include "refusal.h"

enum { LOG_BYTES = 1 << 20, HELPERS_MOST = 512 };

static struct bpf_object *open_object(void)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "flowsplit_bpf");
    size_t bytes;
    const void *elf = instance_programs_elf(&bytes);
    struct bpf_object *object = bpf_object__open_mem(elf, bytes, &options);

    if (object)
        instance_adapt(object);
    return object;
}

/* Leaves out all programs but one, or all. */
static struct bpf_program *choose(struct bpf_object *object, const char *name)
{
    struct bpf_program *program, *chosen = NULL;

    bpf_object__for_each_program(program, object)
    {
        bool is_it = name && strcmp(bpf_program__name(program), name) == 0;

        bpf_program__set_autoload(program, is_it);
        chosen = is_it ? program : chosen;
    }
    return chosen;
}

/* Both objects are of one file, so their maps come in one order. */
static int share_maps(struct bpf_object *object, const struct bpf_object *maps)
{
    struct bpf_map *mine = NULL, *theirs = NULL;
    int code = 0;

    while (!code && (mine = bpf_object__next_map(object, mine)) &&
           (theirs = bpf_object__next_map(maps, theirs)))
        code = bpf_map__reuse_fd(mine, bpf_map__fd(theirs));
    return code;
}

static unsigned count_helpers(const struct bpf_program *program)
{
    const struct bpf_insn *insns = bpf_program__insns(program);
    bool seen[HELPERS_MOST] = {false};
    unsigned count = 0;

    for (size_t i = 0; i < bpf_program__insn_cnt(program); i++) {
        const struct bpf_insn *insn = &insns[i];

        if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg || insn->imm < 0 ||
            insn->imm >= HELPERS_MOST || seen[insn->imm])
            continue;
        seen[insn->imm] = true;
        count++;
    }
    return count;
}

void trial_complaint(const char *log, char complaint[256])
{
    const char *line = log, *found = NULL;
    size_t length = 0;

    while (*line) {
        size_t bytes = strcspn(line, "\n");

        /* The sums at the end say nothing; a helper that isn't there says all. */
        if (bytes && strncmp(line, "processed ", 10) != 0) {
            found = line;
            length = bytes;
            if (strncmp(line, "unknown func", 12) == 0)
                break;
        }
        line += bytes + (line[bytes] == '\n');
    }
    complaint[0] = '\0';
    if (found)
        printable(complaint, 256, found, length);
}

static void try_one(const struct bpf_object *maps, struct tried *tried, char *log)
{
    struct bpf_object *object = open_object();
    struct bpf_program *program = object ? choose(object, tried->name) : NULL;

    *log = '\0';
    tried->code = program ? share_maps(object, maps) : -ENOMEM;
    if (!tried->code) {
        bpf_program__set_log_buf(program, log, LOG_BYTES);
        tried->code = bpf_object__load(object);
        tried->helpers = count_helpers(program);
    }
    if (tried->code)
        trial_complaint(log, tried->complaint);
    bpf_object__close(object);
}

static bool observes(const char *section)
{
    return strncmp(section, "xdp", 3) != 0 && strncmp(section, "tc", 2) != 0;
}

/* `plan` has the programs as an instance would load them. */
static void try_each(const struct bpf_object *maps, struct bpf_object *plan, char *log,
                     void (*tell)(void *context, const struct tried *tried), void *context)
{
    struct bpf_program *program;

    observers_leave_out(plan);
    bpf_object__for_each_program(program, plan)
    {
        struct tried tried = {.name = bpf_program__name(program),
                              .section = bpf_program__section_name(program)};

        tried.left_out = !bpf_program__autoload(program);
        tried.observes = observes(tried.section);
        try_one(maps, &tried, log);
        tell(context, &tried);
    }
}

int trial_run(void (*tell)(void *context, const struct tried *tried), void *context,
              struct error *err)
{
    struct bpf_object *maps, *plan;
    char *log = malloc(LOG_BYTES);
    int code;

    refusal_listen();
    maps = open_object();
    plan = open_object();
    code = maps && plan && log ? 0 : -ENOMEM;
    if (!code) {
        choose(maps, NULL);
        code = bpf_object__load(maps);
    }
    if (code)
        error_set(err, code, "the maps can't be made: %s", strerror(-code));
    else
        try_each(maps, plan, log, tell, context);
    bpf_object__close(maps);
    bpf_object__close(plan);
    free(log);
    return code;
}
