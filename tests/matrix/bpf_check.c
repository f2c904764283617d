// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads every program of every object into the running kernel, each alone, and says what the
 * verifier made of it. Fails if one is refused or passes a limit. */
#include "table.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COLUMNS_MAX = 16,
};

static const char usage[] =
    "usage: bpf_check [--stack BYTES] [--insns NUMBER] [--tap] COMPILER=OBJECT...\n"
    "  --stack  the deepest chain of frames that is good (400)\n"
    "  --insns  the most instructions for the verifier to process that are good (399999)\n"
    "  --tap    a result for every program, the table as a comment; else only results that are "
    "bad\n";

static const struct option options[] = {
    {"stack", required_argument, NULL, 's'},
    {"insns", required_argument, NULL, 'i'},
    {"tap", no_argument, NULL, 't'},
    {0},
};

static void misuse(void)
{
    fputs(usage, stderr);
    exit(2);
}

static long read_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0)
        misuse();
    return number;
}

static void read_options(int argc, char **argv, struct limits *limits, bool *tap)
{
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            limits->stack = (int)read_number(optarg);
        else if (option == 'i')
            limits->processed = read_number(optarg);
        else if (option == 't')
            *tap = true;
        else
            misuse();
    }
    if (optind == argc || argc - optind > COLUMNS_MAX)
        misuse();
}

/* ARGUMENT is COMPILER=OBJECT. */
static void fill_column(struct column *column, char *argument)
{
    char *path = strchr(argument, '=');

    if (!path)
        misuse();
    *path++ = '\0';
    column->name = argument;
    do {
        column->verdicts =
            realloc(column->verdicts, (column->count + 1) * sizeof(*column->verdicts));
        if (!column->verdicts)
            err(2, "realloc");
    } while (load_program(path, column->count, &column->verdicts[column->count]) &&
             ++column->count);
}

int main(int argc, char **argv)
{
    struct limits limits = {.processed = 399999, .stack = 400};
    struct column columns[COLUMNS_MAX] = {0};
    size_t count = 0;
    bool tap = false;
    int bad;

    read_options(argc, argv, &limits, &tap);
    if (geteuid() != 0)
        errx(2, "root is needed");
    while (optind < argc)
        fill_column(&columns[count++], argv[optind++]);
    table_print(columns, count, &limits, tap ? "# | " : "");
    bad = table_results(columns, count, &limits, tap);
    for (size_t i = 0; i < count; i++)
        free(columns[i].verdicts);
    return bad > 0;
}
