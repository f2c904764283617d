// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps the rollouts of a controller. */
#include "conductor.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan_file.h"
#include "plan_json.h"

/* --- conducts --- */

struct conduct *conductor_find(const struct conductor *conductor, const char *service)
{
    for (size_t i = 0; i < conductor->count; i++)
        if (strcmp(conductor->conducts[i]->service, service) == 0)
            return conductor->conducts[i];
    return NULL;
}

int conductor_take_up(struct conductor *conductor, const char *service, struct error *err)
{
    struct conduct *conduct = conductor_find(conductor, service), **list;

    if (conduct) {
        conduct_end(conduct);
        return conduct_begin(conduct, &conductor->means, service, err);
    }
    list = realloc(conductor->conducts, (conductor->count + 1) * sizeof(*list));
    conduct = calloc(1, sizeof(*conduct));
    if (list)
        conductor->conducts = list;
    if (!list || !conduct) {
        free(conduct);
        return error_set(err, -ENOMEM, "out of memory");
    }
    list[conductor->count++] = conduct;
    return conduct_begin(conduct, &conductor->means, service, err);
}

/* --- plans --- */

static bool same_plan(const struct plan *a, const struct plan *b)
{
    json_t *left = plan_json(a), *right = plan_json(b);
    bool same = json_equal(left, right);

    json_decref(left);
    json_decref(right);
    return same;
}

static const char *starter(void)
{
    const struct passwd *user = getpwuid(getuid());

    return user ? user->pw_name : "root";
}

/* A plan from a file: goes on with its rollout, or starts it. */
static int start_plan(struct conductor *conductor, const char *file, const struct plan *plan,
                      struct error *err)
{
    struct rollout *rollout = rollouts_find(&conductor->means.rollouts, plan->service);
    struct error why;
    int code;

    if (rollout && same_plan(&rollout->plan, plan)) {
        fprintf(stderr, "%s/%s: %s%s\n", plan->service, plan->version,
                rollout_is_under_way(rollout) ? "goes on: " : "has ended before: ",
                rollout_state_names[rollout->state]);
        return 0;
    }
    if (rollout && rollout_is_under_way(rollout))
        return error_set(err, -EBUSY,
                         "%s: service %s is in a rollout of version %s by another plan: `flowsplit "
                         "rollout abort %s` ends it",
                         file, plan->service, rollout->plan.version, plan->service);
    code = conduct_start(&conductor->means, conductor_find(conductor, plan->service), plan,
                         starter(), &why);
    return code ? error_set(err, code, "%s: %.900s", file, why.text)
                : conductor_take_up(conductor, plan->service, err);
}

int conductor_read_plan(struct conductor *conductor, const char *name, struct error *err)
{
    struct plan_file file;
    int code = plan_file_open(name, &file, err);

    if (code)
        return code;
    code = file.has_plan ? start_plan(conductor, name, &file.plan, err)
                         : error_set(err, -EINVAL, "%s has no `rollout:`", name);
    plan_file_free(&file);
    return code;
}

int conductor_take_up_all(struct conductor *conductor, struct error *err)
{
    const struct rollouts *rollouts = &conductor->means.rollouts;

    for (size_t i = 0; i < rollouts->count; i++) {
        int code = conductor_take_up(conductor, rollouts->list[i]->plan.service, err);

        if (code)
            return code;
    }
    return 0;
}

void conductor_end(struct conductor *conductor)
{
    for (size_t i = 0; i < conductor->count; i++) {
        conduct_end(conductor->conducts[i]);
        free(conductor->conducts[i]);
    }
    free(conductor->conducts);
    conductor->conducts = NULL;
    conductor->count = 0;
}
