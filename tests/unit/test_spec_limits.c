// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How large files of services may be: the most of everything is read, one more refused. */
#include "unit.h"

#include <time.h>

#include "spec.h"
#include "spec_file.h"

#define SERVICES "services:\n"

/* Appends a version's begin and its backends, numbered on from *next. */
static void add_version(FILE *stream, const char *name, unsigned count, unsigned *next)
{
    fprintf(stream, "      - name: %s\n        weight: 0%%\n        backends:\n", name);
    for (unsigned i = 0; i < count; i++, (*next)++)
        fprintf(stream, "          - 10.%u.%u.%u:80\n", 1 + (*next >> 16), *next >> 8 & 255,
                *next & 255);
}

static void add_service(FILE *stream, unsigned number)
{
    fprintf(stream,
            "  - name: s%u\n    vip: 10.0.0.1:%u/tcp\n    baseline: base\n    versions:\n"
            "      - {name: base, backends: [10.0.1.1:%u]}\n",
            number, number, number);
}

static void test_most_services(void **state)
{
    FILE *stream = spec_file_begin(SERVICES);
    struct spec spec;

    (void)state;
    for (unsigned i = 1; i <= FS_MAX_SERVICES; i++)
        add_service(stream, i);
    spec_file_accepted(stream, &spec);
    assert_int_equal(spec.service_count, FS_MAX_SERVICES);
    spec_free(&spec);

    stream = spec_file_begin(SERVICES);
    for (unsigned i = 1; i <= FS_MAX_SERVICES + 1; i++)
        add_service(stream, i);
    spec_file_refused(stream, "f:1282:5: services has 257 items; 256 are allowed");
}

static void test_most_versions(void **state)
{
    FILE *stream = spec_file_begin(SERVICES);
    struct spec spec;

    (void)state;
    add_service(stream, 1);
    for (unsigned i = 1; i < FS_MAX_VERSIONS; i++)
        fprintf(stream, "      - {name: v%u, weight: 0%%, backends: []}\n", i);
    spec_file_accepted(stream, &spec);
    assert_int_equal(spec.services[0].version_count, FS_MAX_VERSIONS);
    spec_free(&spec);

    stream = spec_file_begin(SERVICES);
    add_service(stream, 1);
    for (unsigned i = 1; i <= FS_MAX_VERSIONS; i++)
        fprintf(stream, "      - {name: v%u, weight: 0%%, backends: []}\n", i);
    spec_file_refused(stream, "f:22:9: versions has 17 items; 16 are allowed");
}

static void test_largest_pool(void **state)
{
    FILE *stream = spec_file_begin(SERVICES);
    unsigned next = 0;

    (void)state;
    add_service(stream, 1);
    add_version(stream, "v", FS_MAX_POOL + 1, &next);
    spec_file_refused(stream, "f:4106:13: backends has 4097 items; 4096 are allowed");
}

/* A file with as many backends as fit: 16 full pools, less what the 16 baselines have. */
static FILE *begin_full(unsigned *next)
{
    FILE *stream = spec_file_begin(SERVICES);

    for (unsigned i = 1; i <= 16; i++) {
        add_service(stream, i);
        add_version(stream, "v", FS_MAX_POOL - 1, next);
    }
    return stream;
}

static void test_most_backends(void **state)
{
    struct timespec from, to;
    unsigned next = 0;
    struct spec spec;
    FILE *stream = begin_full(&next);

    (void)state;
    assert_int_equal(next + 16, FS_MAX_BACKENDS);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    spec_file_accepted(stream, &spec);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    /* A tenth of that without sanitizers; quadratic would be minutes. */
    assert_true(to.tv_sec - from.tv_sec < 2);
    assert_int_equal(spec.services[15].versions[1].backend_count, FS_MAX_POOL - 1);
    spec_free(&spec);

    next = 0;
    stream = begin_full(&next);
    add_service(stream, 17);
    spec_file_refused(stream,
                      "f:65654:32: with these backends the file has 65537; 65536 are allowed "
                      "in all");
}

static void test_distant_duplicate(void **state)
{
    unsigned next = 0;
    FILE *stream = spec_file_begin(SERVICES);

    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        add_service(stream, i);
        add_version(stream, "v", FS_MAX_POOL, &next);
    }
    next = 5;
    add_version(stream, "w", 2, &next);
    spec_file_refused(stream,
                      "f:12317:13: backend 10.1.0.5:80 belongs already to service \"s1\" in "
                      "line 15; with mode nat one service is allowed, else answers could not "
                      "be told apart");
}

/* Fills a file with empty lines up to a size. */
static void pad(FILE *stream, long size)
{
    for (long at = ftell(stream); at < size; at++)
        fputc('\n', stream);
}

static void test_file_size(void **state)
{
    struct spec spec;
    FILE *stream = spec_file_begin("services: []\n");

    (void)state;
    pad(stream, 16 << 20);
    spec_file_accepted(stream, &spec);
    spec_free(&spec);

    stream = spec_file_begin("services: []\n");
    pad(stream, (16 << 20) + 1);
    spec_file_refused(stream, "f: is too large; the largest file is 16 MiB");
}

static void test_unreadable(void **state)
{
    struct error err = {{0}};
    struct spec spec;
    FILE *stream = fopen("/", "r");

    (void)state;
    assert_non_null(stream);
    assert_int_equal(spec_file_read(stream, &spec, &err), -EISDIR);
    assert_string_equal(err.text, "f: cannot be read: Is a directory");
}

static void test_many_anchors(void **state)
{
    FILE *stream = spec_file_begin("services: [");

    (void)state;
    for (int i = 0; i <= 1024; i++)
        fprintf(stream, "&a%d x, ", i);
    fputs("]\n", stream);
    spec_file_refused(stream, "f:1:9142: there are too many anchors; 1024 are allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("256 services are read and 257 refused", test_most_services),
        TEST("16 versions are read and 17 refused", test_most_versions),
        TEST("a pool of 4097 backends is refused", test_largest_pool),
        TEST("65536 backends are read within a second or two and 65537 refused",
             test_most_backends),
        TEST("a duplicate is found among thousands of backends", test_distant_duplicate),
        TEST("16 MiB are read and one byte more refused", test_file_size),
        TEST("a file that can't be read says why", test_unreadable),
        TEST("1025 anchors are refused", test_many_anchors),
    };

    return cmocka_run_group_tests_name("limits of files", tests, NULL, NULL);
}
