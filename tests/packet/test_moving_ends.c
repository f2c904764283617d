// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Buckets that have just moved: how entries end, and which of several backends a flow is with. */
#include "host.h"
#include "moving.h"
#include "tap.h"

/* The ends of flows, and what only looks like one. */
static void ends(struct moving_way *way)
{
    const struct path *path = &way->path;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "a RST of an unknown flow goes to the previous owner and leaves no entry");
    moving_client(way, client);
    packet_goes_counted(path, client, RST, way->stable, -1);
    packet_goes_counted(path, client, RST | ACK, way->stable, -1);
    check(!on_record(client, &flow), "it has an entry");
    test_end();

    path_test(path, "a RST ends a flow with the number that its backend awaits, and with no other");
    packet_answered(path, client, way->stable, ACK);
    packet_goes(path, client, RST | FAR, way->stable);
    packet_goes(path, client, RST, way->stable);
    check_flags(client, 0, "after forged RSTs");
    packet_goes(path, client, RST | AWAITED, way->stable);
    check_flags(client, FS_FLOW_CLIENT_RST, "after the client's RST");
    test_end();

    path_test(path, "a client's FIN counts when the backend acknowledges it");
    moving_client(way, client);
    packet_answered(path, client, way->stable, ACK);
    packet_goes(path, client, FIN | ACK, way->stable);
    packet_answered(path, client, way->stable, FIN | ACK);
    check_flags(client, FS_FLOW_FIN_NOTED | FS_FLOW_BACKEND_FIN, "of a half-closed flow");
    packet_answered(path, client, way->stable, ACK | ACKS_FIN);
    check_flags(client, FS_FLOW_FIN_NOTED | FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN,
                "after both FINs");
    packet_goes(path, client, ACK, way->stable);
    test_end();

    path_test(path, "a connection with the same ends that is answered and acknowledged is another");
    packet_goes(path, client, SYN | FAR, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK | FAR);
    packet_goes(path, client, ACK | FAR, way->canary);
    packet_goes(path, client, ACK | PSH | FAR, way->canary);
    check_flags(client, 0, "of the new flow");
    test_end();
}

/* Who answers. */
static void answers(const struct moving_way *way)
{
    const struct path *path = &way->path;
    char client[END_TEXT];

    path_test(path, "of two backends that answer it is the one whose answer is acknowledged");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->stable, SYN | ACK);
    packet_answered(path, client, way->canary, SYN | ACK | FAR);
    packet_goes(path, client, ACK | FAR, way->canary);
    packet_goes(path, client, ACK | PSH | FAR, way->canary);
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_answered(path, client, way->stable, SYN | ACK | FAR);
    packet_goes(path, client, ACK | FAR, way->stable);
    packet_goes(path, client, ACK | PSH | FAR, way->stable);
    test_end();

    path_test(path, "nor does it matter that the former owner has half a connection");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_answered(path, client, way->stable, ACK); /* what it says to a forged packet */
    packet_goes(path, client, ACK, way->canary);
    packet_goes(path, client, ACK | PSH, way->canary);
    test_end();

    path_test(path, "not even where the client's first packets are lost");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_answered(path, client, way->canary, SYN | ACK);
    packet_answered(path, client, way->stable, ACK);
    packet_goes(path, client, ACK | FAR, way->stable);
    packet_held(path, client, way->stable, RST);
    packet_goes(path, client, ACK | PSH | FAR, way->canary);
    test_end();

    path_test(path,
              "where an answer's record is lost, the former owner's RST leads to the new one");
    packet_goes(path, moving_client(way, client), SYN, way->canary);
    packet_goes(path, client, ACK, way->stable);
    packet_held(path, client, way->stable, RST);
    packet_goes(path, client, ACK | PSH, way->canary);
    packet_answered(path, client, way->canary, ACK);
    packet_goes_counted(path, client, ACK | PSH, way->canary, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();

    path_test(path, "if that one knows nothing of it, the former owner is asked once more");
    packet_goes(path, moving_client(way, client), ACK, way->stable);
    packet_held(path, client, way->stable, RST);
    packet_goes(path, client, ACK, way->canary);
    packet_held(path, client, way->canary, RST);
    packet_goes(path, client, ACK, way->stable);
    packet_answered(path, client, way->stable, RST);
    packet_answered(path, client, way->canary, RST);
    packet_goes(path, client, ACK | PSH, way->stable);
    packet_answered(path, client, way->stable, ACK);
    packet_goes_counted(path, client, ACK | PSH, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();
}

/* Entries whose backend's number has been given to another since. */
static void recycled(const struct moving_way *way)
{
    const struct path *path = &way->path;
    struct fs_flow_key key;
    struct fs_flow flow;
    char client[END_TEXT];

    path_test(path, "an entry of a recycled backend's number is not followed, but replaced");
    connect_to(path, moving_client(way, client), way->canary);
    table_find(FLOWS, client, &key, &flow);
    flow.backend ^= 1u << 16; /* the generation */
    table_put(FLOWS, &key, &flow);
    packet_goes_counted(path, client, ACK | FAR, way->stable, -1);
    packet_answered(path, client, way->stable, ACK);
    packet_goes_counted(path, client, ACK | FAR, way->stable, FS_REASON_FLOW_FOLLOWED, -1);
    test_end();
}

int main(void)
{
    host_start(moving_services);
    flowsplit("set m4 canary=99.9%%");
    flowsplit("set m6 canary=99.9%%");
    for (size_t i = 0; i < MOVING_WAYS; i++) {
        ends(&moving_ways[i]);
        answers(&moving_ways[i]);
        recycled(&moving_ways[i]);
    }
    return tests_done();
}
