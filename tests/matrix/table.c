// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "table.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_WIDTH = 22,
    CELL_WIDTH = 26,
};

static bool too_long(const struct verdict *verdict, const struct limits *limits)
{
    return verdict->processed > limits->processed;
}

static bool too_deep(const struct verdict *verdict, const struct limits *limits)
{
    return verdict->stack > limits->stack;
}

/* What only observes may be on something that this kernel doesn't have, or doesn't let one see. */
static bool goes_without(const struct verdict *verdict)
{
    return verdict->error && verdict->observes && !verdict->verified;
}

static bool is_good(const struct verdict *verdict, const struct limits *limits)
{
    return !verdict->error && verdict->stack >= 0 && !too_long(verdict, limits) &&
           !too_deep(verdict, limits);
}

static const char *error_name(const struct verdict *verdict)
{
    const char *name = strerrorname_np(verdict->error);

    return name ? name : "an unknown error";
}

static const struct verdict *find_program(const struct column *column, const char *program)
{
    for (size_t i = 0; i < column->count; i++) {
        if (!strcmp(column->verdicts[i].program, program))
            return &column->verdicts[i];
    }
    return NULL;
}

/* What is over a limit has a mark. */
static void print_cell(const struct verdict *verdict, const struct limits *limits)
{
    char refused[64];

    if (!verdict) {
        printf("  %*s", CELL_WIDTH, "-");
    } else if (verdict->error) {
        snprintf(refused, sizeof(refused), "refused (%s)", error_name(verdict));
        printf("  %*s", CELL_WIDTH, refused);
    } else {
        printf("  %9ld%c%6d%c%8zu ", verdict->processed, too_long(verdict, limits) ? '!' : ' ',
               verdict->stack, too_deep(verdict, limits) ? '!' : ' ', verdict->size);
    }
}

static void print_row(const struct column *columns, size_t count, const char *program,
                      const struct limits *limits, const char *margin)
{
    printf("%s%-*s", margin, NAME_WIDTH, program);
    for (size_t i = 0; i < count; i++)
        print_cell(find_program(&columns[i], program), limits);
    putchar('\n');
}

static void print_head(const struct column *columns, size_t count, const char *margin)
{
    printf("%s%*s", margin, NAME_WIDTH, "");
    for (size_t i = 0; i < count; i++)
        printf("  %*s", CELL_WIDTH, columns[i].name);
    printf("\n%s%-*s", margin, NAME_WIDTH, "program");
    for (size_t i = 0; i < count; i++)
        printf("  %9s %6s %8s ", "processed", "stack", "size");
    putchar('\n');
}

static bool in_columns(const struct column *columns, size_t count, const char *program)
{
    for (size_t i = 0; i < count; i++) {
        if (find_program(&columns[i], program))
            return true;
    }
    return false;
}

void table_print(const struct column *columns, size_t count, const struct limits *limits,
                 const char *margin)
{
    const char *program;

    print_head(columns, count, margin);
    for (size_t c = 0; c < count; c++) {
        for (size_t i = 0; i < columns[c].count; i++) {
            program = columns[c].verdicts[i].program;
            if (!in_columns(columns, c, program))
                print_row(columns, count, program, limits, margin);
        }
    }
}

static void print_words(const char *words)
{
    for (const char *line = words + strspn(words, "\n"); *line; line += strspn(line, "\n")) {
        int length = (int)strcspn(line, "\n");

        printf("#   %.*s\n", length, line);
        line += length;
    }
}

static void print_complaint(const struct verdict *verdict, const struct limits *limits)
{
    if (verdict->error) {
        printf("# refused (%s)\n", error_name(verdict));
        print_words(verdict->words);
    }
    if (too_long(verdict, limits))
        printf("# %ld instructions processed, over %ld\n", verdict->processed, limits->processed);
    if (too_deep(verdict, limits))
        printf("# %d B of stack, over %d\n", verdict->stack, limits->stack);
    if (!verdict->error && verdict->stack < 0)
        printf("# the kernel names another number of frames than the program has functions\n");
}

/* True if it is a good one. */
static bool print_result(const char *compiler, const struct verdict *verdict,
                         const struct limits *limits, bool all)
{
    bool without = goes_without(verdict), good = without || is_good(verdict, limits);
    char skip[64] = "";

    if (without)
        snprintf(skip, sizeof(skip), " # skip refused (%s)", error_name(verdict));
    if (!good || all)
        printf("%s - %s: %s loads and stays within the limits%s\n", good ? "ok" : "not ok",
               compiler, verdict->program, skip);
    if (!good)
        print_complaint(verdict, limits);
    return good;
}

int table_results(const struct column *columns, size_t count, const struct limits *limits, bool all)
{
    int bad = 0;

    for (size_t c = 0; c < count; c++) {
        for (size_t i = 0; i < columns[c].count; i++)
            bad += !print_result(columns[c].name, &columns[c].verdicts[i], limits, all);
    }
    return bad;
}
