/* SPDX-License-Identifier: GPL-2.0-only */
/* All maps of the data path. Who writes, who reads and who removes is in the README. */
#ifndef FLOWSPLIT_MAPS_BPF_H
#define FLOWSPLIT_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <flowsplit/abi.h>
#include <flowsplit/arena.h>
#include <flowsplit/health.h>
#include <flowsplit/reasons.h>

/* Everything that steers; user space writes it through mmap. The only zero-initialised variable, so
 * that it has the object's .bss map for itself; the programs reach it without a lookup. */
char fs_arena[FS_ARENA_BYTES];

/* What the kernel itself has withdrawn. A section of its own, and so a map of its own. */
struct fs_trips fs_trips SEC(".data.trips");

/* Flows that are known to live and aren't, or may not be, where the hash sends them. Not LRU: no
 * flood pushes a live flow out. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 20);
    __type(key, struct fs_flow_key);
    __type(value, struct fs_flow);
} flows SEC(".maps");

/* What nobody has confirmed: UDP flows without an answer, and who may be talking to a backend's own
 * address. LRU: a flood only pushes out its like. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1 << 17);
    __type(key, struct fs_flow_key);
    __type(value, struct fs_flow);
} unproven SEC(".maps");

/* By fingerprint: see answers.bpf.h. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FS_ANSWER_SETS);
    __type(key, __u32);
    __type(value, struct fs_answers);
} answers SEC(".maps");

/* UDP flows that the backend has answered. LRU, for they have no end to see. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1 << 17);
    __type(key, struct fs_flow_key);
    __type(value, struct fs_flow);
} udp_flows SEC(".maps");

/* LRU: a flood pushes out no more than what waits for its later fragments. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1 << 16);
    __type(key, struct fs_fragment_key);
    __type(value, struct fs_fragment);
} fragments SEC(".maps");

/* Only kept here: see struct fs_sweep. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fs_sweep);
} sweeps SEC(".maps");

/* By number of backend. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FS_MAX_BACKENDS);
    __type(key, __u32);
    __type(value, struct fs_backend_counters);
} backend_counters SEC(".maps");

/* By fs_pool.health. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, FS_HEALTH_SLOTS);
    __type(key, __u32);
    __type(value, struct fs_health);
} health SEC(".maps");

/* A ring, by number modulo its size: the newest are kept. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, FS_EVENTS);
    __type(key, __u32);
    __type(value, struct fs_event);
} events SEC(".maps");

/* The last handshakes. Sets, and no hash table: what is lost is only not observed, and every SYN
 * pays for this. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FS_HANDSHAKE_SETS);
    __type(key, __u32);
    __type(value, struct fs_handshakes);
} handshakes SEC(".maps");

/* Clients that have had a connection, by a hash: the newest of those with the same number. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FS_SERVED);
    __type(key, __u32);
    __type(value, __u32);
} served SEC(".maps");

/* Connections that were answered, and are in the sample. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1 << 17);
    __type(key, struct fs_flow_key);
    __type(value, struct fs_sample);
} samples SEC(".maps");

/* By enum fs_reason. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FS_REASON_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} reason_counters SEC(".maps");

/* By number of backend: since which tick somebody talks to its own address, so that its replies
 * have to be told apart; 0: nobody does. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FS_MAX_BACKENDS);
    __type(key, __u32);
    __type(value, __u32);
} direct_seen SEC(".maps");

/* By ifindex modulo its size: interfaces to which the kernel fails to redirect. Packets for them
 * go up the stack, which forwards them; so do, needlessly, those for a namesake of the modulus. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FS_NO_REDIRECT_SIZE);
    __type(key, __u32);
    __type(value, struct fs_ban);
} no_redirect SEC(".maps");

/* What a program that stands in does: tc_egress. */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} stood_in_for SEC(".maps");

#endif
