/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connections, segment by segment from both ends, through each way of steering. Every byte of
 * every packet is compared, and so is the traffic that is counted for the backend. */
#ifndef FLOWSPLIT_TALK_H
#define FLOWSPLIT_TALK_H

#include "data_path.h"

/* A service of two versions, `stable` and `canary`, with a backend each. */
struct way {
    const char *name;
    enum program in; /* for clients' packets; for remote backends' as well */
    bool remote;     /* else its backends' packets leave through TC_EGRESS */
    const char *service, *vip;
    const char *client; /* address */
    const char *stable, *canary;
};

#define WAYS 8 /* XDP and TC, backends here and elsewhere, IPv4 and IPv6 */
extern const struct way ways[WAYS];

/* The services of all ways, as YAML; `options` are keys of each, with a comma behind. Valid until
 * the next call. */
const char *ways_declare(const char *options, const char *stable_weight, const char *canary_weight);

/* Declares these services and no others: what there was of them is forgotten. */
void ways_renew(const char *options, const char *stable_weight, const char *canary_weight);

/* Begins a test of this way: the sentence gets its name. */
void way_test(const struct way *way, const char *sentence);

/* A client that nobody has seen; `text` has room for END_TEXT. Returns it. */
char *way_client(const struct way *way, char *text);

/* A connection. */
struct talk {
    const struct way *way;
    char client[END_TEXT];
    const char *backend;
    uint32_t isn, answer; /* the first sequence numbers of client and backend */
};

/* One of a client that has been served before, from a new port that the hash leads to this backend
 * of the way's; NULL: to any, and `backend` is to be filled in. */
struct talk talk_new(const struct way *way, const char *backend);

/* A segment. Numbers count from the sender's and the receiver's first ones. */
struct segment {
    unsigned flags;
    uint32_t seq, ack;
    uint16_t payload;
    const char *text; /* what the payload begins with */
    bool refusal;     /* the sequence number is 0 */
    bool without_ack; /* the acknowledgement number is 0 */
    bool wrong_check;
    uint8_t ttl, ip_options; /* as in a struct spec, like the next */
    const char *options;     /* 20 bytes in a SYN, else 12 */
    uint8_t data_offset;
};

/* Sends it, and checks that it gets to the other end, and all right. */
void client_says(const struct talk *talk, struct segment segment);
void backend_says(const struct talk *talk, struct segment segment);

/* The same for a client, but says where it went; valid until the next call. */
const char *client_led(const struct talk *talk, struct segment segment);

/* What most say. */
void talk_syn(const struct talk *talk);
void talk_answered(const struct talk *talk);                /* by a SYN-ACK */
void talk_refused(const struct talk *talk);                 /* by a RST */
void talk_begin(const struct talk *talk);                   /* SYN, SYN-ACK and ACK */
void talk_asks(const struct talk *talk);                    /* a whole HTTP request */
void talk_tells(const struct talk *talk, const char *text); /* data of the backend */

/* After an exchange: what comes next is new, not the same again. */
void talk_goes_on(struct talk *talk);

/* A new client's handshake with the version's backend that fails, or that doesn't. */
void talk_fails(const struct way *way, const char *backend);
void talk_succeeds(const struct way *way, const char *backend);

/* What has been sent to and from the backend since, as the data path should count it: all but what
 * it observed. */
void traffic_begin(const char *backend);
struct fs_backend_counters traffic_sent(void);

#endif
