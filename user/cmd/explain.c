// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit explain`. */
#include <errno.h>
#include <string.h>

#include <flowsplit/steer.h>

#include "clock.h"
#include "command.h"
#include "parse.h"
#include "terminal.h"

/* A client of a service, and what becomes of its packets. */
struct explanation {
    const char *service;
    struct fs_endpoint client;
    bool has_port;
    const struct fs_table *table;
    const struct fs_backend *backends;
    struct fs_place place;
    struct fs_former former; /* as of now, without margin */
    bool bucket_moving;
    bool bucket_tracked;
    bool on_record;
    uint32_t version, backend; /* where its packets go, or a new flow would */
};

static const struct fs_backend *live_backend(const struct fs_directory *dir, void *arena,
                                             uint32_t id)
{
    uint32_t number = id & FS_SLOT_BACKEND;
    const struct fs_backend *backend = fs_at(struct fs_backend, arena, dir->backends) + number;

    if (number >= dir->backend_count || backend->id != id || !(backend->flags & FS_BACKEND_USED))
        return NULL;
    return backend;
}

/* Asks the flow table, where the data path would. */
static void ask_flows(const struct instance *instance, const struct fs_directory *dir,
                      const struct fs_service *service, struct explanation *ex)
{
    struct fs_flow_key key = {.port_be = ex->client.port_be, .scope = service->id};
    const struct fs_backend *backend;
    struct fs_flow flow;
    bool asks =
        service->affinity != FS_AFFINITY_NONE && (ex->place.unsettled || service->vip.proto == 17);

    memcpy(key.addr, ex->client.addr, sizeof(key.addr));
    if (!asks || !ex->has_port || !maps_find_flow(&instance->maps, service->vip.proto, &key, &flow))
        return;
    if (service->vip.proto == 17 && !fs_before(clock_tick_now(), flow.seen, FS_IDLE_UDP_TICKS))
        return;
    backend = live_backend(dir, instance->arena, flow.backend);
    if (!backend ||
        fs_is_cut(fs_trip_of(instance->trips, ex->table, backend->version), clock_tick_now()))
        return;
    ex->on_record = true;
    ex->version = backend->version;
    ex->backend = flow.backend & FS_SLOT_BACKEND;
}

static void explain(const struct instance *instance, const struct fs_directory *dir,
                    const struct fs_service *service, struct explanation *ex)
{
    void *arena = instance->arena;
    uint32_t now = clock_tick_now();
    struct fs_owned owned;
    uint64_t hash;

    ex->table = fs_at(struct fs_table, arena, service->table);
    ex->backends = fs_at(struct fs_backend, arena, dir->backends);
    hash = fs_hash_client(&fs_at(struct fs_root, arena, 0)->key, service->salt, ex->client.addr,
                          ex->client.port_be, ex->client.family, service->affinity);
    ex->place = fs_place_current(arena, instance->trips, ex->table, hash);
    fs_place_former(arena, instance->trips, ex->table, hash, now, 0, &ex->former);
    owned = fs_bucket_owned(instance->trips, ex->table, ex->place.bucket, now, 0);
    ex->bucket_moving = owned.moving;
    ex->bucket_tracked = owned.unsettled && !owned.moving;
    ex->version = ex->place.version;
    ex->backend = ex->place.backend;
    ask_flows(instance, dir, service, ex);
}

static const char *version_name(const struct explanation *ex, uint32_t version)
{
    return ex->table->versions[version & FS_OWNER_VERSION].name;
}

static const char *backend_text(const struct explanation *ex, uint32_t backend, char *buf)
{
    return backend == FS_NO_BACKEND ? NULL : format_endpoint(&ex->backends[backend].at, buf);
}

static void why(const struct explanation *ex, char *buf, size_t size)
{
    char text[FORMAT_ENDPOINT_MAX];
    const char *former = backend_text(ex, ex->former.backend, text);

    if (ex->on_record)
        snprintf(buf, size, "the flow is on record, and stays with the backend it has");
    else if (ex->bucket_moving)
        snprintf(buf, size,
                 "the bucket is moving: a new flow goes to %s; one that is older than the change "
                 "goes on to %s at %s",
                 version_name(ex, ex->place.version), version_name(ex, ex->former.version),
                 former ? former : "no backend");
    else if (ex->former.recording)
        snprintf(buf, size,
                 "the slot is moving: a new flow goes to its new backend; one that is older than "
                 "the change goes on to %s",
                 former ? former : "no backend");
    else if (ex->place.unsettled)
        snprintf(buf, size, "tracked, and the flow is not on record: the current owner decides");
    else
        snprintf(buf, size, "settled: the hash alone decides");
}

static const char *client_text(const struct explanation *ex, char *buf)
{
    char *end;

    format_endpoint(&ex->client, buf);
    if (ex->has_port)
        return buf;
    end = strrchr(buf, ':');
    *end = '\0';
    if (ex->client.family == 6) { /* "[2001:db8::1]" */
        buf[strlen(buf) - 1] = '\0';
        return buf + 1;
    }
    return buf;
}

static void print_json(const struct explanation *ex)
{
    char client[FORMAT_ENDPOINT_MAX], backend[FORMAT_ENDPOINT_MAX], former[FORMAT_ENDPOINT_MAX];
    char reason[400];

    why(ex, reason, sizeof(reason));
    terminal_print_json(json_pack(
        "{s:s, s:s, s:i, s:b, s:b, s:s, s:s?, s:s?, s:i, s:b, s:s?, s:s}", "service", ex->service,
        "source", client_text(ex, client), "bucket", (int)ex->place.bucket, "moving",
        ex->bucket_moving, "tracked", ex->bucket_tracked, "version", version_name(ex, ex->version),
        "previous_version", ex->bucket_moving ? version_name(ex, ex->former.version) : NULL,
        "backend", backend_text(ex, ex->backend, backend), "slot", (int)ex->place.slot, "on_record",
        ex->on_record, "previous_backend",
        ex->former.recording ? backend_text(ex, ex->former.backend, former) : NULL, "why", reason));
}

static void print_text(const struct explanation *ex)
{
    char client[FORMAT_ENDPOINT_MAX], backend[FORMAT_ENDPOINT_MAX], reason[400];
    const char *to = backend_text(ex, ex->backend, backend);

    why(ex, reason, sizeof(reason));
    printf("%s -> %s\n", client_text(ex, client), ex->service);
    printf("  bucket   %u of %d%s\n", ex->place.bucket, FS_BUCKETS,
           ex->bucket_moving    ? ", moving"
           : ex->bucket_tracked ? ", tracked"
                                : "");
    printf("  version  %s\n", version_name(ex, ex->version));
    printf("  backend  %s (slot %u)\n", to ? to : "none", ex->place.slot);
    printf("  because  %s\n", reason);
}

static int check_client(const struct fs_service *service, const struct explanation *ex,
                        struct error *err)
{
    if (ex->client.family != service->vip.family)
        return error_set(err, -EINVAL, "service %s has an IPv%d address, the client an IPv%d one",
                         ex->service, service->vip.family, ex->client.family);
    if (!ex->has_port && service->affinity != FS_AFFINITY_SOURCE)
        return error_set(err, -EINVAL,
                         "service %s hashes the client's port, too: give ADDRESS:PORT",
                         ex->service);
    return 0;
}

static int find_and_explain(const struct instance *instance, struct explanation *ex,
                            struct error *err)
{
    struct fs_directory *dir = fs_at(struct fs_directory, instance->arena,
                                     fs_at(struct fs_root, instance->arena, 0)->directory);
    const struct fs_service *services = fs_at(struct fs_service, instance->arena, dir->services);

    for (uint32_t i = 0; i < dir->service_count; i++) {
        const struct fs_table *table = fs_at(struct fs_table, instance->arena, services[i].table);
        int code;

        if (strcmp(table->name, ex->service) != 0)
            continue;
        code = check_client(&services[i], ex, err);
        if (!code)
            explain(instance, dir, &services[i], ex);
        return code;
    }
    return error_set(err, -ENOENT, "no service \"%.64s\"; `flowsplit status` lists those there are",
                     ex->service);
}

static int run(const struct options *options, int argc, char **argv)
{
    struct explanation ex = {.service = argv[0]};
    struct instance instance;
    struct error err;
    int code;

    (void)argc;
    if (parse_client(argv[1], &ex.client, &ex.has_port, &err))
        return command_misused(&command_explain, "%s", err.text);
    code = instance_open(&instance, options->pin_dir, INSTANCE_READ, &err);
    if (code)
        return command_failed(&err);
    code = find_and_explain(&instance, &ex, &err);
    if (!code && options->json)
        print_json(&ex);
    else if (!code)
        print_text(&ex);
    instance_close(&instance);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_explain = {
    .name = "explain",
    .usage = "SERVICE ADDRESS[:PORT] [--json]",
    .summary = "Says where a client's packets go, and why",
    .help =
        "The same code decides as in the data path, and the flow table is asked, too. The port\n"
        "is needed unless the service's affinity is source.\n\n"
        "  flowsplit explain web 192.0.2.7:40000\n"
        "  flowsplit explain web6 [2001:db8::7]:40000\n",
    .options = OPTION_JSON,
    .args_min = 2,
    .args_max = 2,
    .run = run,
};
