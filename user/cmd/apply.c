// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit apply`. */
#include "command.h"
#include "plan_file.h"
#include "warn.h"

/* Its services; a rollout in it is checked, too. */
static int read_file(const char *file, struct spec *spec, struct error *err)
{
    struct plan_file contents;
    int code = plan_file_open(file, &contents, err);

    return code ? code : plan_file_take_spec(&contents, spec, err);
}

/* What is asked for. */
struct request {
    const struct options *options;
    struct spec spec;
};

static int apply(struct transaction *tx, void *context, struct error *err)
{
    struct request *request = context;
    struct change change = transaction_change(tx);
    int code = change_apply(&change, &request->spec, err);

    if (!code && !request->options->quiet)
        warn_settings(&tx->instance, tx->model);
    return code;
}

static int run(const struct options *options, int argc, char **argv)
{
    struct request request = {.options = options};
    struct error err;
    int code;

    (void)argc;
    code = read_file(argv[0], &request.spec, &err);
    if (code)
        return command_failed(&err);
    code = transaction_run(options, INSTANCE_CREATE, apply, &request, &err);
    spec_free(&request.spec);
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
            "          backends: [10.0.0.21:8080]\n"
            "      sample: 1/16               # of connections: resets, responses; 1/1 to 1/65536\n"
            "      http: true                 # plaintext HTTP/1: responses are read\n"
            "      guard:\n"
            "        rules:                   # of connect_failures, resets, http_5xx,\n"
            "          - connect_failures > 1%  # retransmits, close_wait; and of times:\n"
            "          - p99 connect_time > 20ms\n"
            "          - p99.9 response_time > 0.5s\n"
            "        false_alarm: 1e-6        # at the limit, once in a million outcomes at most\n"
            "        on_trip: withdraw        # withdraw | report\n"
            "        live_flows: keep         # keep | drain TIME | cut\n"
            "        close_wait_after: 30s\n"
            "        clients: 3               # 1 to 64\n"
            "        worse_than_baseline: true    # true | false\n"
            "        recover: {after: 30s, at_most: 5}\n",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
