// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* VIPs, backends and clients: what is read, what is refused and with which words, and that what is
 * printed reads back. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "parse.h"

static void test_vips(void **state)
{
    struct fs_endpoint vip;
    struct error err;
    __u8 v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

    (void)state;
    memset(&vip, 0xff, sizeof(vip));
    assert_int_equal(parse_vip("10.0.0.1:80/tcp", &vip, &err), 0);
    assert_int_equal(vip.addr[0], htonl(0x0a000001));
    assert_int_equal(vip.addr[1] | vip.addr[2] | vip.addr[3], 0);
    assert_int_equal(vip.port_be, htons(80));
    assert_int_equal(vip.proto, IPPROTO_TCP);
    assert_int_equal(vip.family, 4);

    assert_int_equal(parse_vip("[2001:db8::1]:65535/udp", &vip, &err), 0);
    assert_memory_equal(vip.addr, v6, sizeof(v6));
    assert_int_equal(vip.port_be, htons(65535));
    assert_int_equal(vip.proto, IPPROTO_UDP);
    assert_int_equal(vip.family, 6);
}

/* A text and what is wrong with it. */
struct refusal {
    const char *text, *why;
};

static void test_vip_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {"", "VIP \"\" has no protocol"},
        {"10.0.0.1:80", "has no protocol"},
        {"10.0.0.1:80/", "has an unknown protocol; known: tcp, udp"},
        {"10.0.0.1:80/sctp", "has an unknown protocol"},
        {"10.0.0.1:80/TCP", "has an unknown protocol"},
        {"10.0.0.1/tcp", "has no port"},
        {"[2001:db8::1]/tcp", "has no port"},
        {"10.0.0.1:80/udp/tcp", "has no valid port"},
        {"2001:db8::1:80/tcp", "IPv6 addresses need brackets"},
        {"224.0.0.1:80/tcp", "has a multicast address"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct fs_endpoint vip;
        struct error err = {{0}};

        assert_int_equal(parse_vip(refusals[i].text, &vip, &err), -EINVAL);
        assert_contains(assert_contains(err.text, refusals[i].why),
                        "; write it like 10.0.0.1:80/tcp or [");
    }
}

static void test_backend_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {"", "backend \"\" has no port"},
        {":", "has no valid IPv4 or IPv6 address"},
        {":80", "has no valid IPv4 or IPv6 address"},
        {"10.0.0.11", "has no port"},
        {"10.0.0.11:", "has no valid port, a number from 1 to 65535"},
        {"10.0.0.11:0", "has no valid port"},
        {"10.0.0.11:65536", "has no valid port"},
        {"10.0.0.11:65537", "has no valid port"},
        {"10.0.0.11:4294967376", "has no valid port"},
        {"10.0.0.11:99999999999", "has no valid port"},
        {"10.0.0.11:080", "has no valid port"},
        {"10.0.0.11:-1", "has no valid port"},
        {"10.0.0.11:80x", "has no valid port"},
        {"10.0.0.11:http", "has no valid port"},
        {"10.0.0.11:80/tcp", "has no valid port"},
        {"10.0.0:80", "has no valid IPv4 or IPv6 address"},
        {"10.0.0.256:80", "has no valid IPv4 or IPv6 address"},
        {"010.0.0.1:80", "has no valid IPv4 or IPv6 address"},
        {"web.example:80", "has no valid IPv4 or IPv6 address"},
        {" 10.0.0.11:80", "has no valid IPv4 or IPv6 address"},
        {"[10.0.0.11]:80", "has brackets around an IPv4 address"},
        {"2001:db8::11:80", "IPv6 addresses need brackets"},
        {"[2001:db8::11]", "has no port"},
        {"[2001:db8::11", "is not an address and a port"},
        {"[2001:db8::11]80", "is not an address and a port"},
        {"[2001:db8::11]:80:80", "has no valid port"},
        {"[2001:db8::g]:80", "has no valid IPv4 or IPv6 address"},
        {"[fe80::1%eth0]:80", "has no valid IPv4 or IPv6 address"},
        {"[]:80", "has no valid IPv4 or IPv6 address"},
        {"0.0.0.0:80", "has the unspecified address"},
        {"[::]:80", "has the unspecified address"},
        {"224.0.0.1:80", "has a multicast address"},
        {"239.255.255.255:80", "has a multicast address"},
        {"[ff02::1]:80", "has a multicast address"},
        {"255.255.255.255:80", "has the broadcast address"},
        {"[::ffff:10.0.0.11]:80", "has an IPv4-mapped IPv6 address"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct fs_endpoint at;
        struct error err = {{0}};

        assert_int_equal(parse_backend(refusals[i].text, &at, &err), -EINVAL);
        assert_contains(assert_contains(err.text, refusals[i].why),
                        "; write it like 10.0.0.11:8080 or [");
    }
}

static void test_endpoints_read_back(void **state)
{
    static const char *const texts[] = {
        "10.0.0.11:8080/tcp",       "223.255.255.255:1/udp", "127.0.0.1:65535/tcp",
        "[2001:db8::11]:8080/tcp",  "[::1]:53/udp",          "[1:2:3:4:5:6:7:8]:9/tcp",
        "[fe80::ffff:0:1]:443/tcp", "240.0.0.1:1/tcp",       "[::1.2.3.4]:80/tcp",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char buf[FORMAT_ENDPOINT_MAX], without[FORMAT_ENDPOINT_MAX];
        struct fs_endpoint vip, backend;
        struct error err;

        assert_int_equal(parse_vip(texts[i], &vip, &err), 0);
        assert_string_equal(format_vip(&vip, buf), texts[i]);
        assert_int_equal(parse_backend(format_endpoint(&vip, without), &backend, &err), 0);
        assert_int_equal(backend.proto, 0);
        backend.proto = vip.proto;
        assert_memory_equal(&backend, &vip, sizeof(vip));
    }
}

static void test_clients(void **state)
{
    static const struct {
        const char *text, *shown;
        bool has_port;
    } clients[] = {
        {"10.0.0.9", "10.0.0.9:0", false},
        {"10.0.0.9:40000", "10.0.0.9:40000", true},
        {"2001:db8::9", "[2001:db8::9]:0", false},
        {"[2001:db8::9]", "[2001:db8::9]:0", false},
        {"[2001:db8::9]:40000", "[2001:db8::9]:40000", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(clients); i++) {
        char buf[FORMAT_ENDPOINT_MAX];
        bool has_port = !clients[i].has_port;
        struct fs_endpoint at;
        struct error err;

        assert_int_equal(parse_client(clients[i].text, &at, &has_port, &err), 0);
        assert_string_equal(format_endpoint(&at, buf), clients[i].shown);
        assert_int_equal(has_port, clients[i].has_port);
    }
}

static void test_client_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {"", "client \"\" has no valid IPv4 or IPv6 address"},
        {"10.0.0.9:", "has no valid port"},
        {"10.0.0.9:0", "has no valid port"},
        {"10.0.0", "has no valid IPv4 or IPv6 address"},
        {"[10.0.0.9", "is not an address"},
        {"::ffff:10.0.0.9", "has an IPv4-mapped IPv6 address"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct fs_endpoint at;
        struct error err = {{0}};
        bool has_port;

        assert_int_equal(parse_client(refusals[i].text, &at, &has_port, &err), -EINVAL);
        assert_contains(assert_contains(err.text, refusals[i].why),
                        "; write it like 10.0.0.9, 10.0.0.9:40000");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("VIPs of both families and protocols are read", test_vips),
        TEST("a VIP without protocol, port or valid address is refused", test_vip_refusals),
        TEST("a backend without port or the address of a host is refused", test_backend_refusals),
        TEST("endpoints read back as printed", test_endpoints_read_back),
        TEST("a client may be written with and without port", test_clients),
        TEST("a client that is no address of a host is refused", test_client_refusals),
    };

    return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
