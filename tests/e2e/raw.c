// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Raw frames of TCP and UDP with right checksums, and the device that they are written to.
#include "raw.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct {
    unsigned char mac[2][ETH_ALEN]; // destination, source
    int fd;
} r;

void raw_open(const char *dev, const char *dmac)
{
    struct ifreq req = {0};
    unsigned char *m = r.mac[0];
    if (sscanf(dmac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
        misuse("%s: not a MAC address", dmac);
    r.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (r.fd < 0)
        die("packet socket: %s", strerror(errno));
    snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", dev);
    if (ioctl(r.fd, SIOCGIFHWADDR, &req) < 0)
        die("%s: %s", dev, strerror(errno));
    memcpy(r.mac[1], req.ifr_hwaddr.sa_data, ETH_ALEN);
    struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev)};
    if (bind(r.fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
        die("bind %s: %s", dev, strerror(errno));
}

static uint32_t sum_words(const void *data, size_t len, uint32_t sum)
{
    const unsigned char *p = data;
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    return sum;
}

static uint16_t fold_be(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static size_t tcp_write(unsigned char *at, const struct segment *s)
{
    size_t len = sizeof(struct tcphdr) + s->option_bytes;
    struct tcphdr tcp = {.source = s->from.v4.sin_port,
                         .dest = s->to.v4.sin_port,
                         .seq = htonl(s->seq),
                         .doff = (uint16_t)(s->doff ? s->doff : len / 4) & 15,
                         .window = htons(64240)};
    if (s->tcp_flags & TH_ACK)
        tcp.ack_seq = htonl(s->ack);
    tcp.th_flags = s->tcp_flags;
    memcpy(at, &tcp, sizeof(tcp));
    memcpy(at + sizeof(tcp), s->options, s->option_bytes);
    return len;
}

static size_t udp_write(unsigned char *at, const struct segment *s)
{
    struct udphdr udp = {.source = s->from.v4.sin_port,
                         .dest = s->to.v4.sin_port,
                         .len = htons((uint16_t)(sizeof(udp) + s->payload_bytes))};
    memcpy(at, &udp, sizeof(udp));
    return sizeof(udp);
}

// The transport header and what follows; `sum` is that of the addresses. Returns its length.
static size_t segment_write(unsigned char *at, const struct segment *s, uint32_t sum)
{
    size_t check_at = s->udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check);
    size_t len = s->udp ? udp_write(at, s) : tcp_write(at, s);
    memset(at + len, 'x', s->payload_bytes);
    len += s->payload_bytes;
    sum += (uint32_t)(s->udp ? IPPROTO_UDP : IPPROTO_TCP) + (uint32_t)len;
    uint16_t check = fold_be(sum_words(at, len, sum)) ^ (s->bad_checksum ? 0x55 : 0);
    memcpy(at + check_at, &check, sizeof(check));
    return len;
}

static size_t packet_write_v4(unsigned char *at, const struct segment *s)
{
    struct iphdr ip = {.ihl = 5,
                       .version = 4,
                       .id = (uint16_t)random_u64(),
                       .ttl = 64,
                       .protocol = s->udp ? IPPROTO_UDP : IPPROTO_TCP,
                       .saddr = s->from.v4.sin_addr.s_addr,
                       .daddr = s->to.v4.sin_addr.s_addr};
    size_t len = sizeof(ip) + segment_write(at + sizeof(ip), s, sum_words(&ip.saddr, 8, 0));
    ip.tot_len = htons((uint16_t)len);
    ip.check = fold_be(sum_words(&ip, sizeof(ip), 0));
    memcpy(at, &ip, sizeof(ip));
    return len;
}

static size_t packet_write_v6(unsigned char *at, const struct segment *s)
{
    struct ip6_hdr ip = {.ip6_src = s->from.v6.sin6_addr, .ip6_dst = s->to.v6.sin6_addr};
    size_t len = segment_write(at + sizeof(ip), s, sum_words(&ip.ip6_src, 32, 0));
    ip.ip6_flow = htonl(6u << 28);
    ip.ip6_plen = htons((uint16_t)len);
    ip.ip6_nxt = s->udp ? IPPROTO_UDP : IPPROTO_TCP;
    ip.ip6_hlim = 64;
    memcpy(at, &ip, sizeof(ip));
    return sizeof(ip) + len;
}

void raw_write(struct frame *frame, const struct segment *s)
{
    struct ether_header eth;
    bool v4 = s->to.any.sa_family == AF_INET;
    memcpy(eth.ether_dhost, r.mac[0], ETH_ALEN);
    memcpy(eth.ether_shost, r.mac[1], ETH_ALEN);
    eth.ether_type = htons(v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    memcpy(frame->bytes, &eth, sizeof(eth));
    unsigned char *at = frame->bytes + sizeof(eth);
    frame->len = sizeof(eth) + (v4 ? packet_write_v4(at, s) : packet_write_v6(at, s));
}

void raw_send(struct frame *frames, unsigned int count)
{
    struct iovec iov[RAW_BATCH];
    struct mmsghdr messages[RAW_BATCH] = {0};
    unsigned int done = 0;
    for (unsigned int i = 0; i < count; i++) {
        iov[i] = (struct iovec){frames[i].bytes, frames[i].len};
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (done < count) {
        int n = sendmmsg(r.fd, messages + done, count - done, 0);
        if (n > 0)
            done += (unsigned int)n;
        else if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR)
            sched_yield();
        else
            die("send: %s", strerror(errno));
    }
}
