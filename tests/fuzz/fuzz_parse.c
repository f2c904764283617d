// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words users write: any text is refused with a message or read; and what format_* prints,
 * parse_* reads back the same. The first byte of the input selects which. */
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "parse.h"

enum { TEXT_MAX = 4096, DURATION_MAX_MS = 7 * 24 * 3600 * 1000 };

/* Passes `ret` on, and checks that a failure comes with one line of printable text. */
static int expect_message(int ret, const struct error *err)
{
    EXPECT(!ret || *err->text);
    for (const char *at = ret ? err->text : ""; *at; at++)
        EXPECT(*at >= ' ' && *at <= '~');
    return ret;
}

static void weight_reads_back(unsigned bp)
{
    struct error err;
    unsigned again;
    char buf[16];

    EXPECT(!parse_weight(format_weight(bp, buf), &again, &err));
    EXPECT(again == bp);
}

static void duration_reads_back(unsigned ms)
{
    struct error err;
    unsigned again;
    char buf[32];

    EXPECT(!parse_duration(format_duration(ms, buf), &again, &err));
    EXPECT(again == ms);
}

static void backend_reads_back(const struct fs_endpoint *at)
{
    struct fs_endpoint again;
    struct error err;
    char buf[FORMAT_ENDPOINT_MAX];

    EXPECT(!parse_backend(format_endpoint(at, buf), &again, &err));
    EXPECT(memcmp(at, &again, sizeof(again)) == 0);
}

static void vip_reads_back(const struct fs_endpoint *vip)
{
    struct fs_endpoint again;
    struct error err;
    char buf[FORMAT_ENDPOINT_MAX];

    EXPECT(!parse_vip(format_vip(vip, buf), &again, &err));
    EXPECT(memcmp(vip, &again, sizeof(again)) == 0);
}

static void try_weight(const char *text)
{
    struct error err;
    unsigned bp;

    if (expect_message(parse_weight(text, &bp, &err), &err))
        return;
    EXPECT(bp <= FS_BUCKETS);
    weight_reads_back(bp);
}

static void try_duration(const char *text)
{
    struct error err;
    unsigned ms;

    if (expect_message(parse_duration(text, &ms, &err), &err))
        return;
    EXPECT(ms <= DURATION_MAX_MS);
    duration_reads_back(ms);
}

static void try_vip(const char *text)
{
    struct fs_endpoint vip;
    struct error err;

    if (!expect_message(parse_vip(text, &vip, &err), &err))
        vip_reads_back(&vip);
}

static void try_backend(const char *text)
{
    struct fs_endpoint at;
    struct error err;

    if (!expect_message(parse_backend(text, &at, &err), &err))
        backend_reads_back(&at);
}

static void try_client(const char *text)
{
    struct fs_endpoint at;
    struct error err;
    bool has_port;

    if (expect_message(parse_client(text, &at, &has_port, &err), &err))
        return;
    EXPECT(has_port == (at.port_be != 0));
    if (has_port)
        backend_reads_back(&at);
}

static void try_words(const char *text)
{
    enum fs_affinity affinity;
    enum fs_mode mode;
    struct error err;

    if (!expect_message(parse_name("name", text, &err), &err))
        EXPECT(strlen(text) <= FS_NAME_MAX && *text);
    if (!expect_message(parse_mode(text, &mode, &err), &err))
        EXPECT(strcmp(format_mode(mode), text) == 0);
    if (!expect_message(parse_affinity(text, &affinity, &err), &err))
        EXPECT(strcmp(format_affinity(affinity), text) == 0);
}

/* Values instead of texts: every endpoint that a backend may have is printed so that it reads
 * back. Those it may not have are refused, and nothing else is. */
static void try_values(const char *text)
{
    struct fs_endpoint at;
    struct error err;
    char buf[FORMAT_ENDPOINT_MAX];
    unsigned number;

    memcpy(&number, text, sizeof(number));
    weight_reads_back(number % (FS_BUCKETS + 1));
    duration_reads_back(number % (DURATION_MAX_MS + 1));

    memcpy(&at, text, sizeof(at));
    at.family = at.family & 1 ? 4 : 6;
    at.proto = at.proto & 1 ? IPPROTO_TCP : IPPROTO_UDP;
    if (at.family == 4)
        memset(&at.addr[1], 0, sizeof(at.addr) - sizeof(at.addr[0]));
    if (!parse_vip(format_vip(&at, buf), &(struct fs_endpoint){0}, &err)) {
        vip_reads_back(&at);
        at.proto = 0;
        backend_reads_back(&at);
    } else {
        EXPECT(!at.port_be || strstr(err.text, "has the unspecified") ||
               strstr(err.text, "has a multicast") || strstr(err.text, "has the broadcast") ||
               strstr(err.text, "has an IPv4-mapped"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const char *) = {
        try_weight, try_duration, try_vip, try_backend, try_client, try_words, try_values,
    };
    char text[TEXT_MAX] = {0};

    if (!size || size >= TEXT_MAX)
        return 0;
    memcpy(text, data + 1, size - 1);
    /* Digits, so that seeds are readable. */
    tries[(data[0] - '0') % (sizeof(tries) / sizeof(tries[0]))](text);
    return 0;
}
