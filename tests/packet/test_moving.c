// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buckets that have just moved: who goes where, and what is written down about it. */
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#include <flowsplit/arena.h>

#include "flow.h"
#include "host.h"
#include "tap.h"

/* Weights move from stable to canary and back; `drain` is longer than the test. */
#define MOVING(name, vip, stable, canary)                                                   \
    "  - {name: " name ", vip: '" vip "', mode: nat, affinity: flow, baseline: stable,\n"   \
    "     drain: 10m, versions: [{name: stable, weight: 100%, backends: ['" stable "']},\n" \
    "     {name: canary, weight: 0%, backends: ['" canary "']}]}\n"

#define SERVICES(stable4, stable6)                                          \
    "services:\n" MOVING("m4", "10.0.0.1:80/tcp", stable4, "10.1.0.2:8080") \
        MOVING("m6", "[fd00::1]:80/tcp", stable6, "[fd00:1::2]:8080")

static const char before[] = SERVICES("10.1.0.1:8080", "[fd00:1::1]:8080");
static const char replaced[] = SERVICES("10.1.0.3:8080", "[fd00:1::3]:8080");

/* Clients whose flows begin in one part and go on in the next. */
struct clients {
    char syn_only[END_TEXT], synned[END_TEXT], connected[END_TEXT], old[END_TEXT];
};

struct way {
    struct path path;
    const char *stable, *canary, *new_stable;
    struct clients clients;
};

static struct way ways[] = {
    {.path = {"xdp_ingress, IPv4", XDP_INGRESS, IPPROTO_TCP, "m4", "10.0.0.1:80", "192.0.2.10"},
     .stable = "10.1.0.1:8080",
     .canary = "10.1.0.2:8080",
     .new_stable = "10.1.0.3:8080"},
    {.path = {"tc_ingress, IPv4", TC_INGRESS, IPPROTO_TCP, "m4", "10.0.0.1:80", "192.0.2.10"},
     .stable = "10.1.0.1:8080",
     .canary = "10.1.0.2:8080",
     .new_stable = "10.1.0.3:8080"},
    {.path = {"xdp_ingress, IPv6", XDP_INGRESS, IPPROTO_TCP, "m6", "[fd00::1]:80",
              "[2001:db8:c::10]"},
     .stable = "[fd00:1::1]:8080",
     .canary = "[fd00:1::2]:8080",
     .new_stable = "[fd00:1::3]:8080"},
    {.path = {"tc_ingress, IPv6", TC_INGRESS, IPPROTO_TCP, "m6", "[fd00::1]:80",
              "[2001:db8:c::10]"},
     .stable = "[fd00:1::1]:8080",
     .canary = "[fd00:1::2]:8080",
     .new_stable = "[fd00:1::3]:8080"},
};

#define WAYS (sizeof(ways) / sizeof(*ways))

/* A new client whose bucket is moving, and now the canary's. */
static char *moving_client(const struct way *way, char *text)
{
    bool moving;

    do {
        json_t *said = flowsplit_json("explain %s '%s' --json", way->path.service,
                                      path_client(&way->path, text));

        moving = json_is_true(json_object_get(said, "moving")) &&
                 !strcmp(json_text(said, "version"), "canary");
        json_decref(said);
    } while (!moving);
    return text;
}

static void settled(const struct way *way)
{
    static const unsigned flags[] = {SYN, ACK, ACK | PSH, FIN | ACK, RST, SYN | ACK};
    uint64_t counts[FS_REASON_COUNT];
    char client[END_TEXT];

    path_test(&way->path, "nothing is looked up or written down in settled buckets");
    reasons_read(counts);
    for (int i = 0; i < 600; i++)
        packet_goes(&way->path, path_client(&way->path, client), flags[i % 6], way->stable);
    check_reasons(counts, FS_REASON_TO_LOCAL, 600, -1);
    check_entries(0, 0, 0);
    test_end();
}

/* The number of the service or backend at this endpoint, among `count` records of `stride` bytes
 * that begin with theirs. */
static unsigned find_record(const void *records, unsigned count, size_t stride, const char *text)
{
    struct end end = end_of(text);

    for (unsigned i = 0; i < count; i++) {
        const struct fs_endpoint *at = (const void *)((const char *)records + i * stride);

        if (at->port_be == htons(end.port) && !memcmp(at->addr, end.addr, 16))
            return i;
    }
    give_up("%s is not in the arena", text);
}

/* An entry that is there all the same shows whether anyone looks. */
static void settled_with_an_entry(const struct way *way)
{
    struct fs_root *root = arena_map();
    struct fs_directory *dir = fs_at(struct fs_directory, root, root->directory);
    struct fs_service *service = fs_at(struct fs_service, root, dir->services);
    struct fs_backend *backend = fs_at(struct fs_backend, root, dir->backends);
    struct fs_flow flow = {.seen = tick_now()};
    char text[END_TEXT];
    struct end end = end_of(path_client(&way->path, text));
    struct fs_flow_key key = {.port_be = htons(end.port)};

    memcpy(key.addr, end.addr, sizeof(key.addr));
    service += find_record(service, dir->service_count, sizeof(*service), way->path.vip);
    backend += find_record(backend, dir->backend_count, sizeof(*backend), way->canary);
    key.scope = service->id;
    flow.backend = backend->id;
    path_test(&way->path, "in settled buckets not even an entry that is there is looked at");
    table_put(FLOWS, &key, &flow);
    table_put(HALF_OPEN, &key, &flow);
    packet_goes_counted(&way->path, text, SYN, way->stable, -1);
    packet_goes_counted(&way->path, text, ACK, way->stable, -1);
    test_end();
    tables_clear();
    munmap(root, FS_ARENA_BYTES);
}

/* New flows in a bucket that moves. */
static void new_flows(struct way *way)
{
    const struct path *path = &way->path;
    struct fs_flow_key key;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a SYN in a moving bucket goes to the new owner, and is written down");
    moving_client(way, client);
    packet_goes_counted(path, client, SYN, way->canary, FS_REASON_FLOW_RECORDED, -1);
    check(table_find(HALF_OPEN, client, &key, &flow), "it has no half-open entry");
    check(!table_find(FLOWS, client, &key, &flow), "a SYN alone made it a flow");
    test_end();

    path_test(path, "a repeated SYN follows its first");
    packet_goes_counted(path, client, SYN, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a RST from the client makes no flow of a SYN");
    packet_goes_counted(path, client, RST, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    check(!table_find(FLOWS, client, &key, &flow), "it made it a flow");
    test_end();

    path_test(path, "the next packet makes a flow of a SYN, and the rest follows");
    packet_goes_counted(path, client, ACK, way->canary, FS_REASON_FLOW_FOLLOWED,
                        FS_REASON_FLOW_RECORDED, -1);
    check(table_find(FLOWS, client, &key, &flow), "it has no entry");
    packet_goes_counted(path, client, ACK | PSH, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    strcpy(way->clients.connected, client);
    packet_goes(path, moving_client(way, way->clients.syn_only), SYN, way->canary);
    packet_goes(path, moving_client(way, way->clients.synned), SYN, way->canary);
}

/* Flows that are older than the change. */
static void old_flows(struct way *way)
{
    const struct path *path = &way->path;
    struct fs_flow_key key;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a flow older than the change stays with the previous owner, written down");
    moving_client(way, client);
    packet_goes_counted(path, client, ACK, way->stable, FS_REASON_FLOW_RECORDED, -1);
    check(table_find(FLOWS, client, &key, &flow), "it has no entry");
    packet_goes_counted(path, client, ACK | PSH, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a forged SYN doesn't move a live flow");
    packet_goes(path, client, SYN | FAR, way->stable);
    packet_goes_counted(path, client, ACK | PSH, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a forged RST doesn't end a live flow");
    packet_goes(path, client, RST | FAR, way->stable);
    packet_goes(path, client, ACK | PSH, way->stable);
    check(table_find(FLOWS, client, &key, &flow), "it has no entry");
    check_number(flow.flags, 0, "flags of the entry");
    test_end();
    strcpy(way->clients.old, client);

    path_test(path, "a RST in a moving bucket goes to the previous owner and leaves no entry");
    moving_client(way, client);
    packet_goes_counted(path, client, RST, way->stable, -1);
    packet_goes_counted(path, client, RST | ACK, way->stable, -1);
    check(!table_find(FLOWS, client, &key, &flow), "it has an entry");
    check(!table_find(HALF_OPEN, client, &key, &flow), "it has a half-open entry");
    test_end();

    path_test(path, "the end of a flow is noted in its entry");
    moving_client(way, client);
    packet_goes(path, client, FIN | ACK, way->stable);
    check(table_find(FLOWS, client, &key, &flow), "it has no entry");
    check_number(flow.flags, FS_FLOW_CLIENT_FIN, "flags after the client's FIN");
    packet_answered(path, client, way->stable, FIN | ACK);
    check(table_find(FLOWS, client, &key, &flow), "it has no entry");
    check_number(flow.flags, FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN, "flags after both FINs");
    packet_goes(path, client, ACK, way->stable);
    test_end();

    path_test(path, "a SYN after the end of a flow begins a new one");
    packet_goes(path, client, SYN | FAR, way->canary);
    packet_goes(path, client, ACK | FAR, way->canary);
    packet_goes(path, client, ACK | PSH | FAR, way->canary);
    test_end();
}

/* Where two backends were asked, the first that answers is the one. */
static void answers(const struct way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "a SYN repeated after the change sticks to whoever answers first");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->stable, SYN | ACK);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_goes(path, client, ACK, way->stable);
    packet_goes(path, client, ACK | PSH, way->stable);
    test_end();

    path_test(path, "a SYN-ACK after the change pins the flow whose SYN came before");
    moving_client(way, client);
    packet_answered(path, client, way->stable, SYN | ACK);
    packet_goes(path, client, ACK, way->stable);
    packet_goes(path, client, ACK | PSH, way->stable);
    test_end();

    path_test(path, "a late answer doesn't move a live flow");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_goes(path, client, ACK, way->canary);
    packet_answered(path, client, way->stable, SYN | ACK);
    packet_answered(path, client, way->stable, RST);
    packet_goes(path, client, ACK | PSH, way->canary);
    test_end();
}

/* Entries whose backend's number has been given to another since. */
static void recycled(const struct way *way)
{
    const struct path *path = &way->path;
    char first[END_TEXT], second[END_TEXT];
    struct fs_flow_key key;
    struct fs_flow flow;

    path_test(path, "an entry of a recycled backend's number is not followed");
    packet_goes(path, moving_client(way, first), ACK, way->stable);
    packet_goes(path, moving_client(way, second), SYN, way->canary);
    check(table_find(FLOWS, first, &key, &flow), "no entry of %s", first);
    packet_goes(path, second, ACK, way->canary);
    table_find(FLOWS, second, &key, &flow);
    flow.backend ^= 1u << 16; /* the generation */
    table_find(FLOWS, first, &key, &(struct fs_flow){0});
    table_put(FLOWS, &key, &flow);
    packet_goes_counted(path, first, ACK, way->stable, FS_REASON_FLOW_RECORDED, -1);
    packet_goes_counted(path, first, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a SYN doesn't follow a half-open entry of a recycled number");
    packet_goes(path, moving_client(way, first), SYN, way->canary);
    table_find(FLOWS, way->clients.old, &key, &flow); /* stable's */
    flow.backend ^= 1u << 16;
    table_find(HALF_OPEN, first, &key, &(struct fs_flow){0});
    table_put(HALF_OPEN, &key, &flow);
    packet_goes_counted(path, first, SYN, way->canary, FS_REASON_FLOW_RECORDED, -1);
    test_end();
}

static void after_the_way_back(const struct way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "a SYN repeated across a weight change follows its first");
    packet_goes_counted(path, way->clients.syn_only, SYN, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    packet_goes(path, way->clients.syn_only, ACK, way->canary);
    test_end();

    path_test(path, "a first ACK after another weight change follows the SYN");
    packet_goes(path, way->clients.synned, ACK, way->canary);
    test_end();

    path_test(path, "live flows stay where they are through another weight change");
    packet_goes(path, way->clients.connected, ACK, way->canary);
    packet_goes(path, way->clients.old, ACK, way->stable);
    test_end();

    path_test(path, "a bucket that moves again keeps its oldest previous owner");
    packet_goes(path, path_client(path, client), ACK, way->stable);
    test_end();
}

static void after_withdrawal(const struct way *way)
{
    const struct path *path = &way->path;

    path_test(path, "a SYN doesn't follow an entry of a version that takes no more flows");
    packet_goes(path, way->clients.syn_only, SYN, way->stable);
    test_end();

    path_test(path, "a live flow of a version that takes no more flows lives on");
    packet_goes(path, way->clients.connected, ACK, way->canary);
    packet_goes(path, way->clients.connected, SYN | FAR, way->stable); /* forged */
    packet_goes(path, way->clients.connected, ACK, way->canary);
    packet_goes(path, way->clients.connected, ACK | PSH, way->canary);
    test_end();

    path_test(path, "a connection begun anew over an old entry is known by its sequence number");
    packet_goes(path, way->clients.connected, SYN | FAR, way->stable);
    packet_answered(path, way->clients.connected, way->stable, SYN | ACK);
    packet_goes(path, way->clients.connected, ACK | FAR, way->stable);
    packet_goes(path, way->clients.connected, ACK | PSH | FAR, way->stable);
    test_end();
}

static void after_replacement(const struct way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "a live flow of a backend that has left the pool lives on");
    packet_goes(path, way->clients.old, ACK, way->stable);
    packet_answered(path, way->clients.old, way->stable, ACK);
    test_end();

    path_test(path, "a flow that no one knows stays with the backend that has left the pool");
    packet_goes(path, path_client(path, client), ACK, way->stable);
    packet_goes_counted(path, client, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a SYN doesn't follow an entry of a backend that is gone");
    packet_goes(path, way->clients.syn_only, SYN, way->new_stable);
    packet_goes(path, path_client(path, client), SYN, way->new_stable);
    test_end();
}

int main(void)
{
    host_start(before);
    for (size_t i = 0; i < WAYS; i++)
        settled(&ways[i]);
    for (size_t i = 0; i < WAYS; i++)
        settled_with_an_entry(&ways[i]);
    flowsplit("set m4 canary=99.9%%");
    flowsplit("set m6 canary=99.9%%");
    for (size_t i = 0; i < WAYS; i++) {
        new_flows(&ways[i]);
        old_flows(&ways[i]);
        answers(&ways[i]);
        recycled(&ways[i]);
    }
    flowsplit("set m4 canary=0.01%%");
    flowsplit("set m6 canary=0.01%%");
    for (size_t i = 0; i < WAYS; i++)
        after_the_way_back(&ways[i]);
    flowsplit("set m4 canary=0%%");
    flowsplit("set m6 canary=0%%");
    for (size_t i = 0; i < WAYS; i++)
        after_withdrawal(&ways[i]);
    flowsplit_apply(replaced);
    for (size_t i = 0; i < WAYS; i++)
        after_replacement(&ways[i]);
    return tests_done();
}
