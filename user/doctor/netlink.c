// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions to the kernel by netlink. */
#include "netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of linux/netdev.h, which the headers of Debian 12 don't have yet. */
enum { NETDEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3 };

enum { ANSWER_BYTES = 32768 };

/* A question: a header, what belongs to its protocol, and attributes. */
struct question {
    struct nlmsghdr header;
    char rest[256];
};

static void begin(struct question *question, int type, int flags, const void *body, size_t bytes)
{
    memset(question, 0, sizeof(*question));
    question->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(bytes);
    question->header.nlmsg_type = (uint16_t)type;
    question->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    memcpy(NLMSG_DATA(&question->header), body, bytes);
}

static void add(struct question *question, int type, const void *value, size_t bytes)
{
    struct nlattr attr = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = (uint16_t)type};
    char *end = (char *)question + NLMSG_ALIGN(question->header.nlmsg_len);

    memcpy(end, &attr, sizeof(attr));
    memcpy(end + NLA_HDRLEN, value, bytes);
    question->header.nlmsg_len =
        NLMSG_ALIGN(question->header.nlmsg_len) + (uint32_t)NLA_ALIGN(attr.nla_len);
}

/* The messages of one datagram. Returns 1 to go on reading, 0 at the end, or -errno. */
static int take(const char *answer, int bytes, bool more,
                void (*visit)(void *context, const struct nlmsghdr *message), void *context)
{
    for (const struct nlmsghdr *message = (const void *)answer; NLMSG_OK(message, (unsigned)bytes);
         message = NLMSG_NEXT(message, bytes)) {
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR)
            return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
        visit(context, message);
    }
    return more;
}

static int ask(int protocol, struct question *question,
               void (*visit)(void *context, const struct nlmsghdr *message), void *context)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), code = 1;
    bool dump = question->header.nlmsg_flags & NLM_F_DUMP;
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];

    if (fd < 0)
        return -errno;
    if (send(fd, question, question->header.nlmsg_len, 0) < 0)
        code = -errno;
    while (code > 0) {
        ssize_t bytes = recv(fd, answer, sizeof(answer), 0);

        code = bytes < 0 ? -errno : take(answer, (int)bytes, dump, visit, context);
    }
    close(fd);
    return code;
}

/* The attribute of a type among `bytes` of them, or NULL. */
static const struct nlattr *find(const void *from, int bytes, int type)
{
    const char *at = from;

    while (bytes >= NLA_HDRLEN) {
        const struct nlattr *attr = (const void *)at;
        int step = NLA_ALIGN(attr->nla_len);

        if (attr->nla_len < NLA_HDRLEN || attr->nla_len > bytes)
            return NULL;
        if ((attr->nla_type & NLA_TYPE_MASK) == type)
            return attr;
        at += step;
        bytes -= step;
    }
    return NULL;
}

static const struct nlattr *find_in(const struct nlattr *nest, int type)
{
    return nest ? find((const char *)nest + NLA_HDRLEN, nest->nla_len - NLA_HDRLEN, type) : NULL;
}

static const struct nlattr *find_after(const struct nlmsghdr *message, size_t header, int type)
{
    const char *from = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(header);

    return find(from, (int)(message->nlmsg_len - NLMSG_SPACE(header)), type);
}

static uint32_t number(const struct nlattr *attr)
{
    uint32_t value = 0;

    if (attr && attr->nla_len >= NLA_HDRLEN + sizeof(value))
        memcpy(&value, (const char *)attr + NLA_HDRLEN, sizeof(value));
    return value;
}

static void text(const struct nlattr *attr, char *buf, size_t size)
{
    buf[0] = '\0';
    if (attr)
        snprintf(buf, size, "%.*s", attr->nla_len - NLA_HDRLEN, (const char *)attr + NLA_HDRLEN);
}

/* --- links --- */

struct link_visit {
    void (*visit)(void *context, const struct link *link);
    void *context;
};

static void read_link(void *context, const struct nlmsghdr *message)
{
    const struct link_visit *visit = context;
    const struct ifinfomsg *info = NLMSG_DATA(message);
    const struct nlattr *abroad = find_after(message, sizeof(*info), IFLA_LINK_NETNSID);
    struct link link = {
        .index = (unsigned)info->ifi_index, .up = info->ifi_flags & IFF_UP, .abroad = -1};

    text(find_after(message, sizeof(*info), IFLA_IFNAME), link.name, sizeof(link.name));
    text(find_in(find_after(message, sizeof(*info), IFLA_LINKINFO), IFLA_INFO_KIND), link.kind,
         sizeof(link.kind));
    if (strcmp(link.kind, "veth") == 0) {
        link.peer = number(find_after(message, sizeof(*info), IFLA_LINK));
        link.abroad = abroad ? (int)number(abroad) : -1;
    }
    visit->visit(visit->context, &link);
}

int netlink_each_link(void (*visit)(void *context, const struct link *link), void *context)
{
    struct link_visit links = {.visit = visit, .context = context};
    struct question question;

    begin(&question, RTM_GETLINK, NLM_F_DUMP, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    return ask(NETLINK_ROUTE, &question, read_link, &links);
}

static void read_namespace(void *context, const struct nlmsghdr *message)
{
    const struct nlattr *id = find_after(message, sizeof(struct rtgenmsg), NETNSA_NSID);

    *(int *)context = id ? (int)number(id) : -1;
}

int netlink_namespace(int fd)
{
    struct question question;
    int id = -1;

    begin(&question, RTM_GETNSID, 0, &(struct rtgenmsg){0}, sizeof(struct rtgenmsg));
    add(&question, NETNSA_FD, &fd, sizeof(fd));
    return ask(NETLINK_ROUTE, &question, read_namespace, &id) < 0 ? -1 : id;
}

/* --- filters --- */

struct filter_visit {
    void (*visit)(void *context, const struct filter *filter);
    void *context;
};

static void read_filter(void *context, const struct nlmsghdr *message)
{
    const struct filter_visit *visit = context;
    const struct tcmsg *tc = NLMSG_DATA(message);
    const struct nlattr *options = find_after(message, sizeof(*tc), TCA_OPTIONS);
    struct filter filter = {.priority = tc->tcm_info >> 16};

    if (!tc->tcm_handle) /* the priority itself, not a filter of it */
        return;
    text(find_after(message, sizeof(*tc), TCA_KIND), filter.kind, sizeof(filter.kind));
    if (strcmp(filter.kind, "bpf") == 0) {
        filter.program = number(find_in(options, TCA_BPF_ID));
        text(find_in(options, TCA_BPF_NAME), filter.name, sizeof(filter.name));
    }
    visit->visit(visit->context, &filter);
}

int netlink_each_filter(unsigned ifindex, bool egress,
                        void (*visit)(void *context, const struct filter *filter), void *context)
{
    struct filter_visit filters = {.visit = visit, .context = context};
    struct tcmsg tc = {.tcm_ifindex = (int)ifindex,
                       .tcm_parent =
                           TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS)};
    struct question question;

    begin(&question, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));
    return ask(NETLINK_ROUTE, &question, read_filter, &filters);
}

/* --- drivers --- */

static void read_family(void *context, const struct nlmsghdr *message)
{
    const struct nlattr *id = find_after(message, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
    uint16_t value = 0;

    if (id)
        memcpy(&value, (const char *)id + NLA_HDRLEN, sizeof(value));
    *(int *)context = value;
}

static void read_features(void *context, const struct nlmsghdr *message)
{
    *(int *)context = (int)number(find_after(message, GENL_HDRLEN, NETDEV_XDP_FEATURES));
}

int netlink_xdp_features(unsigned ifindex)
{
    struct genlmsghdr header = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
    struct question question;
    int family = 0, features = 0, code;

    begin(&question, GENL_ID_CTRL, 0, &header, sizeof(header));
    add(&question, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof("netdev"));
    code = ask(NETLINK_GENERIC, &question, read_family, &family);
    if (code || !family)
        return code ? code : -EOPNOTSUPP;
    header.cmd = NETDEV_GET;
    begin(&question, family, 0, &header, sizeof(header));
    add(&question, NETDEV_IFINDEX, &ifindex, sizeof(ifindex));
    code = ask(NETLINK_GENERIC, &question, read_features, &features);
    return code ? code : features;
}
