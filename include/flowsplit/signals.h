/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every signal that a guard can judge a version by: one list that is enum, name and documentation
 * at once. What feeds them is in bpf/handshakes.bpf.h, samples.bpf.h and sockets.bpf.h. */
#ifndef FLOWSPLIT_SIGNALS_H
#define FLOWSPLIT_SIGNALS_H

/* X(enum suffix, name, kind, what it needs, what one outcome is, what makes it bad, who could fake
 * a bad one). Kind: SHARE, judged by `NAME > SHARE%`; TIME, by `pQUANTILE NAME > DURATION`. Needs:
 * TCP, HTTP (`http: true`), LOCAL (a backend on this host). */
#define FS_SIGNALS(X)                                                                              \
    X(CONNECT_FAILURES, "connect_failures", SHARE, TCP, "a handshake",                             \
      "the backend refuses it, or leaves the SYN unanswered until it comes again (0.9 s or more)", \
      "nobody, as long as hosts drop no plain SYN of a client that they have served")              \
    X(RESETS, "resets", SHARE, TCP, "a sampled connection that was established",                   \
      "the backend resets it before either side has ended it",                                     \
      "a client that sends more than the backend reads, or that goes away")                        \
    X(HTTP_5XX, "http_5xx", SHARE, HTTP, "a response of a sampled connection",                     \
      "its status is 5xx", "a client that knows a request which makes the service fail")           \
    X(CONNECT_TIME, "connect_time", TIME, TCP, "a handshake that was answered",                    \
      "SYN-ACK later than that after the SYN", "a neighbour that is slow to tell its address")     \
    X(RESPONSE_TIME, "response_time", TIME, TCP, "an exchange of a sampled connection",            \
      "first byte of the answer later than that after the last byte of the request",               \
      "a client that knows a slow request, or leaves the answer no room")                          \
    X(RETRANSMITS, "retransmits", SHARE, LOCAL, "a segment that the backend's socket has sent",    \
      "it was sent again, and the client has not just gone",                                       \
      "a client that withholds acknowledgements for a time")                                       \
    X(CLOSE_WAIT, "close_wait", SHARE, LOCAL, "a connection whose closing has begun",              \
      "the client closed it, and the backend has not within `close_wait_after`",                   \
      "a client that ends its half of a connection which the backend has to keep")

enum fs_signal {
#define FS_SIGNAL_ENUM(suffix, name, kind, needs, outcome, bad, fake) FS_SIGNAL_##suffix,
    FS_SIGNALS(FS_SIGNAL_ENUM)
#undef FS_SIGNAL_ENUM
        FS_SIGNAL_COUNT
};

enum fs_signal_kind { FS_KIND_SHARE, FS_KIND_TIME };
enum fs_signal_needs { FS_NEEDS_TCP, FS_NEEDS_HTTP, FS_NEEDS_LOCAL };

#endif
