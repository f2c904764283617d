// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A host of its own for the tests. */
#include "host.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "data_path.h"
#include "tap.h"

static const unsigned neighbours[] = {10, 11, 12, 21, 77};

static const struct {
    const char *name, *v4, *v6; /* networks */
    unsigned mtu;
    uint8_t mac; /* the last byte of its own, the last but one of its neighbours' */
} interfaces[] = {
    {"cl0", "192.0.2", "2001:db8:c:", 1500, 0xc0},
    {"be0", "198.51.100", "2001:db8:b:", 9000, 0xb0},
    {"mt0", "203.0.113", "2001:db8:d:", 1280, 0xd0},
};

static char pin_dir[128], flowsplit_path[512], scratch[64];
static pid_t owner;

unsigned host_interface(const char *name)
{
    unsigned index = if_nametoindex(name);

    if (!index)
        give_up("no interface %s", name);
    return index;
}

struct hop host_hop(const char *interface, unsigned number)
{
    struct hop hop = {.to = {2}, .from = {2}};

    for (size_t i = 0; i < sizeof(interfaces) / sizeof(*interfaces); i++)
        if (!strcmp(interfaces[i].name, interface))
            hop.from[5] = hop.to[4] = interfaces[i].mac;
    hop.to[5] = (uint8_t)number;
    return hop;
}

static bool is_in(const struct end *to, const char *network, unsigned bits)
{
    struct end end = end_of(network);

    for (unsigned i = 0; i < bits; i++)
        if ((end.addr[i / 8] ^ to->addr[i / 8]) & 0x80 >> i % 8)
            return false;
    return end.family == to->family;
}

/* The last number of a neighbour's address, which stands in it as its decimal digits; 0 if it is
 * none's. */
static unsigned neighbour(const struct end *to, const char *network)
{
    char text[END_TEXT];

    for (size_t k = 0; k < sizeof(neighbours) / sizeof(*neighbours); k++) {
        struct end end;

        snprintf(text, sizeof(text), to->family == 4 ? "%s.%u" : "%s:%u", network, neighbours[k]);
        end = end_of(text);
        if (!memcmp(end.addr, to->addr, sizeof(end.addr)))
            return neighbours[k];
    }
    return 0;
}

/* Is the rest of the address all ones, or all zeros, or 1: nobody's but the network's and ours? */
static bool is_own(const struct end *to, const char *network)
{
    static const char *const own[] = {"%s.0", "%s.1", "%s.255", "%s:", "%s:1"};
    bool found = false;
    char text[END_TEXT];

    for (size_t i = to->family == 4 ? 0 : 3; i < (to->family == 4 ? 3u : 5u); i++) {
        snprintf(text, sizeof(text), own[i], network);
        found |= is_in(to, text, to->family == 4 ? 32 : 128);
    }
    return found;
}

struct host_route host_route(const struct end *to)
{
    bool v4 = to->family == 4, far = is_in(to, v4 ? "100.64.0.0" : "2001:db8:f::", v4 ? 10 : 48);
    struct host_route route = {.local = !far &&
                                        !is_in(to, v4 ? "10.66.0.0" : "fd00:66::", v4 ? 24 : 64) &&
                                        (v4 || !is_in(to, "fe80::", 64))};
    char text[END_TEXT];

    for (size_t i = 0; i < sizeof(interfaces) / sizeof(*interfaces); i++) {
        const char *network = v4 ? interfaces[i].v4 : interfaces[i].v6;
        unsigned number = far && !i ? 10 : neighbour(to, network);

        snprintf(text, sizeof(text), v4 ? "%s.0" : "%s:", network);
        if (is_in(to, text, v4 ? 24 : 64))
            route.local = is_own(to, network);
        if (!number)
            continue;
        route.interface = interfaces[i].name;
        route.mtu = interfaces[i].mtu;
        route.hop = host_hop(route.interface, number);
    }
    return route;
}

const char *host_pin_dir(void)
{
    return pin_dir;
}

static void run_text(const char *command)
{
    int status = system(command);

    if (status)
        give_up("status %d of: %s", status, command);
}

void host_run(const char *command, ...)
{
    char text[2048];
    va_list args;

    va_start(args, command);
    vsnprintf(text, sizeof(text), command, args);
    va_end(args);
    run_text(text);
}

/* Loading the programs takes an emulated CPU ten seconds, so there one instance goes from one test
 * program to the next. */
static bool instance_is_kept(void)
{
    const char *kept = getenv("FS_KEEP_INSTANCE");

    return kept && !strcmp(kept, "1");
}

static void stop(void)
{
    if (getpid() != owner)
        return;
    host_run("rm -rf '%s' '%s'", instance_is_kept() ? scratch : pin_dir, scratch);
}

static void set(const char *path, const char *value)
{
    FILE *file = fopen(path, "w");

    if (!file || fputs(value, file) < 0 || fclose(file))
        give_up("cannot write %s: %s", path, strerror(errno));
}

static void describe_interface(FILE *batch, size_t i)
{
    const char *name = interfaces[i].name, *v4 = interfaces[i].v4, *v6 = interfaces[i].v6;
    unsigned mac = interfaces[i].mac;

    /* Dummies would do, but not every kernel has them. */
    fprintf(batch, "link add %s address 02:00:00:00:00:%02x type veth peer name %s-peer\n", name,
            mac, name);
    fprintf(batch, "link set %s mtu %u up\nlink set %s-peer up\n", name, interfaces[i].mtu, name);
    fprintf(batch, "addr add %s.1/24 dev %s\naddr add %s:1/64 dev %s nodad\n", v4, name, v6, name);
    for (size_t k = 0; k < sizeof(neighbours) / sizeof(*neighbours); k++) {
        unsigned number = neighbours[k];

        fprintf(batch, "neigh add %s.%u lladdr 02:00:00:00:%02x:%02x dev %s nud permanent\n", v4,
                number, mac, number, name);
        fprintf(batch, "neigh add %s:%u lladdr 02:00:00:00:%02x:%02x dev %s nud permanent\n", v6,
                number, mac, number, name);
    }
}

static void make_network(void)
{
    static const char *const dead_ends[] = {"blackhole", "prohibit", "unreachable"};
    char path[128];
    FILE *batch;

    if (unshare(CLONE_NEWNET))
        give_up("cannot make a network namespace: %s", strerror(errno));
    snprintf(path, sizeof(path), "%s/ip", scratch);
    batch = fopen(path, "w");
    if (!batch)
        give_up("cannot write %s: %s", path, strerror(errno));
    fputs("link set lo up\n", batch);
    for (int i = 1; i < 10; i++)
        fprintf(batch, "addr add 10.1.0.%d/32 dev lo\naddr add fd00:1::%d/128 dev lo nodad\n", i,
                i);
    for (size_t i = 0; i < sizeof(interfaces) / sizeof(*interfaces); i++)
        describe_interface(batch, i);
    fputs("route add 100.64.0.0/10 via 192.0.2.10\n"
          "route add 2001:db8:f::/48 via 2001:db8:c::10 dev cl0\n",
          batch);
    for (int i = 0; i < 3; i++)
        fprintf(batch, "route add %s 10.66.0.%d\nroute add %s fd00:66::%d\n", dead_ends[i], i + 1,
                dead_ends[i], i + 1);
    fclose(batch);
    set("/proc/sys/net/ipv4/ip_forward", "1");
    set("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    host_run("ip -batch %s", path);
}

/* build/flowsplit of the tree that this program was built in, unless FLOWSPLIT names another. */
static void find_flowsplit(void)
{
    const char *named = getenv("FLOWSPLIT");
    ssize_t got;

    if (named) {
        snprintf(flowsplit_path, sizeof(flowsplit_path), "%s", named);
        return;
    }
    got = readlink("/proc/self/exe", flowsplit_path, sizeof(flowsplit_path) - 32);
    if (got < 0)
        give_up("cannot read /proc/self/exe: %s", strerror(errno));
    flowsplit_path[got] = 0;
    for (int i = 0; i < 3 && strrchr(flowsplit_path, '/'); i++)
        *strrchr(flowsplit_path, '/') = 0;
    strcat(flowsplit_path, "/flowsplit");
}

/* Tests have entries made two minutes ago; nothing can be older than the machine. */
static void grow_old(void)
{
    while (clock_now_ns() < 125 * 1000000000ULL)
        host_sleep(1);
}

void host_start(const char *services)
{
    const char *given = getenv("FS_PIN_DIR");

    owner = getpid();
    snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/fs-packet-%d", owner);
    if (given)
        snprintf(pin_dir, sizeof(pin_dir), "%s", given);
    strcpy(scratch, "/tmp/fs-packet-XXXXXX");
    if (!mkdtemp(scratch))
        give_up("cannot make %s: %s", scratch, strerror(errno));
    atexit(stop);
    grow_old();
    find_flowsplit();
    make_network();
    if (instance_is_kept() && !access(pin_dir, F_OK)) {
        flowsplit_apply("services: []");
        data_path_open(pin_dir);
        maps_clear();
    }
    flowsplit_apply(services);
    data_path_open(pin_dir);
}

/* Runs flowsplit, its words in `scratch`/said; gives up if it fails. */
static void run_flowsplit(const char *arguments, va_list args)
{
    char text[1024], command[2560], said[2048] = "";
    FILE *file;

    vsnprintf(text, sizeof(text), arguments, args);
    snprintf(command, sizeof(command), "'%s' --pin-dir '%s' %s >%s/said 2>%s/errors",
             flowsplit_path, pin_dir, text, scratch, scratch);
    /* A change must be ready within seconds, which a thousand versions may not be where all is
     * slow. */
    for (int i = 0; system(command); i++) {
        snprintf(text, sizeof(text), "%s/errors", scratch);
        memset(said, 0, sizeof(said));
        file = fopen(text, "r");
        if (file) {
            fread(said, 1, sizeof(said) - 1, file);
            fclose(file);
        }
        if (!host_is_slow() || i == 5 || !strstr(said, "try again"))
            give_up("%s: %s", command, said);
    }
}

void flowsplit(const char *arguments, ...)
{
    va_list args;

    va_start(args, arguments);
    run_flowsplit(arguments, args);
    va_end(args);
}

void flowsplit_apply(const char *services)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/services", scratch);
    set(path, services);
    flowsplit("apply - <%s", path);
}

json_t *flowsplit_json(const char *arguments, ...)
{
    char path[128];
    json_error_t error;
    json_t *json;
    va_list args;

    va_start(args, arguments);
    run_flowsplit(arguments, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s/said", scratch);
    json = json_load_file(path, 0, &error);
    if (!json)
        give_up("flowsplit %s: not JSON: %s", arguments, error.text);
    return json;
}

json_t *json_named(json_t *object, const char *list, const char *name)
{
    json_t *value;
    size_t i = 0;

    json_array_foreach(json_object_get(object, list), i,
                       value) if (!strcmp(json_text(value, "name"), name)) return value;
    give_up("no %s in %s", name, list);
}

json_int_t json_number(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value))
        give_up("no number %s in the JSON", key);
    return json_integer_value(value);
}

const char *json_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (!text)
        give_up("no text %s in the JSON", key);
    return text;
}

bool host_is_slow(void)
{
    const char *vm = getenv("FS_VM");

    return vm && !strcmp(vm, "1");
}

bool host_shows_itself(void)
{
    struct utsname kernel;
    unsigned major, minor;

    return uname(&kernel) || sscanf(kernel.release, "%u.%u", &major, &minor) != 2 || major > 6 ||
           (major == 6 && minor >= 2);
}

void host_sleep(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&pause, NULL);
}

uint32_t host_random(void)
{
    static uint64_t state;

    if (!state) {
        const char *given = getenv("FS_SEED");

        state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 16 | (uint64_t)getpid();
        note("FS_SEED=%llu gives the same random packets", (unsigned long long)state);
        state = state ? state : 1;
    }
    state ^= state << 13; /* xorshift64, Marsaglia 2003 */
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state * 0x2545f4914f6cdd1dULL >> 32);
}
