/* SPDX-License-Identifier: GPL-2.0-only */
/* What the connections in the sample say: how they end, how long answers take, and the classes of
 * HTTP responses. */
#ifndef FLOWSPLIT_SAMPLES_BPF_H
#define FLOWSPLIT_SAMPLES_BPF_H

#include "flows.bpf.h"
#include "observed.bpf.h"

#define TCP_WORDS_AT      12              /* of the header's length, in the upper half of a byte */
#define HTTP_STATUS_BYTES 12              /* "HTTP/1.1 200" */
#define HTTP_INTERIM      FS_HTTP_CLASSES /* in the place of a class */

/* The two sides of a connection may be on two CPUs at once: so flags are set and cleared one by
 * one, and whoever changed one first goes on. */

/* An established connection ends, by a FIN from either side or a RST from the backend; only the
 * first of them counts. */
static __always_inline void observe_end(struct observed *o, struct fs_sample *sample,
                                        struct fs_backend_counters *count, bool reset)
{
    if (!(sample->flags & FS_SAMPLE_ESTABLISHED) ||
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_JUDGED) & FS_SAMPLE_JUDGED)
        return;
    says(o, FS_SIGNAL_RESETS, reset);
    if (reset)
        count->resets += 1;
    else
        count->ended += 1;
}

/* Does a client's packet bring anything that it has not sent before? What is sent again, or to keep
 * a connection alive, is no request. */
static __always_inline bool is_news(const struct observed *o, struct fs_sample *sample)
{
    __u32 end = o->seq + o->payload;

    if (!o->payload || (__s32)(end - sample->request_end) <= 0)
        return false;
    sample->request_end = end;
    return true;
}

static __always_inline void observe_request(struct observed *o, struct fs_backend_counters *count)
{
    struct fs_sample *sample = bpf_map_lookup_elem(&samples, &o->key);

    if (!sample || sample->backend != o->backend)
        return;
    if (o->tcp_flags & TCP_RST) {
        bpf_map_delete_elem(&samples, &o->key);
        return;
    }
    /* Exactly that number, which nobody can guess who has not seen the SYN-ACK: before this a
     * backend sends nothing else. */
    if (!(sample->flags & FS_SAMPLE_ESTABLISHED) && o->tcp_flags & TCP_ACK &&
        o->ack == sample->answer_seq + 1 &&
        !(__sync_fetch_and_or(&sample->flags, FS_SAMPLE_ESTABLISHED) & FS_SAMPLE_ESTABLISHED))
        count->established += 1;
    if (sample->flags & FS_SAMPLE_ESTABLISHED && is_news(o, sample) &&
        !(sample->flags & FS_SAMPLE_WAITING)) {
        sample->request_ns = o->says.now_ns;
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_WAITING);
    }
    if (o->tcp_flags & TCP_FIN)
        observe_end(o, sample, count, false);
}

static __always_inline void observe_response(struct observed *o, struct fs_sample *sample)
{
    struct fs_health *state = observed_health(o), *control = observed_control(o);

    if (o->http_class == HTTP_INTERIM) {
        if (state)
            __sync_fetch_and_add(&state->http[1], 1);
        return;
    }
    o->says.time_ns[1] = since_ns(sample->request_ns, o->says.now_ns);
    if (!(__sync_fetch_and_and(&sample->flags, ~FS_SAMPLE_WAITING) & FS_SAMPLE_WAITING))
        return;
    says(o, FS_SIGNAL_RESPONSE_TIME, false);
    if (o->http_class)
        says(o, FS_SIGNAL_HTTP_5XX, o->http_class == 5);
    if (control)
        histogram_add(&control->response_time, o->says.time_ns[1]);
    if (!state)
        return;
    histogram_add(&state->response_time, o->says.time_ns[1]);
    if (o->http_class && o->http_class < FS_HTTP_CLASSES)
        __sync_fetch_and_add(&state->http[o->http_class], 1);
}

static __always_inline void observe_reply(struct observed *o, struct fs_backend_counters *count)
{
    struct fs_sample *sample = bpf_map_lookup_elem(&samples, &o->key);

    if (!sample || sample->backend != o->backend)
        return;
    if (o->payload && sample->flags & FS_SAMPLE_WAITING)
        observe_response(o, sample);
    if (!(o->tcp_flags & (TCP_RST | TCP_FIN)))
        return;
    observe_end(o, sample, count, o->tcp_flags & TCP_RST);
    bpf_map_delete_elem(&samples, &o->key);
}

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

/* The class that the payload of the TCP packet at `l4_off` begins with. */
static __always_inline __u8 http_class(void *ctx, __u32 l4_off, bool tc)
{
    char line[HTTP_STATUS_BYTES];
    __u8 words;

    if (load_bytes(ctx, l4_off + TCP_WORDS_AT, &words, 1, tc) ||
        load_bytes(ctx, l4_off + (words >> 4) * 4, line, sizeof(line), tc))
        return 0;
    return http_line_class(line);
}

#endif
