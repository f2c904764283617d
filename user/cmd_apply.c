// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit apply`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "command.h"
#include "iface.h"
#include "warn.h"

static int read_file(const char *file, struct spec *spec, struct error *err)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *stream = standard ? stdin : fopen(file, "re");
    int code;

    if (!stream)
        return error_set(err, -errno, "can't open %s: %s", file, strerror(errno));
    code = spec_read(stream, standard ? "standard input" : file, spec, err);
    if (!standard)
        fclose(stream);
    return code;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct transaction tx;
    struct spec spec;
    struct error err;
    int code;

    (void)argc;
    code = read_file(argv[0], &spec, &err);
    if (code)
        return command_failed(&err);
    code = transaction_begin(&tx, options, INSTANCE_CREATE, &err);
    if (!code) {
        struct change change = {
            .model = tx.model, .now = tx.now, .is_local = iface_is_local, .notes = tx.notes_stream};

        code = change_apply(&change, &spec, &err);
        code = code ? code : transaction_commit(&tx, options, &err);
        if (!code && !options->quiet)
            warn_settings(&tx.instance, tx.model);
    }
    transaction_end(&tx);
    spec_free(&spec);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_apply = {
    .name = "apply",
    .usage = "FILE|-",
    .summary = "Declares services: adds, changes and removes to match a file",
    .help = "All of the file takes effect at one moment, or nothing does. Services that the file\n"
            "doesn't name are removed. Live connections stay with their backends when weights,\n"
            "versions or backends change. A file:\n\n"
            "  services:\n"
            "    - name: web\n"
            "      vip: 10.0.0.1:80/tcp       # or [2001:db8::1]:80/tcp, 10.0.0.1:53/udp\n"
            "      mode: nat\n"
            "      affinity: flow             # flow | source | none\n"
            "      baseline: stable           # takes the weight that nobody else has\n"
            "      drain: 5m                  # 1s to 24h\n"
            "      versions:\n"
            "        - name: stable\n"
            "          weight: 95%\n"
            "          backends: [10.0.0.11:8080, 10.0.0.12:8080]\n"
            "        - name: canary\n"
            "          weight: 5%\n"
            "          backends: [10.0.0.21:8080]\n",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
