// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What must hold between the services of a file. By sorting: a file may have 65,536 backends. */
#include "spec_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "place.h"

/* A backend and whose it is. */
struct owned_backend {
    const struct backend_spec *backend;
    const struct version_spec *version;
    const struct service_spec *service;
    size_t order; /* in the file */
};

/* Endpoints have no padding, so bytes tell. */
static int compare_endpoints(const struct fs_endpoint *a, const struct fs_endpoint *b)
{
    return memcmp(a, b, sizeof(*a));
}

/* What comes first in the file comes first among equals: services lie in one array. */
static int compare_order(const void *a, const void *b)
{
    return a < b ? -1 : a > b;
}

static int by_name(const void *a, const void *b)
{
    const struct service_spec *left = *(const struct service_spec *const *)a;
    const struct service_spec *right = *(const struct service_spec *const *)b;
    int order = strcmp(left->name, right->name);

    return order ? order : compare_order(left, right);
}

static int by_vip(const void *a, const void *b)
{
    const struct service_spec *left = *(const struct service_spec *const *)a;
    const struct service_spec *right = *(const struct service_spec *const *)b;
    int order = compare_endpoints(&left->vip, &right->vip);

    return order ? order : compare_order(left, right);
}

static int by_endpoint(const void *a, const void *b)
{
    const struct owned_backend *left = a, *right = b;
    int order = compare_endpoints(&left->backend->at, &right->backend->at);

    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static int check_names(const struct service_spec **services, size_t count, const char *file,
                       struct error *err)
{
    qsort(services, count, sizeof(*services), by_name);
    for (size_t i = 1; i < count; i++) {
        const struct service_spec *first = services[i - 1], *second = services[i];

        if (strcmp(first->name, second->name) == 0)
            return place_refuse((struct place){file, second->line, second->column}, err,
                                "a service \"%s\" stands already in line %d; names must differ",
                                second->name, first->line);
    }
    return 0;
}

/* Leaves `services` sorted by VIP. */
static int check_vips(const struct service_spec **services, size_t count, const char *file,
                      struct error *err)
{
    char vip[FORMAT_ENDPOINT_MAX];

    qsort(services, count, sizeof(*services), by_vip);
    for (size_t i = 1; i < count; i++) {
        const struct service_spec *first = services[i - 1], *second = services[i];

        if (compare_endpoints(&first->vip, &second->vip) == 0)
            return place_refuse((struct place){file, second->vip_line, second->vip_column}, err,
                                "VIP %s is already that of service \"%s\" in line %d; each service "
                                "needs its own",
                                format_vip(&second->vip, vip), first->name, first->vip_line);
    }
    return 0;
}

static int match_vip(const void *key, const void *element)
{
    const struct service_spec *service = *(const struct service_spec *const *)element;

    return compare_endpoints(key, &service->vip);
}

/* Needs `services` sorted by VIP. A packet is steered once, so no backend can be a VIP. */
static int check_no_vip(const struct owned_backend *owned, const struct service_spec **services,
                        size_t count, const char *file, struct error *err)
{
    const struct backend_spec *backend = owned->backend;
    const struct service_spec **same =
        bsearch(&backend->at, services, count, sizeof(*services), match_vip);
    char vip[FORMAT_ENDPOINT_MAX];

    if (!same)
        return 0;
    return place_refuse((struct place){file, backend->line, backend->column}, err,
                        "backend %s is the VIP of %s \"%s\" itself; a backend needs an address or "
                        "port of its own",
                        format_endpoint(&backend->at, vip),
                        *same == owned->service ? "its service" : "service", (*same)->name);
}

/* A backend may stand in several versions of one service, but only once in each. Backends of one
 * version are neighbours in the file's order, so comparing neighbours among equals is enough. */
static bool are_in_conflict(const struct owned_backend *first, const struct owned_backend *second)
{
    return compare_endpoints(&first->backend->at, &second->backend->at) == 0 &&
           (first->service != second->service || first->version == second->version);
}

static int refuse_conflict(const struct owned_backend *first, const struct owned_backend *second,
                           const char *file, struct error *err)
{
    struct place at = {file, second->backend->line, second->backend->column};
    char endpoint[FORMAT_ENDPOINT_MAX];

    format_endpoint(&second->backend->at, endpoint);
    if (first->service == second->service)
        return place_refuse(at, err,
                            "backend %s stands already in line %d; once is allowed in a version",
                            endpoint, first->backend->line);
    return place_refuse(at, err,
                        "backend %s belongs already to service \"%s\" in line %d; with mode nat "
                        "one service is allowed, else answers could not be told apart",
                        endpoint, first->service->name, first->backend->line);
}

/* Sorts `owned`, and refuses the conflict that comes first in the file. */
static int check_conflicts(struct owned_backend *owned, size_t count, const char *file,
                           struct error *err)
{
    const struct owned_backend *found = NULL;

    qsort(owned, count, sizeof(*owned), by_endpoint);
    for (size_t i = 1; i < count; i++)
        if (are_in_conflict(&owned[i - 1], &owned[i]) && (!found || owned[i].order < found->order))
            found = &owned[i];
    return found ? refuse_conflict(found - 1, found, file, err) : 0;
}

/* All backends in the order of the file; returns how many. With NULL only counts them. */
static size_t collect_backends(const struct spec *spec, struct owned_backend *owned)
{
    size_t order = 0;

    for (size_t s = 0; s < spec->service_count; s++) {
        const struct service_spec *service = &spec->services[s];

        for (size_t v = 0; v < service->version_count; v++) {
            const struct version_spec *version = &service->versions[v];

            for (size_t b = 0; b < version->backend_count; b++, order++)
                if (owned)
                    owned[order] =
                        (struct owned_backend){&version->backends[b], version, service, order};
        }
    }
    return order;
}

/* Needs `services` sorted by VIP. */
static int check_backends(const struct spec *spec, const struct service_spec **services,
                          const char *file, struct error *err)
{
    size_t count = collect_backends(spec, NULL);
    struct owned_backend *owned = calloc(count + 1, sizeof(*owned));
    int ret = 0;

    if (!owned)
        return error_set(err, -ENOMEM, "%.400s: out of memory", file);
    collect_backends(spec, owned);
    for (size_t i = 0; i < count && !ret; i++)
        ret = check_no_vip(&owned[i], services, spec->service_count, file, err);
    if (!ret)
        ret = check_conflicts(owned, count, file, err);
    free(owned);
    return ret;
}

int spec_check(const struct spec *spec, const char *file, struct error *err)
{
    const struct service_spec **services = calloc(spec->service_count + 1, sizeof(*services));
    int ret;

    if (!services)
        return error_set(err, -ENOMEM, "%.400s: out of memory", file);
    for (size_t i = 0; i < spec->service_count; i++)
        services[i] = &spec->services[i];
    ret = check_names(services, spec->service_count, file, err);
    if (!ret)
        ret = check_vips(services, spec->service_count, file, err);
    if (!ret)
        ret = check_backends(spec, services, file, err);
    free(services);
    return ret;
}
