// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the files of the traffic tool share: addresses, options, the records on the wire, one client
// connection, and a table of clients with the loop that drives it.
#ifndef FS_TESTS_E2E_PEER_H
#define FS_TESTS_E2E_PEER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sendmmsg(), accept4(), memmem(): include this file first
#endif

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NAME_LEN     16
#define NS_PER_MS    1000000ULL
#define NS_PER_S     1000000000ULL
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// ---- addresses (net.c) ----

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct target {
    union address addr;
    bool udp;
};

struct sources {
    union address *list;
    size_t count;
};

socklen_t address_len(const union address *a);
// "10.0.0.1:80" or "[fd00::1]:80".
void address_format(const union address *a, char *buf, size_t size);
// "10.0.0.1:80", "[fd00::1]:80/udp". Ends the program when the text is wrong.
struct target target_parse(const char *text);
// "10.0.0.1", "10.0.0.1-10.0.0.9", "10.0.0.1:4000", "[fd00::1]:4000", "fd00:0:1::1-fd00:0:9::1": a
// range steps through the one 16-bit group in which its ends differ (v4: through the number).
void sources_add(struct sources *s, const char *text);
void sources_append(struct sources *s, const union address *a);
// The k-th source of a family, round and round; NULL when there is none.
const union address *sources_pick(const struct sources *s, int family, size_t k);

uint64_t now_ns(void);
uint64_t random_u64(void);
uint64_t random_below(uint64_t limit);
uint64_t mix64(uint64_t x);
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
// True once SIGTERM or SIGINT came (stop_on_signals() arms this).
bool stop_requested(void);
void stop_on_signals(void);
void raise_file_limit(void);

// ---- options (net.c) ----

enum option_kind { OPT_TEXT, OPT_NUMBER, OPT_FLAG, OPT_TARGETS, OPT_SOURCES };

struct targets {
    struct target *list;
    size_t count;
};

struct option_spec {
    const char *name; // with its dashes
    enum option_kind kind;
    void *into; // const char **, uint64_t *, bool *, struct targets *, struct sources *
};

// Fills what the table names and ends the program on anything else.
void options_parse(char **argv, const struct option_spec *specs, size_t count);

// ---- the records and the payload (proto.c) ----

#define REQUEST_MAGIC 0xf5e2e001u
#define PAYLOAD_MAX   (256u << 10)

struct request {
    uint32_t magic;
    uint32_t seq;
    uint64_t nonce;
    uint32_t payload_len; // bytes that follow this record
    uint32_t reply_len;   // bytes wished behind the response
    uint64_t unused;
};
_Static_assert(sizeof(struct request) == 32, "the record on the wire");

struct response {
    struct request echo;
    char name[NAME_LEN];
    uint64_t connection_id; // made by the server for this connection (UDP: for this source)
    uint32_t served;        // requests answered on it, this one included
    uint32_t payload_ok;    // 1 when the request's payload came as it was sent
};
_Static_assert(sizeof(struct response) == 64, "the record on the wire");

enum direction { TO_SERVER, TO_CLIENT };

void payload_fill(void *buf, size_t len, const struct request *req, enum direction dir);
bool payload_matches(const void *buf, size_t len, const struct request *req, enum direction dir);
// A request is well-formed when its lengths can be served.
bool request_valid(const struct request *req);

struct buffer {
    unsigned char *data;
    size_t len;  // bytes held
    size_t done; // of these, sent already
    size_t cap;
};

void buffer_reserve(struct buffer *b, size_t cap);
void buffer_free(struct buffer *b);
// Writes response and payload for req to out.
void respond(struct buffer *out, const struct request *req, const char *name,
             uint64_t connection_id, uint32_t served, bool payload_ok);

// ---- one client connection (client.c) ----

enum progress { STEP_AGAIN, STEP_DONE, STEP_FAILED, STEP_MISROUTED };

struct client {
    int fd;
    struct target target;
    union address local;
    bool connected;
    bool busy; // an exchange is under way
    uint64_t nonce;
    uint32_t seq;
    struct buffer out, in;
    char name[NAME_LEN + 1]; // who answered first; empty before
    uint64_t connection_id;
    uint32_t answered;
    uint64_t started_ns, ended_ns, due_ns, deadline_ns;
    char why[160]; // what failed, for people
};

// Starts connecting (UDP: is connected at once). 0, or -1 with ->why.
int client_open(struct client *c, const struct target *to, const union address *from);
void client_begin(struct client *c, uint32_t payload_len, uint32_t reply_len);
// Goes on with the exchange as far as it can without blocking.
enum progress client_step(struct client *c);
// Looks for an end or an error while nothing is under way.
enum progress client_check_idle(struct client *c);
void client_close(struct client *c, bool reset);

// ---- names and counts (proto.c) ----

struct tally {
    char names[64][NAME_LEN + 1];
    uint64_t counts[64];
    size_t used;
};

void tally_add(struct tally *t, const char *name);
// As a JSON object.
void tally_print(const struct tally *t);

// ---- subcommands ----

int cmd_serve(char **argv);
int cmd_hold(char **argv);
int cmd_load(char **argv);
int cmd_ask(char **argv);
int cmd_synflood(char **argv);
int cmd_fill(char **argv);
int cmd_pass(char **argv);
int cmd_in(char **argv);
int cmd_seccomp(char **argv);
int cmd_tc(char **argv);
int cmd_notify(char **argv);
int cmd_faulty(char **argv);
int cmd_http(char **argv);

#endif
