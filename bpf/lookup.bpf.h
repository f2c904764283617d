/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the service or the backend that an endpoint of a packet belongs to. */
#ifndef FLOWSPLIT_LOOKUP_BPF_H
#define FLOWSPLIT_LOOKUP_BPF_H

#include <flowsplit/steer.h>

#include "maps.bpf.h"
#include "packet.bpf.h"

/* The arena's contents change under the programs only by the store to `directory`: one read of it
 * serves for all of a packet. */
static __always_inline fs_ref directory_now(void)
{
    return *(volatile fs_ref *)&fs_at(struct fs_root, fs_arena, 0)->directory;
}

static __always_inline struct fs_directory *directory_at(fs_ref dir)
{
    return fs_at(struct fs_directory, fs_arena, dir);
}

static __always_inline const struct fs_hash_key *hash_key(void)
{
    return &fs_at(struct fs_root, fs_arena, 0)->key;
}

static __always_inline bool port_in_set(const struct fs_port_set *set, __be16 port_be)
{
    return set->words[port_be >> 6] >> (port_be & 63) & 1;
}

/* The last word of a struct fs_endpoint. */
static __always_inline __u32 endpoint_tail(__be16 port_be, __u8 proto, __u8 family)
{
    struct fs_endpoint at = {.port_be = port_be, .proto = proto, .family = family};
    __u32 tail;

    __builtin_memcpy(&tail, &at.port_be, sizeof(tail));
    return tail;
}

static __always_inline bool addr_is(const __be32 *addr, const __be32 *other, __u8 family)
{
    return addr[0] == other[0] &&
           (family == 4 || (addr[1] == other[1] && addr[2] == other[2] && addr[3] == other[3]));
}

static __always_inline bool endpoint_is(const struct fs_endpoint *at, const __be32 *addr,
                                        __u32 tail, __u8 family)
{
    return *(const __u32 *)&at->port_be == tail && addr_is(at->addr, addr, family);
}

/* Looks an endpoint up among records of `stride` bytes that begin with theirs. Returns the record's
 * number plus one, or 0. */
static __always_inline __u32 index_find(const struct fs_index *index, fs_ref records, __u32 stride,
                                        const __be32 *addr, __be16 port_be, __u8 proto, __u8 family)
{
    __u32 mask = index->mask;
    __u32 at = fs_hash_endpoint(hash_key(), addr, port_be, proto, family, mask + 1);
    __u32 tail = endpoint_tail(port_be, proto, family);
    fs_ref cells = index->cells;

    for (int i = 0; i < FS_INDEX_PROBES; i++) {
        __u32 cell = *fs_at(__u32, fs_arena, cells + ((at + i) & mask) * sizeof(__u32));

        if (!cell)
            return 0;
        if (endpoint_is(fs_at(struct fs_endpoint, fs_arena, records + (cell - 1) * stride), addr,
                        tail, family))
            return cell;
    }
    return 0;
}

static __always_inline struct fs_service *service_at(fs_ref dir, __u32 number)
{
    return fs_at(struct fs_service, fs_arena,
                 directory_at(dir)->services + number * sizeof(struct fs_service));
}

static __always_inline struct fs_backend *backend_at(fs_ref dir, __u32 number)
{
    return fs_at(struct fs_backend, fs_arena,
                 directory_at(dir)->backends +
                     (number & FS_SLOT_BACKEND) * sizeof(struct fs_backend));
}

static __always_inline struct fs_table *table_of(struct fs_service *service)
{
    return fs_at(struct fs_table, fs_arena, service->table);
}

/* The number of the service that a packet to `addr`, `port_be` is for, plus one, or 0. */
static __always_inline __u32 find_service(fs_ref dir, const __be32 *addr, __be16 port_be,
                                          __u8 proto, __u8 family)
{
    struct fs_directory *directory = directory_at(dir);

    if (!port_in_set(&directory->vip_ports, port_be))
        return 0;
    return index_find(&directory->vips, directory->services, sizeof(struct fs_service), addr,
                      port_be, proto, family);
}

/* The number of the backend at `addr`, `port_be`, plus one, or 0. */
static __always_inline __u32 find_backend(fs_ref dir, const __be32 *addr, __be16 port_be,
                                          __u8 proto, __u8 family)
{
    struct fs_directory *directory = directory_at(dir);

    if (!port_in_set(&directory->backend_ports, port_be))
        return 0;
    return index_find(&directory->pool, directory->backends, sizeof(struct fs_backend), addr,
                      port_be, proto, family);
}

static __always_inline const struct fs_trip_word *trip_of(fs_ref dir,
                                                          const struct fs_backend *backend)
{
    return fs_trip_of(&fs_trips, table_of(service_at(dir, backend->service)), backend->version);
}

static __always_inline __u32 tick_now(void)
{
    return bpf_ktime_get_coarse_ns() >> FS_TICK_SHIFT;
}

/* The backend that a flow table entry names, or NULL if that one is no longer on record, or its
 * version has been withdrawn and its live flows are cut. */
static __always_inline struct fs_backend *backend_by_id(fs_ref dir, __u32 id)
{
    struct fs_backend *backend = backend_at(dir, id);
    const struct fs_trip_word *trip;

    if ((id & FS_SLOT_BACKEND) >= directory_at(dir)->backend_count || backend->id != id ||
        !(backend->flags & FS_BACKEND_USED))
        return NULL;
    trip = trip_of(dir, backend);
    return trip->cut && fs_is_cut(trip, tick_now()) ? NULL : backend;
}

#endif
