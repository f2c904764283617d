// SPDX-License-Identifier: GPL-2.0-only
/* Changes are written beside what is published, found by the data path's own search once the
 * reference is stored, and never touch what a reader of the old directory sees. */
#include "arena_model.h"

#include <stdio.h>

static void test_format(void **state)
{
    struct model *model = read_model();

    (void)state;
    assert_true(root()->magic == FS_ARENA_MAGIC);
    assert_int_equal(root()->abi, FS_ABI);
    assert_int_equal(root()->created_ns, 4711);
    assert_int_equal(model->service_count, 0);
    assert_int_equal(model->backend_count, 0);
    assert_int_equal(service_of(v4(0x0a000001, 80)), 0);
    assert_int_equal(backend_of(v6(1, 80)), 0);
    assert_no_overlap();
    model_free(model);
}

static void test_add(void **state)
{
    struct model *model;
    int web, dns;
    struct fs_endpoint at[] = {v4(0x0a00000b, 8080), v4(0x0a00000c, 8080)}, at6 = v6(11, 53);

    (void)state;
    model = read_model();
    web = add_service(model, "web", v4(0x0a000001, 80));
    dns = add_service(model, "dns", v6(1, 53));
    add_version(model, web, 0, 9500, &at[0], 1);
    add_version(model, web, 5, 500, &at[1], 1);
    add_version(model, dns, 0, FS_BUCKETS, &at6, 1);
    publish(model);
    assert_no_overlap();

    model = read_model();
    assert_int_equal(model_find(model, "web"), web);
    assert_int_equal(model_find(model, "dns"), dns);
    assert_int_equal(model_find(model, "we"), -1);
    assert_string_equal(model_name(model, (uint32_t)dns), "dns");
    assert_int_equal(model->generation, 1);
    assert_false(model->changed);
    assert_int_equal(service_of(v4(0x0a000001, 80)), web + 1);
    assert_int_equal(service_of(v6(1, 53)), dns + 1);
    assert_int_equal(service_of(v4(0x0a000001, 81)), 0);
    assert_true(model_version_has_backends(model, (uint32_t)web, 5));
    assert_false(model_version_has_backends(model, (uint32_t)dns, 5));
    assert_int_equal(backend_of(at[0]), 1);
    assert_int_equal(backend_of(at6), 3);
    assert_int_equal(backend_of(v4(0x0a000001, 80)), 0);
    assert_int_equal(model_draft(model, (uint32_t)web)->versions[5].weight_bp, 500);
    assert_int_not_equal(model->services[web].record.id, model->services[dns].record.id);
    assert_true(model->services[web].record.salt != model->services[dns].record.salt);
    model_free(model);
}

static void test_not_published(void **state)
{
    struct copy copy;
    struct model *model;
    struct error err;
    struct fs_endpoint at = v4(0x0a0000ff, 1);

    (void)state;
    publish_web();
    copy_reachable(&copy);
    model = read_model();
    add_version(model, 0, 1, 0, &at, 1);
    add_service(model, "new", v4(0x0a000002, 80));
    weights_divide(model_draft(model, 1), NULL, (struct split_time){0, 0});
    assert_int_not_equal(model_write(model, &err), 0);
    model_free(model);
    assert_untouched(&copy, false);
    assert_int_equal(service_of(v4(0x0a000002, 80)), 0);
}

/* Random changes; each leaves what a reader of the old directory sees as it was. */
static void test_old_readers(void **state)
{
    struct rng rng = {81};
    char name[32];

    (void)state;
    for (unsigned round = 0; round < 120; round++) {
        struct model *model = read_model();
        struct fs_endpoint at[8];
        struct copy copy;

        copy_reachable(&copy);
        if (model->service_count > 3 && rng_below(&rng, 2)) {
            model_remove(model, rng_below(&rng, model->service_count));
        } else {
            int service;

            snprintf(name, sizeof(name), "s%u", round);
            service = add_service(model, name, v4(0x0a000000 + round, 80));
            for (uint32_t i = 0; i < COUNT(at); i++)
                at[i] = v4(0x0b000000 + round * 16 + i, 8080);
            add_version(model, service, rng_below(&rng, 32), FS_BUCKETS, at,
                        1 + rng_below(&rng, COUNT(at)));
        }
        publish(model);
        assert_no_overlap();
        assert_untouched(&copy, true);
    }
}

/* Many services and backends of both families: each is found under its own number, after services
 * in between were removed too. */
static void assert_all_found(const struct model *model)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        assert_int_equal(service_of(model->services[i].record.vip), i + 1);
    for (uint32_t i = 0; i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];

        if (backend->flags & FS_BACKEND_USED) {
            assert_int_equal(backend_of(backend->at), i + 1);
            assert_int_equal(backend->id & FS_SLOT_BACKEND, i);
            assert_ptr_equal(backend_by_id(directory_now(), backend->id),
                             backend_at(directory_now(), i));
            assert_true(backend->service < model->service_count);
        } else {
            assert_int_equal(backend_of(backend->at), 0);
            assert_null(backend_by_id(directory_now(), backend->id));
        }
    }
}

static void test_indexes(void **state)
{
    struct model *model = read_model();
    struct fs_endpoint at[40];
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add_service(model, name, i % 2 ? v4(0x0a000001 + i, 443) : v6(i, (uint16_t)i));
        for (uint32_t j = 0; j < COUNT(at); j++)
            at[j] = i % 2 ? v4(0x0b000000 + i * 256 + j, 8080) : v6(1000 + i * 100 + j, 80);
        add_version(model, (int)i, 0, FS_BUCKETS, at, COUNT(at));
    }
    publish(model);
    model = read_model();
    assert_all_found(model);
    for (uint32_t i = 0; i < 30; i++)
        model_remove(model, i * 2);
    publish(model);
    model = read_model();
    assert_int_equal(model->service_count, 70);
    assert_all_found(model);
    for (uint32_t i = 0; i < model->service_count; i++) {
        const struct draft *draft = model_draft(model, i);

        for (uint32_t j = 0; j < draft->versions[0].member_count; j++)
            assert_int_equal(model->backends[draft->versions[0].members[j]].service, i);
    }
    model_free(model);
}

/* A backend that takes new flows is found before one at the same address that only keeps some. */
static void test_in_pool_wins(void **state)
{
    struct model *model = read_model();
    struct fs_endpoint at = v4(0x0a00000b, 8080);
    int web = add_service(model, "web", v4(0x0a000001, 80));

    (void)state;
    add_version(model, web, 0, FS_BUCKETS, &at, 1);
    add_version(model, web, 1, 0, &at, 1);
    model->backends[0].flags &= (uint8_t)~FS_BACKEND_IN_POOL;
    publish(model);
    assert_int_equal(backend_of(at), 2);
}

static void test_generations(void **state)
{
    struct model *model;
    struct error err;
    struct fs_endpoint at = v4(0x0a00000b, 8080), other = v4(0x0a00000c, 8080);
    uint32_t id;
    int number;

    (void)state;
    publish_web();
    model = read_model();
    id = model->backends[0].id;
    model_backend_drop(model, 0);
    assert_false(model_version_has_backends(model, 0, 0));
    publish(model);
    assert_null(backend_by_id(directory_now(), id));
    model = read_model();
    number = model_backend_add(model, 0, 0, &other, &err);
    assert_int_equal(number, 0); /* the number is given away again, the id is not */
    assert_int_equal(model->backends[0].id & 0xffff, 0);
    assert_int_not_equal(model->backends[0].id, id);
    publish(model);
    assert_null(backend_by_id(directory_now(), id));
    model = read_model();
    assert_int_equal(backend_of(other), 1);
    assert_int_equal(backend_of(at), 0);
    model_free(model);
}

static void test_numbers_stay(void **state)
{
    struct model *model = read_model();
    struct error err;
    struct fs_endpoint at[] = {v4(0x0b000001, 1), v4(0x0b000002, 1), v4(0x0b000003, 1)};
    int web = add_service(model, "web", v4(0x0a000001, 80));

    (void)state;
    add_version(model, web, 0, FS_BUCKETS, at, 3);
    model_backend_drop(model, 1);
    assert_memory_equal(&model->backends[2].at, &at[2], sizeof(at[2]));
    assert_int_equal(model_backend_add(model, 0, 0, &at[1], &err), 1);
    assert_int_equal(model_backend_add(model, 0, 0, &at[1], &err), 3);
    model_free(model);
}

static void test_service_ids(void **state)
{
    struct model *model;
    uint32_t id;

    (void)state;
    publish_web();
    model = read_model();
    id = model->services[0].record.id;
    model_remove(model, 0);
    publish(model);
    assert_int_equal(service_of(v4(0x0a000001, 80)), 0);
    assert_int_equal(backend_of(v4(0x0a00000b, 8080)), 0);
    publish_web();
    model = read_model();
    assert_int_not_equal(model->services[0].record.id, id);
    assert_int_equal(model->generation, 3);
    model_free(model);
}

static void test_unsettled(void **state)
{
    struct fs_endpoint at[] = {v4(0x0b000001, 1), v4(0x0b000002, 1), v4(0x0b000003, 1)};
    const struct serving *before;
    struct draft *draft;
    struct model *model = read_model();
    int web = add_service(model, "web", v4(0x0a000001, 80));
    int dns = add_service(model, "dns", v4(0x0a000001, 53));

    (void)state;
    add_version(model, web, 0, FS_BUCKETS, &at[0], 1);
    add_version(model, web, 1, 0, &at[1], 1);
    add_version(model, dns, 0, FS_BUCKETS, &at[2], 1);
    publish(model);
    assert_false(service_at(directory_now(), (uint32_t)web)->unsettled);

    model = read_model();
    draft = model_draft(model, (uint32_t)web);
    before = &(struct serving){.by = {0, 1}};
    draft->versions[0].weight_bp = FS_BUCKETS - 1;
    draft->versions[1].weight_bp = 1;
    assert_int_equal(weights_divide(draft, before, (struct split_time){1, 4500}), 1);
    model->services[web].changed = true;
    publish(model);
    assert_true(service_at(directory_now(), (uint32_t)web)->unsettled);
    assert_false(service_at(directory_now(), (uint32_t)dns)->unsettled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL("a new arena has no services, and searches find nothing", test_format),
        MODEL("what is added and published is read back and found", test_add),
        MODEL("what is written but not published changes nothing", test_not_published),
        MODEL("a reader of the old directory sees it whole after a new one is published",
              test_old_readers),
        MODEL("the data path's searches find all services and backends, and no removed one",
              test_indexes),
        MODEL("a backend in a pool is found before its draining namesake", test_in_pool_wins),
        MODEL("a backend's number is given away again, its id is not", test_generations),
        MODEL("backends keep their numbers when others go", test_numbers_stay),
        MODEL("a service's id is not given away again", test_service_ids),
        MODEL("a service says whether anything of its own is unsettled", test_unsettled),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
