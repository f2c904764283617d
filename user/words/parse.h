/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words users write: weights, addresses, durations, names. Pure; the same for files and the
 * command line, and their opposites for output. */
#ifndef FLOWSPLIT_PARSE_H
#define FLOWSPLIT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flowsplit/abi.h>

#include "error.h"

enum {
    NUMBER_DIGITS = 6 /* decimals that are read */
};

/* A decimal number as written: 12.5 is whole 12, fraction 500000, digits 1. */
struct number {
    unsigned whole;    /* stops growing at a billion */
    unsigned fraction; /* in millionths */
    int digits;        /* decimals; NUMBER_DIGITS + 1 if there are more than can be read */
};

/* Reads digits, and if a point follows, more digits. Returns where it stopped, or NULL if that is
 * no number. */
const char *parse_number(const char *text, struct number *number);

/* Each of the others returns 0, or -EINVAL with *err saying what was wrong with the text and what
 * is allowed (without place: the caller puts file:line:column in front). */

/* "5%", "0.01%", "100%": basis points 0..10,000. Refuses negative, above 100 %, finer than 0.01 %,
 * and a missing percent sign. */
int parse_weight(const char *text, unsigned *bp, struct error *err);

/* "10.0.0.1:80/tcp", "[2001:db8::1]:53/udp". */
int parse_vip(const char *text, struct fs_endpoint *vip, struct error *err);

/* "10.0.0.11:8080", "[2001:db8::11]:8080"; proto is left 0. Port 1..65535. Refuses unspecified,
 * multicast and broadcast addresses, and IPv4-mapped IPv6. */
int parse_backend(const char *text, struct fs_endpoint *at, struct error *err);

/* A client: "ADDRESS", "ADDRESS:PORT", "[V6]:PORT" or a bare V6 address; port 0 (and *has_port
 * false) when not given. */
int parse_client(const char *text, struct fs_endpoint *at, bool *has_port, struct error *err);

/* "500ms", "2s", "1.5s", "5m", "1h30m", "2d": milliseconds, up to 7 days. Each unit at most once,
 * larger ones first; a unit is required, 0 needs one too ("0s"). */
int parse_duration(const char *text, unsigned *ms, struct error *err);

/* "5%", "0.0001%", "0%", "100%": millionths. */
int parse_share(const char *text, unsigned *ppm, struct error *err);

/* "250us", "20ms", "1.5s": one number with a unit, 1us to 100s in whole microseconds. */
int parse_latency(const char *text, uint64_t *ns, struct error *err);

/* Names of services and versions: 1 to FS_NAME_MAX of [a-z0-9-]. `what` names the thing in the
 * message ("service name"). */
int parse_name(const char *what, const char *text, struct error *err);

/* "nat". */
int parse_mode(const char *text, enum fs_mode *mode, struct error *err);

/* "flow", "source", "none". */
int parse_affinity(const char *text, enum fs_affinity *affinity, struct error *err);

enum {
    FORMAT_ENDPOINT_MAX = 64 /* room for any formatted endpoint and its terminator */
};

/* "10.0.0.1:80" or "[2001:db8::1]:80"; the buffer holds FORMAT_ENDPOINT_MAX. Returns buf. */
const char *format_endpoint(const struct fs_endpoint *at, char *buf);

/* As format_endpoint, with "/tcp" or "/udp" at the end. */
const char *format_vip(const struct fs_endpoint *vip, char *buf);

/* "5%", "0.01%", "33.3%": the shortest exact form. buf holds 16. Returns buf. */
const char *format_weight(unsigned bp, char *buf);

/* "5%", "0.0001%": the shortest exact form, up to 4294%. buf holds 16. Returns buf. */
const char *format_share(unsigned ppm, char *buf);

/* "250us", "20ms", "1.5s": the shortest form, exact for whole microseconds. buf holds 32. Returns
 * buf. */
const char *format_latency(uint64_t ns, char *buf);

/* The words that parse_mode and parse_affinity read. */
const char *format_mode(enum fs_mode mode);
const char *format_affinity(enum fs_affinity affinity);

/* "5m", "1h30m", "1.5s" written so that parse_duration reads it back. buf holds 32. Returns buf. */
const char *format_duration(unsigned ms, char *buf);

#endif
