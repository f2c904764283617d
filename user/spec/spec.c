// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads services: a table of keys for each mapping, a function for each key. Weights
 * are settled in spec_weights.c; what must hold between services is in spec_check.c; guards are in
 * spec_guard.c. */
#include "spec_read.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "place.h"
#include "quote.h"
#include "spec_guard.h"
#include "spec_weights.h"
#include "yaml_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is being filled; every function below gets it as `into`. */
struct reading {
    struct service_spec *service;
    struct version_spec *version;
    size_t backend_count; /* of all services so far */
};

static int read_version_name(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return doc_name(at, "version name", reading->version->name);
}

static int read_weight(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    int ret = doc_weight(at, "weight", &reading->version->weight_bp);

    reading->version->has_weight = !ret;
    return ret;
}

static int read_backend(const struct doc_at *at, const struct service_spec *service,
                        struct backend_spec *backend)
{
    struct place place = doc_place(at);
    char vip[FORMAT_ENDPOINT_MAX];
    struct error why;
    const char *text;
    int ret = doc_text(at, "a backend", &text);

    if (ret)
        return ret;
    if (parse_backend(text, &backend->at, &why))
        return doc_refuse(at, &why);
    if (backend->at.family != service->vip.family)
        return place_refuse(place, at->err,
                            "backend %s is IPv%d but the VIP %s is IPv%d; one address family is "
                            "allowed in a service",
                            quote(text).text, backend->at.family, format_vip(&service->vip, vip),
                            service->vip.family);
    backend->at.proto = service->vip.proto;
    backend->line = place.line;
    backend->column = place.column;
    return 0;
}

static int read_backends(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    struct version_spec *version = reading->version;
    size_t count;
    int ret = doc_list(at, "backends", FS_MAX_POOL, &count);

    if (ret)
        return ret;
    if (reading->backend_count + count > FS_MAX_BACKENDS)
        return place_refuse(doc_place(at), at->err,
                            "with these backends the file has %zu; %d are allowed in all",
                            reading->backend_count + count, FS_MAX_BACKENDS);
    reading->backend_count += count;
    version->backends = calloc(count + 1, sizeof(*version->backends));
    if (!version->backends)
        return doc_out_of_memory(at);
    for (; version->backend_count < count && !ret; version->backend_count++) {
        struct doc_at item = doc_item(at, version->backend_count);

        ret = read_backend(&item, reading->service, &version->backends[version->backend_count]);
    }
    return ret;
}

/* Said of the version that has the server of old; its connections aren't told apart from others at
 * the VIP. */
static int read_adopt(const struct doc_at *at, void *into)
{
    static const char *const words[] = {"true", "false"};
    struct reading *reading = into;
    size_t index;
    int ret = doc_choice(at, "adopt", words, COUNT(words), &index);

    if (ret)
        return ret;
    if (reading->service->vip.proto != IPPROTO_TCP)
        return place_refuse(doc_place(at), at->err,
                            "the VIP is UDP, which has no connections to adopt");
    if (index == 1)
        reading->service->reset = true;
    return 0;
}

static int read_version(const struct doc_at *at, struct reading *reading)
{
    static const struct doc_key keys[] = {
        {"name", read_version_name, true},
        {"weight", read_weight, false},
        {"backends", read_backends, true},
        {"adopt", read_adopt, false},
    };
    const struct service_spec *service = reading->service;
    struct version_spec *version = reading->version;
    struct place place = doc_place(at);
    int ret = doc_mapping(at, "a version", keys, COUNT(keys), reading);

    if (ret)
        return ret;
    version->line = place.line;
    version->column = place.column;
    for (const struct version_spec *other = service->versions; other < version; other++)
        if (strcmp(other->name, version->name) == 0)
            return place_refuse(place, at->err,
                                "a version \"%s\" stands already in line %d; names must differ "
                                "within a service",
                                version->name, other->line);
    return 0;
}

static int read_versions(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    struct service_spec *service = reading->service;
    size_t count;
    int ret = doc_list(at, "versions", FS_MAX_VERSIONS, &count);

    if (ret)
        return ret;
    if (!count)
        return place_refuse(doc_place(at), at->err,
                            "versions is an empty list; 1 to %d are allowed", FS_MAX_VERSIONS);
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        reading->version = &service->versions[service->version_count++];
        ret = read_version(&item, reading);
    }
    return ret;
}

static int read_service_name(const struct doc_at *at, void *into)
{
    struct reading *reading = into;

    return doc_name(at, "service name", reading->service->name);
}

static int read_vip(const struct doc_at *at, void *into)
{
    struct service_spec *service = ((struct reading *)into)->service;
    struct place place = doc_place(at);
    struct error why;
    const char *text;
    int ret = doc_text(at, "vip", &text);

    if (ret)
        return ret;
    if (parse_vip(text, &service->vip, &why))
        return doc_refuse(at, &why);
    service->vip_line = place.line;
    service->vip_column = place.column;
    return 0;
}

static int read_mode(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    struct error why;
    const char *text;
    int ret = doc_text(at, "mode", &text);

    if (ret)
        return ret;
    return parse_mode(text, &reading->service->mode, &why) ? doc_refuse(at, &why) : 0;
}

static int read_affinity(const struct doc_at *at, void *into)
{
    struct reading *reading = into;
    struct error why;
    const char *text;
    int ret = doc_text(at, "affinity", &text);

    if (ret)
        return ret;
    return parse_affinity(text, &reading->service->affinity, &why) ? doc_refuse(at, &why) : 0;
}

static int read_drain(const struct doc_at *at, void *into)
{
    struct service_spec *service = ((struct reading *)into)->service;
    struct error why;
    const char *text;
    int ret = doc_text(at, "drain", &text);

    if (ret)
        return ret;
    if (parse_duration(text, &service->drain_ms, &why))
        return doc_refuse(at, &why);
    if (service->drain_ms < SPEC_DRAIN_MIN_MS || service->drain_ms > SPEC_DRAIN_MAX_MS)
        return place_refuse(doc_place(at), at->err,
                            "drain %s is out of range; 1s to 24h is allowed", quote(text).text);
    return 0;
}

/* Comes after `versions` in the table, so these are known. */
static int read_baseline(const struct doc_at *at, void *into)
{
    struct service_spec *service = ((struct reading *)into)->service;
    char names[FS_MAX_VERSIONS * (FS_NAME_MAX + 2) + 1] = "";
    const char *text;
    int ret = doc_text(at, "baseline", &text);

    if (ret)
        return ret;
    for (size_t i = 0; i < service->version_count; i++) {
        if (strcmp(text, service->versions[i].name) == 0) {
            service->baseline = (unsigned)i;
            return 0;
        }
        strcat(strcat(names, i ? ", " : ""), service->versions[i].name);
    }
    return place_refuse(doc_place(at), at->err,
                        "baseline %s is no version of service \"%s\"; its "
                        "versions: %.600s",
                        quote(text).text, service->name, names);
}

static int read_sample(const struct doc_at *at, void *into)
{
    return spec_read_sample(at, ((struct reading *)into)->service);
}

static int read_http(const struct doc_at *at, void *into)
{
    return spec_read_http(at, ((struct reading *)into)->service);
}

static int read_guard(const struct doc_at *at, void *into)
{
    return spec_read_guard(at, ((struct reading *)into)->service);
}

static int read_service(const struct doc_at *at, struct reading *reading)
{
    /* The order matters: backends and http are checked against the VIP, the baseline against
     * versions, the guard against all of these. */
    static const struct doc_key keys[] = {
        {"name", read_service_name, true}, {"vip", read_vip, true},
        {"mode", read_mode, false},        {"affinity", read_affinity, false},
        {"drain", read_drain, false},      {"sample", read_sample, false},
        {"http", read_http, false},        {"versions", read_versions, true},
        {"baseline", read_baseline, true}, {"guard", read_guard, false},
    };
    struct service_spec *service = reading->service;
    struct place place = doc_place(at);
    int ret;

    service->drain_ms = SPEC_DRAIN_DEFAULT_MS;
    spec_guard_defaults(service);
    service->line = place.line;
    service->column = place.column;
    ret = doc_mapping(at, "a service", keys, COUNT(keys), reading);
    if (!ret)
        ret = spec_settle_weights(service, at->doc->file, at->err);
    return ret;
}

int spec_read(const struct doc_at *at, struct spec *spec)
{
    struct reading reading = {0};
    size_t count;
    int ret = doc_list(at, "services", FS_MAX_SERVICES, &count);

    if (ret)
        return ret;
    spec->services = calloc(count + 1, sizeof(*spec->services));
    if (!spec->services)
        return doc_out_of_memory(at);
    for (size_t i = 0; i < count && !ret; i++) {
        struct doc_at item = doc_item(at, i);

        reading.service = &spec->services[spec->service_count++];
        ret = read_service(&item, &reading);
    }
    return ret;
}

void spec_free(struct spec *spec)
{
    for (size_t s = 0; s < spec->service_count; s++)
        for (size_t v = 0; v < spec->services[s].version_count; v++)
            free(spec->services[s].versions[v].backends);
    free(spec->services);
    *spec = (struct spec){0};
}
