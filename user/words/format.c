// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How weights, shares, addresses and durations are shown: what parse.c reads back. */
#include "parse.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const char *format_endpoint(const struct fs_endpoint *at, char *buf)
{
    char address[INET6_ADDRSTRLEN];
    bool v6 = at->family == 6;

    inet_ntop(v6 ? AF_INET6 : AF_INET, at->addr, address, sizeof(address));
    snprintf(buf, FORMAT_ENDPOINT_MAX, v6 ? "[%s]:%u" : "%s:%u", address, ntohs(at->port_be));
    return buf;
}

const char *format_vip(const struct fs_endpoint *vip, char *buf)
{
    char at[FORMAT_ENDPOINT_MAX];

    /* The longest is 8 below the size with its "/tcp"; the precision tells the compiler. */
    snprintf(buf, FORMAT_ENDPOINT_MAX, "%.56s/%s", format_endpoint(vip, at),
             vip->proto == IPPROTO_UDP ? "udp" : "tcp");
    return buf;
}

const char *format_weight(unsigned bp, char *buf)
{
    unsigned whole = bp / 100, tenths = bp / 10 % 10, hundredths = bp % 10;

    if (hundredths)
        snprintf(buf, 16, "%u.%u%u%%", whole, tenths, hundredths);
    else if (tenths)
        snprintf(buf, 16, "%u.%u%%", whole, tenths);
    else
        snprintf(buf, 16, "%u%%", whole);
    return buf;
}

/* "12", "12.5": a number of thousandths or the like, without zeros at its end. */
static int format_decimal(uint64_t number, int digits, char *buf, size_t size)
{
    uint64_t one = 1;

    for (; digits && number % 10 == 0; digits--)
        number /= 10;
    for (int i = 0; i < digits; i++)
        one *= 10;
    if (!digits)
        return snprintf(buf, size, "%" PRIu64, number);
    return snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64, number / one, digits, number % one);
}

const char *format_share(unsigned ppm, char *buf)
{
    int used = format_decimal(ppm, 4, buf, 15);

    strcpy(buf + used, "%");
    return buf;
}

const char *format_latency(uint64_t ns, char *buf)
{
    uint64_t us = ns / 1000;
    int digits = us < 1000 ? 0 : us < 1000 * 1000 ? 3 : 6;
    int used = format_decimal(us, digits, buf, 29);

    strcpy(buf + used, digits == 0 ? "us" : digits == 3 ? "ms" : "s");
    return buf;
}

/* What is left below a minute: "2s", "1.5s", "500ms". */
static int format_seconds(unsigned ms, char *buf, size_t size)
{
    int used;

    if (ms < 1000 && ms)
        return snprintf(buf, size, "%ums", ms);
    used = format_decimal(ms, 3, buf, size);
    return used + snprintf(buf + used, size - (size_t)used, "s");
}

const char *format_duration(unsigned ms, char *buf)
{
    static const struct {
        unsigned ms;
        char letter;
    } units[] = {{24 * 3600 * 1000, 'd'}, {3600 * 1000, 'h'}, {60 * 1000, 'm'}};
    const size_t size = 32;
    size_t used = 0;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= units[i].ms)
            used += (size_t)snprintf(buf + used, size - used, "%u%c", ms / units[i].ms,
                                     units[i].letter);
        ms %= units[i].ms;
    }
    if (ms || !used)
        format_seconds(ms, buf + used, size - used);
    return buf;
}
