// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Measures what a packet costs in the data path, by BPF_PROG_TEST_RUN. */
#include "bench.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Each run costs grace periods besides its passes: the kernel patches a program into the XDP
 * dispatcher and out again. */
#define FULL_RUNS    21
#define FULL_REPEAT  400000
#define QUICK_RUNS   3
#define QUICK_REPEAT 20000

static const char usage[] =
    "usage: bench [--quick] [--only ID,...] [--runs N] [--passes N] [--cpu N] [--json FILE|-]\n"
    "Measures ns per packet in the data path (root).\n"
    "  --quick       a few seconds only: that it works, not how fast it is\n"
    "  --only ID,... these rows only (ids are in the JSON), and what they are compared with\n"
    "  --runs N      runs of each row, 1 to 101 (21)\n"
    "  --passes N    passes of each run (400000)\n"
    "  --cpu N       where to run (the last one)\n"
    "  --json FILE   write JSON too; with - only JSON, to stdout\n";

struct options {
    const char *only, *json;
    struct machine machine;
};

/* Time of this thread alone: the machine may be shared. */
static double thread_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int run_program(struct run *run, struct error *err)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->in->bytes,
                .data_size_in = (uint32_t)run->in->size, .repeat = (int)run->repeat);
    double begin;

    if (run->program < 0)
        return error_set(err, run->program, "a program is missing");
    if (run->out) {
        opts.data_out = run->out->bytes;
        opts.data_size_out = FRAME_MAX;
    }
    begin = thread_ns();
    if (bpf_prog_test_run_opts(run->program, &opts))
        return error_set(err, -errno, "BPF_PROG_TEST_RUN: %s", strerror(errno));
    run->ns = (thread_ns() - begin) / run->repeat;
    if (run->out)
        run->out->size = opts.data_size_out;
    if ((int)opts.retval != run->action)
        return error_set(err, -EIO, "a program returned %d instead of %d", (int)opts.retval,
                         run->action);
    return 0;
}

static int measure_once(const struct object *object, const struct row *row, uint32_t repeat,
                        double *ns, struct error *err)
{
    uint64_t before[FS_REASON_COUNT], after[FS_REASON_COUNT];
    struct error why;
    struct frame frame;
    struct run run = {.program = object_program(object, row->program),
                      .in = &frame,
                      .repeat = repeat,
                      .action = row->action};
    int code = check_counts(object, before, err);

    frame_build(&frame, &row->spec);
    code = code ? code : run_program(&run, &why);
    if (code)
        return error_set(err, code, "%s: %s", row->id, why.text);
    *ns = run.ns;
    code = check_counts(object, after, err);
    if (!code && row->reason != NOTHING && after[row->reason] - before[row->reason] != repeat)
        code =
            error_set(err, -EIO, "%s: not all passes took the way that is to be measured", row->id);
    return code;
}

static void progress(size_t run, size_t runs)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (run < runs)
        fprintf(stderr, "\rrun %zu of %zu ", run + 1, runs);
    else
        fprintf(stderr, "\r%20s\r", "");
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Rows take turns, so that what else the machine does hits all alike. */
static int measure_all(const struct object *object, const struct machine *machine,
                       struct result *results, struct error *err)
{
    int code = 0;

    for (size_t run = 0; run < machine->runs && !code; run++) {
        progress(run, machine->runs);
        for (size_t i = 0; i < row_count && !code; i++)
            if (results[i].wanted)
                code = measure_once(object, &rows[i], machine->repeat, &results[i].ns[run], err);
    }
    progress(machine->runs, machine->runs);
    for (size_t i = 0; i < row_count; i++) {
        results[i].runs = machine->runs;
        qsort(results[i].ns, machine->runs, sizeof(double), compare);
    }
    return code;
}

static void want(struct result *results, const char *id)
{
    if (id)
        results[row_find(id)].wanted = true;
}

/* Is the id one of the comma-separated ones? */
static bool is_listed(const char *list, const char *id)
{
    size_t length = strlen(id);

    for (const char *at = list; (at = strstr(at, id)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static void select_rows(struct result *results, const char *only)
{
    for (size_t i = 0; i < row_count; i++) {
        if (only && !is_listed(only, rows[i].id))
            continue;
        want(results, rows[i].id);
        want(results, rows[i].empty);
        want(results, rows[i].floor);
        want(results, rows[i].wrapper);
    }
}

static int measure(const struct options *options, struct error *err)
{
    static struct result results[64];
    struct object object = {0};
    int code = network_open(err);

    code = code ? code : object_open(&object, err);
    code = code ? code : check_steering(&object, err);
    select_rows(results, options->only);
    for (size_t i = 0; i < row_count && !code; i++)
        code = check_row(&object, &rows[i], err);
    code = code ? code : measure_all(&object, &options->machine, results, err);
    object_close(&object);
    if (code)
        return code;
    if (!options->json || strcmp(options->json, "-") != 0)
        report_table(&options->machine, results);
    return options->json ? report_json(options->json, &options->machine, results, err) : 0;
}

static void look_at_machine(struct machine *machine)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    struct utsname name;
    char line[256];

    snprintf(machine->cpu, sizeof(machine->cpu), "unknown CPU");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "model name : %127[^\n]", machine->cpu) == 1)
            break;
    if (file)
        fclose(file);
    uname(&name);
    snprintf(machine->kernel, sizeof(machine->kernel), "%s", name.release);
    file = fopen("/proc/sys/net/core/bpf_jit_enable", "r");
    machine->jit = !file || fgetc(file) != '0';
    if (file)
        fclose(file);
}

static int pin(struct machine *machine, struct error *err)
{
    cpu_set_t set;

    if (machine->pinned < 0)
        machine->pinned = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    CPU_ZERO(&set);
    CPU_SET((size_t)machine->pinned, &set);
    return sched_setaffinity(0, sizeof(set), &set)
               ? error_set(err, -errno, "CPU %d: %s", machine->pinned, strerror(errno))
               : 0;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    enum { QUICK, ONLY, RUNS, PASSES, CPU, JSON };
    static const struct option known[] = {
        {"quick", no_argument, NULL, QUICK},     {"only", required_argument, NULL, ONLY},
        {"runs", required_argument, NULL, RUNS}, {"passes", required_argument, NULL, PASSES},
        {"cpu", required_argument, NULL, CPU},   {"json", required_argument, NULL, JSON},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (option == QUICK) {
            options->machine.runs = QUICK_RUNS;
            options->machine.repeat = QUICK_REPEAT;
        } else if (option == ONLY) {
            options->only = optarg;
        } else if (option == RUNS) {
            options->machine.runs = (size_t)atol(optarg);
        } else if (option == PASSES) {
            options->machine.repeat = (uint32_t)atol(optarg);
        } else if (option == CPU) {
            options->machine.pinned = atoi(optarg);
        } else if (option == JSON) {
            options->json = optarg;
        } else if (option == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else {
            return false;
        }
    }
    return optind == argc && options->machine.repeat >= 1 && options->machine.repeat <= 100000000 &&
           options->machine.runs >= 1 && options->machine.runs <= RUNS_MAX;
}

int main(int argc, char **argv)
{
    struct options options = {.machine = {.pinned = -1, .runs = FULL_RUNS, .repeat = FULL_REPEAT}};
    struct error err;
    int code;

    if (!read_options(&options, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    look_at_machine(&options.machine);
    code = pin(&options.machine, &err);
    code = code ? code : measure(&options, &err);
    if (code)
        fprintf(stderr, "bench: %s\n", err.text);
    return code ? 1 : 0;
}
