// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaches programs to interfaces and tells where they are. */
#include "iface.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hook.h"

_Static_assert(HOOK_WHY == IFACE_WHY, "one is written into the other");

static const char *const mode_names[] = {[IFACE_NONE] = "none",
                                         [IFACE_NATIVE] = "native",
                                         [IFACE_GENERIC] = "generic",
                                         [IFACE_TC] = "tc",
                                         [IFACE_AUTO] = "auto"};

const char *iface_mode_name(enum iface_mode mode)
{
    return mode_names[mode];
}

int iface_mode_parse(const char *text, enum iface_mode *mode, struct error *err)
{
    for (int i = IFACE_NATIVE; i <= IFACE_AUTO; i++)
        if (strcmp(text, mode_names[i]) == 0) {
            *mode = (enum iface_mode)i;
            return 0;
        }
    return error_set(err, -EINVAL, "unknown mode \"%.32s\"; one of auto, native, generic, tc",
                     text);
}

/* How a mode steers what comes in. */
struct way_in {
    enum hook hook;
    enum instance_program steers, learns;
};

static const struct way_in ways_in[] = {
    [IFACE_NATIVE] = {HOOK_XDP_NATIVE, PROGRAM_XDP_INGRESS, PROGRAM_XDP_LEARN},
    [IFACE_GENERIC] = {HOOK_XDP_GENERIC, PROGRAM_XDP_INGRESS, PROGRAM_XDP_LEARN},
    [IFACE_TC] = {HOOK_TC_INGRESS, PROGRAM_TC_INGRESS, PROGRAM_TC_LEARN},
};

/* How long who talks to the backends' own addresses is listened to before the way back begins to
 * restore what backends send. */
#define LEARN_MS 100

/* XDP comes first: beside it, TC only stands in. */
static enum iface_mode mode_of(const struct instance *instance, unsigned ifindex)
{
    enum instance_program tc;

    for (enum iface_mode mode = IFACE_NATIVE; mode <= IFACE_GENERIC; mode++)
        if (hook_get(instance, ifindex, ways_in[mode].hook) == PROGRAM_XDP_INGRESS)
            return mode;
    tc = hook_get(instance, ifindex, HOOK_TC_INGRESS);
    return tc == PROGRAM_TC_INGRESS || tc == PROGRAM_TC_STAND_IN ? IFACE_TC : IFACE_NONE;
}

static bool holds_any(const struct instance *instance, unsigned ifindex)
{
    for (int hook = 0; hook < HOOK_COUNT; hook++)
        if (hook_get(instance, ifindex, (enum hook)hook) != PROGRAM_COUNT)
            return true;
    return false;
}

/* The way back before the way in. */
static int clear_all(const struct instance *instance, unsigned ifindex)
{
    int err = 0;

    for (int hook = HOOK_COUNT - 1; hook >= 0; hook--) {
        int code = hook_clear(instance, ifindex, (enum hook)hook);

        err = err ? err : code;
    }
    return err;
}

/* --- looking --- */

/* Has the way in one of the programs that stand there only while a command attaches or detaches? */
static bool is_idle(const struct instance *instance, unsigned ifindex)
{
    for (enum iface_mode mode = IFACE_NATIVE; mode <= IFACE_TC; mode++)
        if (hook_get(instance, ifindex, ways_in[mode].hook) == ways_in[mode].learns)
            return true;
    return false;
}

static bool ask(const char *name, unsigned long what, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool answered;

    *request = (struct ifreq){0};
    snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
    answered = fd >= 0 && ioctl(fd, what, request) == 0;
    close(fd);
    return answered;
}

static bool is_up(const char *name)
{
    struct ifreq request;

    return ask(name, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP;
}

/* Do its frames begin with an Ethernet header? The loopback's do. */
static bool is_ethernet(const char *name)
{
    struct ifreq request;

    return !ask(name, SIOCGIFHWADDR, &request) || request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
           request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

static void look(const struct instance *instance, struct iface *iface)
{
    iface->mode = mode_of(instance, iface->index);
    iface->idle = iface->mode == IFACE_NONE && is_idle(instance, iface->index);
    iface->up = is_up(iface->name);
    if (iface->mode == IFACE_NONE)
        snprintf(iface->way_in, sizeof(iface->way_in), "missing");
    else
        hook_look(instance, iface->index, ways_in[iface->mode].hook, iface->way_in);
    hook_look(instance, iface->index, HOOK_TC_EGRESS, iface->way_back);
}

bool iface_trusted(const struct iface *iface)
{
    return iface->mode != IFACE_NONE && !*iface->way_in && !*iface->way_back;
}

/* --- attaching --- */

/* One attempt to attach, and where it failed. */
struct attempt {
    const struct instance *instance;
    unsigned ifindex;
    enum iface_mode was;
    enum hook failed;
};

static int put(struct attempt *attempt, enum hook hook, enum instance_program program)
{
    int err = hook_put(attempt->instance, attempt->ifindex, hook, program);

    if (err)
        attempt->failed = hook;
    return err;
}

/* Attaches where nothing is steered. The last step, one program in the place of another, makes the
 * interface steer; a command killed before that leaves it as it was. */
static int attach_new(struct attempt *attempt, enum iface_mode mode)
{
    const struct way_in *in = &ways_in[mode];
    int err = clear_all(attempt->instance, attempt->ifindex);

    attempt->failed = in->hook;
    err = err ? err : put(attempt, in->hook, in->learns);
    if (!err)
        usleep(LEARN_MS * 1000);
    err = err ? err : put(attempt, HOOK_TC_EGRESS, PROGRAM_TC_EGRESS);
    err = err ? err : put(attempt, in->hook, in->steers);
    if (err)
        clear_all(attempt->instance, attempt->ifindex);
    return err;
}

/* From one mode to another without a packet missed: XDP takes only one program, so TC stands in. */
static int change_mode(struct attempt *attempt, enum iface_mode mode)
{
    const struct instance *instance = attempt->instance;
    enum iface_mode was = attempt->was;
    unsigned ifindex = attempt->ifindex;
    int err = put(attempt, HOOK_TC_INGRESS, PROGRAM_TC_STAND_IN);

    if (!err && was != IFACE_TC)
        err = hook_clear(instance, ifindex, ways_in[was].hook);
    if (!err)
        err = put(attempt, ways_in[mode].hook, ways_in[mode].steers);
    if (err) {
        hook_put(instance, ifindex, ways_in[was].hook, ways_in[was].steers);
        mode = was;
    }
    if (mode != IFACE_TC)
        hook_clear(instance, ifindex, HOOK_TC_INGRESS);
    return err;
}

/* Brings an attachment in force to what it should be: others may have taken the way back, or got in
 * front of it, and a killed command may have left TC standing in. */
static int mend(struct attempt *attempt, enum iface_mode mode)
{
    int err = put(attempt, HOOK_TC_EGRESS, PROGRAM_TC_EGRESS);

    if (!err && mode == IFACE_TC)
        err = put(attempt, HOOK_TC_INGRESS, PROGRAM_TC_INGRESS);
    return err || mode == IFACE_TC
               ? err
               : hook_clear(attempt->instance, attempt->ifindex, HOOK_TC_INGRESS);
}

static int attach_mode(struct attempt *attempt, enum iface_mode mode)
{
    int err = 0;

    if (attempt->was == IFACE_NONE)
        return attach_new(attempt, mode);
    if (attempt->was != mode)
        err = change_mode(attempt, mode);
    return err ? err : mend(attempt, mode);
}

static int find_interface(const char *name, unsigned *ifindex, struct error *err)
{
    *ifindex = if_nametoindex(name);
    return *ifindex
               ? 0
               : error_set(err, -ENODEV, "no interface \"%.32s\" in this network namespace", name);
}

int iface_exists(const char *name, struct error *err)
{
    unsigned ifindex;

    return find_interface(name, &ifindex, err);
}

/* Looks at what was attached, and takes what was not there before away again if packets don't reach
 * it. */
static int verify(const struct attempt *attempt, const char *name, struct error *err)
{
    struct iface iface = {.index = attempt->ifindex};
    bool in;

    snprintf(iface.name, sizeof(iface.name), "%s", name);
    look(attempt->instance, &iface);
    if (iface_trusted(&iface))
        return 0;
    if (attempt->was == IFACE_NONE)
        clear_all(attempt->instance, attempt->ifindex);
    in = *iface.way_in;
    return error_set(err, -EBUSY, "can't attach to %s: the way %s: %s", name, in ? "in" : "back",
                     in ? iface.way_in : iface.way_back);
}

int iface_attach(const struct instance *instance, const char *name, enum iface_mode *mode,
                 bool *changed, char *why, struct error *err)
{
    struct attempt attempt = {.instance = instance};
    enum iface_mode want = *mode == IFACE_AUTO ? IFACE_NATIVE : *mode;
    struct iface before = {0};
    int code = find_interface(name, &attempt.ifindex, err);

    *why = '\0';
    *changed = false;
    if (code)
        return code;
    if (!is_ethernet(name))
        return error_set(
            err, -EOPNOTSUPP,
            "can't attach to %s: its packets have no Ethernet header (a tunnel, tun or "
            "ppp); attach the interface that carries them",
            name);
    before.index = attempt.ifindex;
    look(instance, &before);
    attempt.was = before.mode;
    if (*mode == IFACE_AUTO && attempt.was != IFACE_NONE)
        want = attempt.was;
    code = attach_mode(&attempt, want);
    if (code && *mode == IFACE_AUTO && attempt.was == IFACE_NONE &&
        attempt.failed == HOOK_XDP_NATIVE) {
        snprintf(why, 256, "%s", hook_problem(attempt.failed, code));
        want = IFACE_TC;
        code = attach_mode(&attempt, want);
    }
    *mode = want;
    *changed = attempt.was != want || !iface_trusted(&before);
    if (code)
        return error_set(err, code, "can't attach to %s (%s): %s", name, iface_mode_name(want),
                         hook_problem(attempt.failed, code));
    maps_allow_redirect(&instance->maps, attempt.ifindex);
    return verify(&attempt, name, err);
}

int iface_detach(const struct instance *instance, const char *name, struct error *err)
{
    unsigned ifindex;
    enum iface_mode was;
    int code = find_interface(name, &ifindex, err);

    if (code)
        return code;
    if (!holds_any(instance, ifindex))
        return error_set(err, -ENOENT, "not attached to %s", name);
    was = mode_of(instance, ifindex);
    if (was == IFACE_NATIVE || was == IFACE_GENERIC)
        code = hook_clear(instance, ifindex, HOOK_TC_INGRESS);
    if (!code && was != IFACE_NONE)
        code = hook_put(instance, ifindex, ways_in[was].hook, ways_in[was].learns);
    code = code ? code : clear_all(instance, ifindex);
    return code ? error_set(err, code, "can't detach from %s: %s", name, strerror(-code)) : 0;
}

int iface_list(const struct instance *instance, struct iface **list, struct error *err)
{
    struct if_nameindex *names = if_nameindex();
    int count = 0, room = 0;

    *list = NULL;
    if (!names)
        return error_set(err, -errno, "can't list interfaces: %s", strerror(errno));
    while (names[room].if_index)
        room++;
    *list = calloc((size_t)room + 1, sizeof(**list));
    for (int i = 0; *list && i < room; i++) {
        struct iface *iface = &(*list)[count];

        if (!holds_any(instance, names[i].if_index))
            continue;
        iface->index = names[i].if_index;
        snprintf(iface->name, sizeof(iface->name), "%s", names[i].if_name);
        look(instance, iface);
        count++;
    }
    if_freenameindex(names);
    return *list ? count : error_set(err, -ENOMEM, "out of memory");
}

static bool can_bind_and_connect(int fd, const struct sockaddr *at, socklen_t bytes)
{
    return bind(fd, at, bytes) == 0 && connect(fd, at, bytes) == 0;
}

/* To be bound says too little: broadcast addresses can be, and any while there has been no IPv4
 * address at all. */
bool iface_is_local(const struct fs_endpoint *at)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int fd = socket(at->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool local;

    if (fd < 0)
        return false;
    memcpy(&v4.sin_addr, at->addr, sizeof(v4.sin_addr));
    memcpy(&v6.sin6_addr, at->addr, sizeof(v6.sin6_addr));
    local = at->family == 4 ? can_bind_and_connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                            : can_bind_and_connect(fd, (struct sockaddr *)&v6, sizeof(v6));
    close(fd);
    return local;
}
