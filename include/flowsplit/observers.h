/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every program that only observes, and without which all is steered all the same: one list that is
 * enum, name and documentation at once. Where the kernel refuses one it is left out, and `status`
 * says what isn't seen. */
#ifndef FLOWSPLIT_OBSERVERS_H
#define FLOWSPLIT_OBSERVERS_H

#include "signals.h"

#define FS_FEEDS(signal) (1u << FS_SIGNAL_##signal)

/* X(enum suffix, name of the program, what it is on, set of signals that can't be had without it,
 * what isn't seen without it). What it is on: a tracepoint, or "iter/...". */
#define FS_OBSERVERS(X)                                                                            \
    X(DEVMAP_XMIT, "watch_devmap_xmit", "xdp_devmap_xmit", 0,                                      \
      "packets lost while redirecting, and interfaces that lose them")                             \
    X(REDIRECT_ERR, "watch_redirect_err", "xdp_redirect_err", 0,                                   \
      "packets whose redirecting is refused, and interfaces that can't take any")                  \
    X(BULK_TX, "watch_bulk_tx", "xdp_bulk_tx", 0,                                                  \
      "packets lost while they are sent back by the interface that they came by")                  \
    X(STATE, "sockets_state", "inet_sock_set_state", FS_FEEDS(RETRANSMITS) | FS_FEEDS(CLOSE_WAIT), \
      "connections of local backends: states, bytes, RTT, lifetimes, CLOSE_WAIT")                  \
    X(RETRANSMIT, "sockets_retransmit", "tcp_retransmit_skb", FS_FEEDS(RETRANSMITS),               \
      "the signal `retransmits`")                                                                  \
    X(SEND_RESET, "sockets_send_reset", "tcp_send_reset", 0,                                       \
      "which connections a local backend has reset")                                               \
    X(RECEIVE_RESET, "sockets_receive_reset", "tcp_receive_reset", 0,                              \
      "which connections a client has reset")                                                      \
    X(LIST, "sockets_list", "iter/tcp", 0,                                                         \
      "bytes, segments, retransmits and RTT of connections before they end; ages in `conns`")

enum fs_observer {
#define FS_OBSERVER_ENUM(suffix, program, on, feeds, unseen) FS_OBSERVER_##suffix,
    FS_OBSERVERS(FS_OBSERVER_ENUM)
#undef FS_OBSERVER_ENUM
        FS_OBSERVER_COUNT
};

#define FS_MAX_OBSERVERS 16

_Static_assert(FS_OBSERVER_COUNT <= FS_MAX_OBSERVERS, "fs_root has room for all observers");

#endif
