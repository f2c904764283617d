// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pseudo-random numbers of a step. */
#include "chance.h"

static uint64_t state;

/* splitmix64, Steele and others 2014 */
static uint64_t next(void)
{
    uint64_t x = state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

void chance_begin(uint64_t seed, uint64_t step)
{
    state = seed;
    state = next() + step;
    state = next();
}

uint32_t chance(void)
{
    return (uint32_t)(next() >> 32);
}

unsigned chance_below(unsigned count)
{
    return (unsigned)((uint64_t)chance() * count >> 32);
}

bool chance_in(unsigned count)
{
    return chance_below(count) == 0;
}
