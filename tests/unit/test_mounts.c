// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a process sees mounted, and whether another sees the same. */
#include "unit.h"

#include "mounts.h"

static const char host[] = "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
                           "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
                           "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                           "47 23 0:39 / /sys/fs/bpf rw,relatime - bpf bpf rw,mode=700\n";

/* `ip netns exec blue`. */
static const char blue[] = "50 49 0:21 / /proc rw,relatime - proc proc rw\n"
                           "49 48 254:0 / / rw,relatime master:1 - ext4 /dev/root rw\n"
                           "54 49 0:40 / /sys rw,relatime - sysfs blue rw\n"
                           "60 54 0:51 / /sys/fs/bpf rw,relatime - bpf bpf rw,mode=700\n";

/* Another namespace with the same file systems, as a unit of systemd's has. */
static const char unit[] = "70 69 0:21 / /proc rw,relatime - proc proc rw\n"
                           "71 69 0:39 / /sys/fs/bpf rw,relatime master:3 - bpf bpf rw,mode=700\n";

static void test_namespaces(void **state)
{
    (void)state;
    assert_true(mounts_share_namespace(host, host));
    assert_true(mounts_share_namespace("47 23 0:39 / /bpf rw - bpf bpf rw", host)); /* chroot */
    assert_false(mounts_share_namespace(blue, host));
    assert_false(mounts_share_namespace(unit, host));
    assert_false(mounts_share_namespace("", host));
    assert_false(mounts_share_namespace(host, ""));
}

static void test_bpffs(void **state)
{
    (void)state;
    assert_true(mounts_have_bpffs(host, 0, 39));
    assert_true(mounts_have_bpffs(unit, 0, 39));
    assert_false(mounts_have_bpffs(host, 0, 51));
    assert_false(mounts_have_bpffs(host, 0, 22)); /* sysfs */
    assert_false(mounts_have_bpffs("", 0, 39));
}

static void test_source(void **state)
{
    char buf[16];

    (void)state;
    assert_string_equal(mounts_source(blue, "/sys", buf, sizeof(buf)), "blue");
    assert_string_equal(mounts_source(host, "/sys", buf, sizeof(buf)), "sysfs");
    assert_string_equal(mounts_source(unit, "/sys", buf, sizeof(buf)), "");
    assert_string_equal(
        mounts_source("1 2 0:1 / /x rw - tmpfs a rw\n3 1 0:2 / /x rw - tmpfs b rw\n", "/x", buf,
                      sizeof(buf)),
        "b");
}

static void test_nonsense(void **state)
{
    static const char text[] = "\n- - -\nx y z\n0 0 0:0 / / rw - \n1 2 0:39 / /a rw no dash\n"
                               "5 6 0:39 / /b rw - bpf bpf rw";
    char buf[16];

    (void)state;
    assert_true(mounts_have_bpffs(text, 0, 39));
    assert_false(mounts_share_namespace(text, "0 0 0:0 / / rw - \n"));
    assert_string_equal(mounts_source(text, "/a", buf, sizeof(buf)), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("one mount in common makes one namespace", test_namespaces),
        TEST("a bpffs is found by its device, wherever it is mounted", test_bpffs),
        TEST("the source of a mount is the last one's at that place", test_source),
        TEST("lines that aren't understood are passed over", test_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
