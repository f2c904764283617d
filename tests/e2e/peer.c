// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The traffic tool of the end-to-end tests: its subcommands and their usage.
#include "peer.h"

#include <string.h>

static int cmd_now(char **argv)
{
    (void)argv;
    printf("%llu\n", (unsigned long long)now_ns());
    return 0;
}

static const struct {
    const char *name;
    int (*run)(char **argv);
    const char *usage;
} commands[] = {
    {"serve", cmd_serve,
     "[--http-500] [--priority NAME SO_PRIORITY] NAME ADDR:PORT[/udp]... [NAME ADDR:PORT...]...\n"
     "      answers each request with NAME (HTTP too); prints \"ready\" once it listens"},
    {"hold", cmd_hold,
     "--to VIP:PORT[/udp]... --count N [--bind ADDR[-ADDR]]... --interval MS [--max-payload B]\n"
     "      [--rounds N] [--until-file F] [--ready-file F] [--timeout S]\n"
     "      keeps N connections talking until told to end; prints a JSON summary"},
    {"load", cmd_load,
     "--to VIP:PORT[/udp]... [--rate R | --max] [--seconds S] [--count N] [--bind ...]...\n"
     "      [--concurrency C] [--reset] [--log] [--timeout S]\n"
     "      a new connection for each exchange; --log: \"started_ns ended_ns name local\" a line"},
    {"ask", cmd_ask,
     "--to ADDR:PORT[/udp] [--bind ADDR[:PORT]]... [--size B] [--reset] [--timeout S]\n"
     "      one exchange for each source, prints NAME a line"},
    {"synflood", cmd_synflood,
     "--to ADDR:PORT[/udp]... --dev IFACE --dmac MAC --count N [--script STEP,STEP...]\n"
     "      [--from ADDR[:PORT]]... [--from-file F] [--swapped] [--seconds S]\n"
     "      SYNs of N sources, random ones or some of these (F as hold's ready file), written to "
     "the\n"
     "      device as raw frames, again for S seconds; or what the script says: flags, as "
     "syn-ack,\n"
     "      fin-ack, syn-rst, data; short-syn, long-syn, md5-syn, ao-syn, data-syn, bad-syn for "
     "what\n"
     "      hosts drop; each with +100 for another sequence number, ? for any; wait1100; "
     "--swapped:\n"
     "      from where they would go to"},
    {"faulty", cmd_faulty,
     "--at ADDR:PORT... [--http-500 PERCENT] [--reset PERCENT] [--leak PERCENT]\n"
     "      [--slow PERCENT --delay MS] [--hang] [--log]\n"
     "      [--body B] [--queue N]\n"
     "      an HTTP server that fails in these ways; --hang: its queue is full, it takes no SYN;\n"
     "      --log: shows what is posted, a line each; --body: of good answers, which say that they "
     "are\n"
     "      bad ones; --queue: serves one connection after the other, so many may wait"},
    {"http", cmd_http,
     "--to ADDR:PORT... [--bind ADDR[-ADDR]]... [--count N] [--exchanges N] [--concurrency C]\n"
     "      [--rate R] [--timeout S]\n"
     "      connections of some exchanges each; prints a JSON summary of statuses and failures"},
    {"fill", cmd_fill,
     "--pin PATH --count N [--age S]\n"
     "      fills a pinned flow table with N copies of an entry, for other clients, the same each "
     "time;\n"
     "      --age: as if they had been silent for so much longer"},
    {"pass", cmd_pass,
     "--dev IFACE [--lose PERCENT] [--whole]\n"
     "      an XDP program that passes everything, or loses some, until it is ended; --whole: GSO "
     "packets\n"
     "      as they are"},
    {"tc", cmd_tc,
     "--pin PATH [--pass] | --dev IFACE [--way in|back] [--last | --attach PATH | --detach PATH | "
     "--show]\n"
     "      | --probe\n"
     "      a TC program that ends the chain with TC_ACT_OK (or doesn't): pinned, or by a tcx "
     "link\n"
     "      until it is ended, as the first (or last); --attach puts a pinned one first into tcx, "
     "without a link,\n"
     "      --detach takes it out; --show prints \"PROGRAM LINK\", ids, of each; --probe succeeds "
     "if\n"
     "      this kernel has tcx"},
    {"in", cmd_in, "NETNS COMMAND...\n      becomes the command in a network namespace"},
    {"seccomp", cmd_seccomp,
     "COMMAND...\n      becomes the command, under a filter that refuses bpf()"},
    {"notify", cmd_notify,
     "PATH\n"
     "      what a service tells its manager there (sd_notify), a line each; \"ready\" at first"},
    {"now", cmd_now, "\n      CLOCK_MONOTONIC in nanoseconds"},
};

static int usage(FILE *to, int status)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "peer %s %s\n", commands[i].name, commands[i].usage);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, 2);
    if (strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argv + 2);
    }
    return usage(stderr, 2);
}
