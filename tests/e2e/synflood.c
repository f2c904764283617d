// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer synflood`: SYNs, or what a script says, in the names of random sources or of live clients.
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raw.h"

// One packet of each source.
struct step {
    struct segment segment;
    uint32_t seq_offset; // from the source's own number
    bool numberless;     // any number, each time another
    uint64_t wait_ms;    // not a packet, but a pause
};

static struct {
    struct targets to;
    struct sources from, by_family[2]; // in the names of these, if there are any
    const char *dev, *dmac, *script, *from_file;
    bool swapped;
    uint64_t count, seconds, seed;
    struct step steps[16];
    size_t step_count;
} f = {.count = 1000, .script = "syn"};

// All that is random about a source; the same each time it is asked for.
static uint64_t of_source(uint64_t number, uint64_t what)
{
    return mix64(mix64(f.seed + number) + what);
}

// In IPv4 of 32.0.0.0/3: no address that a test uses, and none that is special.
static union address random_source(uint64_t number, int family)
{
    union address from = {.any.sa_family = (sa_family_t)family};
    uint64_t host = of_source(number, 3), net = of_source(number, 4);
    from.v4.sin_port = htons((uint16_t)(1024 + of_source(number, 0) % 64000));
    if (family == AF_INET) {
        from.v4.sin_addr.s_addr = htonl(0x20000000u | (uint32_t)(host >> 35));
    } else {
        memcpy(&from.v6.sin6_addr.s6_addr[0], &net, 8);
        memcpy(&from.v6.sin6_addr.s6_addr[8], &host, 8);
        from.v6.sin6_addr.s6_addr[0] = 0x20;
    }
    return from;
}

static union address source_of(uint64_t number, int family)
{
    const struct sources *sources = &f.by_family[family == AF_INET6];
    union address any = random_source(number, family), from;
    if (!sources->count)
        return any;
    from = sources->list[of_source(number, 5) % sources->count];
    if (!from.v4.sin_port) // the port is at the same place in both families
        from.v4.sin_port = any.v4.sin_port;
    return from;
}

static void frame_write(struct frame *frame, uint64_t number, const struct step *step)
{
    const struct target *to = &f.to.list[number % f.to.count];
    struct segment s = step->segment;
    union address from = source_of(number, to->addr.any.sa_family);
    s.from = f.swapped ? to->addr : from;
    s.to = f.swapped ? from : to->addr;
    s.udp = to->udp;
    s.seq = step->numberless ? (uint32_t)random_u64()
                             : (uint32_t)of_source(number, 1) + step->seq_offset;
    s.ack = step->numberless ? (uint32_t)random_u64() : (uint32_t)of_source(number, 2);
    raw_write(frame, &s);
}

static uint64_t flood(const struct step *step)
{
    static struct frame frames[RAW_BATCH];
    uint64_t sent = 0;
    while (sent < f.count && !stop_requested()) {
        unsigned int n = 0;
        for (; n < RAW_BATCH && sent + n < f.count; n++)
            frame_write(&frames[n], sent + n, step);
        raw_send(frames, n);
        sent += n;
    }
    return sent;
}

// SYNs that Linux drops without a word have options that nobody has agreed upon, or a header whose
// length isn't one.
#define MD5_OPTION .option_bytes = 20, .options = {19, 18, 1, 2, 3, [18] = 1, 1}
#define AO_OPTION  .option_bytes = 20, .options = {29, 16, 1, 2, 3, [16] = 1, 1, 1, 1}

static const struct {
    const char *name;
    struct segment segment;
} kinds[] = {{"bad-syn", {.tcp_flags = TH_SYN, .bad_checksum = true}},
             {"short-syn", {.tcp_flags = TH_SYN, .doff = 4}},
             {"long-syn", {.tcp_flags = TH_SYN, .doff = 15}},
             {"md5-syn", {.tcp_flags = TH_SYN, MD5_OPTION}},
             {"ao-syn", {.tcp_flags = TH_SYN, AO_OPTION}},
             {"data-syn", {.tcp_flags = TH_SYN, .payload_bytes = 20}},
             {"syn-ack", {.tcp_flags = TH_SYN | TH_ACK}},
             {"syn-rst", {.tcp_flags = TH_SYN | TH_RST}},
             {"syn-fin", {.tcp_flags = TH_SYN | TH_FIN}},
             {"fin-ack", {.tcp_flags = TH_FIN | TH_ACK}},
             {"rst-ack", {.tcp_flags = TH_RST | TH_ACK}},
             {"data", {.tcp_flags = TH_PUSH | TH_ACK, .payload_bytes = 20}},
             {"syn", {.tcp_flags = TH_SYN}},
             {"ack", {.tcp_flags = TH_ACK}},
             {"rst", {.tcp_flags = TH_RST}},
             {"fin", {.tcp_flags = TH_FIN}}};

// A word of a script: one of these, with "+100" for another sequence number than the source's own
// or "?" for any, or "wait1100" for a pause in milliseconds.
static void step_parse(struct step *step, const char *word)
{
    if (sscanf(word, "wait%lu", &step->wait_ms) == 1)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(word, kinds[i].name, len) != 0 || !strchr("+?", word[len]))
            continue;
        step->segment = kinds[i].segment;
        step->numberless = word[len] == '?';
        step->seq_offset = (uint32_t)strtoul(word + len, NULL, 10);
        return;
    }
    misuse("%s: not a step of a script", word);
}

static void script_parse(const char *script)
{
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", script);
    for (char *word = strtok(copy, ","); word; word = strtok(NULL, ",")) {
        if (f.step_count == ARRAY_LEN(f.steps))
            misuse("%s: more than %zu steps", script, ARRAY_LEN(f.steps));
        step_parse(&f.steps[f.step_count++], word);
    }
}

static uint64_t script_run(void)
{
    uint64_t sent = 0;
    f.seed = random_u64();
    for (size_t i = 0; i < f.step_count && !stop_requested(); i++) {
        if (f.steps[i].wait_ms)
            usleep((useconds_t)(f.steps[i].wait_ms * 1000));
        else
            sent += flood(&f.steps[i]);
    }
    return sent;
}

// As `peer hold` writes them: "address:port name" a line.
static void sources_read(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file)
        die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, " \n")] = '\0';
        sources_add(&f.from, line);
    }
    fclose(file);
}

static void sources_part(void)
{
    for (size_t i = 0; i < f.from.count; i++) {
        const union address *from = &f.from.list[i];
        sources_append(&f.by_family[from->any.sa_family == AF_INET6], from);
    }
}

int cmd_synflood(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &f.to},        {"--dev", OPT_TEXT, &f.dev},
        {"--dmac", OPT_TEXT, &f.dmac},       {"--count", OPT_NUMBER, &f.count},
        {"--script", OPT_TEXT, &f.script},   {"--seconds", OPT_NUMBER, &f.seconds},
        {"--from", OPT_SOURCES, &f.from},    {"--from-file", OPT_TEXT, &f.from_file},
        {"--swapped", OPT_FLAG, &f.swapped},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (f.to.count == 0 || !f.dev || !f.dmac)
        misuse("synflood: --to, --dev and --dmac are needed");
    if (f.from_file)
        sources_read(f.from_file);
    sources_part();
    script_parse(f.script);
    stop_on_signals();
    raw_open(f.dev, f.dmac);
    uint64_t begin_ns = now_ns(), sent = 0;
    do {
        sent += script_run();
    } while (now_ns() - begin_ns < f.seconds * NS_PER_S && !stop_requested());
    printf("{\"sent\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent,
           (double)(now_ns() - begin_ns) / NS_PER_S);
    return 0;
}
