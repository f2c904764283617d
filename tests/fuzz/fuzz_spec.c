// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a file of services: refused with a message, or a spec that keeps its promises. */
#include <string.h>

#include "fuzz.h"
#include "parse.h"
#include "spec.h"

static void expect_valid_service(const struct service_spec *service)
{
    struct error err;
    unsigned sum = 0;

    EXPECT(!parse_name("name", service->name, &err));
    EXPECT(service->version_count >= 1 && service->version_count <= FS_MAX_VERSIONS);
    EXPECT(service->baseline < service->version_count);
    EXPECT(service->drain_ms >= SPEC_DRAIN_MIN_MS && service->drain_ms <= SPEC_DRAIN_MAX_MS);
    EXPECT(service->line > 0 && service->column > 0);
    for (size_t v = 0; v < service->version_count; v++) {
        const struct version_spec *version = &service->versions[v];

        EXPECT(!parse_name("name", version->name, &err));
        EXPECT(version->backend_count <= FS_MAX_POOL);
        EXPECT(!version->weight_bp || version->backend_count);
        sum += version->weight_bp;
        for (size_t b = 0; b < version->backend_count; b++) {
            EXPECT(version->backends[b].at.family == service->vip.family);
            EXPECT(version->backends[b].at.proto == service->vip.proto);
            EXPECT(version->backends[b].at.port_be);
        }
    }
    EXPECT(sum == FS_BUCKETS);
}

/* One line, with the name of the file in front. */
static void expect_message(const struct error *err)
{
    EXPECT(strncmp(err->text, "FILE:", 5) == 0);
    EXPECT(strlen(err->text) < sizeof(err->text));
    for (const char *at = err->text; *at; at++)
        EXPECT(*at >= ' ' && *at <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {{0}};
    struct spec spec;
    FILE *stream = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
    int ret;

    EXPECT(stream);
    ret = spec_read(stream, "FILE", &spec, &err);
    fclose(stream);
    if (ret) {
        expect_message(&err);
        EXPECT(!spec.services && !spec.service_count);
        return 0;
    }
    EXPECT(spec.service_count <= FS_MAX_SERVICES);
    for (size_t s = 0; s < spec.service_count; s++)
        expect_valid_service(&spec.services[s]);
    spec_free(&spec);
    return 0;
}
