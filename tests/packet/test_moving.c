// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buckets that have just moved: who goes where, and what is written down about it. */
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#include <flowsplit/arena.h>

#include "host.h"
#include "moving.h"
#include "tap.h"

static void settled(const struct moving_way *way)
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
static void settled_with_an_entry(const struct moving_way *way)
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
    table_put(UNPROVEN, &key, &flow);
    packet_goes_counted(&way->path, text, SYN, way->stable, -1);
    packet_goes_counted(&way->path, text, ACK, way->stable, -1);
    test_end();
    tables_clear();
    munmap(root, FS_ARENA_BYTES);
}

static void check_no_entry(const char *client)
{
    struct fs_flow_key key;
    struct fs_flow flow;

    for (enum table table = 0; table < TABLE_COUNT; table++)
        check(!table_find(table, client, &key, &flow), "%s has an entry in %s", client,
              table_names[table]);
}

/* New flows in a bucket that moves. */
static void new_flows(struct moving_way *way)
{
    const struct path *path = &way->path;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a SYN in a moving bucket goes to the new owner, and leaves nothing behind");
    moving_client(way, client);
    packet_goes_counted(path, client, SYN, way->canary, -1);
    packet_goes_counted(path, client, SYN, way->canary, -1);
    check_no_entry(client);
    test_end();

    path_test(path, "nor does its answer, and a RST from the client makes no flow of it");
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_goes_counted(path, client, RST | ACK | AWAITED, way->canary, -1);
    check_no_entry(client);
    test_end();

    path_test(path, "the packet that acknowledges the answer makes a flow, and the rest follows");
    packet_goes_counted(path, client, ACK, way->canary, FS_REASON_FLOW_RECORDED, -1);
    check(on_record(client, &flow), "it has no entry");
    packet_goes_counted(path, client, ACK | PSH, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();
    strcpy(way->clients.connected, client);

    path_test(path, "one that acknowledges another number makes none");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_goes_counted(path, client, ACK | FAR, way->stable, -1);
    check(!on_record(client, &flow), "it has an entry");
    test_end();

    packet_goes(path, moving_client(way, way->clients.syn_only), SYN, way->canary);
    packet_goes(path, moving_client(way, way->clients.synned), SYN, way->canary);
    packet_answered(path, way->clients.synned, way->canary, SYN | ACK);
}

/* A flow that is older than the change, and what others do in its name. */
static void old_flow(struct moving_way *way)
{
    const struct path *path = &way->path;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a flow older than the change stays with the previous owner");
    moving_client(way, client);
    packet_goes_counted(path, client, ACK, way->stable, -1);
    check(!on_record(client, &flow), "a packet in a client's name wrote it down");
    test_end();

    path_test(path, "its backend's packet writes it down");
    packet_answered(path, client, way->stable, ACK | PSH);
    packet_goes_counted(path, client, ACK | PSH, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();
    strcpy(way->clients.old, client);

    path_test(path, "a forged SYN doesn't move a live flow, nor does the answer to it");
    packet_goes(path, client, SYN | FAR, way->canary);
    packet_goes(path, client, ACK, way->stable);
    packet_answered(path, client, way->canary, SYN | ACK | FAR);
    packet_goes_counted(path, client, ACK | PSH, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a forged SYN doesn't move one that has been silent since the change");
    moving_client(way, client);
    packet_goes(path, client, SYN | FAR, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK | FAR);
    packet_goes(path, client, ACK | PSH, way->stable);
    test_end();

    path_test(path, "a backend's late answer doesn't move one either");
    connect_to(path, moving_client(way, client), way->canary);
    packet_answered(path, client, way->stable, SYN | ACK | FAR);
    packet_answered(path, client, way->stable, RST);
    packet_answered(path, client, way->stable, ACK | PSH);
    packet_goes(path, client, ACK | PSH, way->canary);
    test_end();
}

static void after_the_way_back(const struct moving_way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "a SYN repeated across a weight change is with who answers");
    packet_goes_counted(path, way->clients.syn_only, SYN, way->stable, -1);
    packet_answered(path, way->clients.syn_only, way->canary, SYN | ACK);
    packet_goes(path, way->clients.syn_only, ACK, way->canary);
    test_end();

    path_test(path, "a first ACK after another weight change follows the answer");
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

static void after_withdrawal(const struct moving_way *way)
{
    const struct path *path = &way->path;

    path_test(path, "a live flow of a version that takes no more flows lives on");
    packet_goes(path, way->clients.connected, ACK, way->canary);
    packet_goes(path, way->clients.connected, SYN | FAR, way->stable); /* forged */
    packet_goes(path, way->clients.connected, ACK, way->canary);
    packet_goes(path, way->clients.connected, ACK | PSH, way->canary);
    test_end();

    path_test(path, "a connection begun anew over an old entry is known by what it acknowledges");
    packet_goes(path, way->clients.connected, SYN | FAR, way->stable);
    packet_answered(path, way->clients.connected, way->stable, SYN | ACK | FAR);
    packet_goes(path, way->clients.connected, ACK | FAR, way->stable);
    packet_goes(path, way->clients.connected, ACK | PSH | FAR, way->stable);
    test_end();
}

static void after_replacement(const struct moving_way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "a live flow of a backend that has left the pool lives on");
    packet_goes(path, way->clients.old, ACK, way->stable);
    packet_answered(path, way->clients.old, way->stable, ACK);
    test_end();

    path_test(path, "a flow that no one knows stays with the backend that has left the pool");
    packet_goes(path, path_client(path, client), ACK, way->stable);
    packet_answered(path, client, way->stable, ACK);
    packet_goes_counted(path, client, ACK, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "a SYN doesn't follow an entry of a backend that is gone");
    packet_goes(path, way->clients.syn_only, SYN, way->new_stable);
    packet_goes(path, path_client(path, client), SYN, way->new_stable);
    test_end();
}

int main(void)
{
    host_start(moving_services);
    for (size_t i = 0; i < MOVING_WAYS; i++)
        settled(&moving_ways[i]);
    for (size_t i = 0; i < MOVING_WAYS; i++)
        settled_with_an_entry(&moving_ways[i]);
    flowsplit("set m4 canary=99.9%%");
    flowsplit("set m6 canary=99.9%%");
    for (size_t i = 0; i < MOVING_WAYS; i++) {
        new_flows(&moving_ways[i]);
        old_flow(&moving_ways[i]);
    }
    flowsplit("set m4 canary=0.01%%");
    flowsplit("set m6 canary=0.01%%");
    for (size_t i = 0; i < MOVING_WAYS; i++)
        after_the_way_back(&moving_ways[i]);
    flowsplit("set m4 canary=0%%");
    flowsplit("set m6 canary=0%%");
    for (size_t i = 0; i < MOVING_WAYS; i++)
        after_withdrawal(&moving_ways[i]);
    flowsplit_apply(moving_replaced);
    for (size_t i = 0; i < MOVING_WAYS; i++)
        after_replacement(&moving_ways[i]);
    return tests_done();
}
