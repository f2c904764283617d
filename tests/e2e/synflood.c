// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer synflood`: a bounded number of SYNs, or what a script says, from random sources, written to
// the device as raw frames with right checksums.
#include "peer.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH     64
#define FRAME_MAX 80

struct frame {
    unsigned char bytes[FRAME_MAX];
    size_t len;
};

// One packet of each source.
struct step {
    uint8_t tcp_flags;
    bool bad_checksum;
    uint32_t seq_offset; // from the source's own number
    uint64_t wait_ms;    // not a packet, but a pause
};

static struct {
    struct targets to;
    const char *dev, *dmac, *script;
    uint64_t count, seed;
    unsigned char mac[2][ETH_ALEN]; // destination, source
    int fd;
    struct step steps[16];
    size_t step_count;
} f = {.count = 1000, .script = "syn"};

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

// All that is random about a source; the same each time it is asked for.
static uint64_t of_source(uint64_t number, uint64_t what)
{
    return mix64(mix64(f.seed + number) + what);
}

static void tcp_write(struct tcphdr *tcp, uint64_t number, const struct step *step,
                      uint16_t dest_be, uint32_t pseudo_sum)
{
    memset(tcp, 0, sizeof(*tcp));
    tcp->source = htons((uint16_t)(1024 + of_source(number, 0) % 64000));
    tcp->dest = dest_be;
    tcp->seq = htonl((uint32_t)of_source(number, 1) + step->seq_offset);
    if (step->tcp_flags & TH_ACK)
        tcp->ack_seq = htonl((uint32_t)of_source(number, 2));
    tcp->doff = 5;
    tcp->th_flags = step->tcp_flags;
    tcp->window = htons(64240);
    pseudo_sum += IPPROTO_TCP + sizeof(*tcp);
    tcp->check =
        fold_be(sum_words(tcp, sizeof(*tcp), pseudo_sum)) ^ (step->bad_checksum ? 0x55 : 0);
}

// Sources of 32.0.0.0/3: no address that a test uses, and none that is special.
static size_t packet_write_v4(unsigned char *at, uint64_t number, const struct step *step,
                              const union address *to)
{
    struct iphdr ip = {.ihl = 5,
                       .version = 4,
                       .tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
                       .id = (uint16_t)random_u64(),
                       .ttl = 64,
                       .protocol = IPPROTO_TCP,
                       .saddr = htonl(0x20000000u | (uint32_t)(of_source(number, 3) >> 35)),
                       .daddr = to->v4.sin_addr.s_addr};
    ip.check = fold_be(sum_words(&ip, sizeof(ip), 0));
    memcpy(at, &ip, sizeof(ip));
    tcp_write((struct tcphdr *)(at + sizeof(ip)), number, step, to->v4.sin_port,
              sum_words(&ip.saddr, 8, 0));
    return sizeof(ip) + sizeof(struct tcphdr);
}

static size_t packet_write_v6(unsigned char *at, uint64_t number, const struct step *step,
                              const union address *to)
{
    struct ip6_hdr ip = {0};
    uint64_t host = of_source(number, 3), net = of_source(number, 4);
    ip.ip6_flow = htonl(6u << 28);
    ip.ip6_plen = htons(sizeof(struct tcphdr));
    ip.ip6_nxt = IPPROTO_TCP;
    ip.ip6_hlim = 64;
    memcpy(&ip.ip6_src.s6_addr[0], &net, 8);
    memcpy(&ip.ip6_src.s6_addr[8], &host, 8);
    ip.ip6_src.s6_addr[0] = 0x20;
    ip.ip6_dst = to->v6.sin6_addr;
    memcpy(at, &ip, sizeof(ip));
    tcp_write((struct tcphdr *)(at + sizeof(ip)), number, step, to->v6.sin6_port,
              sum_words(&ip.ip6_src, 32, 0));
    return sizeof(ip) + sizeof(struct tcphdr);
}

static void frame_write(struct frame *fr, uint64_t number, const struct step *step)
{
    const union address *to = &f.to.list[number % f.to.count].addr;
    struct ether_header eth;
    bool v4 = to->any.sa_family == AF_INET;
    memcpy(eth.ether_dhost, f.mac[0], ETH_ALEN);
    memcpy(eth.ether_shost, f.mac[1], ETH_ALEN);
    eth.ether_type = htons(v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    memcpy(fr->bytes, &eth, sizeof(eth));
    unsigned char *at = fr->bytes + sizeof(eth);
    fr->len = sizeof(eth) +
              (v4 ? packet_write_v4(at, number, step, to) : packet_write_v6(at, number, step, to));
}

static void device_open(void)
{
    struct ifreq req = {0};
    f.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (f.fd < 0)
        die("packet socket: %s", strerror(errno));
    snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", f.dev);
    if (ioctl(f.fd, SIOCGIFHWADDR, &req) < 0)
        die("%s: %s", f.dev, strerror(errno));
    memcpy(f.mac[1], req.ifr_hwaddr.sa_data, ETH_ALEN);
    struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(f.dev)};
    if (bind(f.fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
        die("bind %s: %s", f.dev, strerror(errno));
}

static void send_batch(struct mmsghdr *messages, unsigned int count)
{
    unsigned int done = 0;
    while (done < count) {
        int n = sendmmsg(f.fd, messages + done, count - done, 0);
        if (n > 0)
            done += (unsigned int)n;
        else if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR)
            sched_yield();
        else
            die("send: %s", strerror(errno));
    }
}

static uint64_t flood(const struct step *step)
{
    static struct frame frames[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    uint64_t sent = 0;
    while (sent < f.count && !stop_requested()) {
        unsigned int n = 0;
        for (; n < BATCH && sent + n < f.count; n++) {
            frame_write(&frames[n], sent + n, step);
            iov[n] = (struct iovec){frames[n].bytes, frames[n].len};
            messages[n].msg_hdr.msg_iov = &iov[n];
            messages[n].msg_hdr.msg_iovlen = 1;
        }
        send_batch(messages, n);
        sent += n;
    }
    return sent;
}

// A word of a script: "syn", "ack", "rst", "syn-ack", "fin-ack", with "+100" for another sequence
// number, "bad-syn" for a wrong checksum, or "wait1100" for a pause in milliseconds.
static void step_parse(struct step *step, const char *word)
{
    static const struct {
        const char *name;
        uint8_t tcp_flags;
    } kinds[] = {{"bad-syn", TH_SYN},
                 {"syn-ack", TH_SYN | TH_ACK},
                 {"fin-ack", TH_FIN | TH_ACK},
                 {"syn", TH_SYN},
                 {"ack", TH_ACK},
                 {"rst", TH_RST}};
    if (sscanf(word, "wait%lu", &step->wait_ms) == 1)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(word, kinds[i].name, len) == 0 && (word[len] == '\0' || word[len] == '+')) {
            step->tcp_flags = kinds[i].tcp_flags;
            step->bad_checksum = i == 0;
            step->seq_offset = (uint32_t)strtoul(word + len, NULL, 10);
            return;
        }
    }
    misuse("%s: not a step of a script", word);
}

static void script_parse(const char *script)
{
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", script);
    for (char *word = strtok(copy, ","); word; word = strtok(NULL, ",")) {
        if (f.step_count == ARRAY_LEN(f.steps))
            misuse("%s: more than %zu steps", script, ARRAY_LEN(f.steps));
        step_parse(&f.steps[f.step_count++], word);
    }
}

static uint64_t script_run(void)
{
    uint64_t sent = 0;
    f.seed = random_u64();
    for (size_t i = 0; i < f.step_count && !stop_requested(); i++) {
        if (f.steps[i].tcp_flags)
            sent += flood(&f.steps[i]);
        else
            usleep((useconds_t)(f.steps[i].wait_ms * 1000));
    }
    return sent;
}

int cmd_synflood(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &f.to},      {"--dev", OPT_TEXT, &f.dev},
        {"--dmac", OPT_TEXT, &f.dmac},     {"--count", OPT_NUMBER, &f.count},
        {"--script", OPT_TEXT, &f.script},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (f.to.count == 0 || !f.dev || !f.dmac)
        misuse("synflood: --to, --dev and --dmac are needed");
    unsigned char *m = f.mac[0];
    if (sscanf(f.dmac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
        misuse("%s: not a MAC address", f.dmac);
    script_parse(f.script);
    stop_on_signals();
    device_open();
    uint64_t begin_ns = now_ns();
    uint64_t sent = script_run();
    printf("{\"sent\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent,
           (double)(now_ns() - begin_ns) / NS_PER_S);
    return 0;
}
