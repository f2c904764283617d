// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the kernel dumps of filters, read as a chain; and the priority that goes in front. */
#include "unit.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "clsact.h"

/* A dump in the making. */
struct dump {
    _Alignas(struct nlmsghdr) char bytes[2048];
    size_t length;
};

static struct nlmsghdr *begin(struct dump *dump, uint16_t type, size_t body)
{
    struct nlmsghdr *message = (struct nlmsghdr *)(dump->bytes + dump->length);

    memset(message, 0, sizeof(dump->bytes) - dump->length);
    message->nlmsg_type = type;
    message->nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
    dump->length += NLMSG_ALIGN(message->nlmsg_len);
    return message;
}

static struct rtattr *add(struct dump *dump, struct nlmsghdr *message, unsigned short type,
                          const void *value, size_t bytes)
{
    struct rtattr *attr = (struct rtattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));

    attr->rta_type = type;
    attr->rta_len = (unsigned short)RTA_LENGTH(bytes);
    memcpy(RTA_DATA(attr), value, bytes);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(attr->rta_len);
    dump->length = (size_t)((char *)message - dump->bytes) + message->nlmsg_len;
    return attr;
}

static void add_filter(struct dump *dump, const char *kind, uint32_t priority, uint32_t handle,
                       uint32_t chain, uint32_t program)
{
    struct nlmsghdr *message = begin(dump, RTM_NEWTFILTER, sizeof(struct tcmsg));
    struct tcmsg *body = NLMSG_DATA(message);
    char options[RTA_SPACE(sizeof(program))] = {0};
    struct rtattr *id = (struct rtattr *)options;

    body->tcm_info = TC_H_MAKE(priority << 16, 0x0300);
    body->tcm_handle = handle;
    add(dump, message, TCA_KIND, kind, strlen(kind) + 1);
    add(dump, message, TCA_CHAIN, &chain, sizeof(chain));
    id->rta_type = TCA_BPF_ID;
    id->rta_len = RTA_LENGTH(sizeof(program));
    memcpy(RTA_DATA(id), &program, sizeof(program));
    add(dump, message, TCA_OPTIONS | NLA_F_NESTED, options, sizeof(options));
}

static void add_end(struct dump *dump)
{
    begin(dump, NLMSG_DONE, sizeof(int));
}

static void test_order(void **state)
{
    struct chain chain = {0};
    struct dump dump = {0};

    (void)state;
    add_filter(&dump, "bpf", 1, 0, 0, 0); /* the head of a priority */
    add_filter(&dump, "bpf", 1, 2, 0, 77);
    add_filter(&dump, "bpf", 1, 1, 3, 78); /* of a chain that has to be jumped to */
    add_filter(&dump, "flower", 49152, 1, 0, 79);
    assert_int_equal(clsact_parse(dump.bytes, dump.length, &chain), 1);
    add_end(&dump);
    chain.count = 0;
    assert_int_equal(clsact_parse(dump.bytes, dump.length, &chain), 0);
    assert_int_equal(chain.count, 2);
    assert_int_equal(chain.items[0].program, 77);
    assert_int_equal(chain.items[0].priority, 1);
    assert_int_equal(chain.items[0].handle, 2);
    assert_string_equal(chain.items[0].kind, "bpf");
    assert_int_equal(chain.items[1].program, 0); /* only BPF filters have one */
    assert_int_equal(chain.items[1].priority, 49152);
    assert_string_equal(chain.items[1].kind, "flower");
}

static void test_appends(void **state)
{
    struct chain chain = {.count = CHAIN_MAX - 1};
    struct dump dump = {0};

    (void)state;
    add_filter(&dump, "bpf", 1, 1, 0, 5);
    add_filter(&dump, "bpf", 2, 1, 0, 6);
    assert_int_equal(clsact_parse(dump.bytes, dump.length, &chain), 1);
    assert_int_equal(chain.count, CHAIN_MAX);
    assert_int_equal(chain.items[CHAIN_MAX - 1].program, 5);
}

static void test_error(void **state)
{
    struct chain chain = {0};
    struct dump dump = {0};
    struct nlmsgerr *answer = NLMSG_DATA(begin(&dump, NLMSG_ERROR, sizeof(struct nlmsgerr)));

    (void)state;
    answer->error = -ENODEV;
    assert_int_equal(clsact_parse(dump.bytes, dump.length, &chain), -ENODEV);
}

/* Whatever a message is cut down to, nothing beyond it is read. */
static void test_short(void **state)
{
    struct dump dump = {0};

    (void)state;
    add_filter(&dump, "bpf", 1, 1, 0, 5);
    for (size_t length = 0; length < dump.length; length++) {
        struct chain chain = {0};
        _Alignas(struct nlmsghdr) char bytes[sizeof(dump.bytes)];
        struct nlmsghdr *message = (struct nlmsghdr *)bytes;

        memcpy(bytes, dump.bytes, sizeof(bytes));
        if (length >= sizeof(*message))
            message->nlmsg_len = (uint32_t)length;
        assert_int_equal(clsact_parse(bytes, length, &chain), 1);
        assert_true(chain.count <= 1);
    }
}

static void test_free_priority(void **state)
{
    struct chain chain = {0};

    (void)state;
    assert_int_equal(clsact_free_priority(&chain), 1);
    chain.items[chain.count++].priority = 49152;
    assert_int_equal(clsact_free_priority(&chain), 1);
    chain.items[chain.count++].priority = 2;
    chain.items[chain.count++].priority = 1;
    assert_int_equal(clsact_free_priority(&chain), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST("filters are a chain in the order of the dump, with their programs", test_order),
        {"they come behind what the chain has, as far as there is room", test_appends, NULL, NULL,
         NULL},
        TEST("an error of the kernel's is told", test_error),
        TEST("messages that are cut short are read no further", test_short),
        TEST("the lowest priority that nobody has is free", test_free_priority),
    };

    return cmocka_run_group_tests_name("clsact", tests, NULL, NULL);
}
