/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of flows, one after the other: for tests in which what came before matters. */
#ifndef FLOWSPLIT_FLOW_H
#define FLOWSPLIT_FLOW_H

#include "data_path.h"

/* A way into a service. */
struct path {
    const char *name;
    enum program in;
    uint8_t proto;
    const char *service, *vip;
    const char *client; /* address; a port is added */
};

/* Begins a test of this path: the sentence gets its name. */
void path_test(const struct path *path, const char *sentence);

/* A client of the path that nobody has seen; `text` has room for END_TEXT. Returns it. */
char *path_client(const struct path *path, char *text);

/* In place of flags: the RST with which a closed port answers a SYN. With flags: a sequence number
 * (in a reply, one acknowledged) that is far from others', as another connection has it; a SYN with
 * data, and its answer; a RST with the number that the backend's replies acknowledge; a reply that
 * acknowledges the client's FIN. */
#define REFUSED  0x100
#define FAR      0x200
#define FAST     0x400
#define AWAITED  0x800
#define ACKS_FIN 0x1000

/* Runs a packet through a program at cl0 and checks that it passes, all right, with these ends. */
void packet_check(const struct path *path, enum program program, const char *from, const char *to,
                  unsigned flags, const char *from_then, const char *to_then);

/* The same at be0, where remote backends are. */
void packet_check_remote(const struct path *path, enum program program, const char *from,
                         const char *to, unsigned flags, const char *from_then,
                         const char *to_then);

/* Runs a packet from the client to the VIP. Returns where it is for then, valid until the next
 * call; checks that nothing else about it is wrong. */
const char *packet_sent_to(const struct path *path, const char *client, unsigned flags);

/* Checks where it goes. */
void packet_goes(const struct path *path, const char *client, unsigned flags, const char *backend);

/* The same, and that only these reasons were counted, one each, TO_LOCAL aside; ends with -1. */
void packet_goes_counted(const struct path *path, const char *client, unsigned flags,
                         const char *backend, ...);

/* A reply of the backend at egress: must leave from the VIP. */
void packet_answered(const struct path *path, const char *client, const char *backend,
                     unsigned flags);

/* One that must not leave. */
void packet_held(const struct path *path, const char *client, const char *backend, unsigned flags);

#endif
