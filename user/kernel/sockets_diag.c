// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* NETLINK_SOCK_DIAG (sock_diag(7)). */
#include "sockets_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* include/net/tcp_states.h: connections that a backend has accepted and that aren't over. */
#define STATES (1u << 1 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 11)

/* The same, and those whose handshake is under way. */
#define STATES_BEGUN (STATES | 1u << 3 | 1u << 12)

struct dump {
    uint32_t states;
    void (*take)(void *context, const struct nlmsghdr *message);
    void *context;
};

/* Connections at the address of a backend. */
struct diagnosis {
    const struct instance *instance;
    void (*visit)(void *context, const struct fs_connection *connection);
    void *context;
};

static int ask(int fd, uint8_t family, uint32_t states)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {.header = {.nlmsg_len = sizeof(message),
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .request = {.sdiag_family = family,
                             .sdiag_protocol = IPPROTO_TCP,
                             .idiag_ext = 1 << (INET_DIAG_INFO - 1),
                             .idiag_states = states}};

    return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* IPv4 in an IPv6 socket is IPv4. */
static struct fs_endpoint endpoint(uint8_t family, const __be32 addr[4], __be16 port_be)
{
    struct fs_endpoint at = {.port_be = port_be, .proto = IPPROTO_TCP, .family = 4};

    if (family == AF_INET) {
        at.addr[0] = addr[0];
    } else if (!addr[0] && !addr[1] && addr[2] == htonl(0xffff)) {
        at.addr[0] = addr[3];
    } else {
        at.family = 6;
        memcpy(at.addr, addr, sizeof(at.addr));
    }
    return at;
}

static struct fs_endpoint local_of(const struct inet_diag_msg *diag)
{
    return endpoint(diag->idiag_family, diag->id.idiag_src, diag->id.idiag_sport);
}

static const struct fs_backend *find_backend(const struct instance *instance,
                                             const struct fs_endpoint *at)
{
    const struct fs_root *root = instance->arena;
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena, root->directory);
    const struct fs_backend *backends = fs_at(struct fs_backend, instance->arena, dir->backends);

    for (uint32_t i = 0; i < dir->backend_count; i++)
        if (backends[i].flags & FS_BACKEND_USED && memcmp(&backends[i].at, at, sizeof(*at)) == 0)
            return &backends[i];
    return NULL;
}

static void take_info(struct fs_connection *connection, const struct inet_diag_msg *diag,
                      unsigned bytes)
{
    struct tcp_info info = {0};
    struct rtattr *attribute = (struct rtattr *)(diag + 1);

    for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes))
        if (attribute->rta_type == INET_DIAG_INFO)
            memcpy(&info, RTA_DATA(attribute),
                   RTA_PAYLOAD(attribute) < sizeof(info) ? RTA_PAYLOAD(attribute) : sizeof(info));
    connection->now.bytes_in = info.tcpi_bytes_received;
    connection->now.bytes_out = info.tcpi_bytes_acked;
    connection->now.rtt_us = info.tcpi_rtt;
    connection->now.segments = info.tcpi_data_segs_out;
    connection->now.retransmits = info.tcpi_total_retrans;
}

static void take_backends(void *context, const struct nlmsghdr *message)
{
    struct diagnosis *diagnosis = context;
    const struct inet_diag_msg *diag = NLMSG_DATA(message);
    struct fs_connection connection = {.socket.state = diag->idiag_state};
    const struct fs_backend *backend;

    connection.now.local = local_of(diag);
    connection.now.client = endpoint(diag->idiag_family, diag->id.idiag_dst, diag->id.idiag_dport);
    backend = find_backend(diagnosis->instance, &connection.now.local);
    if (!backend)
        return;
    connection.socket.backend = backend->id;
    take_info(&connection, diag, message->nlmsg_len - NLMSG_LENGTH(sizeof(*diag)));
    diagnosis->visit(diagnosis->context, &connection);
}

/* Returns 1 when the dump is over, 0 if more follows, or -errno. */
static int take_all(struct dump *dump, const struct nlmsghdr *message, unsigned bytes)
{
    for (; NLMSG_OK(message, bytes); message = NLMSG_NEXT(message, bytes)) {
        if (message->nlmsg_type == NLMSG_DONE)
            return 1;
        if (message->nlmsg_type == NLMSG_ERROR)
            return ((const struct nlmsgerr *)NLMSG_DATA(message))->error ?: 1;
        if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY)
            dump->take(dump->context, message);
    }
    return 0;
}

static int read_all(struct dump *dump, int fd, uint8_t family)
{
    char buffer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
    int code = ask(fd, family, dump->states);

    while (!code) {
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);

        if (got > 0)
            code = take_all(dump, (struct nlmsghdr *)buffer, (unsigned)got);
        else if (got == 0 || errno != EINTR)
            code = got ? -errno : -EIO;
    }
    return code < 0 ? code : 0;
}

static int dump_all(struct dump *dump)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), code;

    if (fd < 0)
        return -errno;
    code = read_all(dump, fd, AF_INET);
    if (!code)
        code = read_all(dump, fd, AF_INET6);
    close(fd);
    return code;
}

int sockets_diagnose(const struct instance *instance,
                     void (*visit)(void *context, const struct fs_connection *connection),
                     void *context)
{
    struct diagnosis diagnosis = {instance, visit, context};
    struct dump dump = {.states = STATES, .take = take_backends, .context = &diagnosis};

    return dump_all(&dump);
}

/* Connections by their own end. */
struct local_ends {
    void (*visit)(void *context, const struct fs_endpoint *local);
    void *context;
};

static void take_local(void *context, const struct nlmsghdr *message)
{
    const struct local_ends *ends = context;
    struct fs_endpoint local = local_of(NLMSG_DATA(message));

    ends->visit(ends->context, &local);
}

int sockets_diagnose_local(void (*visit)(void *context, const struct fs_endpoint *local),
                           void *context)
{
    struct local_ends ends = {visit, context};
    struct dump dump = {.states = STATES_BEGUN, .take = take_local, .context = &ends};

    return dump_all(&dump);
}
