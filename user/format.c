// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How weights, addresses and durations are shown: what parse.c reads back. */
#include "parse.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

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

/* What is left below a minute: "2s", "1.5s", "500ms". */
static int format_seconds(unsigned ms, char *buf, size_t size)
{
    unsigned fraction = ms % 1000;
    int digits = 3;

    if (ms < 1000 && ms)
        return snprintf(buf, size, "%ums", ms);
    if (!fraction)
        return snprintf(buf, size, "%us", ms / 1000);
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    return snprintf(buf, size, "%u.%0*us", ms / 1000, digits, fraction);
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
