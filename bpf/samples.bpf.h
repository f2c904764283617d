/* SPDX-License-Identifier: GPL-2.0-only */
/* What the connections in the sample say: how they end, how long answers take, and the classes of
 * HTTP responses.
 *
 * An exchange is what a client says while the backend is silent, and the answer. Its time begins
 * with the last byte before the answer, and it counts only if the answer acknowledges exactly that
 * byte, and begins exactly where the client's acknowledgement was: else the backend may have been
 * waiting, for bytes that never reached it, or for the client to take what came before. */
#ifndef FLOWSPLIT_SAMPLES_BPF_H
#define FLOWSPLIT_SAMPLES_BPF_H

#include "flows.bpf.h"
#include "http.bpf.h"
#include "served.bpf.h"

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

/* What a client says. Its numbers first, then that an answer is waited for. */
static __always_inline void observe_said(struct observed *o, struct fs_sample *sample)
{
    o->http_waits = o->http;
    o->follows = o->seq == sample->request_end;
    if (!is_news(o, sample))
        return;
    sample->request_ns = o->says.now_ns;
    sample->request_ack = o->ack;
    o->pipelined = __sync_fetch_and_or(&sample->flags, FS_SAMPLE_WAITING) & FS_SAMPLE_WAITING;
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
        !(__sync_fetch_and_or(&sample->flags, FS_SAMPLE_ESTABLISHED) & FS_SAMPLE_ESTABLISHED)) {
        count->established += 1;
        served_note(o);
    }
    if (sample->flags & FS_SAMPLE_ESTABLISHED && o->payload)
        observe_said(o, sample);
    if (o->tcp_flags & TCP_FIN)
        observe_end(o, sample, count, false);
}

/* The first that a backend says after a client has, in an exchange that counts. */
static __always_inline void observe_response(struct observed *o, struct fs_sample *sample,
                                             __u32 class)
{
    struct fs_health *state = observed_health(o), *control = observed_control(o);

    if (class == HTTP_INTERIM) {
        sample->request_ack = o->seq + o->payload;
        __sync_fetch_and_or(&sample->flags, FS_SAMPLE_WAITING);
        if (state)
            __sync_fetch_and_add(&state->http[1], 1);
        return;
    }
    o->says.time_ns[1] = since_ns(sample->request_ns, o->says.now_ns);
    says(o, FS_SIGNAL_RESPONSE_TIME, false);
    if (class)
        says(o, FS_SIGNAL_HTTP_5XX, class == 5);
    if (control)
        histogram_add(&control->response_time, o->says.time_ns[1]);
    if (!state)
        return;
    histogram_add(&state->response_time, o->says.time_ns[1]);
    if (class && class < FS_HTTP_CLASSES)
        __sync_fetch_and_add(&state->http[class], 1);
}

/* What a backend says; but for what the client has had already. From now on the client has said
 * what the backend has got. */
static __always_inline void observe_answered(struct observed *o, struct fs_sample *sample)
{
    bool answers = o->ack == sample->request_end && o->seq == sample->request_ack;

    if ((__s32)(o->seq + o->payload - sample->request_ack) <= 0)
        return;
    if (!(__sync_fetch_and_and(&sample->flags, ~FS_SAMPLE_WAITING) & FS_SAMPLE_WAITING))
        answers = false;
    sample->request_end = o->ack;
    o->http_waits = o->http;
    o->answers = answers;
    if (answers && !o->http)
        observe_response(o, sample, 0);
}

static __always_inline void observe_reply(struct observed *o, struct fs_backend_counters *count)
{
    struct fs_sample *sample = bpf_map_lookup_elem(&samples, &o->key);

    if (!sample || sample->backend != o->backend)
        return;
    if (o->payload)
        observe_answered(o, sample);
    if (!(o->tcp_flags & (TCP_RST | TCP_FIN)))
        return;
    observe_end(o, sample, count, o->tcp_flags & TCP_RST);
    if (!o->http_waits)
        bpf_map_delete_elem(&samples, &o->key);
}

/* What of HTTP waits to be found out. */
static __always_inline int observe_http(void *ctx, bool from_backend, bool tc)
{
    struct observed *o = observed_now();
    struct fs_sample *sample;
    __u32 class = 0;

    if (!o)
        return 0;
    sample = bpf_map_lookup_elem(&samples, &o->key);
    if (!sample)
        return 0;
    if (!from_backend) {
        http_request(ctx, o, sample, tc);
        return 0;
    }
    if (o->answers)
        class = http_response(ctx, o, sample, tc);
    http_body(ctx, o, sample, tc);
    if (o->answers)
        observe_response(o, sample, class);
    if (o->tcp_flags & (TCP_RST | TCP_FIN))
        bpf_map_delete_elem(&samples, &o->key);
    return o->says.seen != 0;
}

/* Verified by themselves. */
__noinline int observe_http_xdp(struct xdp_md *ctx, __u32 how)
{
    return observe_http(ctx, how & FROM_BACKEND, false);
}

__noinline int observe_http_tc(struct __sk_buff *skb, __u32 how)
{
    return observe_http(skb, how & FROM_BACKEND, true);
}

#endif
