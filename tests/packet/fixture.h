/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tests as data: a packet, the programs it is run through, and all that must become of it: the
 * verdict, every byte of the packet, and which counters moved. */
#ifndef FLOWSPLIT_FIXTURE_H
#define FLOWSPLIT_FIXTURE_H

#include "data_path.h"

/* The result is the packet itself where nothing else is said. */
struct fixture {
    const char *name;  /* a sentence */
    unsigned programs; /* a set; one test each */
    struct spec in;
    enum verdict verdict;
    enum fs_reason reason; /* the counter that moves by one */
    enum fs_reason also;   /* another one; 0: none */

    const char *from, *to;             /* source and destination afterwards */
    const char *quote_from, *quote_to; /* the same of the quoted packet */
    const char *via;                   /* interface it leaves by: MACs and TTL are a router's */
    unsigned neighbour;                /* number of the neighbour there */
    const char *by;                    /* interface it came by, or leaves by at egress; NULL: cl0 */
    bool from_this_host;               /* at egress; else it came in by cl0 */
    unsigned gso_size;
};

void fixtures_run(const struct fixture *list, size_t count);

/* One fixture, in the middle of a test. */
void fixture_check(const struct fixture *fixture, enum program program);

#define FIXTURES_RUN(list) fixtures_run(list, sizeof(list) / sizeof(*(list)))

/* Who talks to whom in most fixtures. */
#define CLIENT4 "192.0.2.10:40000"
#define CLIENT6 "[2001:db8:c::10]:40000"

/* Services, each with one backend, so that it is known where packets go; see fixture.c. */
extern const char services[];

#define LOCAL4_VIP          "10.0.0.1:80"
#define LOCAL4_BACKEND      "10.1.0.1:8080"
#define LOCAL6_VIP          "[fd00::1]:80"
#define LOCAL6_BACKEND      "[fd00:1::1]:8080"
#define LOCAL4_UDP_VIP      "10.0.0.1:53"
#define LOCAL4_UDP_BACKEND  "10.1.0.1:5353"
#define LOCAL6_UDP_VIP      "[fd00::1]:53"
#define LOCAL6_UDP_BACKEND  "[fd00:1::1]:5353"
#define REMOTE4_VIP         "10.0.0.2:80"
#define REMOTE4_BACKEND     "198.51.100.11:8080"
#define REMOTE6_VIP         "[fd00::2]:80"
#define REMOTE6_BACKEND     "[2001:db8:b::11]:8080"
#define REMOTE4_UDP_VIP     "10.0.0.2:53"
#define REMOTE4_UDP_BACKEND "198.51.100.11:5353"
#define REMOTE6_UDP_VIP     "[fd00::2]:53"
#define REMOTE6_UDP_BACKEND "[2001:db8:b::11]:5353"

#endif
