// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit attach`. */
#include <errno.h>

#include "command.h"
#include "iface.h"

/* How long after an attachment (or a new backend) connections to a backend's own address that were
 * there before are taken for what they seem. */
#define LEARN_TICKS (5 * 60 * 15)

static void say(const struct options *options, const char *name, enum iface_mode mode, bool changed,
                const char *why)
{
    if (options->quiet)
        return;
    printf("%s: %s, %s", name, changed ? "attached" : "already attached", iface_mode_name(mode));
    if (*why)
        printf(" (not native: %s)", why);
    putchar('\n');
}

static int attach(struct transaction *tx, const struct options *options, const char *name,
                  enum iface_mode mode, struct error *err)
{
    char why[256];
    bool changed;
    int code;

    tx->model->learn_until = tx->now + LEARN_TICKS;
    tx->model->changed = true;
    code = instance_publish(&tx->instance, tx->model, err);
    code = code ? code : iface_attach(&tx->instance, name, &mode, &changed, why, err);
    if (!code)
        say(options, name, mode, changed, why);
    return code;
}

static int run(const struct options *options, int argc, char **argv)
{
    enum iface_mode mode = IFACE_AUTO;
    struct transaction tx;
    struct error err;
    int code;

    (void)argc;
    if (options->mode && iface_mode_parse(options->mode, &mode, &err))
        return command_misused(&command_attach, "%s", err.text);
    code = iface_exists(argv[0], &err);
    if (!code) {
        code = transaction_begin(&tx, options, INSTANCE_CREATE, &err);
        code = code ? code : attach(&tx, options, argv[0], mode, &err);
        transaction_end(&tx);
    }
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_attach = {
    .name = "attach",
    .usage = "IFACE [--mode auto|native|generic|tc]",
    .summary = "Begins to steer what comes in by an interface",
    .help = "Attach the interface that faces the clients; `lo` serves clients on this host.\n\n"
            "  native   XDP in the driver: the fastest\n"
            "  generic  XDP in the stack: any driver, slower\n"
            "  tc       TC ingress: any driver, sees whole GSO packets\n"
            "  auto     native, else tc; says which and why (the default)\n\n"
            "The way back is a TC egress program in every mode. An interface that is attached\n"
            "already changes to the mode asked for.\n",
    .options = OPTION_MODE,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
