// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The tool's protocol: what a payload holds, how an answer is built, and tallies of names.
#include "peer.h"

#include <stdlib.h>
#include <string.h>

// Each 8 bytes depend on connection, request, direction and place, so that no stale, swapped or
// foreign byte can pass for the right one.
static uint64_t payload_seed(const struct request *req, enum direction dir)
{
    return mix64(req->nonce ^ ((uint64_t)req->seq << 1) ^ (uint64_t)dir);
}

void payload_fill(void *buf, size_t len, const struct request *req, enum direction dir)
{
    unsigned char *to = buf;
    uint64_t seed = payload_seed(req, dir);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = mix64(seed + at);
        memcpy(to + at, &word, len - at < 8 ? len - at : 8);
    }
}

bool payload_matches(const void *buf, size_t len, const struct request *req, enum direction dir)
{
    const unsigned char *from = buf;
    uint64_t seed = payload_seed(req, dir);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = mix64(seed + at);
        if (memcmp(from + at, &word, len - at < 8 ? len - at : 8) != 0)
            return false;
    }
    return true;
}

bool request_valid(const struct request *req)
{
    return req->magic == REQUEST_MAGIC && req->payload_len <= PAYLOAD_MAX &&
           req->reply_len <= PAYLOAD_MAX;
}

void buffer_reserve(struct buffer *b, size_t cap)
{
    if (b->cap >= cap)
        return;
    b->data = realloc(b->data, cap);
    if (!b->data)
        die("out of memory");
    b->cap = cap;
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

void respond(struct buffer *out, const struct request *req, const char *name,
             uint64_t connection_id, uint32_t served, bool payload_ok)
{
    struct response resp = {
        .echo = *req, .connection_id = connection_id, .served = served, .payload_ok = payload_ok};
    memcpy(resp.name, name, strnlen(name, NAME_LEN));
    buffer_reserve(out, sizeof(resp) + req->reply_len);
    memcpy(out->data, &resp, sizeof(resp));
    payload_fill(out->data + sizeof(resp), req->reply_len, req, TO_CLIENT);
    out->len = sizeof(resp) + req->reply_len;
    out->done = 0;
}

void tally_add(struct tally *t, const char *name)
{
    size_t i = 0;
    while (i < t->used && strcmp(t->names[i], name) != 0)
        i++;
    if (i == ARRAY_LEN(t->names))
        die("more than %zu names", ARRAY_LEN(t->names));
    if (i == t->used)
        snprintf(t->names[t->used++], sizeof(t->names[0]), "%s", name);
    t->counts[i]++;
}

void tally_print(const struct tally *t)
{
    printf("{");
    for (size_t i = 0; i < t->used; i++)
        printf("%s\"%s\":%llu", i ? "," : "", t->names[i], (unsigned long long)t->counts[i]);
    printf("}");
}
