// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads files, whatever they declare. */
#include "plan_file.h"

#include <errno.h>
#include <string.h>

#include "plan_read.h"
#include "plan_service.h"
#include "spec_check.h"
#include "spec_read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int read_services(const struct doc_at *at, void *into)
{
    struct plan_file *contents = into;

    contents->has_spec = true;
    return spec_read(at, &contents->spec);
}

static int read_rollout(const struct doc_at *at, void *into)
{
    struct plan_file *contents = into;

    contents->has_plan = true;
    return plan_read(at, &contents->plan);
}

static int read_root(const struct doc_at *root, struct plan_file *contents)
{
    static const struct doc_key keys[] = {
        {"services", read_services, false},
        {"rollout", read_rollout, false},
    };
    int ret = doc_mapping(root, "the file", keys, COUNT(keys), contents);

    if (!ret && !contents->has_spec && !contents->has_plan)
        ret = place_refuse(doc_place(root), root->err,
                           "the file declares nothing; it needs services, rollout or both");
    return ret;
}

static int refuse_service(const struct plan *plan, const struct spec *spec, struct error *err)
{
    char known[600] = "";

    for (size_t i = 0; i < spec->service_count; i++) {
        const char *name = spec->services[i].name;

        if (strlen(known) + strlen(name) + 3 > sizeof(known))
            continue;
        strcat(known, *known ? ", " : "");
        strcat(known, name);
    }
    return place_refuse(plan->service_place, err,
                        "service \"%s\" is none of this file's services; it has %s", plan->service,
                        *known ? known : "none");
}

/* Services and plan by themselves are fine. */
static int check_together(const struct plan *plan, const struct spec *spec, struct error *err)
{
    for (size_t i = 0; i < spec->service_count; i++) {
        struct plan_service service;

        if (strcmp(spec->services[i].name, plan->service) != 0)
            continue;
        service = plan_service_declared(&spec->services[i]);
        return plan_check(plan, &service, err);
    }
    return refuse_service(plan, spec, err);
}

int plan_file_read(FILE *stream, const char *file, struct plan_file *out, struct error *err)
{
    struct doc_at root;
    struct doc doc;
    int ret;

    *out = (struct plan_file){0};
    ret = doc_load(stream, file, &doc, err);
    if (ret)
        return ret;
    root = doc_root(&doc, err);
    ret = read_root(&root, out);
    doc_free(&doc);
    if (!ret && out->has_spec)
        ret = spec_check(&out->spec, file, err);
    if (!ret && out->has_spec && out->has_plan)
        ret = check_together(&out->plan, &out->spec, err);
    if (ret)
        plan_file_free(out);
    return ret;
}

void plan_file_free(struct plan_file *contents)
{
    spec_free(&contents->spec);
    plan_free(&contents->plan);
    *contents = (struct plan_file){0};
}

int plan_file_open(const char *file, struct plan_file *out, struct error *err)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *stream = standard ? stdin : fopen(file, "re");
    int code;

    *out = (struct plan_file){0};
    if (!stream)
        return error_set(err, -errno, "can't open %s: %s", file, strerror(errno));
    code = plan_file_read(stream, standard ? "standard input" : file, out, err);
    if (!standard)
        fclose(stream);
    return code;
}

int plan_file_take_spec(struct plan_file *contents, struct spec *out, struct error *err)
{
    int ret = 0;

    *out = contents->spec;
    contents->spec = (struct spec){0};
    if (!contents->has_spec)
        ret = place_refuse(contents->plan.place, err,
                           "the file has a rollout but no services; a rollout is carried out by "
                           "`flowsplit run`");
    plan_file_free(contents);
    return ret;
}

int plan_file_read_spec(FILE *stream, const char *file, struct spec *out, struct error *err)
{
    struct plan_file contents;
    int ret = plan_file_read(stream, file, &contents, err);

    *out = (struct spec){0};
    return ret ? ret : plan_file_take_spec(&contents, out, err);
}
