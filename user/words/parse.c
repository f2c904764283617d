// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words users write for weights, durations, names, modes and affinities. Addresses are in
 * parse_address.c. */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "quote.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    DAY_MS = 24 * 3600 * 1000,
    DURATION_MAX_MS = 7 * DAY_MS,
    NUMBER_MAX = 1000 * 1000 * 1000, /* where numbers stop growing: far above all that is allowed */
    MILLION = 1000 * 1000,
    LATENCY_MAX_S = 100
};

const char *parse_number(const char *text, struct number *number)
{
    static const unsigned places[NUMBER_DIGITS] = {100000, 10000, 1000, 100, 10, 1};

    *number = (struct number){0};
    if (!isdigit((unsigned char)*text))
        return NULL;
    for (; isdigit((unsigned char)*text); text++) {
        if (number->whole < NUMBER_MAX / 10)
            number->whole = number->whole * 10 + (unsigned)(*text - '0');
        else
            number->whole = NUMBER_MAX;
    }
    if (*text != '.')
        return text;
    for (text++; isdigit((unsigned char)*text); text++) {
        if (number->digits < NUMBER_DIGITS)
            number->fraction += places[number->digits] * (unsigned)(*text - '0');
        if (number->digits <= NUMBER_DIGITS)
            number->digits++;
    }
    return number->digits ? text : NULL;
}

int parse_weight(const char *text, unsigned *bp, struct error *err)
{
    struct number number;
    const char *end = parse_number(text, &number);
    const char *allowed = "a weight is from 0% to 100% in steps of 0.01%, as in 5% or 0.25%";

    if (!end && *text == '-')
        return error_set(err, -EINVAL, "weight %s is negative; %s", quote(text).text, allowed);
    if (!end || (*end && strcmp(end, "%") != 0))
        return error_set(err, -EINVAL, "weight %s is no percentage; %s", quote(text).text, allowed);
    if (number.whole > 100 || (number.whole == 100 && number.fraction))
        return error_set(err, -EINVAL, "weight %s is above 100%%; %s", quote(text).text, allowed);
    if (number.digits > 2)
        return error_set(err, -EINVAL, "weight %s has more than two decimals; %s", quote(text).text,
                         allowed);
    if (!*end)
        return error_set(err, -EINVAL, "weight %s has no percent sign; write %.6s%%; %s",
                         quote(text).text, text, allowed);
    *bp = number.whole * 100 + number.fraction / 10000;
    return 0;
}

int parse_share(const char *text, unsigned *ppm, struct error *err)
{
    struct number number;
    const char *end = parse_number(text, &number);
    const char *allowed = "write it like 5% or 0.25%, in steps of 0.0001%";

    if (!end || (*end && strcmp(end, "%") != 0))
        return error_set(err, -EINVAL, "%s is no percentage; %s", quote(text).text, allowed);
    if (!*end)
        return error_set(err, -EINVAL, "%s has no percent sign; %s", quote(text).text, allowed);
    if (number.whole > 100 || (number.whole == 100 && number.fraction))
        return error_set(err, -EINVAL, "%s is above 100%%; %s", quote(text).text, allowed);
    if (number.digits > 4)
        return error_set(err, -EINVAL, "%s has more than four decimals; %s", quote(text).text,
                         allowed);
    *ppm = number.whole * (MILLION / 100) + number.fraction / 100;
    return 0;
}

/* Units of latency: how many ns, and how many decimals make a microsecond. */
static const struct {
    const char *name;
    unsigned ns;
    int digits;
} latency_units[] = {{"us", 1000, 0}, {"ms", MILLION, 3}, {"s", 1000 * MILLION, 6}};

int parse_latency(const char *text, uint64_t *ns, struct error *err)
{
    struct number number;
    const char *end = parse_number(text, &number), *why = "is no duration";
    const char *allowed = "1us to 100s is allowed, in whole microseconds, as in 250us, 20ms or "
                          "1.5s";

    for (size_t i = 0; end && i < COUNT(latency_units); i++) {
        if (strcmp(end, latency_units[i].name) != 0)
            continue;
        *ns = (uint64_t)number.whole * latency_units[i].ns;
        *ns += (uint64_t)number.fraction * latency_units[i].ns / MILLION;
        if (number.digits > latency_units[i].digits)
            why = "is finer than a microsecond";
        else if (!*ns)
            why = "is too short";
        else if (*ns > LATENCY_MAX_S * 1000ULL * MILLION)
            why = "is too long";
        else
            return 0;
    }
    return error_set(err, -EINVAL, "%s %s; %s", quote(text).text, why, allowed);
}

/* A unit of time, largest first. */
struct unit {
    const char *name;
    unsigned ms;
};

static const struct unit units[] = {
    {"d", DAY_MS}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};

/* The unit whose letters stand at `text`; they end where a digit or the text does. */
static const struct unit *find_unit(const char *text, size_t length)
{
    for (size_t i = 0; i < COUNT(units); i++)
        if (strlen(units[i].name) == length && strncmp(units[i].name, text, length) == 0)
            return &units[i];
    return NULL;
}

/* Reads one number and its unit, which must be smaller than *last, and adds it to *ms, which stops
 * growing above DURATION_MAX_MS. Returns where it stopped, or NULL. */
static const char *scan_duration_part(const char *text, const struct unit **last,
                                      unsigned long long *ms)
{
    struct number number;
    const struct unit *unit;
    size_t length;

    text = parse_number(text, &number);
    if (!text)
        return NULL;
    length = strcspn(text, "0123456789");
    unit = find_unit(text, length);
    if (!unit || (*last && unit <= *last) || number.digits > (unit->ms == 1 ? 0 : 3))
        return NULL;
    *ms += (unsigned long long)number.whole * unit->ms;
    /* Exact: a unit that takes a fraction is a multiple of a thousand milliseconds. */
    *ms += (unsigned long long)number.fraction / 1000 * (unit->ms / 1000);
    if (*ms > DURATION_MAX_MS)
        *ms = DURATION_MAX_MS + 1ULL;
    *last = unit;
    return text + length;
}

int parse_duration(const char *text, unsigned *ms, struct error *err)
{
    const struct unit *last = NULL;
    unsigned long long sum = 0;
    const char *rest = text;

    do {
        rest = scan_duration_part(rest, &last, &sum);
    } while (rest && *rest);
    if (!rest)
        return error_set(err, -EINVAL,
                         "duration %s is not a number and a unit; units are d, h, m, s and ms, as "
                         "in 500ms, 1.5s, 5m or 1h30m",
                         quote(text).text);
    if (sum > DURATION_MAX_MS)
        return error_set(err, -EINVAL, "duration %s is too long; the longest is 7d",
                         quote(text).text);
    *ms = (unsigned)sum;
    return 0;
}

int parse_name(const char *what, const char *text, struct error *err)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    const char *why = NULL;

    if (!*text)
        why = "is empty";
    else if (text[length])
        why = "has other characters";
    else if (length > FS_NAME_MAX)
        why = "is too long";
    if (!why)
        return 0;
    return error_set(err, -EINVAL, "%s %s %s; a name is 1 to %d characters of a-z, 0-9 and -", what,
                     quote(text).text, why, FS_NAME_MAX);
}

static const char *const modes[] = {[FS_MODE_NAT] = "nat"};

static const char *const affinities[] = {
    [FS_AFFINITY_FLOW] = "flow",
    [FS_AFFINITY_SOURCE] = "source",
    [FS_AFFINITY_NONE] = "none",
};

/* The index of `text` in `words`, or -EINVAL. */
static int parse_word(const char *what, const char *text, const char *const *words, size_t count,
                      struct error *err)
{
    char known[128];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return (int)i;
        used +=
            (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", words[i]);
    }
    return error_set(err, -EINVAL, "%s %s is unknown; known: %s", what, quote(text).text, known);
}

int parse_mode(const char *text, enum fs_mode *mode, struct error *err)
{
    int found = parse_word("mode", text, modes, COUNT(modes), err);

    if (found < 0)
        return found;
    *mode = (enum fs_mode)found;
    return 0;
}

int parse_affinity(const char *text, enum fs_affinity *affinity, struct error *err)
{
    int found = parse_word("affinity", text, affinities, COUNT(affinities), err);

    if (found < 0)
        return found;
    *affinity = (enum fs_affinity)found;
    return 0;
}

const char *format_mode(enum fs_mode mode)
{
    return modes[mode];
}

const char *format_affinity(enum fs_affinity affinity)
{
    return affinities[affinity];
}
