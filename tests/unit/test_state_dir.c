// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where a controller's files are: no two instances share any. */
#include "unit.h"

#include "state_dir.h"

static void assert_dir(const char *pin_dir, const char *wished)
{
    char buf[STATE_PATH_MAX];

    assert_string_equal(state_dir_path(buf, NULL, pin_dir), wished);
}

static void test_names(void **state)
{
    (void)state;
    assert_dir("/sys/fs/bpf/flowsplit", STATE_DIR "/sys-fs-bpf-flowsplit");
    assert_dir("//sys/fs//bpf/flowsplit//", STATE_DIR "/sys-fs-bpf-flowsplit");
    assert_dir("/sys/fs/bpf/a-b", STATE_DIR "/sys-fs-bpf-a%2db");
    assert_dir("/sys/fs/bpf/a/b", STATE_DIR "/sys-fs-bpf-a-b");
    assert_dir("/sys/fs/bpf/a%2db", STATE_DIR "/sys-fs-bpf-a%252db");
}

static void test_given(void **state)
{
    char buf[STATE_PATH_MAX];

    (void)state;
    assert_string_equal(state_dir_path(buf, "/srv/x-y", "/sys/fs/bpf/flowsplit"), "/srv/x-y");
}

/* A socket's path must not be longer than 107 bytes: unix(7). */
static void test_long(void **state)
{
    char path[200] = "/sys/fs/bpf/", a[STATE_PATH_MAX], b[STATE_PATH_MAX];
    size_t length = strlen(path), cut = 0;

    (void)state;
    for (; length < sizeof(path) - 1; length++) {
        path[length] = 'x';
        path[length + 1] = '\0';
        state_run_path(a, path, "sock");
        assert_true(strlen(a) <= 107);
        cut += strchr(a, '~') != NULL;
        path[length] = 'y';
        state_run_path(b, path, "sock");
        assert_string_not_equal(a, b);
        path[length] = 'x';
    }
    assert_true(cut > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("an instance's directory is named after its pins", test_names),
        TEST("the one that is given is taken", test_given),
        TEST("long names stay short, and different", test_long),
    };

    return cmocka_run_group_tests_name("state_dir", tests, NULL, NULL);
}
