/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has been served: clients that had a connection with a backend of the service. A host drops
 * SYNs of its own addresses, of those that its reverse-path filter or its firewall doesn't like,
 * and whoever forges one gets no answer: nobody of these ends up here. So only the SYN of a client
 * that has been served says something by getting no answer. */
#ifndef FLOWSPLIT_SERVED_BPF_H
#define FLOWSPLIT_SERVED_BPF_H

#include "observed.bpf.h"

/* Where the client is written down, and as what. By its address, of IPv6 /64. */
static __always_inline __u32 *served_entry(const struct observed *o, __u32 *tag)
{
    const struct fs_backend *backend = backend_at(o->says.dir, o->says.backend);
    __u64 hash = fs_hash_client(hash_key(), service_at(o->says.dir, backend->service)->salt,
                                o->key.addr, 0, o->family, FS_AFFINITY_SOURCE);
    __u32 number = hash & (FS_SERVED - 1);

    *tag = hash >> 32 | 1;
    return bpf_map_lookup_elem(&served, &number);
}

static __always_inline void served_note(const struct observed *o)
{
    __u32 tag, *entry = served_entry(o, &tag);

    if (entry && *entry != tag)
        *entry = tag;
}

#endif
