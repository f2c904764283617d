// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is declared to the product. */
#include "services.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <flowsplit/arena.h>

#include "chance.h"
#include "host.h"
#include "promise.h"

/* What a brief service's buckets are moving for: its drain, and the data path's margin. */
#define BRIEF_S 3.4

struct service services_declared[SERVICES] = {
    {"t4", "10.0.0.1:80", .proto = IPPROTO_TCP, .follow = true, .backend_port = 8080},
    {"t6", "[fd00::1]:80", .proto = IPPROTO_TCP, .follow = true, .backend_port = 8080},
    {"b4", "10.0.0.1:81", .proto = IPPROTO_TCP, .follow = true, .brief = true,
     .backend_port = 8081},
    {"b6", "[fd00::1]:81", .proto = IPPROTO_TCP, .follow = true, .brief = true,
     .backend_port = 8081},
    {"u4", "10.0.0.1:53", .proto = IPPROTO_UDP, .follow = true, .backend_port = 5353},
    {"u6", "[fd00::1]:53", .proto = IPPROTO_UDP, .follow = true, .backend_port = 5353},
    {"n4", "10.0.0.1:54", .proto = IPPROTO_UDP, .backend_port = 5354},
};

struct backend backends[BACKENDS];

static struct fs_root *root;
static bool just_attached;
static char text[8192];

static const char *const version_names[VERSIONS] = {"stable", "canary", "next"};

static void name_backend(const struct service *service, unsigned version, bool remote, char *at)
{
    bool v4 = service->vip.family == 4;

    if (remote)
        sprintf(at, v4 ? "198.51.100.%u:%u" : "[2001:db8:b::%u]:%u", 10 + version,
                service->backend_port);
    else
        sprintf(at, v4 ? "10.1.0.%u:%u" : "[fd00:1::%u]:%u", 1 + version, service->backend_port);
}

static void make_backends(void)
{
    char name[END_TEXT];

    for (unsigned i = 0; i < BACKENDS; i++) {
        struct backend *backend = &backends[i];

        backend->service = i / SERVICE_BACKENDS;
        backend->remote = i % 2;
        backend->silent = i % SERVICE_BACKENDS == 3;
        name_backend(&services_declared[backend->service], i % SERVICE_BACKENDS / 2,
                     backend->remote, name);
        backend->at = end_of(name);
    }
}

int backend_of(const struct end *at, uint8_t proto)
{
    for (int i = 0; i < BACKENDS; i++)
        if (services_declared[backends[i].service].proto == proto && same_end(&backends[i].at, at))
            return i;
    return -1;
}

const char *backend_text(int backend)
{
    static char texts[2][END_TEXT];
    static unsigned turn;

    return backend < 0 ? "no backend" : end_text(&backends[backend].at, texts[turn++ % 2]);
}

static char *put_version(const struct service *service, unsigned version, char *at)
{
    char here[END_TEXT], there[END_TEXT];

    name_backend(service, version, false, here);
    name_backend(service, version, true, there);
    return at + sprintf(at, "{name: %s, weight: %u%%, backends: ['%s'%s%s%s]}, ",
                        version_names[version], service->weights[version], here,
                        service->has_remote[version] ? ", '" : "",
                        service->has_remote[version] ? there : "",
                        service->has_remote[version] ? "'" : "");
}

static void declare(void)
{
    char *at = text + sprintf(text, "services:\n");

    for (unsigned i = 0; i < SERVICES; i++) {
        const struct service *service = &services_declared[i];

        at +=
            sprintf(at,
                    "  - {name: %s, vip: '%s/%s', mode: nat, affinity: %s, drain: %s, "
                    "baseline: stable, versions: [",
                    service->name, service->vip_text, service->proto == IPPROTO_TCP ? "tcp" : "udp",
                    service->follow ? "flow" : "none", service->brief ? "1s" : "10h");
        for (unsigned k = 0; k < VERSIONS; k++)
            at = put_version(service, k, at);
        at += sprintf(at - 2, "]}\n") - 2;
    }
    flowsplit_apply(text);
}

static struct fs_directory *directory(void)
{
    return fs_at(struct fs_directory, root, root->directory);
}

/* The same secret and salts each time: a seed stands for the same packets, and these go the same
 * ways. Services' ids stay their own, so that no table tells of earlier ones. */
static void give_salts(void)
{
    struct fs_service *service = fs_at(struct fs_service, root, directory()->services);

    for (uint32_t i = 0; i < directory()->service_count; i++)
        service[i].salt = service[i].vip.port_be * 0x9e3779b97f4a7c15 + service[i].vip.family;
}

void services_start(void)
{
    for (unsigned i = 0; i < SERVICES; i++)
        services_declared[i].vip = end_of(services_declared[i].vip_text);
    make_backends();
    host_start("services: []");
    root = arena_map();
    for (size_t i = 0; i < sizeof(root->key); i++)
        ((uint8_t *)&root->key)[i] = (uint8_t)(i * 0x6b + 0x35);
    for (size_t i = 0; i < sizeof(root->key.mul) / sizeof(*root->key.mul); i++)
        root->key.mul[i] |= 1;
    services_restart();
    wire_open();
}

void services_restart(void)
{
    flowsplit_apply("services: []");
    maps_clear();
    for (unsigned i = 0; i < SERVICES; i++) {
        struct service *service = &services_declared[i];

        for (unsigned k = 0; k < VERSIONS; k++) {
            service->weights[k] = k ? 30 : 40;
            service->has_remote[k] = true;
        }
    }
    declare();
    give_salts();
    services_attached(false);
}

void services_attached(bool just)
{
    just_attached = just;
    directory()->learn_until = tick_now() + (just ? 100000 : (uint32_t)-1);
}

bool services_just_attached(void)
{
    return just_attached;
}

/* Weights in which one or two versions often have none. */
void services_change_weights(unsigned number)
{
    struct service *service = &services_declared[number];

    service->weights[1] = chance_in(3) ? 0 : chance_below(101);
    service->weights[2] = chance_in(3) ? 0 : chance_below(101 - service->weights[1]);
    service->weights[0] = 100 - service->weights[1] - service->weights[2];
    trace("set %s: %u %u %u", service->name, service->weights[0], service->weights[1],
          service->weights[2]);
    flowsplit("set %s canary=%u%% next=%u%%", service->name, service->weights[1],
              service->weights[2]);
    services_attached(just_attached);
}

void services_change_pool(unsigned number)
{
    struct service *service = &services_declared[number];
    bool *has = &service->has_remote[chance_below(VERSIONS)];

    *has = !*has;
    trace("the pools of %s: %d %d %d", service->name, service->has_remote[0],
          service->has_remote[1], service->has_remote[2]);
    declare();
    services_attached(just_attached);
}

void services_sweep(void)
{
    trace("a sweep");
    flowsplit("status");
    services_attached(just_attached);
}

void services_wait_brief(void)
{
    trace("the brief services' buckets move no more");
    host_sleep(BRIEF_S);
}
