/* SPDX-License-Identifier: GPL-2.0-only */
/* Where HTTP/1.x messages of a connection in the sample begin and end, so that a status is read
 * only where a response begins: never in a body, whoever chose its bytes.
 *
 * Each side's next message begins where the last one ended: by its Content-Length, its chunks, or
 * at its head where it has no body. What can't be told so (a head of several packets, an old
 * version, requests before the answer to the last one, bytes that were sent again and may differ,
 * CONNECT, an upgrade) makes the rest of the connection unclear; nothing is read there any more. */
#ifndef FLOWSPLIT_HTTP_BPF_H
#define FLOWSPLIT_HTTP_BPF_H

#include "observed.bpf.h"

#define HTTP_HEAD_MAX     2048 /* bytes that are looked through; a power of two */
#define HTTP_STATUS_BYTES 12   /* "HTTP/1.1 200" */
#define HTTP_VERSION      9    /* " HTTP/1.1" */
#define HTTP_DIGITS       9    /* of a Content-Length */
#define HTTP_CHUNKS       32   /* that begin in a packet */
#define HTTP_CHUNK_BYTES  12   /* of a chunk's beginning */
#define HTTP_CHUNK_DIGITS 7
#define HTTP_INTERIM      FS_HTTP_CLASSES /* in the place of a class */

enum http_said { HTTP_LENGTH = 1, HTTP_CHUNKED = 2, HTTP_UNCLEAR = 4 };

/* The beginning of a message. */
struct http_head {
    char text[HTTP_HEAD_MAX];
    __u32 line;       /* where the line begins that is being read */
    __u32 first_line; /* its length, without the line's end */
    __u32 bytes;      /* of the head; 0: it doesn't end here */
    __u32 length;     /* Content-Length */
    __u32 said;       /* enum http_said */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct http_head);
} http_heads SEC(".maps");

static __always_inline struct http_head *http_head_here(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&http_heads, &zero);
}

/* --- a head --- */

static __always_inline char http_at(const struct http_head *head, __u32 at)
{
    return head->text[at & (HTTP_HEAD_MAX - 1)];
}

/* Is there this text, in whatever case its letters are? */
static __always_inline bool http_is(const struct http_head *head, __u32 at, const char *lower,
                                    __u32 bytes)
{
    for (__u32 i = 0; i < bytes; i++)
        if ((http_at(head, at + i) | 0x20) != lower[i])
            return false;
    return true;
}

#define HTTP_IS(head, at, lower) http_is(head, at, lower, sizeof(lower) - 1)

static __always_inline void http_length(struct http_head *head, __u32 at, __u32 end)
{
    __u32 digits = 0, value = 0;

    if (http_at(head, at) == ' ')
        at++;
    for (__u32 i = 0; i < HTTP_DIGITS && at < end; i++) {
        char c = http_at(head, at);

        if (c < '0' || c > '9')
            break;
        value = value * 10 + (c - '0');
        digits++;
        at++;
    }
    head->said |= !digits || at != end || head->said ? HTTP_UNCLEAR : HTTP_LENGTH;
    head->length = value;
}

static __always_inline void http_coding(struct http_head *head, __u32 at, __u32 end)
{
    if (http_at(head, at) == ' ')
        at++;
    head->said |=
        end - at != 7 || !HTTP_IS(head, at, "chunked") || head->said ? HTTP_UNCLEAR : HTTP_CHUNKED;
}

/* A byte of a head. Returns whether nothing behind it matters. */
static long http_byte(__u32 i, struct http_head **at)
{
    struct http_head *head = *at;
    __u32 line = head->line;

    if (http_at(head, i) != '\n')
        return 0;
    head->line = i + 1;
    if (!i || http_at(head, i - 1) != '\r') {
        head->said = HTTP_UNCLEAR;
        return 1;
    }
    if (line + 1 == i) {
        head->bytes = i + 1;
        return 1;
    }
    if (!line)
        head->first_line = i - 1;
    else if (HTTP_IS(head, line, "content-length:"))
        http_length(head, line + 15, i - 1);
    else if (HTTP_IS(head, line, "transfer-encoding:"))
        http_coding(head, line + 18, i - 1);
    else if (http_at(head, line) == ' ' || http_at(head, line) == '\t')
        head->said = HTTP_UNCLEAR; /* an old way to go on with the line before */
    return 0;
}

/* The message that the packet's payload begins with; or NULL. */
static __always_inline struct http_head *http_read(void *ctx, const struct observed *o, bool tc)
{
    struct http_head *head = http_head_here();
    __u32 bytes = o->payload < HTTP_HEAD_MAX ? o->payload : HTTP_HEAD_MAX;

    asm volatile("" : "+r"(bytes)); /* so that both bounds are of the same register */
    if (!head || bytes < HTTP_STATUS_BYTES ||
        load_bytes(ctx, o->payload_off, head->text, bytes, tc))
        return NULL;
    head->line = head->first_line = head->bytes = head->length = head->said = 0;
    bpf_loop(bytes, http_byte, &head, 0);
    return head;
}

/* --- requests --- */

static __always_inline void http_lose(struct fs_sample *sample)
{
    __sync_fetch_and_or(&sample->flags, FS_SAMPLE_UNCLEAR);
}

/* Version 1.x, at the end of the first line; without one, the answer would be a body alone. */
static __always_inline bool http_has_version(const struct http_head *head)
{
    __u32 at = head->first_line - HTTP_VERSION;

    return head->first_line > HTTP_VERSION && http_at(head, at) == ' ' &&
           HTTP_IS(head, at + 1, "http/1.");
}

/* A request that begins with this packet. Only those whose name begins with P have bodies that
 * every server reads. Where its own end can't be told, its answer is the last that can. */
static __always_inline void http_request_begins(void *ctx, const struct observed *o,
                                                struct fs_sample *sample, bool tc)
{
    const struct http_head *head = http_read(ctx, o, tc);
    __u32 next;

    if (!head || !http_has_version(head) || HTTP_IS(head, 0, "connect ")) {
        http_lose(sample);
        return;
    }
    if (HTTP_IS(head, 0, "head "))
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_HEAD);
    else
        __sync_fetch_and_and(&sample->flags, ~FS_SAMPLE_HEAD);
    next = o->seq + head->bytes + head->length;
    sample->request_next = next;
    if (!head->bytes || head->said & (HTTP_CHUNKED | HTTP_UNCLEAR) ||
        (head->length && http_at(head, 0) != 'P') || (__s32)(next - o->seq - o->payload) < 0)
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_LAST);
}

/* A packet of a client with payload. */
static __always_inline void http_request(void *ctx, const struct observed *o,
                                         struct fs_sample *sample, bool tc)
{
    __u32 left = sample->request_next - o->seq;

    if (sample->flags & FS_SAMPLE_UNCLEAR)
        return;
    if (!o->follows)
        http_lose(sample);
    else if (sample->flags & FS_SAMPLE_LAST)
        return;
    else if (!left && !o->pipelined)
        http_request_begins(ctx, o, sample, tc);
    else if (!left || o->payload > left)
        http_lose(sample);
}

/* --- responses --- */

/* The class of a status line "HTTP/1.x nnn", or 0. Another response follows those of class 1, but
 * for 101, with which HTTP ends (RFC 9110, 15.2). */
static __always_inline __u8 http_line_class(const char *line)
{
    if (line[0] != 'H' || line[1] != 'T' || line[2] != 'T' || line[3] != 'P' || line[4] != '/' ||
        line[5] != '1' || line[6] != '.' || line[8] != ' ' || line[9] < '1' || line[9] > '5')
        return 0;
    if (line[9] == '1' && (line[10] != '0' || line[11] != '1'))
        return HTTP_INTERIM;
    return line[9] - '0';
}

/* 204 and 304 have no body, whatever their head says (RFC 9112, 6.3). */
static __always_inline bool http_has_no_body(const char *line, __u8 class)
{
    return class == HTTP_INTERIM || (line[9] == '2' && line[10] == '0' && line[11] == '4') ||
           (line[9] == '3' && line[10] == '0' && line[11] == '4');
}

/* The response that this packet begins with: returns its class, or 0, and finds out where it ends.
 */
static __always_inline __u8 http_response(void *ctx, const struct observed *o,
                                          struct fs_sample *sample, bool tc)
{
    const struct http_head *head;
    __u32 flags = sample->flags;
    __u8 class;

    if (flags & (FS_SAMPLE_UNCLEAR | FS_SAMPLE_CHUNKED) || o->seq != sample->response_next)
        return 0;
    head = http_read(ctx, o, tc);
    class = head ? http_line_class(head->text) : 0;
    if (!class || class == 1 || flags & FS_SAMPLE_LAST || !head->bytes ||
        head->said & HTTP_UNCLEAR) {
        http_lose(sample);
        return class;
    }
    sample->response_next = o->seq + head->bytes;
    if (flags & FS_SAMPLE_HEAD || http_has_no_body(head->text, class))
        return class;
    if (head->said & HTTP_CHUNKED)
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_CHUNKED);
    else if (head->said & HTTP_LENGTH)
        sample->response_next += head->length;
    else
        http_lose(sample);
    return class;
}

/* Reads a chunk's beginning, at `off`, of which there are `bytes`. Returns how far behind it the
 * next one begins; 0 if it can't be told; with HTTP_END set if it is the last. */
#define HTTP_END (1u << 31)

static __always_inline __u32 http_chunk(void *ctx, __u32 off, __u32 bytes, bool tc)
{
    struct http_head *head = http_head_here();
    __u32 size = 0, digits = 0;

    bytes = bytes < HTTP_CHUNK_BYTES ? bytes : HTTP_CHUNK_BYTES;
    asm volatile("" : "+r"(bytes)); /* so that both bounds are of the same register */
    if (!head || bytes < opaque(1)) /* Linux 6.1 concludes nothing from "not 0" */
        return 0;
    __builtin_memset(head->text, 0, HTTP_CHUNK_BYTES);
    if (load_bytes(ctx, off, head->text, bytes, tc))
        return 0;
    for (; digits < HTTP_CHUNK_DIGITS; digits++) {
        char c = http_at(head, digits), lower = c | 0x20;

        if (c >= '0' && c <= '9')
            size = size << 4 | (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            size = size << 4 | (lower - 'a' + 10);
        else
            break;
    }
    if (!digits || http_at(head, digits) != '\r' || http_at(head, digits + 1) != '\n')
        return 0;
    if (size)
        return digits + 2 + size + 2;
    return http_at(head, digits + 2) == '\r' && http_at(head, digits + 3) == '\n'
               ? HTTP_END | (digits + 4)
               : 0;
}

__noinline __u32 http_chunk_xdp(struct xdp_md *ctx, __u32 off, __u32 bytes)
{
    return http_chunk(ctx, off, bytes, false);
}

__noinline __u32 http_chunk_tc(struct __sk_buff *skb, __u32 off, __u32 bytes)
{
    return http_chunk(skb, off, bytes, true);
}

/* Where the next chunk begins, `next` bytes behind the beginning of a packet's payload, after those
 * that begin in it; 0 if that can't be told; with HTTP_END set if what follows is another message.
 */
static __always_inline __u32 http_chunks(void *ctx, __u32 off, __u32 payload, __u32 next, bool tc)
{
    for (__u32 i = 0; i < HTTP_CHUNKS && next < payload; i++) {
        __u32 bytes = tc ? http_chunk_tc(ctx, off + next, payload - next)
                         : http_chunk_xdp(ctx, off + next, payload - next);

        if (!bytes)
            return 0;
        next += bytes & ~HTTP_END;
        if (bytes & HTTP_END)
            return next | HTTP_END;
    }
    return next < payload ? 0 : next;
}

/* A packet of a backend with payload, after http_response() has had its look. */
static __always_inline void http_body(void *ctx, const struct observed *o, struct fs_sample *sample,
                                      bool tc)
{
    __u32 next = sample->response_next - o->seq;

    if (sample->flags & FS_SAMPLE_UNCLEAR || (__s32)next >= (__s32)o->payload)
        return; /* nothing begins in this one */
    if (sample->flags & FS_SAMPLE_CHUNKED && next < o->payload)
        next = http_chunks(ctx, o->payload_off, o->payload, next, tc);
    else
        next = 0; /* a message that nobody has asked for, or whose beginning nobody saw */
    if (!next || (next & ~HTTP_END) < o->payload)
        http_lose(sample);
    sample->response_next = o->seq + (next & ~HTTP_END);
    if (next & HTTP_END)
        __sync_fetch_and_and(&sample->flags, ~FS_SAMPLE_CHUNKED);
}

#endif
