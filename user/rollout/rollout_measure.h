/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From counters to a verdict: where a rule's comparison begins, and what it has come to. */
#ifndef FLOWSPLIT_ROLLOUT_MEASURE_H
#define FLOWSPLIT_ROLLOUT_MEASURE_H

#include "rollout_decide.h"
#include "rollout_facts.h"

/* Begins the comparison by a rule. Times need a quantile of the baseline's: as long as there are
 * too few for one, the measure isn't known. */
struct measure measure_begin(const struct compare_rule *rule, const struct facts *facts);

/* Can the comparison by rule number `rule` only begin now, or must it begin again because counters
 * went back to zero? */
bool measure_is_due(const struct rollout *rollout, size_t rule, const struct facts *facts);

/* Outcomes of both sides since the comparison began. */
void measure_now(const struct rollout *rollout, size_t rule, const struct facts *facts,
                 struct tally *version, struct tally *control);

/* Counts the stage's connections. */
void situation_count(struct situation *situation, const struct rollout *rollout,
                     const struct facts *facts);

/* For how long the rollout has ended; 0 if it hasn't, or by a clock that was set back since. */
uint64_t situation_ended_ms(const struct rollout *rollout);

/* All of a situation that can be known without conducting the rollout. */
void situation_read(struct situation *situation, const struct rollout *rollout,
                    const struct facts *facts);

/* The verdict by rule number `rule`. Making a test ready takes longer than asking it: `test` is
 * kept from one look to the next, and all zero at first. */
struct answer measure_answer(const struct rollout *rollout, size_t rule, const struct facts *facts,
                             struct verdict_test *test);

#endif
