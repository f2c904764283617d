// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Changes what steers, for a rollout. */
#include "rollout_act.h"

#include <string.h>

#include "change_control.h"
#include "change_trip.h"
#include "command.h"

/* The event that tells of it says "rollout". */
static struct options quiet_options(const char *pin_dir)
{
    return (struct options){.pin_dir = pin_dir, .quiet = true, .command = "rollout"};
}

static int set_weights(struct change *change, const struct rollout *rollout, struct error *err)
{
    struct named_weight weights[FS_MAX_VERSIONS];

    for (size_t i = 0; i < rollout->wished.count; i++)
        weights[i] = (struct named_weight){.version = (char *)rollout->wished.of[i].version,
                                           .weight_bp = rollout->wished.of[i].weight_bp};
    return change_set(change, rollout->plan.service, weights, rollout->wished.count, err);
}

static bool is_withdrawn(struct model *model, const struct plan *plan)
{
    int service = model_find(model, plan->service);
    struct draft *draft = service < 0 ? NULL : model_draft(model, (uint32_t)service);
    int version = draft ? draft_version_find(draft, plan->version) : -1;

    return version >= 0 && draft->versions[version].withdrawn;
}

static int withdraw(struct change *change, const struct plan *plan, struct error *err)
{
    struct live_choice live = {.live = plan->live_flows, .ms = plan->live_ms};

    if (is_withdrawn(change->model, plan))
        return 0;
    return change_withdraw(change, plan->service, plan->version, &live, FS_RULE_ROLLOUT, err);
}

static int act(struct transaction *tx, void *context, struct error *err)
{
    const struct rollout *rollout = context;
    const struct plan *plan = &rollout->plan;
    struct change change = transaction_change(tx);
    int code = set_weights(&change, rollout, err);

    if (code)
        return code;
    if (rollout->act == ACT_ADVANCE)
        return change_control(&change, plan->service, plan->version, rollout->seed, err);
    if (rollout->act == ACT_ROLL_BACK)
        code = withdraw(&change, plan, err);
    return code ? code : change_control_end(&change, plan->service, err);
}

int rollout_do(const char *pin_dir, const struct rollout *rollout, struct error *err)
{
    struct options options = quiet_options(pin_dir);

    return transaction_run(&options, INSTANCE_WRITE, act, (void *)rollout, err);
}
