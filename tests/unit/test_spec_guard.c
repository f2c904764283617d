// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How a file says that a service is observed and guarded: what is read, and what is refused where.
 */
#include "unit.h"

#include "spec_file.h"
#include "spec_guard.h"

/* A service in lines 1 to 6; what is added begins in line 7. */
#define SERVICE(proto)                                     \
    "services:\n"                                          \
    "  - name: web\n"                                      \
    "    vip: 10.0.0.1:80/" proto "\n"                     \
    "    baseline: a\n"                                    \
    "    versions: [{name: a, backends: [10.0.0.2:80]},\n" \
    "               {name: b, weight: 0%, backends: [10.0.0.3:80, 10.0.0.4:80]}]\n"
#define TCP           SERVICE("tcp")
#define UDP           SERVICE("udp")
#define GUARD(rest)   TCP "    guard:\n" rest
#define RULES(list)   GUARD("      rules: " list "\n")
#define WITH(setting) RULES("[resets > 1%]") "      " setting "\n"

static struct spec spec;

static const struct service_spec *accepts(const char *text)
{
    spec_file_accepted(spec_file_begin(text), &spec);
    return &spec.services[0];
}

/* The same in two parts. */
static const struct service_spec *accepts_both(const char *begin, const char *end)
{
    FILE *stream = spec_file_begin(begin);

    fputs(end, stream);
    spec_file_accepted(stream, &spec);
    return &spec.services[0];
}

static int release(void **state)
{
    (void)state;
    spec_free(&spec);
    return 0;
}

static void test_defaults(void **state)
{
    const struct service_spec *web = accepts(TCP);

    (void)state;
    assert_int_equal(web->sample_shift, 4);
    assert_false(web->http);
    assert_int_equal(web->guard.rule_count, 0);
    assert_int_equal(web->guard.false_alarm_ppb, 1000);
    assert_int_equal(web->guard.on_trip, FS_TRIP_WITHDRAW);
    assert_int_equal(web->guard.live_flows, FS_LIVE_KEEP);
    assert_int_equal(web->guard.close_wait_after_ms, 30000);
    assert_int_equal(web->guard.clients, 3);
    assert_true(web->guard.worse_than_baseline);
    assert_int_equal(web->guard.recover_at_most, 0);
}

static void assert_rule(const struct rule_spec *rule, enum fs_signal signal, unsigned share_ppm,
                        uint64_t limit_ns, int line)
{
    assert_int_equal(rule->signal, signal);
    assert_int_equal(rule->share_ppm, share_ppm);
    assert_int_equal(rule->limit_ns, limit_ns);
    assert_int_equal(rule->place.line, line);
    assert_int_equal(rule->place.column, 11);
    assert_string_equal(rule->place.file, "f");
}

static void test_whole_guard(void **state)
{
    const struct service_spec *web =
        accepts(TCP "    http: true\n    sample: 1/1\n    guard:\n"
                    "      rules:\n"
                    "        - connect_failures > 1%        # refused or unanswered\n"
                    "        - resets > 1%\n"
                    "        - http_5xx > 0.5%\n"
                    "        - p99 connect_time > 20ms\n"
                    "        - \"p99.9 response_time > 1.5s\"\n"
                    "        - retransmits > 2%\n"
                    "        - close_wait > 5% for 2s\n"
                    "      false_alarm: 1e-4\n"
                    "      on_trip: report\n"
                    "      live_flows: drain 90s\n"
                    "      close_wait_after: 2m\n"
                    "      clients: 64\n"
                    "      worse_than_baseline: false\n"
                    "      recover: {after: 30s, at_most: 5}\n");
    const struct rule_spec *rules = web->guard.rules;

    (void)state;
    assert_true(web->http);
    assert_int_equal(web->sample_shift, 0);
    assert_int_equal(web->guard.rule_count, 7);
    assert_rule(&rules[0], FS_SIGNAL_CONNECT_FAILURES, 10000, 0, 11);
    assert_rule(&rules[1], FS_SIGNAL_RESETS, 10000, 0, 12);
    assert_rule(&rules[2], FS_SIGNAL_HTTP_5XX, 5000, 0, 13);
    assert_rule(&rules[3], FS_SIGNAL_CONNECT_TIME, 10000, 20000000, 14);
    assert_rule(&rules[4], FS_SIGNAL_RESPONSE_TIME, 1000, 1500000000, 15);
    assert_rule(&rules[5], FS_SIGNAL_RETRANSMITS, 20000, 0, 16);
    assert_rule(&rules[6], FS_SIGNAL_CLOSE_WAIT, 50000, 0, 17);
    assert_int_equal(web->guard.false_alarm_ppb, 100000);
    assert_int_equal(web->guard.on_trip, FS_TRIP_REPORT);
    assert_int_equal(web->guard.live_flows, FS_LIVE_DRAIN);
    assert_int_equal(web->guard.live_ms, 90000);
    assert_int_equal(web->guard.close_wait_after_ms, 120000);
    assert_int_equal(rules[5].hold_ms, 0);
    assert_int_equal(rules[6].hold_ms, 2000);
    assert_int_equal(web->guard.clients, 64);
    assert_false(web->guard.worse_than_baseline);
    assert_int_equal(web->guard.recover_ms, 30000);
    assert_int_equal(web->guard.recover_at_most, 5);
}

/* The guard may stand before all that it is checked against. */
static void test_any_order(void **state)
{
    const struct service_spec *web =
        accepts("services:\n  - guard: {live_flows: keep, rules: [http_5xx > 1%], on_trip: "
                "withdraw}\n    http: true\n    baseline: a\n"
                "    versions: [{name: a, backends: ['10.0.0.2:80']}, "
                "{name: b, weight: 0%, backends: []}]\n    name: web\n    vip: 10.0.0.1:80/tcp\n");

    (void)state;
    assert_int_equal(web->guard.rule_count, 1);
}

static void test_samples(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift <= 16; shift++) {
        char text[64];

        snprintf(text, sizeof(text), "    sample: 1/%u\n", 1u << shift);
        assert_int_equal(accepts_both(TCP, text)->sample_shift, shift);
        spec_free(&spec);
    }
    assert_false(accepts(UDP "    http: false\n    sample: 1/2\n")->http);
}

static void test_false_alarms(void **state)
{
    static const struct {
        const char *text;
        unsigned ppb;
    } rows[] = {{"1e-9", 1},         {"1.0E-09", 1},           {"1e-6", 1000},
                {"0.000001", 1000},  {"0.5", 500000000},       {".5", 500000000},
                {"5e-1", 500000000}, {"1.234567e-3", 1234567}, {"15e-9", 15},
                {"7e-7", 700},       {"0.3", 300000000},       {"0.499999999", 499999999}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct service_spec *web =
            accepts_both(RULES("[resets > 1%]") "      false_alarm: ", rows[i].text);

        assert_int_equal(web->guard.false_alarm_ppb, rows[i].ppb);
        spec_free(&spec);
    }
}

static void test_live_flows(void **state)
{
    (void)state;
    assert_int_equal(accepts(WITH("live_flows: cut"))->guard.live_flows, FS_LIVE_CUT);
    spec_free(&spec);
    assert_int_equal(accepts(WITH("live_flows: 'drain  1s'"))->guard.live_ms, 1000);
    spec_free(&spec);
    assert_int_equal(accepts(WITH("live_flows: drain 24h"))->guard.live_ms, 86400000);
}

static void test_most_rules(void **state)
{
    char list[512] = "[";
    FILE *stream;

    (void)state;
    for (int i = 1; i <= FS_MAX_RULES; i++) {
        sprintf(list + strlen(list), "%sresets > %d%%", i > 1 ? ", " : "", i);
        strcat(list, "]");
        assert_int_equal(accepts_both(GUARD("      rules: "), list)->guard.rule_count, i);
        spec_free(&spec);
        list[strlen(list) - 1] = '\0';
    }
    strcat(list, ", resets > 17%]");
    stream = spec_file_begin(GUARD("      rules: "));
    fputs(list, stream);
    spec_file_refused(stream, "f:8:230: rules has 17 items; 16 are allowed");
}

static bool is_fourth(const struct fs_endpoint *at)
{
    return ((const unsigned char *)at->addr)[3] == 4;
}

static bool is_any(const struct fs_endpoint *at)
{
    (void)at;
    return true;
}

/* Of two versions the second has a backend that is the fourth. */
static void test_sockets(void **state)
{
    static const char *const rules[] = {"retransmits > 2%", "close_wait > 5%"};
    struct service_spec *web = &spec.services[0];
    struct error err = {{0}};
    char message[256];

    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        accepts_both(GUARD("      rules:\n        - resets > 1%\n        - "), rules[i]);
        web = &spec.services[0];
        assert_int_equal(guard_check_sockets(web, &web->versions[0], is_any, &err), 0);
        assert_int_equal(guard_check_sockets(web, &web->versions[1], is_fourth, &err), 0);
        assert_int_equal(guard_check_sockets(web, &web->versions[0], is_fourth, &err), -EINVAL);
        snprintf(message, sizeof(message),
                 "f:10:11: rule %s can't be observed: it needs sockets on this host, and no "
                 "network namespace here has the address of a backend of \"a\"",
                 rules[i]);
        assert_string_equal(err.text, message);
        web->versions[0].backend_count = 0;
        assert_int_equal(guard_check_sockets(web, &web->versions[0], is_fourth, &err), 0);
        spec_free(&spec);
    }
    web = (struct service_spec *)accepts(WITH("on_trip: report"));
    assert_int_equal(guard_check_sockets(web, &web->versions[0], is_fourth, &err), 0);
}

static void test_kernel(void **state)
{
    const char *missing[FS_SIGNAL_COUNT] = {[FS_SIGNAL_RETRANSMITS] = "tcp_retransmit_skb"};
    struct error err = {{0}};

    (void)state;
    accepts_both(GUARD("      rules: "), "[close_wait > 1%, retransmits > 2%]");
    assert_int_equal(guard_check_kernel(&spec.services[0], missing, &err), -EINVAL);
    assert_string_equal(err.text, "f:8:32: rule retransmits > 2% can't be observed: nothing is at "
                                  "the kernel's tracepoint tcp_retransmit_skb, see `flowsplit "
                                  "status`");
    missing[FS_SIGNAL_RETRANSMITS] = NULL;
    assert_int_equal(guard_check_kernel(&spec.services[0], missing, &err), 0);
}

/* The thing that is refused, such a file, and the message. */
static const struct refusal {
    const char *thing, *file, *message;
} refusals[] = {
    /* sample, http */
    {"a sample of none", TCP "    sample: 0\n",
     "f:7:13: sample \"0\" is not one in a power of two; 1/1, 1/2, 1/4 and so on to 1/65536 are "
     "allowed"},
    {"a sample of 1/10", TCP "    sample: 1/10\n",
     "f:7:13: sample \"1/10\" is not one in a power of two; 1/1, 1/2, 1/4 and so on to 1/65536 are "
     "allowed"},
    {"a sample of 1/131072", TCP "    sample: 1/131072\n",
     "f:7:13: sample \"1/131072\" is not one in a power of two; 1/1, 1/2, 1/4 and so on to 1/65536 "
     "are allowed"},
    {"a sample that is a list", TCP "    sample: [1/16]\n",
     "f:7:13: sample must be a text, but is a list"},
    {"http that is neither true nor false", TCP "    http: yes\n",
     "f:7:11: http \"yes\" is unknown; known: true, false"},
    {"http over UDP", UDP "    http: true\n",
     "f:7:11: VIP 10.0.0.1:80/udp is UDP, but plaintext HTTP/1 is read in TCP only; http: false is "
     "allowed"},

    /* The mapping */
    {"a guard that is a list", TCP "    guard: [resets > 1%]\n",
     "f:7:12: a guard must be a mapping of keys to values, but is a list"},
    {"an unknown key of a guard", WITH("live_flow: cut"),
     "f:9:7: unknown key \"live_flow\" in a guard; known keys: rules, false_alarm, on_trip, "
     "live_flows, close_wait_after, clients, worse_than_baseline, recover"},
    {"a guard without rules", GUARD("      on_trip: report\n"),
     "f:8:7: key \"rules\" is missing in a guard; required keys: rules"},
    {"a guard of a service with one version",
     "services:\n  - name: web\n    vip: 10.0.0.1:80/tcp\n    baseline: a\n    versions: [{name: "
     "a, "
     "backends: [10.0.0.2:80]}]\n    guard: {rules: [resets > 1%]}\n",
     "f:6:12: service \"web\" has one version; a guard needs another one, the baseline, that takes "
     "what it withdraws"},

    /* Rules */
    {"rules as a text", RULES("resets > 1%"),
     "f:8:14: rules must be a list (an empty one is []), but is a text"},
    {"no rules in the list", RULES("[]"), "f:8:14: rules is an empty list; 1 to 16 are allowed"},
    {"a rule that is a mapping", RULES("[resets: 1%]"),
     "f:8:15: a rule must be a text, but is a mapping of keys to values"},
    {"a rule that is none", RULES("\n        - resets > 1%\n        - resets => 1%"),
     "f:10:11: rule \"resets => 1%\", column 8: a rule can't compare by \"=>\"; only > is allowed"},
    {"a limit of 0 %", RULES("[resets > 0%]"),
     "f:8:15: rule \"resets > 0%\", column 10: a limit of 0% is out of range; 0.0001% to 99.9999% "
     "is allowed"},
    {"a rule twice", RULES("\n        - resets > 1%\n        - resets>1.0%"),
     "f:10:11: rule resets > 1% stands already in line 9; once is allowed"},
    {"a rule on a UDP service", UDP "    guard:\n      rules: [connect_failures > 1%]\n",
     "f:8:15: rule connect_failures > 1% can't be observed: VIP 10.0.0.1:80/udp is UDP, and "
     "signals are seen in TCP only"},
    {"a rule on responses without http", RULES("[resets > 1%, http_5xx > 1%]"),
     "f:8:28: rule http_5xx > 1% can't be observed: responses are read only with http: true in the "
     "service"},
    {"a rule on responses with http: false",
     TCP "    http: false\n    guard: {rules: [http_5xx > 1%]}\n",
     "f:8:21: rule http_5xx > 1% can't be observed: responses are read only with http: true in the "
     "service"},

/* false_alarm */
#define FALSE_ALARM(text, why)                                                               \
    WITH("false_alarm: " text),                                                              \
        "f:9:20: false_alarm \"" text "\" " why                                              \
        "; 1e-9 to 0.5 is allowed in steps of 1e-9: at most once in 1/x outcomes a version " \
        "that sits at its limit trips by chance"
    {"a false_alarm of zero", FALSE_ALARM("0", "is out of range")},
    {"a false_alarm below 1e-9", FALSE_ALARM("9e-10", "is out of range")},
    {"a false_alarm above 0.5", FALSE_ALARM("0.500000001", "is out of range")},
    {"an endless false_alarm", FALSE_ALARM("1e999", "is out of range")},
    {"a false_alarm finer than 1e-9", FALSE_ALARM("1.00001e-6", "is not a multiple of 1e-9")},
    {"a negative false_alarm", FALSE_ALARM("-1e-6", "is no number")},
    {"a false_alarm in percent", FALSE_ALARM("1%", "is no number")},
    {"a false_alarm in words", FALSE_ALARM("never", "is no number")},
    {"a false_alarm that is nan", FALSE_ALARM("nan", "is no number")},
    {"a hexadecimal false_alarm", FALSE_ALARM("0x1p-9", "is no number")},
    {"a false_alarm with two points", FALSE_ALARM("0.1.2", "is no number")},
    {"a point as false_alarm", FALSE_ALARM(".", "is no number")},

    /* on_trip, live_flows, close_wait_after */
    {"an unknown on_trip", WITH("on_trip: Withdraw"),
     "f:9:16: on_trip \"Withdraw\" is unknown; known: withdraw, report"},
    {"unknown live_flows", WITH("live_flows: kill"),
     "f:9:19: live_flows \"kill\" is unknown; known: keep, drain TIME (as in drain 30s), cut"},
    {"live_flows that drain without a time", WITH("live_flows: drain"),
     "f:9:19: live_flows \"drain\" is unknown; known: keep, drain TIME (as in drain 30s), cut"},
    {"live_flows that drain for a wrong time", WITH("live_flows: drain 30"),
     "f:9:19: live_flows \"drain 30\": duration \"30\" is not a number and a unit; units are d, h, "
     "m, s and ms, as in 500ms, 1.5s, 5m or 1h30m"},
    {"live_flows that drain for too short a time", WITH("live_flows: drain 999ms"),
     "f:9:19: live_flows \"drain 999ms\" is out of range; 1s to 24h is allowed"},
    {"a close_wait_after that is too long", WITH("close_wait_after: 24h1ms"),
     "f:9:25: close_wait_after \"24h1ms\" is out of range; 1s to 24h is allowed"},
    {"no clients", WITH("clients: 0"),
     "f:9:16: clients \"0\" is not a whole number from 1 to 64, which is allowed"},
    {"too many clients", WITH("clients: 65"),
     "f:9:16: clients \"65\" is not a whole number from 1 to 64, which is allowed"},
    {"a worse_than_baseline that is neither true nor false", WITH("worse_than_baseline: no"),
     "f:9:28: worse_than_baseline \"no\" is unknown; known: false, true"},
    {"recover as a time", WITH("recover: 30s"),
     "f:9:16: recover must be a mapping of keys to values, but is a text"},
    {"recover without a number", WITH("recover: {after: 30s}"),
     "f:9:16: key \"at_most\" is missing in recover; required keys: after, at_most"},
    {"a recovery that comes too soon", WITH("recover: {after: 999ms, at_most: 1}"),
     "f:9:24: after \"999ms\" is out of range; 1s to 1h is allowed"},
    {"too many recoveries", WITH("recover: {after: 1s, at_most: 11}"),
     "f:9:37: at_most \"11\" is not a whole number from 1 to 10, which is allowed"},
    {"a close_wait_after without unit", WITH("close_wait_after: 30"),
     "f:9:25: close_wait_after \"30\": duration \"30\" is not a number and a unit; units are d, h, "
     "m, s and ms, as in 500ms, 1.5s, 5m or 1h30m"},
};

static void refuses(void **state)
{
    const struct refusal *refusal = *state;

    spec_file_refused(spec_file_begin(refusal->file), refusal->message);
}

#define TEST_SPEC(sentence, fn)           \
    {                                     \
        sentence, fn, NULL, release, NULL \
    }

int main(void)
{
    static const struct CMUnitTest accepted[] = {
        TEST_SPEC("without its keys a service is sampled, not guarded", test_defaults),
        TEST_SPEC("a guard with every key is read as written", test_whole_guard),
        TEST_SPEC("a guard may stand before what it builds on", test_any_order),
        TEST_SPEC("one flow in 1 to 65536 may be sampled, by powers of two", test_samples),
        TEST_SPEC("a false-alarm rate is read exactly, however it is written", test_false_alarms),
        TEST_SPEC("live flows are kept, drained or cut", test_live_flows),
        TEST_SPEC("16 rules are read, one more is refused", test_most_rules),
        TEST_SPEC("rules on sockets need a backend on this host in each version that has any",
                  test_sockets),
        TEST_SPEC("a rule whose tracepoint the kernel lacks is refused", test_kernel),
    };
    struct CMUnitTest tests[COUNT(refusals) + COUNT(accepted)];
    char sentences[COUNT(refusals)][80];

    memcpy(tests, accepted, sizeof(accepted));
    for (size_t i = 0; i < COUNT(refusals); i++) {
        snprintf(sentences[i], sizeof(sentences[i]), "a file with %s is refused",
                 refusals[i].thing);
        tests[COUNT(accepted) + i] =
            (struct CMUnitTest)TEST_ROW(sentences[i], refuses, (void *)&refusals[i]);
    }
    return cmocka_run_group_tests_name("guards in files", tests, NULL, NULL);
}
