/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives made-up outcomes to a rule, with the data path's own arithmetic, and says when it trips.
 * Pure: the same seed gives the same answer on every machine. */
#ifndef FLOWSPLIT_GUARD_SIMULATE_H
#define FLOWSPLIT_GUARD_SIMULATE_H

#include <stddef.h>
#include <stdint.h>

#include <flowsplit/guard.h>

#define GUARD_NEVER UINT64_MAX /* not within the outcomes that were tried */

/* Runs a rule `count` times against outcomes of which a share `rate` (above 0, up to 1) is bad,
 * each time until it trips or `most` outcomes have passed. Sets trips[] to the number of the
 * outcome that tripped, or GUARD_NEVER, in ascending order. Costs some 20 ns for each bad outcome.
 */
void guard_simulate(const struct fs_rule *rule, double rate, uint64_t seed, uint64_t most,
                    uint64_t *trips, size_t count);

/* The mean number of outcomes between false alarms of a version that is exactly at the limit,
 * rather too low than too high: within a few percent, 20 % for the lowest limits. For limits next
 * to 100 %, where that takes too long, what the threshold promises. Costs some 50 ms however large
 * it is. */
double guard_false_alarm_every(const struct fs_rule *rule, uint64_t seed);

#endif
