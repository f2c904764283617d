// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words users write for VIPs, backends and clients. */
#include "parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "quote.h"

/* What kind of endpoint a text stands for, and how such a text looks. */
struct form {
    const char *what;
    const char *example;
};

static const struct form vip_form = {"VIP", "10.0.0.1:80/tcp or [2001:db8::1]:80/tcp"};
static const struct form backend_form = {"backend", "10.0.0.11:8080 or [2001:db8::11]:8080"};
static const struct form client_form = {
    "client", "10.0.0.9, 10.0.0.9:40000, 2001:db8::9 or [2001:db8::9]:40000"};

static int refuse(const struct form *form, const char *text, const char *why, struct error *err)
{
    return error_set(err, -EINVAL, "%s %s %s; write it like %s", form->what, quote(text).text, why,
                     form->example);
}

/* The parts of "HOST", "HOST:PORT" or "[HOST]:PORT". */
struct parts {
    char host[64]; /* any address fits; what is longer is none */
    bool bracketed;
    bool has_port;
    char port[64];
};

/* Copies what lies between two places; false if it doesn't fit. */
static bool cut(const char *from, const char *to, char *into, size_t size)
{
    size_t length = (size_t)(to - from);

    if (length >= size)
        return false;
    memcpy(into, from, length);
    into[length] = '\0';
    return true;
}

/* Splits `text`; false when brackets don't pair or a part is too long. */
static bool split(const char *text, struct parts *parts)
{
    const char *end = text + strlen(text);
    const char *colon = strrchr(text, ':'), *host_end = colon ? colon : end;

    *parts = (struct parts){.bracketed = *text == '['};
    if (parts->bracketed) {
        host_end = strchr(text, ']');
        if (!host_end || (host_end[1] && host_end[1] != ':'))
            return false;
        colon = host_end[1] ? host_end + 1 : NULL;
        text++;
    } else if (colon && strchr(text, ':') != colon) {
        host_end = end; /* a bare IPv6 address */
        colon = NULL;
    }
    parts->has_port = colon;
    return cut(text, host_end, parts->host, sizeof(parts->host)) &&
           (!colon || cut(colon + 1, end, parts->port, sizeof(parts->port)));
}

/* 1..65535 in plain digits, or 0. */
static unsigned port_number(const char *text)
{
    unsigned port = 0;
    size_t length = strspn(text, "0123456789");

    if (text[length] || length > 5 || *text == '0')
        return 0;
    for (; *text; text++)
        port = port * 10 + (unsigned)(*text - '0');
    return port <= 65535 ? port : 0;
}

/* Why this is no address of a host that packets can come from or go to; NULL if it is one. */
static const char *not_unicast(const struct fs_endpoint *at)
{
    __u32 word = ntohl(at->addr[0]);
    bool upper_zero = !at->addr[0] && !at->addr[1];

    if (at->family == 4 ? !word : upper_zero && !at->addr[2] && !at->addr[3])
        return "has the unspecified address";
    if (at->family == 4 ? word >> 28 == 0xe : word >> 24 == 0xff)
        return "has a multicast address";
    if (at->family == 4 && word == 0xffffffff)
        return "has the broadcast address";
    if (at->family == 6 && upper_zero && ntohl(at->addr[2]) == 0xffff)
        return "has an IPv4-mapped IPv6 address, which is never seen in a packet; use the IPv4 one";
    return NULL;
}

/* Fills address, port and family from `parts`; port 0 if there is none. */
static int parse_parts(const struct form *form, const char *text, const struct parts *parts,
                       struct fs_endpoint *at, struct error *err)
{
    const char *why;

    *at = (struct fs_endpoint){0};
    if (inet_pton(AF_INET, parts->host, at->addr) == 1)
        at->family = 4;
    else if (inet_pton(AF_INET6, parts->host, at->addr) == 1)
        at->family = 6;
    else
        return refuse(form, text, "has no valid IPv4 or IPv6 address", err);
    if (at->family == 4 && parts->bracketed)
        return refuse(form, text, "has brackets around an IPv4 address", err);
    why = not_unicast(at);
    if (why)
        return refuse(form, text, why, err);
    if (!parts->has_port)
        return 0;
    at->port_be = htons((__u16)port_number(parts->port));
    if (!at->port_be)
        return refuse(form, text, "has no valid port, a number from 1 to 65535", err);
    return 0;
}

/* An endpoint that must have a port. `whole` is the text for messages, of which `text` is a part.
 */
static int parse_with_port(const struct form *form, const char *whole, const char *text,
                           struct fs_endpoint *at, struct error *err)
{
    struct parts parts;

    if (!split(text, &parts))
        return refuse(form, whole, "is not an address and a port", err);
    if (!parts.has_port && !parts.bracketed && strchr(text, ':'))
        return refuse(form, whole, "is not an address and a port; IPv6 addresses need brackets",
                      err);
    if (!parts.has_port)
        return refuse(form, whole, "has no port", err);
    return parse_parts(form, whole, &parts, at, err);
}

int parse_vip(const char *text, struct fs_endpoint *vip, struct error *err)
{
    char endpoint[FORMAT_ENDPOINT_MAX];
    const char *slash = strrchr(text, '/');
    __u8 proto;
    int ret;

    if (!slash)
        return refuse(&vip_form, text, "has no protocol", err);
    if (strcmp(slash, "/tcp") == 0)
        proto = IPPROTO_TCP;
    else if (strcmp(slash, "/udp") == 0)
        proto = IPPROTO_UDP;
    else
        return refuse(&vip_form, text, "has an unknown protocol; known: tcp, udp", err);
    if (!cut(text, slash, endpoint, sizeof(endpoint)))
        return refuse(&vip_form, text, "is too long", err);
    ret = parse_with_port(&vip_form, text, endpoint, vip, err);
    if (ret)
        return ret;
    vip->proto = proto;
    return 0;
}

int parse_backend(const char *text, struct fs_endpoint *at, struct error *err)
{
    return parse_with_port(&backend_form, text, text, at, err);
}

int parse_client(const char *text, struct fs_endpoint *at, bool *has_port, struct error *err)
{
    struct parts parts;

    if (!split(text, &parts))
        return refuse(&client_form, text, "is not an address", err);
    *has_port = parts.has_port;
    return parse_parts(&client_form, text, &parts, at, err);
}
