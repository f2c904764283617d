// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `flowsplit save`. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "change_trip.h"
#include "clock.h"
#include "command.h"
#include "saved.h"
#include "state_dir.h"
#include "whole_file.h"

static json_t *contents_of(struct saved_source *source, struct error *err)
{
    json_t *contents = change_settle_trips(source->model, err) ? NULL : saved_contents(source);

    if (!contents)
        error_set(err, -ENOMEM, "out of memory");
    else if (saved_check(contents, err) == 0)
        return contents;
    json_decref(contents);
    return NULL;
}

/* All of it at one moment, under the lock. NULL with *err set. */
static json_t *gather(const char *pin_dir, struct error *err)
{
    struct saved_source source = {.realtime_0 = clock_realtime_0()};
    struct iface *ifaces = NULL;
    struct instance instance;
    json_t *contents = NULL;

    if (instance_open(&instance, pin_dir, INSTANCE_READ, err))
        return NULL;
    source.health = instance.health;
    source.model = model_read(instance.arena, instance.trips, err);
    source.iface_count = source.model ? iface_list(&instance, &ifaces, err) : -1;
    source.ifaces = ifaces;
    if (source.iface_count >= 0)
        contents = contents_of(&source, err);
    free(ifaces);
    model_free(source.model);
    instance_close(&instance);
    return contents;
}

static bool same_instance(const json_t *a, const json_t *b)
{
    const json_t *one = json_object_get(json_object_get(a, "instance"), "created_ns");
    const json_t *other = json_object_get(json_object_get(b, "instance"), "created_ns");

    return json_equal(one, other);
}

/* Interfaces of the file before that don't exist now were not detached: they are only away. */
static void keep_absent(json_t *contents, const char *path, bool quiet)
{
    enum iface_mode mode;
    struct error err;
    const char *name;
    json_t *before;
    size_t length;
    char *text;

    if (whole_file_read(path, SAVED_MAX_BYTES, &text, &length, &err))
        return;
    before = saved_open(text, length, path, &err);
    for (size_t i = 0;
         before && same_instance(before, contents) && saved_iface(before, i, &name, &mode); i++) {
        if (if_nametoindex(name) || saved_iface_add(contents, name, mode))
            continue;
        if (!quiet)
            printf("%s: isn't there, and stays in the file\n", name);
    }
    json_decref(before);
    free(text);
}

static void say(const json_t *contents, const char *path)
{
    size_t services = json_array_size(json_object_get(contents, "services"));
    size_t ifaces = json_array_size(json_object_get(contents, "interfaces"));

    printf("%zu service%s and %zu interface%s saved to %s\n", services, services == 1 ? "" : "s",
           ifaces, ifaces == 1 ? "" : "s", path);
}

static int write_out(json_t *contents, const char *path, struct error *err)
{
    bool standard = strcmp(path, "-") == 0;
    char *text = saved_text(contents);
    int code = 0;

    if (!text)
        return error_set(err, -ENOMEM, "out of memory");
    if (standard && (puts(text) == EOF || fflush(stdout)))
        code = error_set(err, -EIO, "can't write to standard output");
    else if (!standard)
        code = whole_file_write(path, text, strlen(text), err);
    free(text);
    return code;
}

static int save(const struct options *options, const char *path, struct error *err)
{
    json_t *contents = gather(options->pin_dir, err);
    bool standard = strcmp(path, "-") == 0;
    int code;

    if (!contents)
        return -EINVAL;
    if (!standard)
        keep_absent(contents, path, options->quiet);
    code = write_out(contents, path, err);
    if (!code && !standard && !options->quiet)
        say(contents, path);
    json_decref(contents);
    return code;
}

static int run(const struct options *options, int argc, char **argv)
{
    char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + sizeof(STATE_SAVED)];
    struct error err;
    int code;

    if (argc && options->state_dir)
        return command_misused(&command_save, "a file or --state-dir: both is one too many");
    state_saved_path(path, state_dir_path(dir, options->state_dir, options->pin_dir));
    code = argc ? 0 : state_dir_make(dir);
    if (code)
        error_set(&err, code, "can't make %s: %s", dir, strerror(-code));
    code = code ? code : save(options, argc ? argv[0] : path, &err);
    return code ? command_failed(&err) : EXIT_DONE;
}

const struct command command_save = {
    .name = "save",
    .usage = "[FILE|-] [--state-dir DIR]",
    .summary = "Saves everything that steers, for `restore` after a reboot",
    .help =
        "Services with their weights as they are, withdrawn versions, which bucket and slot is\n"
        "whose, the secret by which clients are hashed, and what is attached. The file is\n"
        "for root only; it is replaced at once or not at all. Without FILE it is `saved` in\n"
        "--state-dir, by default in /var/lib/flowsplit, below the name of the pin directory.\n"
        "An interface in it that doesn't exist now stays in it; to be rid of it, remove the\n"
        "file first.\n",
    .options = OPTION_STATE,
    .args_max = 1,
    .run = run,
};
