/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keyed hash that places flows, and the one that finds endpoints in a table. One text, compiled
 * for the kernel and for user space. */
#ifndef FLOWSPLIT_HASH_H
#define FLOWSPLIT_HASH_H

#include <linux/types.h>

#include "abi.h"

#undef __always_inline /* linux/stddef.h has a weaker one */
#define __always_inline inline __attribute__((always_inline))

/* Secret of one instance, drawn from getrandom() when it is made. `mul` are odd. */
struct fs_hash_key {
    __u64 add[2];
    __u64 mul[2];
};

_Static_assert(sizeof(struct fs_hash_key) == 32, "fs_hash_key is part of the ABI");

/* Two rounds of add, multiply, xor-shift (the finaliser of MurmurHash3, Appleby 2011, with the
 * constants made secret). All 64 bits of the result are usable. */
static __always_inline __u64 fs_hash_mix(const struct fs_hash_key *key, __u64 x)
{
    x = (x + key->add[0]) * key->mul[0];
    x ^= x >> 32;
    x = (x + key->add[1]) * key->mul[1];
    return x ^ x >> 32;
}

/* Two words of an address as one number, so that neighbours differ in its lowest bits: what a
 * multiplication spreads is only what is below. */
static __always_inline __u64 fs_hash_words(__be32 first, __be32 second)
{
    return (__u64)__builtin_bswap32(first) << 32 | __builtin_bswap32(second);
}

/* The hash of a client of a service: its address and port, or for source affinity its address
 * alone, /64 for IPv6. `salt` is the service's, so that services split independently. */
static __always_inline __u64 fs_hash_client(const struct fs_hash_key *key, __u64 salt,
                                            const __be32 *addr, __be16 port_be, __u8 family,
                                            __u8 affinity)
{
    __u64 port = __builtin_bswap16(port_be), x;

    if (affinity == FS_AFFINITY_SOURCE)
        port = 0;
    if (family == 4)
        return fs_hash_mix(key, (port << 32 | __builtin_bswap32(addr[0])) ^ salt);
    x = fs_hash_mix(key, fs_hash_words(addr[0], addr[1]) ^ salt);
    if (affinity != FS_AFFINITY_SOURCE)
        x = fs_hash_mix(key, x ^ fs_hash_words(addr[2], addr[3])) + port;
    return fs_hash_mix(key, x);
}

/* Who a client is, whatever its port: the hash of its address, /64 for IPv6. All 32 bits of the
 * result are usable. */
static __always_inline __u32 fs_hash_source(const struct fs_hash_key *key, const __be32 *addr,
                                            __u8 family)
{
    return fs_hash_mix(key, family == 4 ? addr[0] : fs_hash_words(addr[0], addr[1])) >> 32;
}

/* The hash of a flow as such, never 0. */
static __always_inline __u64 fs_hash_flow(const struct fs_hash_key *key,
                                          const struct fs_flow_key *flow)
{
    __u64 x = fs_hash_mix(key, fs_hash_words(flow->addr[0], flow->addr[1]));

    x = fs_hash_mix(key, x ^ fs_hash_words(flow->addr[2], flow->addr[3]));
    x = fs_hash_mix(key, x ^ ((__u64)flow->scope << 16 | flow->port_be));
    return x ? x : 1;
}

/* Is a flow in the sample? `highest` is fs_service.sample. Of both ends' packets alike, and cheap:
 * it shares nothing out, it only picks. */
static __always_inline int fs_hash_sample(const struct fs_hash_key *key, const __be32 *addr,
                                          __be16 port_be, __u8 family, __u32 highest)
{
    __u64 x = (__u64)addr[0] << 16 | port_be;

    if (family == 6)
        x ^= (fs_hash_words(addr[2], addr[3]) + key->add[1]) * key->mul[1];
    return (x + key->add[0]) * key->mul[0] >> 32 <= highest;
}

/* At which of `count` cells to begin looking for an endpoint. Multiply and shift: only the upper
 * bits of a product depend on all of its factors. One round is enough, for the tables are sparse,
 * and who builds them sees to it that no search is long. */
static __always_inline __u32 fs_hash_endpoint(const struct fs_hash_key *key, const __be32 *addr,
                                              __be16 port_be, __u8 proto, __u8 family, __u32 count)
{
    __u64 x = (__u64)addr[0] << 24 ^ (__u64)port_be << 8 ^ proto;

    if (family == 6) {
        x ^= (fs_hash_words(addr[0], addr[1]) + key->add[1]) * key->mul[1] >> 16;
        x ^= (fs_hash_words(addr[2], addr[3]) + key->add[1]) * key->mul[1] >> 24;
    }
    return ((x + key->add[0]) * key->mul[0] >> 32) * count >> 32;
}

/* A hash to a bucket: multiply and shift over the upper half. */
static __always_inline __u32 fs_hash_bucket(__u64 hash)
{
    return (hash >> 32) * FS_BUCKETS >> 32;
}

/* A hash to one of `count` slots: multiply and shift over the lower half, so that a version's
 * buckets say nothing about the backends in its pool. */
static __always_inline __u32 fs_hash_slot(__u64 hash, __u32 count)
{
    return (hash & 0xffffffff) * count >> 32;
}

#endif
