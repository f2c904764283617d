// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory: what an instance takes, and what limits there are. */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "instance_make.h"

enum { NEEDED_MB = 160 }; /* about what the maps of a new instance take */

/* What stands behind "NAME:" in a file of /proc; 0 if it isn't there. */
static unsigned long long number_of(const char *path, const char *name)
{
    char text[4096];
    const char *found = doctor_read(text, sizeof(text), path) ? strstr(text, name) : NULL;

    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static unsigned long long map_bytes(int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    return number_of(path, "memlock:");
}

static void check_instance(struct report *report, const struct instance *instance,
                           const struct model *model)
{
    uint32_t backends = 0;

    unsigned long long sum = 0;

    for (const struct pin *pin = instance_maps; pin->name; pin++)
        sum += map_bytes(*(const int *)((const char *)instance + pin->offset));
    report_add(report, "memory", LEVEL_GOOD,
               "the instance's maps take %llu MB of the kernel's memory, and more with each flow "
               "on record",
               sum >> 20);
    for (uint32_t i = 0; i < model->backend_count; i++)
        backends += (model->backends[i].flags & FS_BACKEND_USED) != 0;
    report_add(report, "limits", LEVEL_GOOD,
               "the instance has %u of %u services, %u of %u backends", model->service_count,
               FS_MAX_SERVICES, backends, FS_MAX_BACKENDS);
}

static void check_available(struct report *report, bool has_instance)
{
    unsigned long long mb = number_of("/proc/meminfo", "MemAvailable:") >> 10;

    if (mb >= NEEDED_MB || !mb || has_instance) {
        report_add(report, "memory", LEVEL_GOOD, "%llu MB available; a new instance takes some %d",
                   mb, NEEDED_MB);
        return;
    }
    report_add(report, "memory", LEVEL_DEGRADED, "%llu MB available; a new instance takes some %d",
               mb, NEEDED_MB);
    report_remedy(report, "stop something, or add memory");
}

/* Kernels since 5.11 count BPF's memory against the cgroup, not against this limit; libbpf asks the
 * kernel which it is, and raises the limit where it still counts. */
static void check_limit(struct report *report)
{
    struct rlimit limit = {0};

    getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY)
        report_add(report, "limits", LEVEL_GOOD, "memory that may be locked: unlimited");
    else
        report_add(report, "limits", LEVEL_GOOD,
                   "memory that may be locked: %llu MB; kernels since 5.11 don't count BPF's",
                   (unsigned long long)limit.rlim_cur >> 20);
}

void check_memory(struct report *report, const struct patient *patient)
{
    if (patient->instance)
        check_instance(report, patient->instance, patient->model);
    check_available(report, patient->instance);
    check_limit(report);
}
