/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the instance under test has observed, judged and done: its health, and what of it is only
 * kept for a time. All maps are read where they are; user space takes no part. */
#ifndef FLOWSPLIT_EVIDENCE_H
#define FLOWSPLIT_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <flowsplit/arena.h>
#include <flowsplit/health.h>

/* Opens the pins under the directory. Gives up if one is missing. */
void evidence_open(const char *pin_dir);

/* Of what is published at this moment. Give up where there is no such thing. */
const struct fs_service *service_named(const char *service);
const struct fs_table *table_named(const char *service);
unsigned backend_at(const char *endpoint); /* its number; TCP */

/* Changes under the reader's eyes. */
const volatile struct fs_health *health_named(const char *service, const char *version);
struct fs_trip_word trip_word(const char *service, const char *version);

/* Of the service's control; gives up if it has none. */
const volatile struct fs_health *health_of_control(const char *service);

/* Is the client in one of the control's buckets? */
bool is_in_control(const char *service, const char *client);

/* Where the hash alone sends a client of the service now: its backend, as text with room for
 * END_TEXT, which it returns. */
char *hash_leads(const char *service, const char *client, char *text);

/* Which cell of a score the client has. */
unsigned client_cell(const char *client);

/* Is the client's flow in the sample? */
bool is_sampled(const char *service, const char *client);

/* The last handshake of this client. */
bool handshake_find(const char *service, const char *client, struct fs_handshake *handshake);

/* Is there room for one, without pushing out another's? */
bool handshake_has_room(const char *service, const char *client);

/* As if its SYN had come this much earlier; gives up if there is none. */
void handshake_age(const char *service, const char *client, uint64_t ns);

/* Has the client been served by the service? */
bool served_find(const char *service, const char *client);

/* As if it had, or hadn't. */
void served_set(const char *service, const char *client, bool is);

bool sample_find(const char *service, const char *client, struct fs_sample *sample);

/* As if its request had begun this much earlier; gives up if there is none. */
void sample_age(const char *service, const char *client, uint64_t ns);

/* As if every CPU were in the midst of observing a packet. */
void observing_set(bool taken);

/* The number that the next event gets, and the event with a number, if it is kept. */
uint64_t event_next(void);
bool event_read(uint64_t number, struct fs_event *event);

#endif
