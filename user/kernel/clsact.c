// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* clsact: looked at by netlink, for libbpf asks only for filters that it is told, and takes an
 * `ingress` qdisc for clsact; written by libbpf. */
#include "clsact.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDLE 1

/* --- netlink --- */

struct request {
    struct nlmsghdr head;
    struct tcmsg body;
};

/* Returns a socket that was asked, or -errno. */
static int ask(uint16_t type, uint16_t flags, unsigned ifindex, uint32_t parent)
{
    struct request request = {
        .head = {.nlmsg_len = sizeof(request),
                 .nlmsg_type = type,
                 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
        .body = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent}};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    if (send(fd, &request, sizeof(request), 0) < 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    return fd;
}

static int error_of(const struct nlmsghdr *message)
{
    const struct nlmsgerr *answer = NLMSG_DATA(message);

    return message->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)) ? -EBADMSG : answer->error;
}

/* Lengths that are cut short become negative. */
static const struct rtattr *find(const struct rtattr *attr, int length, unsigned short type)
{
    for (; RTA_OK(attr, length); attr = RTA_NEXT(attr, length))
        if ((attr->rta_type & NLA_TYPE_MASK) == type)
            return attr;
    return NULL;
}

static const struct rtattr *attribute(const struct nlmsghdr *message, unsigned short type)
{
    const struct tcmsg *body = NLMSG_DATA(message);

    return find((const struct rtattr *)(body + 1),
                (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(struct tcmsg))), type);
}

static uint32_t number(const struct rtattr *attr)
{
    uint32_t value = 0;

    if (attr && RTA_PAYLOAD(attr) >= sizeof(value))
        memcpy(&value, RTA_DATA(attr), sizeof(value));
    return value;
}

static void copy_kind(const struct rtattr *attr, char kind[16])
{
    size_t length = attr ? RTA_PAYLOAD(attr) : 0;

    memset(kind, 0, 16);
    memcpy(kind, attr ? RTA_DATA(attr) : "", length < 15 ? length : 15);
}

/* --- filters --- */

/* A filter without a handle is only the head of those of its priority. */
static void add_filter(const struct nlmsghdr *message, struct chain *chain)
{
    const struct tcmsg *body = NLMSG_DATA(message);
    const struct rtattr *options = attribute(message, TCA_OPTIONS);
    struct chain_item *item = &chain->items[chain->count];

    if (!body->tcm_handle || number(attribute(message, TCA_CHAIN)) || chain->count == CHAIN_MAX)
        return;
    memset(item, 0, sizeof(*item));
    copy_kind(attribute(message, TCA_KIND), item->kind);
    item->priority = TC_H_MAJ(body->tcm_info) >> 16;
    item->handle = body->tcm_handle;
    if (options && strcmp(item->kind, "bpf") == 0)
        item->program = number(find(RTA_DATA(options), (int)RTA_PAYLOAD(options), TCA_BPF_ID));
    chain->count++;
}

int clsact_parse(const void *bytes, size_t length, struct chain *chain)
{
    const struct nlmsghdr *message = bytes;
    int left = (int)length;

    for (; left > 0 && NLMSG_OK(message, (unsigned)left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR)
            return error_of(message);
        if (message->nlmsg_type == RTM_NEWTFILTER &&
            message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct tcmsg)))
            add_filter(message, chain);
    }
    return 1;
}

int clsact_read(unsigned ifindex, uint32_t parent, struct chain *chain)
{
    _Alignas(struct nlmsghdr) static char buf[32768]; /* more than the kernel sends in one piece */
    int fd = ask(RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent), code = 1;

    if (fd < 0)
        return fd;
    while (code == 1) {
        ssize_t length = recv(fd, buf, sizeof(buf), 0);

        code = length < 0 ? -errno : clsact_parse(buf, (size_t)length, chain);
    }
    close(fd);
    return code;
}

/* --- the qdisc --- */

/* `kind` becomes "clsact", "ingress" or, if there is none, "". Returns 0 or -errno. The answer is
 * an echo, which comes before the acknowledgement: where there is no qdisc any more, that is all.
 */
static int read_qdisc(unsigned ifindex, char kind[16])
{
    _Alignas(struct nlmsghdr) char buf[8192];
    const struct nlmsghdr *message = (const struct nlmsghdr *)buf;
    int fd = ask(RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK, ifindex, TC_H_INGRESS), err;
    ssize_t length;

    memset(kind, 0, 16);
    if (fd < 0)
        return fd;
    length = recv(fd, buf, sizeof(buf), 0);
    err = length < 0 ? -errno : 0;
    close(fd);
    if (err || !NLMSG_OK(message, (size_t)length))
        return err ? err : -EBADMSG;
    if (message->nlmsg_type == NLMSG_ERROR) {
        err = error_of(message);
        return err == -ENOENT || err == -EINVAL ? 0 : err;
    }
    if (message->nlmsg_type == RTM_NEWQDISC)
        copy_kind(attribute(message, TCA_KIND), kind);
    return 0;
}

bool clsact_is_displaced(unsigned ifindex)
{
    char kind[16];

    return read_qdisc(ifindex, kind) == 0 && *kind && strcmp(kind, "clsact") != 0;
}

/* --- changes --- */

static enum bpf_tc_attach_point point(uint32_t parent)
{
    return parent == CLSACT_IN ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static bool is_taken(const struct chain *chain, uint32_t priority)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (chain->items[i].priority == priority)
            return true;
    return false;
}

uint32_t clsact_free_priority(const struct chain *chain)
{
    uint32_t priority = 1;

    while (is_taken(chain, priority))
        priority++;
    return priority;
}

/* libbpf takes it for success that there is an `ingress` qdisc. */
int clsact_put(unsigned ifindex, uint32_t parent, uint32_t priority, int program)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex,
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .prog_fd = program, .priority = priority);
    int err = bpf_tc_hook_create(&at);

    if (err && err != -EEXIST)
        return err;
    if (parent == CLSACT_BACK && clsact_is_displaced(ifindex))
        return -EADDRINUSE;
    at.attach_point = point(parent);
    return bpf_tc_attach(&at, &options);
}

int clsact_replace(unsigned ifindex, uint32_t parent, const struct chain_item *old, int program)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex, .attach_point = point(parent));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = old->handle, .prog_fd = program,
                .priority = old->priority, .flags = BPF_TC_F_REPLACE);

    return bpf_tc_attach(&at, &options);
}

int clsact_remove(unsigned ifindex, uint32_t parent, const struct chain_item *item)
{
    LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex, .attach_point = point(parent));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = item->handle, .priority = item->priority);

    return bpf_tc_detach(&at, &options);
}
