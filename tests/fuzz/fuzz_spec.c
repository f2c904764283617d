// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a file of services: refused with a message, or a spec that keeps its promises. */
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "parse.h"
#include "plan_file.h"

static void expect_valid_guard(const struct service_spec *service)
{
    const struct guard_spec *guard = &service->guard;

    EXPECT(service->sample_shift <= SPEC_SAMPLE_MAX_SHIFT);
    EXPECT(!service->http || service->vip.proto == IPPROTO_TCP);
    EXPECT(guard->rule_count <= FS_MAX_RULES);
    EXPECT(!guard->rule_count || (service->version_count > 1 && service->vip.proto == IPPROTO_TCP));
    EXPECT(guard->false_alarm_ppb && guard->false_alarm_ppb <= SPEC_FALSE_ALARM_MAX_PPB);
    EXPECT(guard->on_trip <= FS_TRIP_REPORT && guard->live_flows <= FS_LIVE_CUT);
    EXPECT((guard->live_flows == FS_LIVE_DRAIN) == (guard->live_ms >= 1000));
    EXPECT(guard->close_wait_after_ms >= 1000);
    for (size_t i = 0; i < guard->rule_count; i++) {
        EXPECT(guard->rules[i].share_ppm && guard->rules[i].share_ppm < FS_SHARE_ONE);
        EXPECT(guard->rules[i].place.line > 0 && guard->rules[i].place.column > 0);
        EXPECT(guard->rules[i].signal != FS_SIGNAL_HTTP_5XX || service->http);
    }
}

static void expect_valid_service(const struct service_spec *service)
{
    struct error err;
    unsigned sum = 0;

    EXPECT(!parse_name("name", service->name, &err));
    EXPECT(service->version_count >= 1 && service->version_count <= FS_MAX_VERSIONS);
    EXPECT(service->baseline < service->version_count);
    EXPECT(service->drain_ms >= SPEC_DRAIN_MIN_MS && service->drain_ms <= SPEC_DRAIN_MAX_MS);
    EXPECT(service->line > 0 && service->column > 0);
    expect_valid_guard(service);
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
    ret = plan_file_read_spec(stream, "FILE", &spec, &err);
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
