// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The weights of a service as declared. */
#include "spec_weights.h"

#include "parse.h"
#include "place.h"

/* Only the baseline's weight may be left out. */
static int check_given(const struct service_spec *service, const char *file, struct error *err)
{
    const struct version_spec *baseline = &service->versions[service->baseline];

    for (size_t i = 0; i < service->version_count; i++) {
        const struct version_spec *version = &service->versions[i];

        if (!version->has_weight && version != baseline)
            return place_refuse((struct place){file, version->line, version->column}, err,
                                "version \"%s\" has no weight; only that of the baseline \"%s\" "
                                "may be left out",
                                version->name, baseline->name);
    }
    return 0;
}

static int check_pools(const struct service_spec *service, const char *file, struct error *err)
{
    char weight[16];

    for (size_t i = 0; i < service->version_count; i++) {
        const struct version_spec *version = &service->versions[i];

        if (version->weight_bp && !version->backend_count)
            return place_refuse((struct place){file, version->line, version->column}, err,
                                "version \"%s\" has a weight of %s but no backends; without "
                                "backends 0%% is allowed",
                                version->name, format_weight(version->weight_bp, weight));
    }
    return 0;
}

int spec_settle_weights(struct service_spec *service, const char *file, struct error *err)
{
    struct version_spec *baseline = &service->versions[service->baseline];
    unsigned sum = 0;
    char got[16];
    int ret = check_given(service, file, err);

    if (ret)
        return ret;
    for (size_t i = 0; i < service->version_count; i++)
        sum += service->versions[i].weight_bp;
    if (!baseline->has_weight && sum <= FS_BUCKETS)
        baseline->weight_bp = FS_BUCKETS - sum;
    else if (sum != FS_BUCKETS)
        return place_refuse((struct place){file, service->line, service->column}, err,
                            "the weights of service \"%s\" come to %s%s; they must come to exactly "
                            "100%%, or the baseline's be left out: it takes the rest",
                            service->name, format_weight(sum, got),
                            baseline->has_weight ? "" : " without the baseline's");
    return check_pools(service, file, err);
}
