/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Repeatable random numbers for tests, and random weight vectors. */
#ifndef FLOWSPLIT_UNIT_RANDOM_H
#define FLOWSPLIT_UNIT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <flowsplit/hash.h>

#include "split.h"

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is a good one. */
struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* A number from 0 to `below` - 1. */
static inline uint32_t rng_below(struct rng *rng, uint32_t below)
{
    return (uint32_t)((rng_next(rng) >> 32) * below >> 32);
}

static inline struct fs_hash_key rng_key(struct rng *rng)
{
    return (struct fs_hash_key){
        .add = {rng_next(rng), rng_next(rng)},
        .mul = {rng_next(rng) | 1, rng_next(rng) | 1},
    };
}

/* Quotas of owners 0 to `owners` - 1 that add up to `total`, cut at random places; some come out
 * as 0, and every fourth time most do. */
static inline void rng_shares(struct rng *rng, struct split_share *shares, uint32_t owners,
                              uint32_t total)
{
    uint32_t left = total, coarse = rng_below(rng, 4) == 0;

    for (uint32_t i = 0; i < owners; i++)
        shares[i] = (struct split_share){.owner = i};
    for (uint32_t n = 2 * owners; left && n; n--) {
        uint32_t part = coarse ? left : rng_below(rng, left / (owners / 2 + 1) + 2);

        part = part < left ? part : left;
        shares[rng_below(rng, owners)].quota += part;
        left -= part;
    }
    shares[rng_below(rng, owners)].quota += left;
}

#endif
