// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Addresses and their text, time, chance, signals and the option parser of the traffic tool.
#include "peer.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_flag;

static void say(const char *fmt, va_list args)
{
    fprintf(stderr, "peer: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
}

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
    exit(1);
}

void misuse(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
    exit(2);
}

static void on_signal(int sig)
{
    (void)sig;
    stop_flag = 1;
}

void stop_on_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool stop_requested(void)
{
    return stop_flag;
}

void raise_file_limit(void)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

uint64_t random_u64(void)
{
    static uint64_t state;
    if (state == 0)
        state = mix64(now_ns() ^ ((uint64_t)getpid() << 40));
    return mix64(state++);
}

uint64_t random_below(uint64_t limit)
{
    return random_u64() % limit;
}

// ---- addresses ----

socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

void address_format(const union address *a, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof(host));
        snprintf(buf, size, "%s:%u", host, ntohs(a->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof(host));
        snprintf(buf, size, "[%s]:%u", host, ntohs(a->v6.sin6_port));
    }
}

static void port_set(union address *a, const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || port > 65535)
        misuse("%s: not a port", text);
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

static union address host_parse(const char *text)
{
    union address a = {0};
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        a.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
        a.any.sa_family = AF_INET6;
    else
        misuse("%s: not an address", text);
    return a;
}

// An address with or without a port; v6 needs brackets to carry one.
static union address address_parse(const char *text)
{
    char copy[80];
    char *host = copy;
    char *host_end = NULL;
    snprintf(copy, sizeof(copy), "%s", text);
    if (copy[0] == '[') {
        host = copy + 1;
        host_end = strchr(copy, ']');
        if (!host_end)
            misuse("%s: no closing bracket", text);
        *host_end++ = '\0';
    } else if (strchr(copy, '.')) {
        host_end = strchr(copy, ':');
    }
    bool has_port = host_end && *host_end == ':';
    if (has_port)
        *host_end = '\0';
    union address a = host_parse(host);
    if (has_port)
        port_set(&a, host_end + 1);
    return a;
}

struct target target_parse(const char *text)
{
    struct target t = {0};
    char copy[80];
    snprintf(copy, sizeof(copy), "%s", text);
    char *slash = strchr(copy, '/');
    if (slash) {
        *slash = '\0';
        t.udp = strcmp(slash + 1, "udp") == 0;
        if (!t.udp && strcmp(slash + 1, "tcp") != 0)
            misuse("%s: neither /tcp nor /udp", text);
    }
    t.addr = address_parse(copy);
    if (t.addr.v4.sin_port == 0) // the port is at the same place in both families
        misuse("%s: no port", text);
    return t;
}

void sources_append(struct sources *s, const union address *a)
{
    s->list = realloc(s->list, (s->count + 1) * sizeof(*s->list));
    if (!s->list)
        die("out of memory");
    s->list[s->count++] = *a;
}

static void sources_add_v4_range(struct sources *s, union address a, const union address *last)
{
    for (;;) {
        sources_append(s, &a);
        if (a.v4.sin_addr.s_addr == last->v4.sin_addr.s_addr)
            return;
        a.v4.sin_addr.s_addr = htonl(ntohl(a.v4.sin_addr.s_addr) + 1);
    }
}

static void sources_add_v6_range(struct sources *s, union address a, const union address *last)
{
    int group = 7;
    for (int i = 0; i < 8; i++) {
        if (a.v6.sin6_addr.s6_addr16[i] != last->v6.sin6_addr.s6_addr16[i])
            group = i;
    }
    uint16_t *step = &a.v6.sin6_addr.s6_addr16[group];
    uint16_t end_be = last->v6.sin6_addr.s6_addr16[group];
    for (;;) {
        sources_append(s, &a);
        if (*step == end_be)
            return;
        *step = htons((uint16_t)(ntohs(*step) + 1));
    }
}

void sources_add(struct sources *s, const char *text)
{
    char first[80];
    snprintf(first, sizeof(first), "%s", text);
    char *dash = strchr(first, '-');
    if (dash)
        *dash = '\0';
    union address a = address_parse(first);
    union address last = dash ? address_parse(dash + 1) : a;
    if (a.any.sa_family != last.any.sa_family)
        misuse("%s: ends of two families", text);
    if (a.any.sa_family == AF_INET)
        sources_add_v4_range(s, a, &last);
    else
        sources_add_v6_range(s, a, &last);
}

const union address *sources_pick(const struct sources *s, int family, size_t k)
{
    size_t of_family = 0;
    for (size_t i = 0; i < s->count; i++)
        of_family += s->list[i].any.sa_family == family;
    if (of_family == 0)
        return NULL;
    k %= of_family;
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].any.sa_family == family && k-- == 0)
            return &s->list[i];
    }
    return NULL;
}

// ---- options ----

static void targets_append(struct targets *t, const char *text)
{
    t->list = realloc(t->list, (t->count + 1) * sizeof(*t->list));
    if (!t->list)
        die("out of memory");
    t->list[t->count++] = target_parse(text);
}

static void option_take(const struct option_spec *spec, const char *value)
{
    char *end;
    switch (spec->kind) {
    case OPT_TEXT:
        *(const char **)spec->into = value;
        break;
    case OPT_NUMBER:
        *(uint64_t *)spec->into = strtoull(value, &end, 10);
        if (*value == '\0' || *end != '\0')
            misuse("%s %s: not a number", spec->name, value);
        break;
    case OPT_TARGETS:
        targets_append(spec->into, value);
        break;
    case OPT_SOURCES:
        sources_add(spec->into, value);
        break;
    case OPT_FLAG:
        *(bool *)spec->into = true;
        break;
    }
}

void options_parse(char **argv, const struct option_spec *specs, size_t count)
{
    for (; *argv; argv++) {
        const struct option_spec *spec = NULL;
        for (size_t i = 0; i < count && !spec; i++)
            spec = strcmp(*argv, specs[i].name) == 0 ? &specs[i] : NULL;
        if (!spec)
            misuse("%s: unknown", *argv);
        if (spec->kind != OPT_FLAG && !argv[1])
            misuse("%s: wants a value", *argv);
        option_take(spec, spec->kind == OPT_FLAG ? NULL : *++argv);
    }
}
