// SPDX-License-Identifier: GPL-2.0-only
/* The same programs with nothing observed: what they cost less is what observing costs. */
#define FLOWSPLIT_OBSERVE_BPF_H
#define observe_client(ctx, pkt, dir, backend, sampled, tc)             ((void)(sampled))
#define observe_backend(ctx, pkt, dir, service, backend, elsewhere, tc) ((void)(backend))

#include "bench.bpf.c"
