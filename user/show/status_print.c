// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Shows a status to a person. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "status.h"
#include "status_health.h"
#include "terminal.h"

#define BAR_WIDTH 20

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The element of a list with the same value under `key` as `like`, or NULL. */
static const json_t *find_like(const json_t *list, const char *key, const json_t *like)
{
    size_t i = 0;
    const json_t *element;

    json_array_foreach(list, i, element) if (strcmp(text(element, key), text(like, key)) ==
                                             0) return element;
    return NULL;
}

static void print_rate(const json_t *now, const json_t *before, const char *key, double seconds)
{
    char buf[16];

    if (!before)
        printf(" %10s", terminal_count(buf, (double)number(now, key)));
    else
        printf(" %8s/s",
               terminal_count(buf, (double)(number(now, key) - number(before, key)) / seconds));
}

static void print_counters(const json_t *now, const json_t *before, double seconds)
{
    static const char *const keys[] = {"new_flows", "packets", "bytes", "packets_out", "bytes_out"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        print_rate(now, before, keys[i], seconds);
}

static void print_backends(const json_t *version, const char *list, const json_t *before,
                           double seconds, const char *remark)
{
    const json_t *backend, *was = json_object_get(before, list);
    size_t i = 0;

    json_array_foreach(json_object_get(version, list), i, backend)
    {
        printf("    %s%-51s", terminal_style(STYLE_DIM), text(backend, "address"));
        print_counters(backend, was ? find_like(was, "address", backend) : NULL, seconds);
        printf("%s%s%s\n", json_is_true(json_object_get(backend, "local")) ? "  local" : "", remark,
               terminal_style(STYLE_OFF));
    }
}

static void print_version(const json_t *version, const json_t *before, double seconds,
                          json_int_t flows, const char *remark)
{
    char bar[3 * BAR_WIDTH + 1], weight[16], got[16] = "-";
    json_int_t mine = number(version, "new_flows") - (before ? number(before, "new_flows") : 0);

    if (flows)
        snprintf(got, sizeof(got), "%.2f%%", 100.0 * (double)mine / (double)flows);
    printf("  %s%-16s%s %7s %s %7s", terminal_style(STYLE_BOLD), text(version, "name"),
           terminal_style(STYLE_OFF), format_weight((unsigned)number(version, "weight_bp"), weight),
           terminal_bar(bar, BAR_WIDTH, (double)number(version, "weight_bp"), 10000), got);
    print_counters(version, before, seconds);
    puts(remark);
    status_health_print(json_object_get(version, "health"));
    print_backends(version, "backends", before, seconds, "");
    print_backends(version, "draining", before, seconds, "  draining");
}

static void print_versions(const json_t *service, const char *list, const json_t *before,
                           double seconds, json_int_t flows, const char *remark)
{
    const json_t *version, *was = json_object_get(before, list);
    size_t i = 0;

    json_array_foreach(json_object_get(service, list), i, version) print_version(
        version, was ? find_like(was, "name", version) : NULL, seconds, flows, remark);
}

static json_int_t sum_flows(const json_t *service)
{
    const json_t *version;
    json_int_t sum = 0;
    size_t i = 0;

    json_array_foreach(json_object_get(service, "versions"), i, version) sum +=
        number(version, "new_flows");
    return sum;
}

static void print_service(const json_t *service, const json_t *before, double seconds)
{
    json_int_t flows = sum_flows(service) - (before ? sum_flows(before) : 0);

    printf("%s%s%s  %s  %s  affinity %s  baseline %s  drain %s\n", terminal_style(STYLE_BOLD),
           text(service, "name"), terminal_style(STYLE_OFF), text(service, "vip"),
           text(service, "mode"), text(service, "affinity"), text(service, "baseline"),
           text(service, "drain"));
    printf("  buckets moving %" JSON_INTEGER_FORMAT ", tracked %" JSON_INTEGER_FORMAT
           ";  flow entries %" JSON_INTEGER_FORMAT ";  generation %" JSON_INTEGER_FORMAT "\n",
           number(service, "moving_buckets"), number(service, "tracked_buckets"),
           number(service, "flow_entries"), number(service, "generation"));
    if (number(service, "adopted"))
        printf("  adopted %" JSON_INTEGER_FORMAT
               ": connections older than flowsplit, with the server at the VIP itself\n",
               number(service, "adopted"));
    printf("  %-16s %7s %-20s %7s %10s %10s %10s %10s %10s\n", "VERSION", "WEIGHT", "", "GOT",
           "NEW FLOWS", "PACKETS", "BYTES", "PKTS BACK", "BYTES BACK");
    print_versions(service, "versions", before, seconds, flows, "");
    print_versions(service, "retired", before, seconds, flows, "  retired");
}

/* A program that the kernel doesn't take. */
static void print_not_observed(const json_t *observer)
{
    const char *program, *on, *error, *unseen;
    int number;

    json_unpack((json_t *)observer, "{s:s, s:s, s:i, s:s, s:s}", "program", &program, "on", &on,
                "errno", &number, "error", &error, "unseen", &unseen);
    printf("not observed: %s (%s on %s: %s, errno %d)\n", unseen, program, on, error, number);
}

/* What is not as it should be gets a line. */
static void print_interfaces(const json_t *list)
{
    const json_t *interface;
    char fault[STATUS_FAULT_MAX];
    size_t i = 0;

    printf("attached:");
    json_array_foreach(list, i, interface)
        printf(" %s (%s%s)", text(interface, "name"), text(interface, "mode"),
               json_is_true(json_object_get(interface, "up")) ? "" : ", down");
    puts(i ? "" : " none");
    json_array_foreach(list, i, interface)
    {
        for (enum status_way way = 0; way < STATUS_WAYS; way++)
            if (status_fault(interface, way, fault))
                printf("%s  %s%s\n", terminal_style(STYLE_BOLD), fault, terminal_style(STYLE_OFF));
    }
}

void status_print(const json_t *status, const json_t *before, double seconds)
{
    const json_t *services = json_object_get(status, "services"), *element;
    size_t i = 0;

    print_interfaces(json_object_get(status, "interfaces"));
    json_array_foreach(services, i, element)
    {
        putchar('\n');
        print_service(element,
                      before ? find_like(json_object_get(before, "services"), "name", element)
                             : NULL,
                      seconds);
    }
    if (!json_array_size(services))
        puts("no services declared");
    json_array_foreach(json_object_get(status, "not_observed"), i, element)
        print_not_observed(element);
}
