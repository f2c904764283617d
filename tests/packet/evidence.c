// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the instance under test has observed, judged and done. */
#include "evidence.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <flowsplit/steer.h>

#include "frame.h"
#include "pinned.h"
#include "tap.h"

static struct {
    char *arena;
    const volatile struct fs_health *health; /* [FS_HEALTH_SLOTS] */
    const struct fs_trips *trips;
    const struct fs_event *events; /* [FS_EVENTS] */
    int handshakes, served, samples, program;
} maps;

/* Of an array map; its values are a multiple of 8 bytes. */
static void *map_in(const char *pin_dir, const char *name, size_t bytes)
{
    int fd = pinned_open(pin_dir, "maps", name);
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        give_up("cannot map %s: %s", name, strerror(errno));
    return at;
}

void evidence_open(const char *pin_dir)
{
    maps.arena = map_in(pin_dir, "arena", FS_ARENA_BYTES);
    maps.health = map_in(pin_dir, "health", FS_HEALTH_SLOTS * sizeof(*maps.health));
    maps.trips = map_in(pin_dir, "trips", sizeof(*maps.trips));
    maps.events = map_in(pin_dir, "events", FS_EVENTS * sizeof(*maps.events));
    maps.handshakes = pinned_open(pin_dir, "maps", "handshakes");
    maps.served = pinned_open(pin_dir, "maps", "served");
    maps.samples = pinned_open(pin_dir, "maps", "samples");
    maps.program = pinned_open(pin_dir, "programs", "tc_egress");
}

static const struct fs_root *root(void)
{
    return (const struct fs_root *)maps.arena;
}

static const struct fs_directory *directory(void)
{
    return fs_at(struct fs_directory, maps.arena, *(const volatile fs_ref *)&root()->directory);
}

const struct fs_service *service_named(const char *name)
{
    const struct fs_directory *dir = directory();
    const struct fs_service *service = fs_at(struct fs_service, maps.arena, dir->services);

    for (unsigned i = 0; i < dir->service_count; i++)
        if (!strcmp(fs_at(struct fs_table, maps.arena, service[i].table)->name, name))
            return &service[i];
    give_up("no service %s", name);
}

const struct fs_table *table_named(const char *service)
{
    return fs_at(struct fs_table, maps.arena, service_named(service)->table);
}

unsigned backend_at(const char *endpoint)
{
    const struct fs_directory *dir = directory();
    const struct fs_backend *backend = fs_at(struct fs_backend, maps.arena, dir->backends);
    struct end end = end_of(endpoint);

    for (unsigned i = 0; i < dir->backend_count; i++)
        if (backend[i].flags & FS_BACKEND_USED && backend[i].at.proto == IPPROTO_TCP &&
            backend[i].at.family == end.family && backend[i].at.port_be == htons(end.port) &&
            !memcmp(backend[i].at.addr, end.addr, sizeof(end.addr)))
            return i;
    give_up("no backend %s", endpoint);
}

/* The version's slot in the map `health`. */
static uint32_t health_slot(const char *service, const char *version)
{
    const struct fs_table *table = table_named(service);

    for (unsigned i = 0; i < FS_VERSION_SLOTS; i++)
        if (table->versions[i].state == FS_VERSION_DECLARED &&
            !strcmp(table->versions[i].name, version))
            return table->pool[i].health;
    give_up("no version %s of %s", version, service);
}

const volatile struct fs_health *health_named(const char *service, const char *version)
{
    uint32_t slot = health_slot(service, version);

    if (slot >= FS_HEALTH_SLOTS)
        give_up("version %s of %s is not observed", version, service);
    return &maps.health[slot];
}

struct fs_trip_word trip_word(const char *service, const char *version)
{
    return maps.trips->words[health_slot(service, version)];
}

static void read_addr(const struct end *end, __be32 addr[4])
{
    memcpy(addr, end->addr, sizeof(end->addr));
}

const volatile struct fs_health *health_of_control(const char *service)
{
    uint32_t slot = table_named(service)->control;

    if (slot >= FS_HEALTH_SLOTS)
        give_up("%s has no control", service);
    return &maps.health[slot];
}

static uint64_t client_hash(const struct fs_service *service, const char *client)
{
    struct end end = end_of(client);
    __be32 addr[4];

    read_addr(&end, addr);
    return fs_hash_client(&root()->key, service->salt, addr, htons(end.port), end.family,
                          service->affinity);
}

bool is_in_control(const char *service, const char *client)
{
    uint32_t bucket = fs_hash_bucket(client_hash(service_named(service), client));

    return table_named(service)->owner[bucket] & FS_OWNER_CONTROL;
}

char *hash_leads(const char *name, const char *client, char *text)
{
    struct fs_place place = fs_place_current(maps.arena, maps.trips, table_named(name),
                                             client_hash(service_named(name), client));
    const struct fs_backend *backend;
    struct end end;

    if (place.backend == FS_NO_BACKEND)
        give_up("%s has no backend at %s", client, name);
    backend = fs_at(struct fs_backend, maps.arena, directory()->backends) + place.backend;
    end = (struct end){.family = backend->at.family, .port = ntohs(backend->at.port_be)};
    memcpy(end.addr, backend->at.addr, sizeof(end.addr));
    end_text(&end, text);
    return text;
}

unsigned client_cell(const char *client)
{
    struct end end = end_of(client);
    __be32 addr[4];

    read_addr(&end, addr);
    return fs_hash_source(&root()->key, addr, end.family) % FS_CELLS;
}

bool is_sampled(const char *name, const char *client)
{
    struct end end = end_of(client);
    __be32 addr[4];

    read_addr(&end, addr);
    return fs_hash_sample(&root()->key, addr, htons(end.port), end.family,
                          service_named(name)->sample);
}

static struct fs_flow_key flow_key(const char *service, const char *client)
{
    struct end end = end_of(client);
    struct fs_flow_key key = {.port_be = htons(end.port), .scope = service_named(service)->id};

    read_addr(&end, key.addr);
    return key;
}

/* The set that a client's handshakes are in. Returns the place of this one's, or -1. */
static int read_set(const char *service, const char *client, uint32_t *number,
                    struct fs_handshakes *set)
{
    struct fs_flow_key key = flow_key(service, client);
    uint64_t tag = fs_hash_flow(&root()->key, &key);

    *number = tag >> 32 & (FS_HANDSHAKE_SETS - 1);
    if (bpf_map_lookup_elem(maps.handshakes, number, set))
        give_up("cannot read handshakes: %s", strerror(errno));
    for (int i = 0; i < FS_HANDSHAKE_WAYS; i++)
        if (set->ways[i].tag == tag)
            return i;
    return -1;
}

bool handshake_find(const char *service, const char *client, struct fs_handshake *handshake)
{
    struct fs_handshakes set;
    uint32_t number;
    int place = read_set(service, client, &number, &set);

    if (place >= 0)
        *handshake = set.ways[place];
    return place >= 0;
}

bool handshake_has_room(const char *service, const char *client)
{
    struct fs_handshakes set;
    uint32_t number;

    read_set(service, client, &number, &set);
    for (int i = 0; i < FS_HANDSHAKE_WAYS; i++)
        if (!set.ways[i].tag)
            return true;
    return false;
}

void handshake_age(const char *service, const char *client, uint64_t ns)
{
    struct fs_handshakes set;
    uint32_t number;
    int place = read_set(service, client, &number, &set);

    if (place < 0)
        give_up("no handshake of %s is known", client);
    set.ways[place].first_ns -= ns;
    set.ways[place].last_ns -= ns;
    if (bpf_map_update_elem(maps.handshakes, &number, &set, BPF_ANY))
        give_up("cannot write handshakes: %s", strerror(errno));
}

/* Its place among those that have been served. Returns what it is written down as. */
static uint32_t served_place(const char *name, const char *client, uint32_t *number)
{
    struct end end = end_of(client);
    __be32 addr[4];
    uint64_t hash;

    read_addr(&end, addr);
    hash = fs_hash_client(&root()->key, service_named(name)->salt, addr, 0, end.family,
                          FS_AFFINITY_SOURCE);
    *number = hash & (FS_SERVED - 1);
    return hash >> 32 | 1;
}

bool served_find(const char *service, const char *client)
{
    uint32_t number, tag = served_place(service, client, &number), found;

    if (bpf_map_lookup_elem(maps.served, &number, &found))
        give_up("cannot read served: %s", strerror(errno));
    return found == tag;
}

void served_set(const char *service, const char *client, bool is)
{
    uint32_t number, tag = served_place(service, client, &number);

    if (!is)
        tag = 0;
    if (bpf_map_update_elem(maps.served, &number, &tag, BPF_ANY))
        give_up("cannot write served: %s", strerror(errno));
}

bool sample_find(const char *service, const char *client, struct fs_sample *sample)
{
    struct fs_flow_key key = flow_key(service, client);

    return !bpf_map_lookup_elem(maps.samples, &key, sample);
}

void sample_age(const char *service, const char *client, uint64_t ns)
{
    struct fs_flow_key key = flow_key(service, client);
    struct fs_sample sample;

    if (bpf_map_lookup_elem(maps.samples, &key, &sample))
        give_up("%s is not in the sample", client);
    sample.request_ns -= ns;
    if (bpf_map_update_elem(maps.samples, &key, &sample, BPF_EXIST))
        give_up("cannot write a sample: %s", strerror(errno));
}

/* It isn't pinned: of the maps there are, the program's own. */
static int observing_map(struct bpf_map_info *info)
{
    uint32_t ids[64], count = 64, bytes = sizeof(struct bpf_prog_info);
    struct bpf_prog_info program = {.nr_map_ids = count, .map_ids = (uintptr_t)ids};

    if (bpf_obj_get_info_by_fd(maps.program, &program, &bytes))
        give_up("cannot ask for a program's maps: %s", strerror(errno));
    for (uint32_t i = 0; i < program.nr_map_ids && i < count; i++) {
        int fd = bpf_map_get_fd_by_id(ids[i]);

        bytes = sizeof(*info);
        if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, info, &bytes) &&
            !strcmp(info->name, "observing"))
            return fd;
        close(fd);
    }
    give_up("no map `observing`");
}

void observing_set(bool taken)
{
    struct bpf_map_info info = {0};
    int map = observing_map(&info), cpus = libbpf_num_possible_cpus();
    size_t bytes = (info.value_size + 7) & ~7u;
    char *values = calloc((size_t)cpus, bytes);
    uint32_t zero = 0;

    for (int i = 0; i < cpus; i++)
        *(uint32_t *)(values + (size_t)i * bytes) = taken;
    if (bpf_map_update_elem(map, &zero, values, BPF_ANY))
        give_up("cannot write observing: %s", strerror(errno));
    free(values);
    close(map);
}

uint64_t event_next(void)
{
    return *(const volatile __u64 *)&maps.trips->event_count;
}

bool event_read(uint64_t number, struct fs_event *event)
{
    memcpy(event, &maps.events[number & (FS_EVENTS - 1)], sizeof(*event));
    return event->number == number + 1;
}
