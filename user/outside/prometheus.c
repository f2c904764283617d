// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A Prometheus server's answer to a query, judged. The format:
 * https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
#include "prometheus.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum { WORD_MAX = 24, REASON_MAX = 120 };

static const char PATH[] = "/api/v1/query?query=";

static const char *const comparisons[] = {
    [CHECK_ABOVE] = ">", [CHECK_AT_LEAST] = ">=", [CHECK_BELOW] = "<", [CHECK_AT_MOST] = "<="};

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

char *prometheus_url(const struct plan_check *check)
{
    size_t length = strlen(check->url);
    char *url = malloc(length + sizeof(PATH) + 3 * strlen(check->query)), *at = url;

    if (!url)
        return NULL;
    while (length && check->url[length - 1] == '/')
        length--;
    at = (char *)mempcpy(at, check->url, length);
    at = stpcpy(at, PATH);
    for (const char *from = check->query; *from; from++) {
        if (is_unreserved(*from))
            *at++ = *from;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*from);
    }
    *at = '\0';
    return url;
}

/* There is no answer, and this is why. */
static struct finding none(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct finding none(const char *format, ...)
{
    struct finding finding = {.answer = CHECK_NO_ANSWER};
    va_list args;

    va_start(args, format);
    vsnprintf(finding.text, sizeof(finding.text), format, args);
    va_end(args);
    return finding;
}

/* A string of the answer's, fit for a message; "" if it is none. */
static const char *word(const json_t *string, char *buf, size_t size)
{
    const char *text = json_string_value(string);

    return printable(buf, size, text ? text : "", text ? strlen(text) : 0);
}

/* As Prometheus writes them, and nothing else that strtod() knows. */
static bool read_number(const char *text, double *number)
{
    char *end;

    if (strcmp(text, "NaN") && strcmp(text, "+Inf") && strcmp(text, "-Inf") &&
        (!*text || text[strspn(text, "0123456789+-.eE")]))
        return false;
    errno = 0;
    *number = strtod(text, &end);
    return !*end && !(errno == ERANGE && isinf(*number));
}

static bool breaches(const struct plan_check *check, double value)
{
    switch (check->fail_if) {
    case CHECK_ABOVE:
        return value > check->fail_limit;
    case CHECK_AT_LEAST:
        return value >= check->fail_limit;
    case CHECK_BELOW:
        return value < check->fail_limit;
    case CHECK_AT_MOST:
        return value <= check->fail_limit;
    default:
        return true;
    }
}

/* A sample is [seconds, "number"]. */
static struct finding judge_sample(const struct plan_check *check, const json_t *sample)
{
    const char *text = json_string_value(json_array_get(sample, 1));
    struct finding finding = {.answer = CHECK_GOOD};
    char shown[WORD_MAX];

    if (json_array_size(sample) != 2 || !json_is_number(json_array_get(sample, 0)) || !text)
        return none("not an answer of Prometheus: a sample is not [time, \"value\"]");
    if (!read_number(text, &finding.value))
        return none("not a number: \"%s\"", printable(shown, sizeof(shown), text, strlen(text)));
    if (isnan(finding.value))
        return none("not a number: NaN, as of 0 divided by 0");
    if (breaches(check, finding.value))
        finding.answer = CHECK_BAD;
    snprintf(finding.text, sizeof(finding.text), "%.6g, fails if %s %.6g", finding.value,
             comparisons[check->fail_if], check->fail_limit);
    return finding;
}

static struct finding judge_vector(const struct plan_check *check, const json_t *vector)
{
    size_t count = json_array_size(vector);
    const json_t *series = json_array_get(vector, 0);
    const json_t *sample = json_object_get(series, "value");

    if (!json_is_array(vector))
        return none("not an answer of Prometheus: no list of series");
    if (!count)
        return none("no series: nothing matches the query");
    if (count > 1)
        return none("%zu series, and one is needed: wrap the query in sum() or max()", count);
    if (!sample && json_object_get(series, "histogram"))
        return none("a histogram and not a number: the query needs histogram_quantile()");
    return judge_sample(check, sample);
}

static struct finding judge_data(const struct plan_check *check, const json_t *data)
{
    const json_t *result = json_object_get(data, "result");
    char shown[WORD_MAX];
    const char *type = word(json_object_get(data, "resultType"), shown, sizeof(shown));

    if (strcmp(type, "vector") == 0)
        return judge_vector(check, result);
    if (strcmp(type, "scalar") == 0)
        return judge_sample(check, result);
    if (strcmp(type, "matrix") == 0)
        return none("a matrix and not a number: wrap the query's range, as in rate(x[5m])");
    if (strcmp(type, "string") == 0)
        return none("a string and not a number");
    if (!*type)
        return none("not an answer of Prometheus: no type of result");
    return none("not an answer of Prometheus: a result of type \"%s\"", type);
}

/* An error of Prometheus comes with a status of HTTP, too. */
static struct finding judge_error(long status, const json_t *answer)
{
    char type[WORD_MAX], reason[REASON_MAX];

    word(json_object_get(answer, "errorType"), type, sizeof(type));
    word(json_object_get(answer, "error"), reason, sizeof(reason));
    if (status < 200 || status > 299)
        return none("HTTP status %ld%s%s%s%s", status, *type ? ", " : "", type, *reason ? ": " : "",
                    reason);
    return none("the query fails%s%s%s%s", *type ? ", " : "", type, *reason ? ": " : "", reason);
}

struct finding prometheus_judge(const struct plan_check *check, long status, const char *body,
                                size_t length)
{
    json_t *answer = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    char shown[WORD_MAX];
    const char *says = word(json_object_get(answer, "status"), shown, sizeof(shown));
    struct finding finding;

    if (status < 200 || status > 299 || strcmp(says, "error") == 0)
        finding = judge_error(status, answer);
    else if (!answer)
        finding = none("the answer is no JSON");
    else if (strcmp(says, "success") != 0)
        finding = none("not an answer of Prometheus: no status of success");
    else
        finding = judge_data(check, json_object_get(answer, "data"));
    json_decref(answer);
    return finding;
}
