// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The call graph is read from the instructions. A function that is handed to a helper (of a timer,
 * of a loop) counts as called where it is handed over: true of a loop's; a timer's stands on
 * nothing, so too much is counted there. */
#include "frames.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    FUNCTIONS_MAX = 256, /* as in the kernel */
    FRAME_STEP = 32,     /* what the kernel rounds a frame up to */
};

struct graph {
    const struct bpf_insn *insns;
    size_t insn_count;
    size_t starts[FUNCTIONS_MAX]; /* in order */
    int depths[FUNCTIONS_MAX];
    bool stands[FUNCTIONS_MAX]; /* has a frame in the chain that is walked */
    size_t count;
};

static bool names_function(const struct bpf_insn *insn)
{
    if (insn->code == (BPF_JMP | BPF_CALL))
        return insn->src_reg == BPF_PSEUDO_CALL;
    return insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC;
}

static size_t named_function(const struct graph *graph, size_t at)
{
    return at + 1 + graph->insns[at].imm;
}

/* True if it is there now. */
static bool add_function(struct graph *graph, size_t start)
{
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->starts[i] == start)
            return true;
    }
    if (graph->count == FUNCTIONS_MAX || start >= graph->insn_count)
        return false;
    graph->starts[graph->count++] = start;
    return true;
}

static int compare_starts(const void *a, const void *b)
{
    size_t first = *(const size_t *)a, second = *(const size_t *)b;

    return (first > second) - (first < second);
}

static bool find_functions(struct graph *graph)
{
    bool fits = add_function(graph, 0);

    for (size_t at = 0; at < graph->insn_count && fits; at++) {
        if (names_function(&graph->insns[at]))
            fits = add_function(graph, named_function(graph, at));
    }
    qsort(graph->starts, graph->count, sizeof(*graph->starts), compare_starts);
    return fits;
}

/* "104+0+56" */
static bool read_depths(struct graph *graph, const char *text)
{
    size_t count = 0;
    char *end = NULL;

    for (; count < graph->count; text = end + 1) {
        graph->depths[count++] = (int)strtol(text, &end, 10);
        if (end == text || *end != '+')
            break;
    }
    return end && end != text && *end != '+' && count == graph->count;
}

static size_t function_at(const struct graph *graph, size_t start)
{
    size_t function = 0;

    while (graph->starts[function] != start)
        function++;
    return function;
}

static int frame_size(int depth)
{
    return ((depth < 1 ? 1 : depth) + FRAME_STEP - 1) / FRAME_STEP * FRAME_STEP;
}

/* A timer's function may name itself: no frame is counted twice in a chain. */
static int deepest_from(struct graph *graph, size_t function)
{
    size_t next = function + 1;
    size_t end = next < graph->count ? graph->starts[next] : graph->insn_count;
    int deepest = 0, depth;

    if (graph->stands[function])
        return 0;
    graph->stands[function] = true;
    for (size_t at = graph->starts[function]; at < end; at++) {
        if (!names_function(&graph->insns[at]))
            continue;
        depth = deepest_from(graph, function_at(graph, named_function(graph, at)));
        deepest = depth > deepest ? depth : deepest;
    }
    graph->stands[function] = false;
    return frame_size(graph->depths[function]) + deepest;
}

int frames_deepest(const struct bpf_insn *insns, size_t insn_count, const char *depths)
{
    struct graph graph = {.insns = insns, .insn_count = insn_count};

    if (!find_functions(&graph) || !read_depths(&graph, depths))
        return -1;
    return deepest_from(&graph, 0);
}
