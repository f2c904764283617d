// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The server of metrics: what it answers to what, where it listens, and what it says if it can't.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "metrics_http.h"
#include "metrics_read.h"

#define NOWHERE "/sys/fs/bpf/flowsplit-unit-test-without-instance"

static struct metrics_server *serve(const char *address)
{
    struct error err = {.text = ""};
    struct metrics_server *server = metrics_serve(address, NOWHERE, NOWHERE, &err);

    if (!server)
        fail_msg("%s", err.text);
    return server;
}

static int connect_to(const struct metrics_server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_port = htons((uint16_t)atoi(strrchr(metrics_url(server), ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* The whole answer, terminated: free(). */
static char *ask(const struct metrics_server *server, const char *request)
{
    size_t room = 1 << 20, got = 0;
    char *answer = calloc(1, room);
    int fd = connect_to(server);
    ssize_t n;

    assert_non_null(answer);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while ((n = read(fd, answer + got, room - got - 1)) > 0)
        got += (size_t)n;
    close(fd);
    return answer;
}

#define HOST "Host: x\r\nConnection: close\r\n\r\n"

/* A request, and what must be in its answer. */
struct request_row {
    const char *request, *status, *part;
};

static struct request_row request_rows[] = {
    {"GET /metrics HTTP/1.1\r\n" HOST, "200", "\nflowsplit_up 0\n"},
    {"GET /metrics?x=y HTTP/1.1\r\n" HOST, "200", "text/plain; version=0.0.4; charset=utf-8\r\n"},
    {"GET / HTTP/1.1\r\n" HOST, "200", "<a href=\"/metrics\">"},
    {"GET /metrics/ HTTP/1.1\r\n" HOST, "404", "/metrics"},
    {"GET /../etc/passwd HTTP/1.1\r\n" HOST, "404", "/metrics"},
    {"POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n" HOST "xy", "405", "Allow: GET, HEAD\r\n"},
    {"DELETE / HTTP/1.1\r\n" HOST, "405", "Allow: GET, HEAD\r\n"},
    {"GET /metrics HTTP/1.0\r\n\r\n", "200", "\nflowsplit_up 0\n"},
};

static void test_request(void **state)
{
    const struct request_row *row = *state;
    struct metrics_server *server = serve("127.0.0.1:0");
    char *answer = ask(server, row->request);

    assert_true(strlen(answer) > 12);
    assert_memory_equal(answer + 9, row->status, 3);
    assert_has(answer, row->part);
    free(answer);
    metrics_stop(server);
}

static void test_head(void **state)
{
    struct metrics_server *server = serve("127.0.0.1:0");
    char *answer = ask(server, "HEAD /metrics HTTP/1.1\r\n" HOST);

    (void)state;
    assert_memory_equal(answer + 9, "200", 3);
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    free(answer);
    metrics_stop(server);
}

/* --- where --- */

/* An address, and what is said of it. */
struct address_row {
    const char *address, *part;
};

static struct address_row good_rows[] = {
    {"127.0.0.1:0", "http://127.0.0.1:"},
    {"0.0.0.0:0", "http://0.0.0.0:"},
    {"[::1]:0", "http://[::1]:"},
};

static struct address_row bad_rows[] = {
    {"", "\"\" is no address"},
    {"9911", "is no address"},
    {"127.0.0.1", "is no address"},
    {"127.0.0.1:", "is no address"},
    {"127.0.0.1:65536", "is no address"},
    {"127.0.0.1:-1", "is no address"},
    {"127.0.0.1:80x", "is no address"},
    {"::1:9911", "is no address"},
    {"[::1:9911", "is no address"},
    {"[127.0.0.1]:9911", "is no address"},
    {"localhost:9911", "write it like 127.0.0.1:9911 or [::1]:9911, or :9911 for all addresses"},
    {"\n:9911", "\"\\x0a:9911\" is no address"},
    {"192.0.2.1:9911", "no such address on this host"},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        struct metrics_server *server = serve(good_rows[i].address);

        assert_has(metrics_url(server), good_rows[i].part);
        assert_has(metrics_url(server), "/metrics");
        metrics_stop(server);
    }
}

static void test_bad_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        struct error err = {.text = ""};

        assert_null(metrics_serve(bad_rows[i].address, NOWHERE, NOWHERE, &err));
        assert_has(err.text, bad_rows[i].part);
    }
}

static void test_all_addresses(void **state)
{
    struct metrics_server *server = serve(":0");
    char *answer = ask(server, "GET / HTTP/1.0\r\n\r\n");

    (void)state;
    assert_memory_equal(answer + 9, "200", 3);
    free(answer);
    metrics_stop(server);
}

static void test_in_use(void **state)
{
    struct metrics_server *server = serve("127.0.0.1:0");
    char address[64];
    struct error err = {.text = ""};

    (void)state;
    snprintf(address, sizeof(address), "127.0.0.1:%d", atoi(strrchr(metrics_url(server), ':') + 1));
    assert_null(metrics_serve(address, NOWHERE, NOWHERE, &err));
    assert_has(err.text, address);
    assert_has(err.text, "another process does");
    metrics_stop(server);
    server = serve(address);
    metrics_stop(server);
}

/* --- others at the same time --- */

static void test_idle_neighbours(void **state)
{
    struct metrics_server *server = serve("127.0.0.1:0");
    int idle[16];
    char *answer;
    time_t begin;

    (void)state;
    for (size_t i = 0; i < COUNT(idle); i++) {
        idle[i] = connect_to(server);
        assert_int_equal(write(idle[i], "GET /metr", 9), 9);
    }
    begin = time(NULL);
    answer = ask(server, "GET /metrics HTTP/1.1\r\n" HOST);
    assert_memory_equal(answer + 9, "200", 3);
    assert_true(time(NULL) - begin < 5); /* less than what idle ones are allowed */
    free(answer);
    for (size_t i = 0; i < COUNT(idle); i++)
        close(idle[i]);
    metrics_stop(server);
}

static volatile pthread_t signalled;

static void note_thread(int number)
{
    (void)number;
    signalled = pthread_self();
}

/* Blocked here while it is sent, so that only the server's thread could take it. */
static void test_signals(void **state)
{
    struct metrics_server *server = serve("127.0.0.1:0");
    struct sigaction action = {.sa_handler = note_thread};
    sigset_t set;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    usleep(50000);
    assert_true(signalled == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert_true(pthread_equal(signalled, pthread_self()));
    metrics_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_ROW("without an instance flowsplit_up is 0, and the answer 200", test_request,
                 &request_rows[0]),
        TEST_ROW("metrics come as Prometheus's text format 0.0.4, whatever the query", test_request,
                 &request_rows[1]),
        TEST_ROW("the root has a link to the metrics", test_request, &request_rows[2]),
        TEST_ROW("another path is not found", test_request, &request_rows[3]),
        TEST_ROW("no path leads to a file", test_request, &request_rows[4]),
        TEST_ROW("POST is not allowed", test_request, &request_rows[5]),
        TEST_ROW("nor is DELETE", test_request, &request_rows[6]),
        TEST_ROW("HTTP/1.0 is answered, too", test_request, &request_rows[7]),
        TEST("HEAD is answered without a body", test_head),
        TEST("addresses of both families are listened at", test_addresses),
        TEST("a port alone is all addresses, those of IPv4 included", test_all_addresses),
        TEST("what is no address of this host is refused, and how to write one is said",
             test_bad_addresses),
        TEST("a port in use is refused, and free again after the server's end", test_in_use),
        TEST("connections that ask nothing keep nobody else waiting", test_idle_neighbours),
        TEST("the program's signals never go to the server's thread", test_signals),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
