// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looks through the flow tables, a part at a time. */
#include "sweep.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "rest.h"

/* A service's entries are counted by a part of a table that is too large to be counted. */
#define SAMPLE 16384

struct sweeper {
    struct model *model;
    const struct fs_hash_key *key;
    struct fs_sweep *sweep;
    uint32_t now;
    struct sweep_result *result;
};

static bool is_past(const struct sweeper *sweeper, uint32_t since, uint32_t ticks)
{
    return !fs_before(sweeper->now, since, ticks);
}

/* Is the entry's flow over, as far as its entry tells? */
static bool flow_is_over(const struct sweeper *sweeper, enum flow_map map,
                         const struct fs_flow *flow)
{
    uint32_t fins = FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN;

    if (map == FLOW_MAP_UDP)
        return is_past(sweeper, flow->seen, FS_ANSWER_UDP_TICKS);
    if (map == FLOW_MAP_UNPROVEN)
        return is_past(sweeper, flow->seen, FS_UNPROVEN_TICKS);
    if ((flow->flags & fins) == fins || flow->flags & (FS_FLOW_CLIENT_RST | FS_FLOW_BACKEND_RST))
        return is_past(sweeper, flow->seen, FS_CLOSED_TICKS);
    if (flow->flags & FS_FLOW_CLIENT_FIN)
        return is_past(sweeper, flow->seen, FS_HALF_CLOSED_TICKS);
    return is_past(sweeper, flow->seen, FS_IDLE_TCP_TICKS);
}

static const struct fs_backend *backend_by_id(const struct model *model, uint32_t id)
{
    uint32_t number = id & FS_SLOT_BACKEND;
    const struct fs_backend *backend = &model->backends[number];

    if (number >= model->backend_count || backend->id != id || !(backend->flags & FS_BACKEND_USED))
        return NULL;
    return backend;
}

/* As the data path has it: the backend is on record, and its version's live flows aren't cut. */
static bool leads_anywhere(const struct sweeper *sweeper, const struct fs_flow *flow)
{
    const struct fs_backend *backend = backend_by_id(sweeper->model, flow->backend);

    return backend &&
           !fs_is_cut(fs_trip_of(sweeper->model->trips,
                                 model_table(sweeper->model, backend->service), backend->version),
                      sweeper->now);
}

static int service_by_id(const struct model *model, uint32_t id)
{
    for (uint32_t i = 0; i < model->service_count; i++)
        if (model->services[i].record.id == id)
            return (int)i;
    return -1;
}

/* Notes that a flow is elsewhere than the hash says: in the tables, since all entries may not be
 * seen before other commands have changed these. What was marked keeps its mark then. */
static void mark(struct sweeper *sweeper, uint32_t service, const struct fs_place *place)
{
    struct fs_table *table = model_table(sweeper->model, service);
    const struct fs_pool *pool = &table->pool[place->version];
    struct fs_slot_move *slots = fs_at(struct fs_slot_move, sweeper->model->arena,
                                       table->versions[place->version].slot_moves);

    table->moves[place->bucket].swept = (uint8_t)sweeper->sweep->number;
    if (pool->slot_count)
        slots[place->slot].swept = (uint8_t)sweeper->sweep->number;
}

/* An entry of a service's flow. Returns true if it is to be dropped. */
static bool visit_flow(struct sweeper *sweeper, uint32_t service, const struct fs_flow_key *key,
                       const struct fs_flow *flow)
{
    const struct fs_service *record = &sweeper->model->services[service].record;
    const struct fs_table *table = model_table(sweeper->model, service);
    uint64_t hash = fs_hash_client(sweeper->key, record->salt, key->addr, key->port_be,
                                   record->vip.family, record->affinity);
    struct fs_place place =
        fs_place_current(sweeper->model->arena, sweeper->model->trips, table, hash);
    struct fs_former former;
    bool agrees = place.backend == (flow->backend & FS_SLOT_BACKEND);

    if (record->vip.proto != IPPROTO_UDP) {
        fs_place_former(sweeper->model->arena, sweeper->model->trips, table, hash, sweeper->now,
                        SETTLE_TICKS, &former);
        if (!former.recording && (agrees || !place.unsettled))
            return true;
    }
    if (!agrees)
        mark(sweeper, service, &place);
    return false;
}

static bool visit(void *context, enum flow_map map, const struct fs_flow_key *key,
                  const struct fs_flow *flow)
{
    struct sweeper *sweeper = context;
    bool direct = key->scope & FS_SCOPE_DIRECT;
    int service = direct ? -1 : service_by_id(sweeper->model, key->scope);

    if (!leads_anywhere(sweeper, flow) || flow_is_over(sweeper, map, flow))
        return true;
    if (direct)
        return false;
    if (service < 0)
        return true;
    if (sweeper->model->services[service].record.vip.proto == IPPROTO_UDP &&
        is_past(sweeper, flow->seen, FS_IDLE_UDP_TICKS))
        return false; /* what comes next begins a new flow; the backend may still answer */
    if (visit_flow(sweeper, (uint32_t)service, key, flow))
        return true;
    sweeper->result->entries[service]++;
    sweeper->sweep->backends[flow->backend & FS_SLOT_BACKEND] = (uint8_t)sweeper->sweep->number;
    return false;
}

static void begin(struct fs_sweep *sweep, uint32_t now)
{
    sweep->number = sweep->number % UINT8_MAX + 1;
    sweep->began = now;
    sweep->table = 0;
    sweep->position = 0;
    sweep->under_way = true;
}

/* Returns 1 if all tables have been looked through, 0 if not yet, or -errno. Who is killed has
 * looked through a batch in vain. */
static int go_on(struct sweeper *sweeper, const struct maps *maps, uint64_t *budget)
{
    struct fs_sweep *sweep = sweeper->sweep;

    while (sweep->table < FLOW_MAP_COUNT) {
        int code = maps_visit_flows(maps, (enum flow_map)sweep->table, &sweep->position, budget,
                                    visit, sweeper);

        if (code < 1)
            return code;
        sweep->position = 0;
        sweep->table++;
    }
    return 1;
}

int sweep(struct model *model, const struct maps *maps, struct fs_sweep *state, uint32_t now,
          uint64_t *budget, struct sweep_result *result, struct error *err)
{
    struct sweeper sweeper = {
        .model = model,
        .key = &fs_at(struct fs_root, model->arena, 0)->key,
        .sweep = state,
        .now = now,
        .result = result,
    };
    bool began = !state->under_way;
    int code;

    memset(result, 0, sizeof(*result));
    if (began)
        begin(state, now);
    code = go_on(&sweeper, maps, budget);
    if (code == 1) {
        result->end = began ? SWEEP_ALL : SWEEP_REST;
        code = rest(model, maps, state);
        state->under_way = false;
    }
    return code ? error_set(err, code, "can't read the flow tables: %s", strerror(-code)) : 0;
}

static bool count(void *context, enum flow_map map, const struct fs_flow_key *key,
                  const struct fs_flow *flow)
{
    struct sweeper *sweeper = context;
    int service = key->scope & FS_SCOPE_DIRECT ? -1 : service_by_id(sweeper->model, key->scope);

    (void)map;
    (void)flow;
    if (service >= 0)
        sweeper->result->entries[service]++;
    return false;
}

/* The entries of one table. They are spread evenly over it, being hashed. */
static int count_table(struct model *model, const struct maps *maps, enum flow_map map,
                       struct sweep_result *result)
{
    struct sweep_result part = {0};
    struct sweeper sweeper = {.model = model, .result = &part};
    uint32_t position = 0, end = maps_flows_end(maps, map);
    uint64_t budget = SAMPLE;
    int code = maps_visit_flows(maps, map, &position, &budget, count, &sweeper);

    for (uint32_t i = 0; i < model->service_count; i++)
        result->entries[i] +=
            code || !position ? part.entries[i] : part.entries[i] * end / position;
    return code < 0 ? code : 0;
}

int sweep_count(struct model *model, const struct maps *maps, struct sweep_result *result,
                struct error *err)
{
    int code = 0;

    memset(result, 0, sizeof(*result));
    for (int map = 0; map < FLOW_MAP_COUNT && !code; map++)
        code = count_table(model, maps, (enum flow_map)map, result);
    return code ? error_set(err, code, "can't read the flow tables: %s", strerror(-code)) : 0;
}
