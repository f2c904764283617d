// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Warnings about a host's settings. */
#include "warn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iface.h"

/* What the declared backends need of the host. */
struct needs {
    bool loopback_v4;
    bool forwarding_v4, forwarding_v6;
};

static struct needs find_needs(const struct model *model)
{
    struct needs needs = {0};

    for (uint32_t i = 0; i < model->backend_count; i++) {
        const struct fs_backend *backend = &model->backends[i];

        if (!(backend->flags & FS_BACKEND_IN_POOL))
            continue;
        if (backend->at.family == 4 && *(const uint8_t *)backend->at.addr == 127)
            needs.loopback_v4 = true;
        else if (!(backend->flags & FS_BACKEND_LOCAL) && backend->at.family == 4)
            needs.forwarding_v4 = true;
        else if (!(backend->flags & FS_BACKEND_LOCAL))
            needs.forwarding_v6 = true;
    }
    return needs;
}

static bool is_off(const char *family, const char *interface, const char *setting)
{
    char path[128];
    FILE *file;
    int value;

    snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, setting);
    file = fopen(path, "re");
    if (!file)
        return false;
    value = fgetc(file);
    fclose(file);
    return value == '0';
}

static void warn(const char *interface, const char *what, const char *family, const char *setting)
{
    fprintf(stderr,
            "flowsplit: warning: %s needs net.%s.conf.%s.%s=1, or the stack drops its packets\n",
            what, family, interface, setting);
}

void warn_settings(const struct instance *instance, const struct model *model)
{
    struct needs needs = find_needs(model);
    struct iface *list;
    struct error err;
    int count = iface_list(instance, &list, &err);

    for (int i = 0; i < count; i++) {
        const char *name = list[i].name;

        if (needs.loopback_v4 && strcmp(name, "lo") != 0 &&
            is_off("ipv4", "all", "route_localnet") && is_off("ipv4", name, "route_localnet"))
            warn(name, "a backend in 127.0.0.0/8", "ipv4", "route_localnet");
        if (needs.forwarding_v4 && is_off("ipv4", name, "forwarding"))
            warn(name, "a remote backend", "ipv4", "forwarding");
        if (needs.forwarding_v6 && is_off("ipv6", name, "forwarding"))
            warn(name, "a remote backend", "ipv6", "forwarding");
    }
    free(list);
}
