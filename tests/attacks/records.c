// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who may be on record. */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "data_path.h"
#include "host.h"
#include "pinned.h"
#include "promise.h"
#include "tap.h"

/* A set of ends: open addressing, at most half full. */
static struct end *set;
static size_t cells, used;
static int flows;

void records_open(void)
{
    flows = pinned_open(host_pin_dir(), "maps", table_names[FLOWS]);
    records_begin();
}

void records_begin(void)
{
    free(set);
    cells = 1 << 14;
    used = 0;
    set = calloc(cells, sizeof(*set));
}

/* Where it is, or would be. */
static struct end *cell_of(const struct end *client)
{
    uint64_t hash = client->port;

    for (int i = 0; i < 16; i++)
        hash = hash * 0x100000001b3 + client->addr[i];
    for (size_t i = hash * 0x9e3779b97f4a7c15 >> 40;; i++) {
        struct end *cell = &set[i % cells];

        if (!cell->family || (cell->port == client->port && !memcmp(cell->addr, client->addr, 16)))
            return cell;
    }
}

static void grow(void)
{
    struct end *old = set;
    size_t count = cells;

    cells *= 2;
    set = calloc(cells, sizeof(*set));
    if (!set)
        give_up("no memory for %zu ends", cells);
    for (size_t i = 0; i < count; i++)
        if (old[i].family)
            *cell_of(&old[i]) = old[i];
    free(old);
}

void records_confirm(const struct end *client)
{
    struct end *cell = cell_of(client);

    if (cell->family)
        return;
    *cell = *client;
    if (++used > cells / 2)
        grow();
}

void records_check(void)
{
    struct fs_flow_key key, *from = NULL;
    unsigned count = 0, strangers = 0;
    struct end client, example = {0};
    char text[END_TEXT];

    for (; !bpf_map_get_next_key(flows, from, &key); from = &key) {
        memset(&client, 0, sizeof(client));
        client.port = __builtin_bswap16(key.port_be);
        memcpy(client.addr, key.addr, 16);
        client.family = key.addr[1] || key.addr[2] || key.addr[3] ? 6 : 4;
        count++;
        if (cell_of(&client)->family)
            continue;
        strangers++;
        example = client;
    }
    trace("%u flows are on record", count);
    if (strangers)
        promise_broken(RECORDS_ARE_CONFIRMED, "%u of %u flows on record are nobody's, as %s",
                       strangers, count, end_text(&example, text));
}
