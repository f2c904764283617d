// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The arithmetic of "worse": an e-value, which is a wager against the version being no worse. It
 * begins at 1, every outcome multiplies it, and as long as the version is no worse it doesn't grow
 * on average, whatever one bets on. So it ever reaches 1/alpha with probability alpha at most
 * (Ville 1939), looked at after every outcome or once a day.
 *
 * A term bets on one pair of rates (w1, w0), of version and control, that would be worse. With q1
 * and q0 the sides' shares of new flows, let (n1, n0) be the nearest pair that would not: the one
 * with the least D(n) = q1 KL(w1||n1) + q0 KL(w0||n0). An outcome y of side s multiplies by the
 * likelihood ratio ws(y)/ns(y). Why that is fair: let (p1, p0) be the true rates, no worse. Such
 * pairs are a convex set, so from n towards p D can't fall. Its slope there is 1 - (q1 E1 + q0 E0),
 * where Es is the average of ws(y)/ns(y) at rate ps. Hence q1 E1 + q0 E0 <= 1, which is the average
 * factor of an outcome whose side is drawn by the shares. A hash with a secret key does that; and
 * the rates may change as they like, as long as the version is no worse at any moment. A geometric
 * mean is no more than the arithmetic one, so E1^q1 E0^q0 <= 1, too: outcomes in fixed proportion
 * are as good as drawn ones.
 *
 * R. J. Turner, P. D. Gruenwald, "Exact anytime-valid confidence intervals for contingency tables
 * and beyond", Statistics & Probability Letters 198 (2023); R. J. Turner, A. Ly, P. D. Gruenwald,
 * "Generic E-variables for exact sequential k-sample tests that allow for optional stopping",
 * Journal of Statistical Planning and Inference 230 (2024).
 *
 * Outcomes may come out of proportion: long connections have many. Then of the side with more
 * only as many count as its share allows, good and bad in the proportion of all of them. That is
 * the mean logarithm over all choices of so many of them, below the logarithm of the mean (Jensen);
 * and if a constant power c < 1 of its factors is what brings it into proportion, still fair, as
 * the average of L^c is at most E^c <= 1 + c (E - 1). The lesser of both ways of counting is taken,
 * so that drawn sides keep the promise to the letter.
 *
 * A weighted mean of such wagers is another. The weights decide only how soon a verdict is reached;
 * they were tuned by tests/unit/test_verdict_simulated.c. No test that keeps the promise needs
 * fewer outcomes of the version, on average, than ln(1/alpha) / (KL(w1||n1) + KL(w0||n0) q0/q1)
 * (Wald 1945). */
#include "verdict.h"

#include <math.h>
#include <stdbool.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A base rate beyond these is taken for the nearer of them. */
#define BASE_MIN 1e-4
#define BASE_MAX 0.9
/* Where the highest share that is no worse lies above this, nothing is called worse. */
#define LIMIT_MAX 0.999

struct weighted {
    double value, weight;
};

/* How many times the highest share that is no worse the version's might be. Twice and five times
 * are what is asked for most; the others cost those little. */
static const struct weighted ratios[] = {
    {1.1, 0.015}, {1.4, 0.025}, {2, 0.67}, {5.5, 0.27}, {25, 0.02}};

/* What the control's share might be, in multiples of the base rate. A bet on a lower share than the
 * true one loses little, on a higher one much. */
static const struct weighted multiples[] = {{0.25, 0.55}, {1, 0.35}, {4, 0.05}};

/* The same if the base rate says nothing. */
static const struct weighted shares[] = {
    {0.001, 0.0125}, {0.01, 0.0125}, {0.1, 0.0125}, {0.5, 0.0125}};

_Static_assert(COUNT(ratios) * (COUNT(multiples) + COUNT(shares)) <= VERDICT_TERMS_MAX,
               "a test has room for all terms");

/* --- preparing --- */

/* So many times as much; where that nears 1, so many times less of the rest. */
static double multiplied(double rate, double ratio)
{
    return ratio > 1 ? fmin(ratio * rate, 1 - (1 - rate) / ratio) : ratio * rate;
}

static double highest_no_worse(const struct question *question, double control)
{
    return question->factor * control + question->margin;
}

/* The version's share of outcomes. */
static double version_share(const struct question *question)
{
    return question->version_buckets /
           ((double)question->version_buckets + question->control_buckets);
}

/* Of a KL divergence to `rate`, by `rate`. */
static double kl_slope(double truth, double rate)
{
    return (rate - truth) / (rate * (1 - rate));
}

/* The control's rate in the pair that is no worse and nearest to `version`, `control`, which are
 * worse. It lies on the edge, and D is convex along that: bisected to the last bit. */
static double nearest_control(const struct question *question, double version, double control)
{
    double low = control, high = (version - question->margin) / question->factor;
    double share = version_share(question);

    for (;;) {
        double middle = (low + high) / 2, edge = highest_no_worse(question, middle);

        if (!(middle > low && middle < high))
            return low;
        if (share * question->factor * kl_slope(version, edge) +
                (1 - share) * kl_slope(control, middle) <
            0)
            low = middle;
        else
            high = middle;
    }
}

static void add_term(struct verdict_test *test, double version, double control, double weight)
{
    struct verdict_term *term = &test->terms[test->term_count];
    double near_control = nearest_control(&test->question, version, control);
    double near_version = highest_no_worse(&test->question, near_control);

    term->log_weight = log(weight);
    term->version.bad = log(version / near_version);
    term->version.good = log1p((near_version - version) / (1 - near_version));
    term->control.bad = log(control / near_control);
    term->control.good = log1p((near_control - control) / (1 - near_control));
    test->term_count++;
}

static void add_terms(struct verdict_test *test, double control, double weight)
{
    double limit = highest_no_worse(&test->question, control);

    if (limit > LIMIT_MAX)
        return;
    for (size_t i = 0; i < COUNT(ratios); i++)
        add_term(test, multiplied(limit, ratios[i].value), control, weight * ratios[i].weight);
}

void verdict_prepare(struct verdict_test *test, const struct question *question)
{
    double base = fmin(fmax(question->base_rate, BASE_MIN), BASE_MAX);

    test->question = *question;
    test->log_threshold = -log(question->alpha);
    test->term_count = 0;
    if (!question->version_buckets || !question->control_buckets)
        return;
    for (size_t i = 0; i < COUNT(multiples); i++)
        add_terms(test, multiplied(base, multiples[i].value), multiples[i].weight);
    for (size_t i = 0; i < COUNT(shares); i++)
        add_terms(test, shares[i].value, shares[i].weight);
}

/* --- looking --- */

/* Counts as numbers, and how much of either side counts. */
struct counts {
    double bad, good, part;
};

/* Counters that are read while they grow may show the bad one before the total. */
static struct counts count(struct tally tally)
{
    double total = (double)tally.total, bad = fmin((double)tally.bad, total);

    return (struct counts){.bad = bad, .good = total - bad, .part = 1};
}

/* Of the side with more outcomes than its share, only that share counts. */
static void weigh(double version_share, struct counts *version, struct counts *control)
{
    double of_version = (version->bad + version->good) * (1 - version_share);
    double of_control = (control->bad + control->good) * version_share;

    if (of_version > of_control)
        version->part = of_control / of_version;
    else if (of_control > of_version)
        control->part = of_version / of_control;
}

static double term_log_e(const struct verdict_term *term, const struct counts *version,
                         const struct counts *control)
{
    double by_version = version->bad * term->version.bad + version->good * term->version.good;
    double by_control = control->bad * term->control.bad + control->good * term->control.good;

    return term->log_weight +
           fmin(by_version + by_control, version->part * by_version + control->part * by_control);
}

/* The logarithm of the terms' sum, without its overflowing. */
static double log_e(const struct verdict_test *test, struct tally version_tally,
                    struct tally control_tally)
{
    struct counts version = count(version_tally), control = count(control_tally);
    double logs[VERDICT_TERMS_MAX], most = -HUGE_VAL, sum = 0;

    if (!test->term_count)
        return 0;
    weigh(version_share(&test->question), &version, &control);
    for (size_t i = 0; i < test->term_count; i++) {
        logs[i] = term_log_e(&test->terms[i], &version, &control);
        most = fmax(most, logs[i]);
    }
    for (size_t i = 0; i < test->term_count; i++)
        sum += exp(logs[i] - most);
    return most + log(sum);
}

/* Is what was seen of the version no worse? A hair's breadth is left for rounding. */
static bool looks_no_worse(const struct question *question, struct tally version,
                           struct tally control)
{
    double of_version = (double)version.bad / (double)version.total;
    double of_control = (double)control.bad / (double)control.total;

    return of_version <= highest_no_worse(question, of_control) + 1e-12;
}

/* Outcomes of the version until both sides have enough, at the sides' shares. */
static uint64_t missing(const struct question *question, struct tally version, struct tally control)
{
    uint64_t wanted = question->evidence ? question->evidence : 1;
    uint64_t own = version.total < wanted ? wanted - version.total : 0;
    uint64_t others = control.total < wanted ? wanted - control.total : 0;
    double meanwhile = ceil((double)others * question->version_buckets / question->control_buckets);

    return (double)own >= meanwhile ? own : (uint64_t)fmin(meanwhile, 0x1p63);
}

struct answer verdict_look(const struct verdict_test *test, struct tally version,
                           struct tally control)
{
    const struct question *question = &test->question;
    struct answer answer = {.verdict = VERDICT_OPEN, .log_threshold = test->log_threshold};

    if (!question->version_buckets || !question->control_buckets)
        return answer;
    answer.log_e = log_e(test, version, control);
    answer.missing = missing(question, version, control);
    if (answer.log_e >= answer.log_threshold)
        answer.verdict = VERDICT_WORSE;
    else if (!answer.missing && looks_no_worse(question, version, control))
        answer.verdict = VERDICT_NO_WORSE;
    if (answer.verdict != VERDICT_OPEN)
        answer.missing = 0;
    return answer;
}

struct answer verdict_ask(const struct question *question, struct tally version,
                          struct tally control)
{
    struct verdict_test test;

    verdict_prepare(&test, question);
    return verdict_look(&test, version, control);
}
