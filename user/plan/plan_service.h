/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Can a plan be carried out on a service? Pure: a function of the plan and of what is known of the
 * service. */
#ifndef FLOWSPLIT_PLAN_SERVICE_H
#define FLOWSPLIT_PLAN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"
#include "spec.h"

/* What a plan is checked against: a service as it is when the rollout begins. Names are borrowed.
 */
struct plan_service {
    const char *name;
    struct plan_version {
        const char *name; /* NULL or "": the place is empty */
        bool declared;    /* not only draining */
        bool has_backends;
        unsigned weight_bp;
    } versions[FS_VERSION_SLOTS];
    size_t version_count;
    unsigned baseline; /* index into versions */
    int proto;         /* IPPROTO_TCP, IPPROTO_UDP */
    bool http;
    bool local; /* both versions have backends on this host; true where that isn't known */
};

/* A service as a file declares it. */
struct plan_service plan_service_declared(const struct service_spec *spec);

/* Are the versions there, can the rules be observed, and can every step's weights be set in turn,
 * as `flowsplit set` would: what isn't named keeps its weight, and the baseline takes the rest,
 * unless it is named too, when all must come to 100 %? Returns 0, or -EINVAL with *err set. */
int plan_check(const struct plan *plan, const struct plan_service *service, struct error *err);

#endif
