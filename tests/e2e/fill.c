// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer fill`: fills a pinned flow table with copies of one of its entries, for other clients: the
// same each time.
#include "peer.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 4096

// As in include/flowsplit/abi.h: a key begins with the client's address, and the second word of a
// value is the tick of the last packet.
#define TICKS_PER_S 15
static unsigned char keys[BATCH][24], values[BATCH][24];

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int map_open(const char *path)
{
    union bpf_attr attr = {.pathname = (uintptr_t)path};
    int fd = bpf(BPF_OBJ_GET, &attr);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

// The first entry becomes those of the whole batch.
static void batch_prepare(int fd, uint64_t age_s)
{
    union bpf_attr next = {.map_fd = (uint32_t)fd, .next_key = (uintptr_t)keys[0]};
    union bpf_attr look = {
        .map_fd = (uint32_t)fd, .key = (uintptr_t)keys[0], .value = (uintptr_t)values[0]};
    if (bpf(BPF_MAP_GET_NEXT_KEY, &next) || bpf(BPF_MAP_LOOKUP_ELEM, &look))
        die("no entry to copy: %s", strerror(errno));
    ((uint32_t *)values[0])[1] -= (uint32_t)(age_s * TICKS_PER_S);
    for (size_t i = 1; i < BATCH; i++) {
        memcpy(keys[i], keys[0], sizeof(keys[0]));
        memcpy(values[i], values[0], sizeof(values[0]));
    }
}

int cmd_fill(char **argv)
{
    const char *path = NULL;
    uint64_t count = 0, age_s = 0, done = 0, client = 0;
    const struct option_spec specs[] = {
        {"--pin", OPT_TEXT, &path}, {"--count", OPT_NUMBER, &count}, {"--age", OPT_NUMBER, &age_s}};
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (!path)
        misuse("--pin is needed");
    int fd = map_open(path), full = 0;
    batch_prepare(fd, age_s);
    while (done < count && !full) {
        for (size_t i = 0; i < BATCH; i++)
            *(uint32_t *)keys[i] = (uint32_t)mix64(++client);
        union bpf_attr attr = {.batch = {.keys = (uintptr_t)keys,
                                         .values = (uintptr_t)values,
                                         .count = BATCH,
                                         .map_fd = (uint32_t)fd}};
        full = bpf(BPF_MAP_UPDATE_BATCH, &attr);
        if (full && errno != E2BIG)
            die("%s: %s", path, strerror(errno));
        done += attr.batch.count;
    }
    printf("%llu\n", (unsigned long long)done);
    return 0;
}
