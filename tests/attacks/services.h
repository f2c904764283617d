/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is declared to the product, and changes of it: services of three versions, each of which has
 * a backend on this host and a remote one. */
#ifndef FLOWSPLIT_ATTACKS_SERVICES_H
#define FLOWSPLIT_ATTACKS_SERVICES_H

#include "wire.h"

enum { VERSIONS = 3, SERVICE_BACKENDS = 2 * VERSIONS, SERVICES = 7, BACKENDS = SERVICES * 6 };

struct service {
    const char *name, *vip_text;
    struct end vip;
    uint8_t proto;
    bool brief;  /* its `drain` is a second: buckets get tracked, and settled */
    bool follow; /* flows stay where they are; else each packet goes to the current owner, and who
                    talks to a backend itself isn't told from others */
    unsigned weights[VERSIONS]; /* per cent */
    bool has_remote[VERSIONS];  /* so has the version's pool at present */
    uint16_t backend_port;
};

struct backend {
    struct end at;
    unsigned service;
    bool remote;
    bool silent; /* refuses nothing: a packet for no connection is not answered */
};

extern struct service services_declared[SERVICES];
extern struct backend backends[BACKENDS];

/* The backend that is there, or -1. */
int backend_of(const struct end *at, uint8_t proto);

/* Its address, or that there is none; valid until the second call after. */
const char *backend_text(int backend);

/* Makes the host and declares the services. */
void services_start(void);

/* Declares them anew, as at the start: nothing is known of any flow. */
void services_restart(void);

/* Changes of one of them, at random. */
void services_change_weights(unsigned service);
void services_change_pool(unsigned service);

/* A sweep. */
void services_sweep(void);

/* As if interfaces had just been attached, or long ago. */
void services_attached(bool just);

/* Waits until no bucket is moving that a change of a brief service has moved. */
void services_wait_brief(void);

/* Are direct connections that are older than the attachment still being learnt? */
bool services_just_attached(void);

#endif
