// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What answers of a Prometheus server are taken for: every form it has, and what is none. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "prometheus.h"

#define VECTOR(series) \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" series "]}}"
#define SERIES(value) "{\"metric\":{\"job\":\"web\"},\"value\":[1435781451.781," value "]}"
#define SCALAR(sample) \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":" sample "}}"
#define TYPE(type, result) \
    "{\"status\":\"success\",\"data\":{\"resultType\":" type ",\"result\":" result "}}"
#define NOT_PROMETHEUS(reason) "not an answer of Prometheus: " reason

static const struct plan_check above = {
    .kind = CHECK_PROMETHEUS, .fail_if = CHECK_ABOVE, .fail_limit = 0.01};

static struct finding judge(const struct plan_check *check, long status, const char *body)
{
    struct finding finding = prometheus_judge(check, status, body, strlen(body));

    assert_true(strlen(finding.text) > 0);
    for (const char *at = finding.text; *at; at++)
        assert_in_range(*at, ' ', '~');
    return finding;
}

/* A number as Prometheus writes it, and what is thought of it. */
static const struct number {
    const char *body;
    enum check_answer answer;
    double value;
    const char *text;
} numbers[] = {
    {VECTOR(SERIES("\"0\"")), CHECK_GOOD, 0, "0, fails if > 0.01"},
    {VECTOR(SERIES("\"0.009\"")), CHECK_GOOD, 0.009, "0.009, fails if > 0.01"},
    {VECTOR(SERIES("\"0.01\"")), CHECK_GOOD, 0.01, "0.01, fails if > 0.01"},
    {VECTOR(SERIES("\"0.0123\"")), CHECK_BAD, 0.0123, "0.0123, fails if > 0.01"},
    {VECTOR(SERIES("\"1e-05\"")), CHECK_GOOD, 1e-5, "1e-05, fails if > 0.01"},
    {VECTOR(SERIES("\"1E+3\"")), CHECK_BAD, 1000, "1000, fails if > 0.01"},
    {VECTOR(SERIES("\"-5\"")), CHECK_GOOD, -5, "-5, fails if > 0.01"},
    {VECTOR(SERIES("\"+Inf\"")), CHECK_BAD, INFINITY, "inf, fails if > 0.01"},
    {VECTOR(SERIES("\"-Inf\"")), CHECK_GOOD, -INFINITY, "-inf, fails if > 0.01"},
    {VECTOR("{\"metric\":{},\"value\":[1435781451,\"1\"]}"), CHECK_BAD, 1, "1, fails if > 0.01"},
    {SCALAR("[1435781451.781,\"0.002\"]"), CHECK_GOOD, 0.002, "0.002, fails if > 0.01"},
    {SCALAR("[1435781451.781,\"2\"]"), CHECK_BAD, 2, "2, fails if > 0.01"},
    {"\n{\"status\":\"success\",\"warnings\":[\"w\"],\"infos\":[],\"data\":{\"resultType\":"
     "\"scalar\","
     "\"result\":[1,\"2\"],\"stats\":{}}}\n",
     CHECK_BAD, 2, "2, fails if > 0.01"},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct finding finding = judge(&above, 200, numbers[i].body);

        assert_string_equal(finding.text, numbers[i].text);
        assert_int_equal(finding.answer, numbers[i].answer);
        assert_true(finding.value == numbers[i].value);
    }
}

static void limit(enum check_comparison fail_if, const char *below, const char *at,
                  const char *above_it, const char *text)
{
    const struct plan_check check = {.fail_if = fail_if, .fail_limit = 0.5};
    const char *values[] = {"0.4", "0.5", "0.6"}, *wanted[] = {below, at, above_it};

    for (size_t i = 0; i < COUNT(values); i++) {
        char body[200];
        struct finding finding;

        snprintf(body, sizeof(body), SCALAR("[1,\"%s\"]"), values[i]);
        finding = judge(&check, 200, body);
        assert_string_equal(check_answer_name(finding.answer), wanted[i]);
        assert_contains(finding.text, text);
    }
}

static void test_limits(void **state)
{
    (void)state;
    limit(CHECK_ABOVE, "good", "good", "bad", ", fails if > 0.5");
    limit(CHECK_AT_LEAST, "good", "bad", "bad", ", fails if >= 0.5");
    limit(CHECK_BELOW, "bad", "good", "good", ", fails if < 0.5");
    limit(CHECK_AT_MOST, "bad", "bad", "good", ", fails if <= 0.5");
}

/* No number, and the reason. */
static const struct odd {
    long status;
    const char *body, *why;
} odd[] = {
    /* What Prometheus says when there isn't one number */
    {200, VECTOR(""), "no series: nothing matches the query"},
    {200, VECTOR(SERIES("\"1\"") "," SERIES("\"2\"")),
     "2 series, and one is needed: wrap the query in sum() or max()"},
    {200, VECTOR(SERIES("\"NaN\"")), "not a number: NaN, as of 0 divided by 0"},
    {200, SCALAR("[1,\"NaN\"]"), "not a number: NaN, as of 0 divided by 0"},
    {200, VECTOR("{\"metric\":{},\"histogram\":[1,{\"count\":\"60\"}]}"),
     "a histogram and not a number: the query needs histogram_quantile()"},
    {200, TYPE("\"matrix\"", "[]"),
     "a matrix and not a number: wrap the query's range, as in rate(x[5m])"},
    {200, TYPE("\"string\"", "[1,\"2\"]"), "a string and not a number"},

    /* What it says when it can't answer */
    {400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:3: parse error\"}",
     "HTTP status 400, bad_data: 1:3: parse error"},
    {503, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out\"}",
     "HTTP status 503, timeout: query timed out"},
    {200, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"too many\\nsamples\"}",
     "the query fails, execution: too many samples"},
    {200, "{\"status\":\"error\"}", "the query fails"},
    {200, "{\"status\":\"error\",\"errorType\":[],\"error\":{}}", "the query fails"},

    /* What others say */
    {404, "404 page not found\n", "HTTP status 404"},
    {500, "", "HTTP status 500"},
    {302, "<a href=\"/login\">Found</a>", "HTTP status 302"},
    {401, VECTOR(SERIES("\"0\"")), "HTTP status 401"},
    {200, "", "the answer is no JSON"},
    {200, "<html><body>Sign in</body></html>", "the answer is no JSON"},
    {200, "0.001", "the answer is no JSON"},
    {200, "[]", NOT_PROMETHEUS("no status of success")},
    {200, "null", "the answer is no JSON"},
    {200, "{}", NOT_PROMETHEUS("no status of success")},
    {200, "{\"status\":true}", NOT_PROMETHEUS("no status of success")},
    {200, "{\"status\":\"success\"}", NOT_PROMETHEUS("no type of result")},
    {200, "{\"status\":\"success\",\"data\":[]}", NOT_PROMETHEUS("no type of result")},
    {200, TYPE("1", "[]"), NOT_PROMETHEUS("no type of result")},
    {200, TYPE("\"vec\\u001b[2J\\u00e9tor\"", "[]"),
     NOT_PROMETHEUS("a result of type \"vec [2J??tor\"")},

    /* Broken or hostile */
    {200, VECTOR(SERIES("\"0\"")) "x", "the answer is no JSON"},
    {200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[",
     "the answer is no JSON"},
    {200, "{\"status\":\"error\",\"status\":\"success\"}", "the answer is no JSON"},
    {200, "{\"status\":\"succ\\u0000ess\"}", "the answer is no JSON"},
    {200, "{\"status\":\"\xff\"}", "the answer is no JSON"},
    {200, TYPE("\"vector\"", "{}"), NOT_PROMETHEUS("no list of series")},
    {200, TYPE("\"vector\"", "null"), NOT_PROMETHEUS("no list of series")},
    {200, VECTOR("7"), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, VECTOR("[]"), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, VECTOR("{}"), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, VECTOR(SERIES("0")), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, VECTOR(SERIES("\"0\",\"1\"")), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, SCALAR("[]"), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, SCALAR("[\"1\",\"0\"]"), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, SCALAR("\"0\""), NOT_PROMETHEUS("a sample is not [time, \"value\"]")},
    {200, SCALAR("[1,\"\"]"), "not a number: \"\""},
    {200, SCALAR("[1,\" 0\"]"), "not a number: \"0\""},
    {200, SCALAR("[1,\"0 \"]"), "not a number: \"0\""},
    {200, SCALAR("[1,\"0x10\"]"), "not a number: \"0x10\""},
    {200, SCALAR("[1,\"1.5.2\"]"), "not a number: \"1.5.2\""},
    {200, SCALAR("[1,\"1,5\"]"), "not a number: \"1,5\""},
    {200, SCALAR("[1,\"e\"]"), "not a number: \"e\""},
    {200, SCALAR("[1,\"nan(7)\"]"), "not a number: \"nan(7)\""},
    {200, SCALAR("[1,\"infinity\"]"), "not a number: \"infinity\""},
    {200, SCALAR("[1,\"1e999\"]"), "not a number: \"1e999\""},
    {200, SCALAR("[1,\"0000000000000000000000000x\"]"),
     "not a number: \"00000000000000000000...\""},
};

static void test_odd(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct finding finding = judge(&above, odd[i].status, odd[i].body);

        assert_string_equal(finding.text, odd[i].why);
        assert_int_equal(finding.answer, CHECK_NO_ANSWER);
    }
}

/* A long error, deep nesting, bytes that aren't there. */
static void test_sizes(void **state)
{
    size_t length = 1000000;
    char *body = malloc(length + 1), error[3000];
    struct finding finding;

    (void)state;
    memset(body, '[', length);
    body[length] = '\0';
    assert_string_equal(judge(&above, 200, body).text, "the answer is no JSON");
    free(body);
    sprintf(error, "{\"status\":\"error\",\"errorType\":\"%0600d\",\"error\":\"%01200d\"}", 1, 2);
    finding = judge(&above, 422, error);
    assert_memory_equal(finding.text, "HTTP status 422, 000", 20);
    assert_string_equal(finding.text + strlen(finding.text) - 4, "0...");
    body = malloc(2);
    memcpy(body, "{}", 2);
    finding = prometheus_judge(&above, 200, body, 1);
    assert_string_equal(finding.text, "the answer is no JSON");
    free(body);
}

static void assert_url(const char *server, const char *query, const char *wanted)
{
    const struct plan_check check = {.url = (char *)server, .query = (char *)query};
    char *url = prometheus_url(&check);

    assert_string_equal(url, wanted);
    free(url);
}

static void test_url(void **state)
{
    (void)state;
    assert_url("http://h:9090", "up", "http://h:9090/api/v1/query?query=up");
    assert_url("https://h/prom///", "a_b.c-d~E9", "https://h/prom/api/v1/query?query=a_b.c-d~E9");
    assert_url("http://h", "sum(x{v=\"a b\"}[5m]) / 2 + 3 & # %\xc3\xa9\n",
               "http://h/api/v1/query?query=sum%28x%7Bv%3D%22a%20b%22%7D%5B5m%5D%29%20%2F%202%20%2B"
               "%203%20%26%20%23%20%25%C3%A9%0A");
    assert_url("http://h", "", "http://h/api/v1/query?query=");
    assert_url("", "u", "/api/v1/query?query=u");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("one number, as vector or scalar, is good or bad by the limit", test_numbers),
        TEST("the limit itself is breached as its comparison says", test_limits),
        TEST("what is not one number is no answer, with the reason", test_odd),
        TEST("answers of any size and depth are read, and shown in part", test_sizes),
        TEST("the query is encoded in the address", test_url),
    };

    return cmocka_run_group_tests_name("answers of Prometheus", tests, NULL, NULL);
}
