// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit restore`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach.h"
#include "change_pool.h"
#include "clock.h"
#include "parse.h"
#include "saved.h"
#include "state_dir.h"
#include "whole_file.h"

enum { EXIT_NOT_ATTACHED = 3, LOOK_MS = 500 };

static json_t *read_file(const char *path, struct error *err)
{
    json_t *contents;
    size_t length;
    char *text;

    if (whole_file_read(path, SAVED_MAX_BYTES, &text, &length, err))
        return NULL;
    contents = saved_open(text, length, strcmp(path, "-") == 0 ? "standard input" : path, err);
    free(text);
    return contents;
}

/* A backend that was on this host is so again, even if its address has yet to come. Nothing moves,
 * so however long it took, the change is as good as one made now. */
static int restore(struct transaction *tx, void *context, struct error *err)
{
    int code = saved_restore(context, tx->model, clock_realtime_0(), err);

    for (uint32_t i = 0; !code && i < tx->model->service_count; i++)
        fprintf(tx->notes_stream, "%s: restored\n", model_name(tx->model, i));
    for (uint32_t i = 0; !code && i < tx->model->backend_count; i++) {
        struct fs_backend *backend = &tx->model->backends[i];

        if (backend->flags & FS_BACKEND_USED && iface_is_local(&backend->at))
            backend->flags |= FS_BACKEND_LOCAL;
    }
    tx->now = clock_tick_now();
    return code;
}

/* --- interfaces --- */

/* What is to be attached. */
struct wish {
    const char *name;
    enum iface_mode mode;
    bool done;
    struct error why;
};

static void try(const struct options *options, struct wish *wish)
{
    if (!wish->done && iface_exists(wish->name, &wish->why) == 0)
        wish->done = attach_run(options, wish->name, wish->mode, &wish->why) == 0;
}

static bool try_all(const struct options *options, struct wish *wishes, size_t count)
{
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        try(options, &wishes[i]);
        all = all && wishes[i].done;
    }
    return all;
}

static void complain(const struct wish *wish)
{
    if (!wish->done)
        fprintf(stderr, "flowsplit: %s; when it can be: flowsplit attach %s --mode %s\n",
                wish->why.text, wish->name, iface_mode_name(wish->mode));
}

/* Returns an exit code: all else is in force by now, whatever becomes of the interfaces. */
static int attach_all(const struct options *options, const json_t *contents, unsigned timeout_ms)
{
    uint64_t until_ns = clock_now_ns() + timeout_ms * 1000000ULL;
    size_t count = json_array_size(json_object_get(contents, "interfaces"));
    struct wish *wishes = calloc(count + 1, sizeof(*wishes));
    bool all;

    if (!wishes)
        return EXIT_NOT_ATTACHED;
    for (size_t i = 0; i < count; i++)
        if (!saved_iface(contents, i, &wishes[i].name, &wishes[i].mode))
            count = i;
    while (!(all = try_all(options, wishes, count)) && clock_now_ns() < until_ns)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    for (size_t i = 0; i < count; i++)
        complain(&wishes[i]);
    free(wishes);
    return all ? EXIT_DONE : EXIT_NOT_ATTACHED;
}

/* --- the command --- */

static int run(const struct options *options, int argc, char **argv)
{
    char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + sizeof(STATE_SAVED)];
    unsigned timeout_ms = 0;
    struct error err;
    json_t *contents;
    int code;

    if (argc && options->state_dir)
        return command_misused(&command_restore, "a file or --state-dir: both is one too many");
    if (options->timeout && parse_duration(options->timeout, &timeout_ms, &err))
        return command_misused(&command_restore, "--timeout: %s", err.text);
    state_saved_path(path, state_dir_path(dir, options->state_dir, options->pin_dir));
    contents = read_file(argc ? argv[0] : path, &err);
    code = contents ? transaction_run(options, INSTANCE_CREATE, restore, contents, &err) : -1;
    code = code ? command_failed(&err) : attach_all(options, contents, timeout_ms);
    json_decref(contents);
    return code;
}

const struct command command_restore = {
    .name = "restore",
    .usage = "[FILE|-] [--timeout TIME] [--state-dir DIR]",
    .summary = "Takes up what `save` has saved: every client is where it was",
    .help =
        "All services at one moment, or nothing; only into an instance that has none. Then the\n"
        "interfaces are attached in the modes they had. Exits with 3 if one could not be, not\n"
        "even within --timeout (by default, it isn't waited for); all else is then in force.\n"
        "Without FILE, it is the one that `save` writes.\n",
    .options = OPTION_STATE | OPTION_TIMEOUT,
    .args_max = 1,
    .run = run,
};
