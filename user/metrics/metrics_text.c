// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes the text format that Prometheus reads. */
#include "metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000u

/* --- text --- */

static bool make_room(struct metrics_text *text, size_t length)
{
    size_t room = text->room ? text->room : 65536;
    char *bytes;

    if (text->failed || text->length + length <= text->room)
        return !text->failed;
    while (room < text->length + length)
        room *= 2;
    bytes = realloc(text->bytes, room);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

static void put(struct metrics_text *text, const char *bytes, size_t length)
{
    if (!make_room(text, length))
        return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void put_string(struct metrics_text *text, const char *string)
{
    put(text, string, strlen(string));
}

enum { NUMBER_MAX = 32 }; /* room for any number of seconds and its terminator */

/* By hand, for a scrape has ten thousands of numbers. Returns the length. */
static size_t format_number(char *out, uint64_t number)
{
    char digits[NUMBER_MAX], *end = digits + sizeof(digits), *p = end;

    do
        *--p = (char)('0' + number % 10);
    while (number /= 10);
    memcpy(out, p, (size_t)(end - p));
    out[end - p] = '\0';
    return (size_t)(end - p);
}

/* Seconds, exactly, with as many decimals as that takes. */
static size_t format_seconds(char *out, uint64_t ns)
{
    size_t length = format_number(out, ns / SECOND_NS), point = length;
    uint64_t rest = ns % SECOND_NS;

    if (!rest)
        return length;
    length += format_number(out + point, SECOND_NS + rest); /* the point takes the 1's place */
    out[point] = '.';
    while (out[length - 1] == '0')
        length--;
    out[length] = '\0';
    return length;
}

static void put_number(struct metrics_text *text, uint64_t number)
{
    char digits[NUMBER_MAX] = "";

    put(text, digits, format_number(digits, number));
}

static void put_seconds(struct metrics_text *text, uint64_t ns)
{
    char digits[NUMBER_MAX] = "";

    put(text, digits, format_seconds(digits, ns));
}

/* A decimal that reads back as the same. */
static void put_real(struct metrics_text *text, double number)
{
    char digits[40];

    if (number >= 0 && number < 1e15 && number == trunc(number)) {
        put_number(text, (uint64_t)number);
        return;
    }
    if (isinf(number))
        snprintf(digits, sizeof(digits), number < 0 ? "-Inf" : "+Inf");
    else if (isnan(number))
        snprintf(digits, sizeof(digits), "NaN");
    else if (snprintf(digits, sizeof(digits), "%.15g", number) && strtod(digits, NULL) != number)
        snprintf(digits, sizeof(digits), "%.17g", number);
    put_string(text, digits);
}

void metrics_text_free(struct metrics_text *text)
{
    free(text->bytes);
    *text = (struct metrics_text){0};
}

/* --- labels --- */

/* Bytes of the UTF-8 character at `text`, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text)
{
    uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000}, point;
    size_t length = *text < 0x80             ? 1
                    : (*text & 0xe0) == 0xc0 ? 2
                    : (*text & 0xf0) == 0xe0 ? 3
                    : (*text & 0xf8) == 0xf0 ? 4
                                             : 0;

    if (length < 2)
        return length;
    point = *text & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }
    return point < lowest[length] || point > 0x10ffff || point >> 11 == 0x1b ? 0 : length;
}

/* One character of a label's value as it is written; *taken is how many bytes of `value` it is. */
static size_t escape(const char *value, char *out, size_t *taken)
{
    size_t length = utf8_length((const unsigned char *)value);

    *taken = length ? length : 1;
    if (!length)
        *out = '?';
    else if (strchr("\\\"\n", *value))
        return (size_t)sprintf(out, "\\%c", *value == '\n' ? 'n' : *value);
    else
        memcpy(out, value, length);
    return *taken;
}

void metrics_label(struct metrics_labels *labels, const char *name, const char *value)
{
    enum { LONGEST = 4 }; /* of an escaped character */
    size_t room = sizeof(labels->text), taken;
    char *text = labels->text;
    int begun = snprintf(text + labels->length, room - labels->length, "%s%s=\"",
                         labels->length ? "," : "", name);
    size_t used = labels->length + (size_t)begun;

    for (; *value && used + LONGEST + 2 < room; value += taken)
        used += escape(value, text + used, &taken);
    if (*value || used + 2 > room) {
        text[labels->length] = '\0';
        return;
    }
    text[used++] = '"';
    text[used] = '\0';
    labels->length = used;
}

/* --- families and samples --- */

void metrics_head(struct metrics_text *text, const char *name, enum metrics_type type,
                  const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "summary"};

    put_string(text, "# HELP ");
    put_string(text, name);
    put_string(text, " ");
    for (; *help; help++)
        if (*help == '\\' || *help == '\n')
            put_string(text, *help == '\n' ? "\\n" : "\\\\");
        else
            put(text, help, 1);
    put_string(text, "\n# TYPE ");
    put_string(text, name);
    put_string(text, " ");
    put_string(text, types[type]);
    put_string(text, "\n");
}

static char *append(char *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

/* All of a sample that stands before its value; `more` is one more label, written, or "". */
static void begin(struct metrics_text *text, const char *name, const char *suffix,
                  const struct metrics_labels *labels, const char *more)
{
    size_t name_length = strlen(name), suffix_length = strlen(suffix), more_length = strlen(more);
    size_t length = labels ? labels->length : 0;
    char *to;

    if (!make_room(text, name_length + suffix_length + length + more_length + sizeof("{,} ")))
        return;
    to = append(text->bytes + text->length, name, name_length);
    to = append(to, suffix, suffix_length);
    if (length || more_length) {
        *to++ = '{';
        to = length ? append(to, labels->text, length) : to;
        if (length && more_length)
            *to++ = ',';
        to = append(to, more, more_length);
        *to++ = '}';
    }
    *to++ = ' ';
    text->length = (size_t)(to - text->bytes);
}

static void end(struct metrics_text *text)
{
    put(text, "\n", 1);
}

void metrics_count(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                   uint64_t value)
{
    begin(text, name, "", labels, "");
    put_number(text, value);
    end(text);
}

void metrics_real(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                  double value)
{
    begin(text, name, "", labels, "");
    put_real(text, value);
    end(text);
}

void metrics_time(struct metrics_text *text, const char *name, const struct metrics_labels *labels,
                  uint64_t ns)
{
    begin(text, name, "", labels, "");
    put_seconds(text, ns);
    end(text);
}

void metrics_summary(struct metrics_text *text, const char *name,
                     const struct metrics_labels *labels, uint64_t sum_ns, uint64_t count)
{
    begin(text, name, "_sum", labels, "");
    put_seconds(text, sum_ns);
    end(text);
    begin(text, name, "_count", labels, "");
    put_number(text, count);
    end(text);
}

/* The bins that buckets end before: every eighth from 1.024 us on. */
#define FIRST_LIMIT (2u << FS_BIN_BITS)
#define LIMIT_STEP  (1u << (FS_BIN_BITS - 1))
#define LIMITS      ((FS_BINS - FIRST_LIMIT + LIMIT_STEP - 1) / LIMIT_STEP)

_Static_assert((FS_BINS - FIRST_LIMIT) % LIMIT_STEP == 0, "buckets end where bins do");

static uint64_t sum_of(const uint64_t *bins, uint32_t from, uint32_t to)
{
    uint64_t sum = 0;

    for (uint32_t i = from; i < to; i++)
        sum += __atomic_load_n(&bins[i], __ATOMIC_RELAXED);
    return sum;
}

/* Each bin is read once, since the data path may be counting: the last bucket and the count must
 * agree. */
void metrics_histogram(struct metrics_text *text, const char *name,
                       const struct metrics_labels *labels, const struct fs_histogram *times)
{
    const uint64_t *bins = (const uint64_t *)times->bins;
    uint64_t sum_ns = __atomic_load_n(&times->sum_ns, __ATOMIC_RELAXED), count = 0;
    uint32_t from = 0;
    char le[NUMBER_MAX + 8] = "le=\"";

    for (uint32_t i = 0; i < LIMITS; i++) {
        uint32_t limit = FIRST_LIMIT + i * LIMIT_STEP;

        count += sum_of(bins, from, limit);
        from = limit;
        memcpy(le + 4 + format_seconds(le + 4, fs_bin_low(limit)), "\"", 2);
        begin(text, name, "_bucket", labels, le);
        put_number(text, count);
        end(text);
    }
    count += sum_of(bins, from, FS_BINS);
    begin(text, name, "_bucket", labels, "le=\"+Inf\"");
    put_number(text, count);
    end(text);
    metrics_summary(text, name, labels, sum_ns, count);
}

void metrics_comment(struct metrics_text *text, const char *words)
{
    put_string(text, "# ");
    for (; *words; words++)
        put(text, *words == '\n' ? " " : words, 1);
    end(text);
}
