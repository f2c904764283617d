// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// `peer http`: connections of some HTTP exchanges each, kept alive between them; counts statuses.
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
    struct targets to;
    struct sources from;
    uint64_t count, exchanges, concurrency, timeout_s, rate, begin_ns;
    atomic_ullong next, opened, failed, broken;
    atomic_ullong by_class[6];
} h = {.count = 1, .exchanges = 1, .concurrency = 1, .timeout_s = 30};

static int connect_to(uint64_t k)
{
    const struct target *to = &h.to.list[k % h.to.count];
    const union address *from = sources_pick(&h.from, to->addr.any.sa_family, k / h.to.count);
    struct timeval patience = {.tv_sec = (time_t)h.timeout_s};
    int on = 1;
    int fd = socket(to->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if ((from && bind(fd, &from->any, address_len(from)) < 0) ||
        connect(fd, &to->addr.any, address_len(&to->addr)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// Is the response there, with all of its body?
static bool is_whole(const char *text, size_t len)
{
    static const char key[] = "Content-Length: ";
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, key);
    return end && length &&
           len >= (size_t)(end + 4 - text) + strtoul(length + sizeof(key) - 1, NULL, 10);
}

// Reads one response; its status class, or 0. Sets *last if the server then closes.
static unsigned int response_read(int fd, bool *last)
{
    char text[512] = "";
    size_t len = 0;
    while (len < sizeof(text) - 1 && !is_whole(text, len)) {
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        text[len] = '\0';
    }
    *last = strstr(text, "\r\nConnection: close\r\n") != NULL;
    return text[9] >= '1' && text[9] <= '5' ? (unsigned int)(text[9] - '0') : 0;
}

static void connection_run(uint64_t k)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    int fd = connect_to(k);
    if (fd < 0) {
        atomic_fetch_add(&h.failed, 1);
        return;
    }
    atomic_fetch_add(&h.opened, 1);
    bool last = false;
    for (uint64_t i = 0; i < h.exchanges && !last; i++) {
        unsigned int class = 0;
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
            class = response_read(fd, &last);
        if (class == 0) {
            atomic_fetch_add(&h.broken, 1);
            break;
        }
        atomic_fetch_add(&h.by_class[class], 1);
    }
    close(fd);
}

// Until connection k is due.
static void wait_turn(uint64_t k)
{
    uint64_t due_ns = h.begin_ns + k * NS_PER_S / h.rate, now = now_ns();
    if (due_ns > now)
        usleep((useconds_t)((due_ns - now) / 1000));
}

static void *worker_run(void *arg)
{
    for (;;) {
        uint64_t k = atomic_fetch_add(&h.next, 1);
        if (k >= h.count || stop_requested())
            return arg;
        if (h.rate)
            wait_turn(k);
        connection_run(k);
    }
}

// The workers are left alone by the signal that ends them.
static void workers_run(void)
{
    pthread_t *workers = calloc(h.concurrency, sizeof(*workers));
    sigset_t all, before;
    stop_on_signals();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint64_t i = 0; i < h.concurrency; i++) {
        if (!workers || pthread_create(&workers[i], NULL, worker_run, NULL) != 0)
            die("no thread");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (uint64_t i = 0; i < h.concurrency; i++)
        pthread_join(workers[i], NULL);
    free(workers);
}

int cmd_http(char **argv)
{
    const struct option_spec specs[] = {
        {"--to", OPT_TARGETS, &h.to},
        {"--bind", OPT_SOURCES, &h.from},
        {"--count", OPT_NUMBER, &h.count},
        {"--exchanges", OPT_NUMBER, &h.exchanges},
        {"--timeout", OPT_NUMBER, &h.timeout_s},
        {"--concurrency", OPT_NUMBER, &h.concurrency},
        {"--rate", OPT_NUMBER, &h.rate},
    };
    options_parse(argv, specs, ARRAY_LEN(specs));
    if (h.to.count == 0)
        misuse("http: --to is missing");
    h.begin_ns = now_ns();
    workers_run();
    printf("{\"opened\":%llu,\"failed\":%llu,\"broken\":%llu", h.opened, h.failed, h.broken);
    for (int i = 1; i < 6; i++)
        printf(",\"%dxx\":%llu", i, h.by_class[i]);
    printf("}\n");
    return 0;
}
