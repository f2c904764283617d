// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files of services that are read, and what comes out. */
#include "unit.h"

#include "parse.h"
#include "spec.h"
#include "spec_file.h"

#define SERVICES    "services:\n"
#define ONE_SERVICE "  - name: web\n    vip: 10.0.0.1:80/tcp\n    baseline: a\n    versions:\n"

static void accepts(const char *text, struct spec *spec)
{
    spec_file_accepted(spec_file_begin(text), spec);
}

static void assert_backend(const struct backend_spec *backend, const char *shown)
{
    char buf[FORMAT_ENDPOINT_MAX];

    assert_string_equal(format_vip(&backend->at, buf), shown);
}

static void test_whole_service(void **state)
{
    const struct service_spec *web;
    char buf[FORMAT_ENDPOINT_MAX];
    struct spec spec;

    (void)state;
    accepts("services:\n"
            "  - name: web\n"
            "    vip: 10.0.0.1:80/tcp            # or [2001:db8::1]:80/tcp\n"
            "    mode: nat\n"
            "    affinity: source                # flow | source | none\n"
            "    baseline: canary\n"
            "    drain: 90s\n"
            "    versions:\n"
            "      - name: stable\n"
            "        weight: 95%\n"
            "        backends: [10.0.0.11:8080, 10.0.0.12:8080]\n"
            "      - name: canary\n"
            "        weight: 5%\n"
            "        backends: [10.0.0.21:8080]\n",
            &spec);
    assert_int_equal(spec.service_count, 1);
    web = &spec.services[0];
    assert_string_equal(web->name, "web");
    assert_string_equal(format_vip(&web->vip, buf), "10.0.0.1:80/tcp");
    assert_int_equal(web->mode, FS_MODE_NAT);
    assert_int_equal(web->affinity, FS_AFFINITY_SOURCE);
    assert_int_equal(web->drain_ms, 90000);
    assert_int_equal(web->baseline, 1);
    assert_int_equal(web->version_count, 2);
    assert_string_equal(web->versions[0].name, "stable");
    assert_true(web->versions[0].has_weight);
    assert_int_equal(web->versions[0].weight_bp, 9500);
    assert_int_equal(web->versions[0].backend_count, 2);
    assert_backend(&web->versions[0].backends[0], "10.0.0.11:8080/tcp");
    assert_backend(&web->versions[0].backends[1], "10.0.0.12:8080/tcp");
    assert_string_equal(web->versions[1].name, "canary");
    assert_int_equal(web->versions[1].weight_bp, 500);
    assert_int_equal(web->versions[1].backend_count, 1);
    assert_backend(&web->versions[1].backends[0], "10.0.0.21:8080/tcp");
    spec_free(&spec);
}

static void test_places(void **state)
{
    const struct service_spec *web;
    struct spec spec;

    (void)state;
    accepts(SERVICES ONE_SERVICE "      - name: a\n        backends: [10.0.0.2:80, 10.0.0.3:80]\n",
            &spec);
    web = &spec.services[0];
    assert_int_equal(web->line, 2);
    assert_int_equal(web->column, 5);
    assert_int_equal(web->vip_line, 3);
    assert_int_equal(web->vip_column, 10);
    assert_int_equal(web->versions[0].line, 6);
    assert_int_equal(web->versions[0].column, 9);
    assert_int_equal(web->versions[0].backends[1].line, 7);
    assert_int_equal(web->versions[0].backends[1].column, 33);
    spec_free(&spec);
}

static void test_defaults(void **state)
{
    struct spec spec;

    (void)state;
    accepts(SERVICES ONE_SERVICE "      - {name: a, backends: [10.0.0.2:80]}\n", &spec);
    assert_int_equal(spec.services[0].mode, FS_MODE_NAT);
    assert_int_equal(spec.services[0].affinity, FS_AFFINITY_FLOW);
    assert_int_equal(spec.services[0].drain_ms, 5 * 60 * 1000);
    assert_int_equal(spec.services[0].versions[0].weight_bp, FS_BUCKETS);
    assert_false(spec.services[0].versions[0].has_weight);
    spec_free(&spec);
}

static void test_rest(void **state)
{
    struct spec spec;

    (void)state;
    accepts(SERVICES ONE_SERVICE "      - {name: b, weight: 0.01%, backends: [10.0.0.3:80]}\n"
                                 "      - {name: a, backends: [10.0.0.2:80]}\n"
                                 "      - {name: c, weight: 33.3%, backends: [10.0.0.4:80]}\n",
            &spec);
    assert_int_equal(spec.services[0].baseline, 1);
    assert_int_equal(spec.services[0].versions[0].weight_bp, 1);
    assert_int_equal(spec.services[0].versions[1].weight_bp, 6669);
    assert_int_equal(spec.services[0].versions[2].weight_bp, 3330);
    spec_free(&spec);
}

static void test_no_services(void **state)
{
    struct spec spec;

    (void)state;
    accepts("services: []\n", &spec);
    assert_int_equal(spec.service_count, 0);
    spec_free(&spec);
}

static void test_empty_pools(void **state)
{
    struct spec spec;

    (void)state;
    accepts(SERVICES ONE_SERVICE "      - {name: a, backends: []}\n"
                                 "      - {name: b, weight: 0%, backends: []}\n"
                                 "      - {name: c, weight: 100%, backends: [10.0.0.2:80]}\n",
            &spec);
    assert_int_equal(spec.services[0].versions[0].weight_bp, 0);
    assert_int_equal(spec.services[0].versions[0].backend_count, 0);
    spec_free(&spec);
}

static void test_ipv6(void **state)
{
    const struct version_spec *version;
    char buf[FORMAT_ENDPOINT_MAX];
    struct spec spec;

    (void)state;
    accepts("services:\n"
            "  - name: six # ^ and ~ are no brackets\n"
            "    vip: [2001:db8::1]:53/udp\n"
            "    baseline: a\n"
            "    versions:\n"
            "      - name: a\n"
            "        backends: [[2001:db8::11]:53,[::1]:53, '[2001:db8::12]:53']\n"
            "      - name: b\n"
            "        weight: 5%\n"
            "        backends:\n"
            "          - [2001:db8::13]:53\n"
            "          - \"[2001:db8::14]:53\"\n",
            &spec);
    assert_string_equal(format_vip(&spec.services[0].vip, buf), "[2001:db8::1]:53/udp");
    version = &spec.services[0].versions[0];
    assert_int_equal(version->backend_count, 3);
    assert_backend(&version->backends[0], "[2001:db8::11]:53/udp");
    assert_backend(&version->backends[1], "[::1]:53/udp");
    assert_int_equal(version->backends[1].column, 38);
    assert_backend(&version->backends[2], "[2001:db8::12]:53/udp");
    version = &spec.services[0].versions[1];
    assert_backend(&version->backends[0], "[2001:db8::13]:53/udp");
    assert_backend(&version->backends[1], "[2001:db8::14]:53/udp");
    spec_free(&spec);
}

static void test_shared_backend(void **state)
{
    struct spec spec;

    (void)state;
    accepts(SERVICES ONE_SERVICE "      - {name: a, backends: &pool [10.0.0.2:80, 10.0.0.3:80]}\n"
                                 "      - {name: b, weight: 5%, backends: *pool}\n",
            &spec);
    assert_int_equal(spec.services[0].versions[1].backend_count, 2);
    assert_backend(&spec.services[0].versions[1].backends[1], "10.0.0.3:80/tcp");
    spec_free(&spec);
}

static void test_protocols_apart(void **state)
{
    struct spec spec;

    (void)state;
    accepts(SERVICES "  - {name: t, vip: 10.0.0.1:53/tcp, baseline: a, "
                     "versions: [{name: a, backends: [10.0.0.2:53]}]}\n"
                     "  - {name: u, vip: 10.0.0.1:53/udp, baseline: a, affinity: none, "
                     "versions: [{name: a, backends: [10.0.0.2:53]}]}\n",
            &spec);
    assert_int_equal(spec.service_count, 2);
    assert_backend(&spec.services[1].versions[0].backends[0], "10.0.0.2:53/udp");
    spec_free(&spec);
}

static void test_any_yaml(void **state)
{
    struct spec spec;

    (void)state;
    accepts("\xef\xbb\xbf%YAML 1.1\n--- # caf\xc3\xa9\r\n"
            "{\"services\": [{\"baseline\": \"a\", \"versions\": [{\"backends\": "
            "[\"10.0.0.2:80\"], \"name\": 'a'}], \"vip\": \"10.0.0.1:80/tcp\", \"name\": !!str 7}]}"
            "\r\n...\n",
            &spec);
    assert_string_equal(spec.services[0].name, "7");
    spec_free(&spec);
}

/* Connections that are older than flowsplit go on, unless a version says that they don't. */
static void test_adoption(void **state)
{
    static const struct {
        const char *version;
        bool reset;
    } cases[] = {{"{name: a, backends: [10.0.0.11:80]}", false},
                 {"{name: a, adopt: true, backends: [10.0.0.11:80]}", false},
                 {"{name: a, backends: [10.0.0.11:80], adopt: false}", true}};
    char text[256];
    struct spec spec;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "services:\n" ONE_SERVICE "      - %s\n", cases[i].version);
        accepts(text, &spec);
        assert_int_equal(spec.services[0].reset, cases[i].reset);
        spec_free(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("a service with every key is read as written", test_whole_service),
        TEST("what is read knows its line and column", test_places),
        TEST("mode, affinity, drain and the baseline's weight have defaults", test_defaults),
        TEST("older connections are adopted unless adopt is false", test_adoption),
        TEST("a baseline without weight takes the rest", test_rest),
        TEST("an empty list of services is none", test_no_services),
        TEST("a version without weight may have no backends", test_empty_pools),
        TEST("IPv6 endpoints need no quotes", test_ipv6),
        TEST("versions of one service may share backends, by an alias too", test_shared_backend),
        TEST("TCP and UDP of one address and port are different", test_protocols_apart),
        TEST("keys in any order, JSON, byte order mark and CRLF are fine", test_any_yaml),
    };

    return cmocka_run_group_tests_name("read files", tests, NULL, NULL);
}
