// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit conns`. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "command.h"
#include "parse.h"
#include "sockets.h"
#include "terminal.h"

/* An instance being listed, and what of it is wanted. */
struct listing {
    const struct options *options;
    const char *service; /* NULL: all */
    struct instance instance;
    struct model *model;
    json_t *connections, *flows;
};

/* The version that a backend's id belongs to, or NULL if it isn't on record or isn't wanted. */
static const struct fs_version *wanted_version(const struct listing *listing, uint32_t id,
                                               const struct fs_table **table)
{
    uint32_t number = id & FS_SLOT_BACKEND;
    const struct fs_backend *backend = &listing->model->backends[number];
    const struct fs_version *version;

    if (number >= listing->model->backend_count || backend->id != id ||
        !(backend->flags & FS_BACKEND_USED))
        return NULL;
    *table = fs_at(struct fs_table, listing->instance.arena,
                   listing->model->services[backend->service].record.table);
    version = &(*table)->versions[backend->version];
    if ((listing->service && strcmp((*table)->name, listing->service) != 0) ||
        (listing->options->version && strcmp(version->name, listing->options->version) != 0))
        return NULL;
    return version;
}

static bool is_wanted_state(const struct listing *listing, const char *state)
{
    return !listing->options->state || strcasecmp(listing->options->state, state) == 0;
}

/* At the very moment: what is listed goes on living. Null if it isn't known since when. */
static json_t *seconds_since(uint64_t ns)
{
    return ns ? json_real((double)(clock_now_ns() - ns) / 1e9) : json_null();
}

static void add_connection(void *context, const struct fs_connection *connection)
{
    struct listing *listing = context;
    const struct fs_socket *socket = &connection->socket;
    const struct fs_connection_now *now = &connection->now;
    const char *state = sockets_state_name(socket->state);
    char client[FORMAT_ENDPOINT_MAX], backend[FORMAT_ENDPOINT_MAX];
    const struct fs_table *table;
    const struct fs_version *version = wanted_version(listing, socket->backend, &table);

    if (!version || !is_wanted_state(listing, state))
        return;
    json_array_append_new(
        listing->connections,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "service",
                  table->name, "version", version->name, "backend",
                  format_endpoint(&now->local, backend), "client",
                  format_endpoint(&now->client, client), "state", state, "age_seconds",
                  seconds_since(socket->born_ns), "state_seconds", seconds_since(socket->state_ns),
                  "bytes_in", (json_int_t)now->bytes_in, "bytes_out", (json_int_t)now->bytes_out,
                  "rtt_us", (json_int_t)now->rtt_us, "segments", (json_int_t)now->segments,
                  "retransmits", (json_int_t)now->retransmits));
}

static const char *flow_state(enum flow_map map, uint8_t proto, const struct fs_flow *flow)
{
    if (proto == IPPROTO_UDP)
        return "UDP";
    if (map == FLOW_MAP_UNPROVEN)
        return "HALF_OPEN";
    return flow->flags & (FS_FLOW_CLIENT_FIN | FS_FLOW_BACKEND_FIN | FS_FLOW_CLIENT_RST |
                          FS_FLOW_BACKEND_RST)
               ? "CLOSING"
               : "OPEN";
}

static bool add_flow(void *context, enum flow_map map, const struct fs_flow_key *key,
                     const struct fs_flow *flow)
{
    struct listing *listing = context;
    const struct fs_backend *at = &listing->model->backends[flow->backend & FS_SLOT_BACKEND];
    const char *state = flow_state(map, at->at.proto, flow);
    char client[FORMAT_ENDPOINT_MAX], backend[FORMAT_ENDPOINT_MAX];
    struct fs_endpoint source = {.port_be = key->port_be};
    const struct fs_table *table;
    const struct fs_version *version = wanted_version(listing, flow->backend, &table);

    if (!version || !is_wanted_state(listing, state))
        return false;
    memcpy(source.addr, key->addr, sizeof(source.addr));
    source.proto = at->at.proto;
    source.family = at->at.family;
    json_array_append_new(
        listing->flows,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:b}", "service", table->name, "version",
                  version->name, "backend", format_endpoint(&at->at, backend), "client",
                  format_endpoint(&source, client), "state", state, "idle_seconds",
                  (double)(int32_t)(clock_tick_now() - flow->seen) * FS_TICK_NS / 1e9, "direct",
                  (key->scope & FS_SCOPE_DIRECT) != 0));
    return false;
}

/* Every word that --state takes. */
static const char *const flow_states[] = {"OPEN", "CLOSING", "HALF_OPEN", "UDP"};

static bool is_state(const char *word)
{
    for (size_t i = 0; i < sizeof(flow_states) / sizeof(flow_states[0]); i++)
        if (strcasecmp(word, flow_states[i]) == 0)
            return true;
    for (uint32_t state = 1; state < FS_TCP_STATES; state++)
        if (strcasecmp(word, sockets_state_name(state)) == 0)
            return true;
    return false;
}

/* Does any of the services that are listed have a version of this name? */
static bool is_version(const struct listing *listing, const char *name)
{
    for (uint32_t i = 0; i < listing->model->service_count; i++) {
        const struct fs_table *table = fs_at(struct fs_table, listing->instance.arena,
                                             listing->model->services[i].record.table);

        if (listing->service && strcmp(table->name, listing->service) != 0)
            continue;
        for (int v = 0; v < FS_VERSION_SLOTS; v++)
            if (table->versions[v].state != FS_VERSION_NONE &&
                strcmp(table->versions[v].name, name) == 0)
                return true;
    }
    return false;
}

static int gather(struct listing *listing, struct error *err)
{
    int code;

    listing->model = model_read(listing->instance.arena, listing->instance.trips, err);
    if (!listing->model)
        return -ENOMEM;
    if (listing->service && model_find(listing->model, listing->service) < 0)
        return error_set(err, -ENOENT,
                         "no service \"%.64s\"; `flowsplit status` lists those there are",
                         listing->service);
    if (listing->options->version && !is_version(listing, listing->options->version))
        return error_set(err, -ENOENT, "no version \"%.64s\"%s%s; `flowsplit status` lists them",
                         listing->options->version, listing->service ? " of service " : "",
                         listing->service ? listing->service : "");
    code = sockets_each(&listing->instance, add_connection, listing);
    if (code)
        return error_set(err, code, "can't list sockets: %s", strerror(-code));
    code = maps_each_flow(&listing->instance.maps, add_flow, listing);
    return code ? error_set(err, code, "can't read the flow tables: %s", strerror(-code)) : 0;
}

static void print_connections(const json_t *list)
{
    const json_t *entry;
    size_t i = 0;

    printf("%-12s %-12s %-22s %-22s %-12s %8s %9s %9s %8s %6s\n", "SERVICE", "VERSION", "BACKEND",
           "CLIENT", "STATE", "AGE", "BYTES IN", "BYTES OUT", "RTT", "RESENT");
    json_array_foreach(list, i, entry)
    {
        const char *service, *version, *backend, *client, *state;
        char age[CLOCK_TEXT_MAX], rtt[CLOCK_TEXT_MAX], in[16], out[16];
        json_int_t bytes_in, bytes_out, rtt_us, resent;
        const json_t *seconds;

        json_unpack((json_t *)entry, "{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I}",
                    "service", &service, "version", &version, "backend", &backend, "client",
                    &client, "state", &state, "age_seconds", &seconds, "bytes_in", &bytes_in,
                    "bytes_out", &bytes_out, "rtt_us", &rtt_us, "retransmits", &resent);
        printf("%-12s %-12s %-22s %-22s %-12s %8s %9s %9s %8s %6" JSON_INTEGER_FORMAT "\n", service,
               version, backend, client, state,
               json_is_null(seconds) ? "?"
                                     : clock_span((uint64_t)(json_real_value(seconds) * 1e9), age),
               terminal_count(in, (double)bytes_in), terminal_count(out, (double)bytes_out),
               clock_span((uint64_t)rtt_us * 1000, rtt), resent);
    }
}

static void print_flows(const json_t *list)
{
    const json_t *entry;
    size_t i = 0;

    if (json_array_size(list))
        printf("\n%-12s %-12s %-22s %-22s %-12s %8s   (held in the flow table)\n", "SERVICE",
               "VERSION", "BACKEND", "CLIENT", "STATE", "IDLE");
    json_array_foreach(list, i, entry)
    {
        const char *service, *version, *backend, *client, *state;
        char idle[CLOCK_TEXT_MAX];
        double seconds;

        json_unpack((json_t *)entry, "{s:s, s:s, s:s, s:s, s:s, s:F}", "service", &service,
                    "version", &version, "backend", &backend, "client", &client, "state", &state,
                    "idle_seconds", &seconds);
        printf("%-12s %-12s %-22s %-22s %-12s %8s\n", service, version, backend, client, state,
               clock_span((uint64_t)(seconds * 1e9), idle));
    }
}

static void show(const struct listing *listing)
{
    if (listing->options->json) {
        terminal_print_json(
            json_pack("{s:O, s:O}", "connections", listing->connections, "flows", listing->flows));
        return;
    }
    print_connections(listing->connections);
    print_flows(listing->flows);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct listing listing = {.options = options, .service = argc ? argv[0] : NULL};
    struct error err;
    int code;

    if (options->state && !is_state(options->state))
        return command_misused(&command_conns,
                               "no state \"%.64s\"; it is one of TCP's (ESTABLISHED, CLOSE_WAIT, "
                               "...), or OPEN, CLOSING, HALF_OPEN or UDP",
                               options->state);
    code = instance_open(&listing.instance, options->pin_dir, INSTANCE_READ, &err);
    if (code)
        return command_failed(&err);
    listing.connections = json_array();
    listing.flows = json_array();
    code = gather(&listing, &err);
    if (!code)
        show(&listing);
    json_decref(listing.connections);
    json_decref(listing.flows);
    model_free(listing.model);
    instance_close(&listing.instance);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_conns = {
    .name = "conns",
    .usage = "[SERVICE] [--version V] [--state S] [--json]",
    .summary = "Lists live TCP connections of local backends, and flows in the flow table",
    .help = "Connections are the sockets of backends on this host, in any network namespace, that\n"
            "were accepted since the backend was declared; without what `status` may list as not\n"
            "observed, all at a backend's address, of unknown age. STATE is TCP's (ESTABLISHED,\n"
            "CLOSE_WAIT, ...); of an entry of the flow table it is OPEN, CLOSING, HALF_OPEN or\n"
            "UDP. --state takes any of these.\n",
    .options = OPTION_JSON | OPTION_FILTER,
    .args_max = 1,
    .run = run,
};
