// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The instance, opened anew where another has taken its place. */
#include "means.h"

#include <errno.h>

int means_lock(struct means *means, struct error *err)
{
    int code = -ESTALE;

    if (means->is_open)
        code = instance_relock(&means->instance, err);
    if (code != -ESTALE && code != -ENOENT)
        return code;
    if (means->is_open)
        instance_close(&means->instance);
    means->is_open = false;
    code = instance_open(&means->instance, means->pin_dir, INSTANCE_READ, err);
    means->is_open = !code;
    return code;
}

void means_unlock(struct means *means)
{
    instance_unlock(&means->instance);
}
