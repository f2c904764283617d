// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Shows the results as a table and as JSON. */
#include "bench.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

double result_min(const struct result *result)
{
    return result->ns[0];
}

double result_median(const struct result *result)
{
    size_t middle = result->runs / 2;

    return result->runs & 1 ? result->ns[middle]
                            : (result->ns[middle - 1] + result->ns[middle]) / 2;
}

/* The minimum of the row with this id, or 0. */
static double min_of(const char *id, const struct result *results)
{
    return id ? result_min(&results[row_find(id)]) : 0;
}

static void print_number(int width, double number)
{
    if (number)
        printf("  %*.1f", width, number);
    else
        printf("  %*s", width, "-");
}

static double ratio(double ns, double base)
{
    return base ? ns / base : 0;
}

static void print_row(const struct row *row, const struct result *results)
{
    const struct result *result = &results[row - rows];
    double min = result_min(result);

    printf("%-42s", row->text);
    print_number(7, min);
    print_number(7, result_median(result));
    print_number(7, min_of(row->wrapper, results));
    print_number(7, ratio(min, min_of(row->empty, results)));
    print_number(7, ratio(min, min_of(row->floor, results)));
    putchar('\n');
}

void report_table(const struct machine *machine, const struct result *results)
{
    enum row_kind kinds[] = {ROW_BASELINE, ROW_WRAPPER, ROW_STEERED};

    printf("%s, CPU %d, Linux %s%s\n%zu runs of %u passes each, taken in turns; ns per pass\n\n",
           machine->cpu, machine->pinned, machine->kernel,
           machine->jit ? "" : ", JIT OFF: THESE ARE NO FIGURES", machine->runs, machine->repeat);
    printf("%-42s  %7s  %7s  %7s  %7s  %7s\n", "", "min", "median", "wrapper", "x empty",
           "x floor");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t i = 0; i < row_count; i++)
            if (rows[i].kind == kinds[k] && results[i].wanted)
                print_row(&rows[i], results);
        putchar('\n');
    }
    printf("wrapper: what measuring adds to the row, measured by itself; it is part of min and\n"
           "median. The rest of the rows is the product's own program. Ratios are of minima.\n");
}

static json_t *number_or_null(double number)
{
    return number ? json_real(number) : json_null();
}

static json_t *row_json(const struct row *row, const struct result *results)
{
    static const char *const kinds[] = {"baseline", "wrapper", "steered"};
    const struct result *result = &results[row - rows];
    double min = result_min(result);

    return json_pack("{s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:o}", "id", row->id, "text", row->text,
                     "kind", kinds[row->kind], "ns_min", min, "ns_median", result_median(result),
                     "wrapper_ns_min", number_or_null(min_of(row->wrapper, results)), "ratio_empty",
                     number_or_null(ratio(min, min_of(row->empty, results))), "ratio_floor",
                     number_or_null(ratio(min, min_of(row->floor, results))));
}

int report_json(const char *path, const struct machine *machine, const struct result *results,
                struct error *err)
{
    bool to_stdout = strcmp(path, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(path, "w");
    json_t *list = json_array(), *all;
    int failed;

    if (!file) {
        json_decref(list);
        return error_set(err, -errno, "%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < row_count; i++)
        if (results[i].wanted)
            json_array_append_new(list, row_json(&rows[i], results));
    all = json_pack("{s:s, s:s, s:i, s:b, s:I, s:I, s:o}", "cpu", machine->cpu, "kernel",
                    machine->kernel, "pinned", machine->pinned, "jit", machine->jit, "runs",
                    (json_int_t)machine->runs, "passes", (json_int_t)machine->repeat, "rows", list);
    failed = !all || json_dumpf(all, file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) ||
             fputc('\n', file) == EOF || fflush(file);
    if (!to_stdout)
        failed |= fclose(file) != 0;
    json_decref(all);
    return failed ? error_set(err, -EIO, "%s: writing failed", path) : 0;
}
