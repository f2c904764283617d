// SPDX-License-Identifier: GPL-2.0-only
/* What is refused when an arena is full in one way or another, and what a backend's record says for
 * checksums. */
#include "arena_model.h"

#include <errno.h>
#include <stdio.h>

static void test_too_many_services(void **state)
{
    struct model *model = read_model();
    struct fs_endpoint vip = v4(0x0a0000ff, 1);
    struct error err;
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < FS_MAX_SERVICES; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add_service(model, name, v4(0x0a000001 + i, 80));
    }
    assert_int_equal(model_add(model, "more", &vip, FS_MODE_NAT, FS_AFFINITY_FLOW, &err), -ENOSPC);
    assert_contains(err.text, "more than 256 services");
    assert_int_equal(model->service_count, FS_MAX_SERVICES);
    model_free(model);
}

static void test_too_many_backends(void **state)
{
    struct model *model;
    struct error err;
    struct fs_endpoint at = v4(0x0b000000, 1);

    (void)state;
    publish_web();
    model = read_model();
    for (uint32_t i = 1; i < FS_MAX_BACKENDS; i++) {
        at.addr[0] = htonl(0x0b000000 + i);
        assert_int_equal(model_backend_add(model, 0, 0, &at, &err), i);
    }
    assert_int_equal(model_backend_add(model, 0, 0, &at, &err), -ENOSPC);
    assert_contains(err.text, "more than 65536 backends");
    model_backend_drop(model, 40000);
    assert_int_equal(model_backend_add(model, 0, 0, &at, &err), 40000);
    publish(model);
    assert_int_equal(backend_of(v4(0x0b000000 + 12345, 1)), 12346);
}

/* Five services whose slots need 16 MiB each. */
static void test_full(void **state)
{
    struct model *model;
    struct copy copy;
    struct error err = {{0}};
    char name[16];

    (void)state;
    publish_web();
    copy_reachable(&copy);
    model = read_model();
    for (uint32_t i = 1; i <= 5; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add_service(model, name, v4(0x0a000001 + i, 80));
        for (uint32_t j = 0; j < 16; j++) {
            struct draft_version *version = &model_draft(model, i)->versions[j];

            version->state = FS_VERSION_DECLARED;
            version->slot_count = 65536;
            version->slots = calloc(65536, sizeof(*version->slots));
        }
    }
    assert_int_equal(model_write(model, &err), 0);
    assert_contains(err.text, "64 MiB are full");
    model_free(model);
    assert_untouched(&copy, false);
    assert_int_equal(service_of(v4(0x0a000001, 80)), 1);
    publish_web(); /* and a change that fits goes on */
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint32_t words_sum(const struct fs_endpoint *at)
{
    uint32_t sum = 0;
    uint16_t words[8];

    memcpy(words, at->addr, sizeof(words));
    for (int i = 0; i < (at->family == 4 ? 2 : 8); i++)
        sum += words[i];
    return sum;
}

/* Adding a backend's deltas turns a sum over the VIP into one over the backend. */
static void test_deltas(void **state)
{
    struct rng rng = {82};

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct model *model = read_model();
        bool is_v4 = round % 2;
        struct fs_endpoint vip = is_v4 ? v4((uint32_t)rng_next(&rng), (uint16_t)rng_next(&rng))
                                       : v6((uint32_t)rng_next(&rng), (uint16_t)rng_next(&rng));
        struct fs_endpoint at = is_v4 ? v4((uint32_t)rng_next(&rng), (uint16_t)rng_next(&rng))
                                      : v6((uint32_t)rng_next(&rng), (uint16_t)rng_next(&rng));
        const struct fs_backend *backend;

        if (!is_v4) {
            at.addr[1] = (__be32)rng_next(&rng);
            vip.addr[2] = (__be32)rng_next(&rng);
        }
        add_service(model, "web", vip);
        backend = &model->backends[add_backend(model, 0, 0, at)];
        assert_int_equal(fold(words_sum(&vip) + backend->addr_delta) % 0xffff,
                         fold(words_sum(&at)) % 0xffff);
        assert_int_equal(fold(words_sum(&vip) + vip.port_be + backend->l4_delta) % 0xffff,
                         fold(words_sum(&at) + at.port_be) % 0xffff);
        model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL("a 257th service is refused", test_too_many_services),
        MODEL("a 65537th backend is refused", test_too_many_backends),
        MODEL("when the arena is full a change is refused and nothing is touched", test_full),
        MODEL("a backend's deltas turn the VIP's checksum into its own", test_deltas),
    };

    return cmocka_run_group_tests_name("model limits", tests, NULL, NULL);
}
