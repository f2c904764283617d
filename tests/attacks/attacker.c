// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Plays an attacker against the data path: forged packets at random, between those of clients and
 * backends that mean well, while weights and pools change; and what is promised must hold.
 * FS_ATTACK_STEPS: how many steps (10^6), or FS_ATTACK_SECONDS; FS_ATTACK_SEED repeats a run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "promise.h"
#include "records.h"
#include "services.h"
#include "shrink.h"
#include "steps.h"
#include "tap.h"

/* A run that has broken something goes on for a while, to see what else it breaks. */
#define STEPS_AFTER 100000

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);

    return given && *given ? strtoull(given, NULL, 0) : otherwise;
}

static void show_progress(uint64_t step, uint64_t seconds)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%llu steps, %llu s, %u times broken ", (unsigned long long)step,
                (unsigned long long)seconds, promises_broken());
}

/* Returns how many steps it made. */
static uint64_t run(uint64_t seed, uint64_t steps, uint64_t seconds)
{
    uint64_t step, left = UINT64_MAX, begin = (uint64_t)time(NULL), passed = 0;

    steps_begin();
    for (step = 0; step < steps && left; step++) {
        step_make(seed, step);
        if (promises_broken() && left > STEPS_AFTER)
            left = STEPS_AFTER;
        left -= left <= STEPS_AFTER;
        if (step % 4096)
            continue;
        passed = (uint64_t)time(NULL) - begin;
        show_progress(step, passed);
        if (passed > seconds)
            break;
    }
    steps_end(seed, step);
    show_progress(step, (uint64_t)time(NULL) - begin);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    note("%llu steps in %llu s", (unsigned long long)step,
         (unsigned long long)((uint64_t)time(NULL) - begin));
    return step;
}

int main(void)
{
    uint64_t seed = number_of("FS_ATTACK_SEED", (uint64_t)time(NULL) << 16 | (uint64_t)getpid());
    uint64_t seconds = number_of("FS_ATTACK_SECONDS", 0);
    uint64_t steps = number_of("FS_ATTACK_STEPS", seconds ? UINT64_MAX : 1000000);
    struct broken found[PROMISES];

    note("FS_ATTACK_SEED=%llu repeats this", (unsigned long long)seed);
    services_start();
    records_open();
    steps = run(seed, steps, seconds ? seconds : UINT64_MAX);
    for (int i = 0; i < PROMISES; i++)
        found[i] = broken[i];
    for (int i = 0; i < PROMISES; i++) {
        test_begin("%s", promises[i]);
        check(!found[i].times, "it was broken %u times", found[i].times);
        test_end();
        if (!found[i].times)
            continue;
        note("at first in step %llu of %llu: %s", (unsigned long long)found[i].step,
             (unsigned long long)steps, found[i].what);
        shrink(seed, i, found[i].step, found[i].step == steps);
    }
    return tests_done();
}
