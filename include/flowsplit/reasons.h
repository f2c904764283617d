/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every reason why a packet was passed, steered, restored or dropped, and every event worth
 * counting on the way: one list that is enum, counter, name and documentation at once. */
#ifndef FLOWSPLIT_REASONS_H
#define FLOWSPLIT_REASONS_H

/* X(enum suffix, name, what becomes of the packet, "normal" or "look", text, setting).
 * "normal": the counter may well be non-zero on a healthy host. "look": non-zero needs a look. The
 * setting is the one that it points to, and how to see or change it; "": to none. */
#define FS_REASONS(X)                                                                              \
    X(NO_SERVICE, "no_service", "passed", "normal", "for no service and from no backend", "")      \
    X(NOT_STEERING, "not_steering", "passed", "normal",                                            \
      "came in while the interface was being attached or detached", "")                            \
    X(NOT_IP, "not_ip", "passed", "normal", "neither IPv4 nor IPv6, ARP for one", "")              \
    X(NO_PORTS, "no_ports", "passed", "normal", "IP, but neither TCP nor UDP nor an ICMP error",   \
      "")                                                                                          \
    X(OTHER_HOST, "other_host", "passed", "normal",                                                \
      "in a frame that is broadcast, or addressed to another host", "")                            \
    X(FRAGMENT, "fragment", "passed", "look",                                                      \
      "a fragment for no service, or one that came before the first, which has the ports", "")     \
    X(FRAGMENT_FOLLOWED, "fragment_followed", "noted", "normal",                                   \
      "a later fragment of a service's or a backend's packet went where the first did", "")        \
    X(SOURCE_ROUTE, "source_route", "passed", "normal",                                            \
      "a source route or routing header leads on to another address: not for this one", "")        \
    X(AUTHENTICATED, "authenticated", "passed", "normal",                                          \
      "an authentication header vouches for addresses and ports, so they can't be changed", "")    \
    X(MALFORMED, "malformed", "passed", "look",                                                    \
      "headers cut short, or lengths that contradict each other", "")                              \
    X(NO_BACKEND, "no_backend", "passed", "look", "for a service whose version has no backend",    \
      "weights, to a version that has backends: flowsplit set")                                    \
    X(ADOPTED, "adopted", "passed", "normal",                                                      \
      "of a connection to the VIP that is older than flowsplit: left to the server that has it",   \
      "")                                                                                          \
    X(TO_LOCAL, "to_local", "steered", "normal", "to a backend on this host, up its stack", "")    \
    X(TO_INTERFACE, "to_interface", "steered", "normal",                                           \
      "to a remote backend, straight out of another interface", "")                                \
    X(TO_SAME_INTERFACE, "to_same_interface", "steered", "normal",                                 \
      "to a remote backend, back out of the interface it came by", "")                             \
    X(STACK_NEIGHBOUR, "stack_neighbour", "steered", "normal",                                     \
      "by the host's stack: the next hop's link-layer address isn't known yet", "")                \
    X(STACK_TTL, "stack_ttl", "steered", "normal",                                                 \
      "by the host's stack: TTL or hop limit at its end, which the stack answers", "")             \
    X(STACK_MTU, "stack_mtu", "steered", "look",                                                   \
      "by the host's stack: too big for the way to the backend, which the stack answers",          \
      "the MTU of the way to the backend: ip link set dev IFACE mtu BYTES")                        \
    X(STACK_UNREACHABLE, "stack_unreachable", "steered", "look",                                   \
      "by the host's stack: no route to the backend, a prohibiting one, or one to this host",      \
      "the routes: ip route get BACKEND says which")                                               \
    X(STACK_FORWARDING, "stack_forwarding", "steered", "look",                                     \
      "by the host's stack, which drops it: forwarding is off on the interface",                   \
      "sysctl net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1, or of that interface")         \
    X(STACK_VLAN, "stack_vlan", "steered", "normal",                                               \
      "by the host's stack: a tagged packet for a remote backend", "")                             \
    X(STACK_REDIRECT, "stack_redirect", "steered", "look",                                         \
      "by the host's stack: redirecting to that interface has failed before",                      \
      "for a veth, its peer's GRO: ethtool -K PEER gro on")                                        \
    X(STACK_OTHER, "stack_other", "steered", "look",                                               \
      "by the host's stack: the route needs something that only the stack can do", "")             \
    X(BLACKHOLE, "blackhole", "dropped", "look", "the route to the backend is a black hole",       \
      "the routes: ip route get BACKEND says which")                                               \
    X(WRITE_FAILED, "write_failed", "dropped", "look", "the packet could not be rewritten", "")    \
    X(REPLY_EGRESS, "reply_egress", "restored", "normal",                                          \
      "from a backend, given the VIP as source on its way out", "")                                \
    X(REPLY_INGRESS, "reply_ingress", "restored", "normal",                                        \
      "from a remote backend, given the VIP as source and sent on to the client", "")              \
    X(REPLY_STACK, "reply_stack", "passed", "normal",                                              \
      "from a remote backend, left to the stack and restored at egress", "")                       \
    X(HAIRPIN, "hairpin", "noted", "normal",                                                       \
      "of a remote backend that called the VIP and was given itself: has the VIP as source, too",  \
      "")                                                                                          \
    X(DIRECT_IN, "direct_in", "passed", "normal",                                                  \
      "to a backend's own address, for which it was meant", "")                                    \
    X(DIRECT_OUT, "direct_out", "passed", "normal",                                                \
      "from a backend to someone who talks to its own address, or of its own accord", "")          \
    X(FORGED_SOURCE, "forged_source", "passed", "look",                                            \
      "came in with the address of a backend on this host as source: left to the stack, "          \
      "which drops it",                                                                            \
      "")                                                                                          \
    X(REPLY_ELSEWHERE, "reply_elsewhere", "noted", "look",                                         \
      "from a remote backend, but not by the interface of the route to it: says nothing of it",    \
      "the routes, the same way to the backend and back; or attach the interface it comes by")     \
    X(SECOND_CHANCE, "second_chance", "dropped", "normal",                                         \
      "a RST of one of a moved bucket's two owners: the connection may be the other's", "")        \
    X(ICMP_IN, "icmp_in", "noted", "normal",                                                       \
      "an ICMP error about a reply, steered to its backend", "")                                   \
    X(ICMP_OUT, "icmp_out", "noted", "normal", "an ICMP error about a steered packet, restored",   \
      "")                                                                                          \
    X(FLOW_RECORDED, "flow_recorded", "noted", "normal",                                           \
      "a flow was written down because its bucket or slot had moved, or for UDP", "")              \
    X(FLOW_FOLLOWED, "flow_followed", "noted", "normal", "a packet followed its flow's entry", "") \
    X(FLOW_TABLE_FULL, "flow_table_full", "noted", "look",                                         \
      "a flow could not be written down: its bucket goes on moving, new flows stay as they were",  \
      "drain, shorter, or fewer changes at once")                                                  \
    X(NOT_OBSERVED, "not_observed", "noted", "look",                                               \
      "a packet was not observed: its CPU was in the midst of observing another", "")              \
    X(GUARD_CONTENDED, "guard_contended", "noted", "look",                                         \
      "an outcome was not scored: too many CPUs had one for the same version at once",             \
      "sample, smaller")                                                                           \
    X(SOCKET_UNREADABLE, "socket_unreadable", "noted", "look",                                     \
      "a backend's socket could not be observed: no memory, or the kernel would not show it", "")  \
    X(CLOSE_WAIT_UNWATCHED, "close_wait_unwatched", "noted", "normal",                             \
      "a socket in CLOSE_WAIT too many: it is judged when somebody looks, or at its end", "")      \
    X(TRACEPOINT_MISSED, "tracepoint_missed", "noted", "look",                                     \
      "a tracepoint's program was not run: its CPU was in the midst of running it", "")            \
    X(REDIRECT_FAILED, "redirect_failed", "dropped", "look",                                       \
      "the kernel lost packets while redirecting: the stack feeds the interface until it works",   \
      "for a veth, its peer's GRO: ethtool -K PEER gro on")

enum fs_reason {
#define FS_REASON_ENUM(id, name, fate, normal, text, setting) FS_REASON_##id,
    FS_REASONS(FS_REASON_ENUM)
#undef FS_REASON_ENUM
        FS_REASON_COUNT
};

#endif
