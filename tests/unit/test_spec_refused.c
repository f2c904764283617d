// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files of services that are refused: one row for each reason, with the whole message. */
#include "unit.h"

#include "spec_file.h"

/* The thing that is refused, such a file, and the message. */
struct refusal {
    const char *thing, *file, *message;
};

/* Pieces of files: a service begins in line 2 after SERVICES, its versions in line 6 after WEB. */
#define SERVICES "services:\n"
#define WEB                      \
    "  - name: web\n"            \
    "    vip: 10.0.0.1:80/tcp\n" \
    "    baseline: stable\n"     \
    "    versions:\n"
#define STABLE         "      - {name: stable, weight: 95%, backends: [10.0.0.11:8080]}\n"
#define CANARY         "      - {name: canary, weight: 5%, backends: [10.0.0.21:8080]}\n"
#define ONLY(backends) "      - {name: stable, backends: " backends "}\n"
#define API(vip, backends) \
    "  - {name: api, vip: " vip ", baseline: a, versions: [{name: a, backends: " backends "}]}\n"

static const struct refusal refusals[] = {
    /* Keys */
    {"an unknown key of the file", "services: []\nservice: []\n",
     "f:2:1: unknown key \"service\" in the file; known keys: services, rollout"},
    {"an unknown key of a service", SERVICES "  - name: web\n    wip: 10.0.0.1:80/tcp\n",
     "f:3:5: unknown key \"wip\" in a service; known keys: name, vip, mode, affinity, drain, "
     "sample, http, versions, baseline, guard"},
    {"an unknown key of a version", SERVICES WEB "      - name: stable\n        wight: 95%\n",
     "f:7:9: unknown key \"wight\" in a version; known keys: name, weight, backends, "
     "adopt"},
    {"a duplicate key", SERVICES "  - name: web\n    mode: nat\n    name: web\n",
     "f:4:5: key \"name\" stands twice in a service, first in line 2; once is allowed"},
    {"neither services nor a rollout", "{}\n",
     "f:1:1: the file declares nothing; it needs services, rollout or both"},
    {"a service without VIP", SERVICES "  - name: web\n    baseline: stable\n    versions: []\n",
     "f:2:5: key \"vip\" is missing in a service; required keys: name, vip, versions, baseline"},
    {"a version without backends", SERVICES WEB "      - name: stable\n",
     "f:6:9: key \"backends\" is missing in a version; required keys: name, backends"},
    {"a key that is a list", "? [a]\n: b\n", "f:1:3: a key must be a text, but is a list"},

    /* Kinds of nodes */
    {"a text only", "web\n", "f:1:1: the file must be a mapping of keys to values, but is a text"},
    {"services but no list of them", "services:\n",
     "f:1:10: services must be a list (an empty one is []), but is empty"},
    {"services as a mapping", "services:\n  name: web\n",
     "f:2:3: services must be a list (an empty one is []), but is a mapping of keys to values"},
    {"a service that is a text", SERVICES "  - web\n",
     "f:2:5: a service must be a mapping of keys to values, but is a text"},
    {"a VIP that is a list",
     SERVICES "  - {name: web, vip: [10.0.0.1:80/tcp], versions: [], "
              "baseline: a}\n",
     "f:2:22: vip must be a text, but is a list"},
    {"adoption of connections over UDP",
     SERVICES
     "  - {name: web, vip: 10.0.0.1:80/udp, versions: [{name: a, adopt: true, backends: []}],"
     " baseline: a}\n",
     "f:2:67: the VIP is UDP, which has no connections to adopt"},
    {"adoption that is neither true nor false",
     SERVICES WEB "      - {name: stable, adopt: maybe, backends: [10.0.0.11:8080]}\n",
     "f:6:31: adopt \"maybe\" is unknown; known: true, false"},
    {"backends as a text", SERVICES WEB ONLY("10.0.0.11:8080"),
     "f:6:34: backends must be a list (an empty one is []), but is a text"},
    {"a backend that is a list", SERVICES WEB ONLY("[[10.0.0.11:8080]]"),
     "f:6:35: a backend must be a text, but is a list"},

    /* Texts */
    {"an empty service name",
     SERVICES "  - {name: , vip: 10.0.0.1:80/tcp, versions: [], "
              "baseline: a}\n",
     "f:2:12: service name \"\" is empty; a name is 1 to 63 characters of a-z, 0-9 and -"},
    {"a service name with other characters",
     SERVICES "  - {name: Web, vip: 10.0.0.1:80/tcp, versions: [], baseline: a}\n",
     "f:2:12: service name \"Web\" has other characters; a name is 1 to 63 characters of a-z, 0-9 "
     "and -"},
    {"a version name that is too long",
     SERVICES WEB "      - backends: []\n        name: "
                  "a234567890123456789012345678901234567890123456789012345678901234\n",
     "f:7:15: version name \"a234567890123456789012345678901234567890123456789012345678901234\" is "
     "too long; a name is 1 to 63 characters of a-z, 0-9 and -"},
    {"a text with a NUL character", SERVICES WEB "      - {name: \"sta\\0ble\", backends: []}\n",
     "f:6:16: version name has a NUL character, which is not allowed"},
    {"a VIP without protocol",
     SERVICES "  - {name: web, vip: 10.0.0.1:80, versions: [], "
              "baseline: a}\n",
     "f:2:22: VIP \"10.0.0.1:80\" has no protocol; write it like 10.0.0.1:80/tcp or "
     "[2001:db8::1]:80/tcp"},
    {"an unknown mode",
     SERVICES "  - name: web\n    vip: 10.0.0.1:80/tcp\n    mode: dsr\n"
              "    versions: []\n    baseline: a\n",
     "f:4:11: mode \"dsr\" is unknown; known: nat"},
    {"an unknown affinity",
     SERVICES "  - name: web\n    vip: 10.0.0.1:80/tcp\n    affinity: ip\n"
              "    versions: []\n    baseline: a\n",
     "f:4:15: affinity \"ip\" is unknown; known: flow, source, none"},
    {"a drain without unit",
     SERVICES "  - name: web\n    vip: 10.0.0.1:80/tcp\n    drain: 5\n"
              "    versions: []\n    baseline: a\n",
     "f:4:12: duration \"5\" is not a number and a unit; units are d, h, m, s and ms, as in 500ms, "
     "1.5s, 5m or 1h30m"},
    {"a drain below a second",
     SERVICES "  - name: web\n    vip: 10.0.0.1:80/tcp\n"
              "    drain: 999ms\n    versions: []\n    baseline: a\n",
     "f:4:12: drain \"999ms\" is out of range; 1s to 24h is allowed"},
    {"a drain above a day",
     SERVICES "  - name: web\n    vip: 10.0.0.1:80/tcp\n"
              "    drain: 24h1ms\n    versions: []\n    baseline: a\n",
     "f:4:12: drain \"24h1ms\" is out of range; 1s to 24h is allowed"},

    /* Versions and weights */
    {"a service without versions",
     SERVICES "  - {name: web, vip: 10.0.0.1:80/tcp, versions: [], baseline: a}\n",
     "f:2:49: versions is an empty list; 1 to 16 are allowed"},
    {"two versions with one name", SERVICES WEB STABLE STABLE,
     "f:7:9: a version \"stable\" stands already in line 6; names must differ within a service"},
    {"a baseline that is no version",
     SERVICES
     "  - name: web\n    vip: 10.0.0.1:80/tcp\n    baseline: old\n    versions:\n" STABLE CANARY,
     "f:4:15: baseline \"old\" is no version of service \"web\"; its versions: stable, canary"},
    {"a weight without percent sign",
     SERVICES WEB "      - {name: stable, weight: 5, backends: []}\n",
     "f:6:32: weight \"5\" has no percent sign; write 5%; a weight is from 0% to 100% in steps of "
     "0.01%, as in 5% or 0.25%"},
    {"a version other than the baseline without weight",
     SERVICES WEB STABLE "      - {name: canary, backends: [10.0.0.21:8080]}\n",
     "f:7:9: version \"canary\" has no weight; only that of the baseline \"stable\" may be left "
     "out"},
    {"weights below 100 %", SERVICES WEB STABLE,
     "f:2:5: the weights of service \"web\" come to 95%; they must come to exactly 100%, or the "
     "baseline's be left out: it takes the rest"},
    {"weights above 100 %",
     SERVICES WEB STABLE "      - {name: canary, weight: 5.01%, backends: [10.0.0.21:8080]}\n",
     "f:2:5: the weights of service \"web\" come to 100.01%; they must come to exactly 100%, or "
     "the "
     "baseline's be left out: it takes the rest"},
    {"weights that leave less than nothing for the baseline",
     SERVICES WEB ONLY("[10.0.0.11:8080]") CANARY
     "      - {name: b, weight: 95.5%, backends: [10.0.0.22:8080]}\n",
     "f:2:5: the weights of service \"web\" come to 100.5% without the baseline's; they must come "
     "to "
     "exactly 100%, or the baseline's be left out: it takes the rest"},
    {"an empty pool with weight",
     SERVICES WEB STABLE "      - {name: canary, weight: 5%, backends: []}\n",
     "f:7:9: version \"canary\" has a weight of 5% but no backends; without backends 0% is "
     "allowed"},
    {"an empty pool of a baseline that takes the rest", SERVICES WEB ONLY("[]") CANARY,
     "f:6:9: version \"stable\" has a weight of 95% but no backends; without backends 0% is "
     "allowed"},

    /* Backends */
    {"a backend without port", SERVICES WEB ONLY("[10.0.0.11:8080, 10.0.0.12]"),
     "f:6:51: backend \"10.0.0.12\" has no port; write it like 10.0.0.11:8080 or "
     "[2001:db8::11]:8080"},
    {"a backend of the other address family", SERVICES WEB ONLY("['[2001:db8::11]:8080']"),
     "f:6:35: backend \"[2001:db8::11]:8080\" is IPv6 but the VIP 10.0.0.1:80/tcp is IPv4; one "
     "address family is allowed in a service"},
    {"a backend that is its service's VIP", SERVICES WEB ONLY("[10.0.0.1:80]"),
     "f:6:35: backend 10.0.0.1:80 is the VIP of its service \"web\" itself; a backend needs an "
     "address or port of its own"},
    {"a backend that is another service's VIP",
     SERVICES WEB ONLY("[10.0.0.2:80]") API("10.0.0.2:80/tcp", "[10.0.0.12:80]"),
     "f:6:35: backend 10.0.0.2:80 is the VIP of service \"api\" itself; a backend needs an address "
     "or port of its own"},
    {"a backend twice in a version", SERVICES WEB ONLY("[10.0.0.12:1, 10.0.0.11:1, 10.0.0.12:1]"),
     "f:6:61: backend 10.0.0.12:1 stands already in line 6; once is allowed in a version"},
    {"a backend in two services",
     SERVICES WEB STABLE CANARY API("10.0.0.2:80/tcp", "[10.0.0.21:8080]"),
     "f:8:84: backend 10.0.0.21:8080 belongs already to service \"web\" in line 7; with mode nat "
     "one service is allowed, else answers could not be told apart"},

    /* Services */
    {"two services with one name",
     SERVICES API("10.0.0.1:80/tcp", "[10.0.0.11:80]") API("10.0.0.2:80/tcp", "[10.0.0.12:80]"),
     "f:3:5: a service \"api\" stands already in line 2; names must differ"},
    {"two services with one VIP",
     SERVICES WEB STABLE CANARY API("10.0.0.1:80/tcp", "[10.0.0.12:80]"),
     "f:8:22: VIP 10.0.0.1:80/tcp is already that of service \"web\" in line 3; each service needs "
     "its own"},

    /* YAML itself */
    {"nothing in it", "",
     "f:1:1: the file is empty; a file begins with \"services:\", and declares none with "
     "\"services: []\", or with \"rollout:\""},
    {"comments only", "# nothing\n",
     "f:1:1: the file is empty; a file begins with \"services:\", and declares none with "
     "\"services: []\", or with \"rollout:\""},
    {"a second document", "services: []\n---\nservices: []\n",
     "f:2:1: a second YAML document begins here; one is allowed in a file"},
    {"a missing colon", SERVICES "  - name: web\n    vip 10.0.0.1:80/tcp\n    mode: nat\n",
     "f:4:5: not valid YAML: while scanning a simple key (line 3, column 5): could not find "
     "expected ':'"},
    {"indentation by a tab", SERVICES "\t- name: web\n",
     "f:2:1: not valid YAML: while scanning for the next token: found character that cannot start "
     "any token; use spaces, not tabs"},
    {"an alias of nothing", "services: *pool\n", "f:1:11: not valid YAML: found undefined alias"},
    {"an alias of what it stands in", "services: &s\n  - *s\n",
     "f:1:11: a service must be a mapping of keys to values, but is a list"},
    {"lists that are nested too deep", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
     "f:1:17: lists and mappings are nested too deep; 16 levels are allowed"},
    {"a control character", SERVICES "  - name: w\x1b[1mb\n",
     "f:2:12: not a text: control characters are not allowed (0x1b); UTF-8 without control "
     "characters is allowed"},
    {"bytes that are not UTF-8", "# \xc3\xa9t\xe9\n",
     "f:1:5: not a text: incomplete UTF-8 octet sequence; UTF-8 without control characters is "
     "allowed"},
    {"UTF-16 text", "\xff\xfes",
     "f:1:1: not a text: invalid leading UTF-8 octet (0xff); UTF-8 without control characters is "
     "allowed"},
};

static void refuses(void **state)
{
    const struct refusal *refusal = *state;

    spec_file_refused(spec_file_begin(refusal->file), refusal->message);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(refusals)];
    char sentences[COUNT(refusals)][80];

    for (size_t i = 0; i < COUNT(refusals); i++) {
        snprintf(sentences[i], sizeof(sentences[i]), "a file with %s is refused",
                 refusals[i].thing);
        tests[i] = (struct CMUnitTest)TEST_ROW(sentences[i], refuses, (void *)&refusals[i]);
    }
    return cmocka_run_group_tests_name("refused files", tests, NULL, NULL);
}
