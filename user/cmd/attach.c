// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit attach`. */
#include "attach.h"

static int run(const struct options *options, int argc, char **argv)
{
    enum iface_mode mode = IFACE_AUTO;
    struct error err;
    int code;

    (void)argc;
    if (options->mode && iface_mode_parse(options->mode, &mode, &err))
        return command_misused(&command_attach, "%s", err.text);
    code = iface_exists(argv[0], &err);
    code = code ? code : attach_run(options, argv[0], mode, &err);
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
