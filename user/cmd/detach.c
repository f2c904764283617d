// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit detach`. */
#include <errno.h>
#include <stdlib.h>

#include "command.h"
#include "events.h"
#include "iface.h"
#include "tcx_pins.h"

static int detach(struct instance *instance, const struct options *options, const char *name,
                  struct error *err)
{
    int code = iface_detach(instance, name, err);
    char note[64];

    if (code)
        return code;
    snprintf(note, sizeof(note), "%s: detached", name);
    events_log(instance, options->command, note);
    if (!options->quiet)
        puts(note);
    return 0;
}

static int detach_all(struct instance *instance, const struct options *options, struct error *err)
{
    struct iface *list;
    int count = iface_list(instance, &list, err), code = count < 0 ? count : 0;

    for (int i = 0; i < count && !code; i++)
        code = detach(instance, options, list[i].name, err);
    free(list);
    if (!code && !count && !options->quiet)
        puts("attached to no interface");
    return code;
}

/* With nothing declared, and nothing attached that can be seen from here, nothing is worth keeping.
 * Links of other network namespaces can be seen: without pins they would go, and XDP stay. */
static int remove_if_idle(struct instance *instance, const struct options *options,
                          struct error *err)
{
    const struct fs_directory *dir = fs_at(struct fs_directory, instance->arena,
                                           fs_at(struct fs_root, instance->arena, 0)->directory);
    struct iface *list = NULL;
    int count;

    if (dir->service_count)
        return 0;
    count = iface_list(instance, &list, err);
    if (count == 0 && !tcx_pins_sweep(instance))
        instance_remove(instance);
    else if (count == 0 && !options->quiet)
        puts("still attached in another network namespace: the pins stay");
    free(list);
    return count < 0 ? count : 0;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct instance instance;
    struct error err;
    int code;

    if (options->all ? argc != 0 : argc != 1)
        return command_misused(&command_detach, "detach takes an interface, or --all");
    code = options->all ? 0 : iface_exists(argv[0], &err);
    if (!code)
        code = instance_open(&instance, options->pin_dir, INSTANCE_WRITE, &err);
    if (code == -ENOENT && options->all) {
        if (!options->quiet)
            puts("attached to no interface");
        return EXIT_DONE;
    }
    if (code)
        return command_failed(&err);
    code = options->all ? detach_all(&instance, options, &err)
                        : detach(&instance, options, argv[0], &err);
    code = code ? code : remove_if_idle(&instance, options, &err);
    instance_close(&instance);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_detach = {
    .name = "detach",
    .usage = "IFACE | --all",
    .summary = "Stops steering what comes in by an interface, or by any",
    .help = "Services stay declared; attach again, and they go on with the same buckets. When\n"
            "nothing is attached and nothing is declared, the instance's pins go, too.\n"
            "--all means the interfaces of this network namespace.\n",
    .options = OPTION_ALL,
    .args_max = 1,
    .run = run,
};
