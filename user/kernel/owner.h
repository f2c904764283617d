/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose a program is that was found on an interface. */
#ifndef FLOWSPLIT_OWNER_H
#define FLOWSPLIT_OWNER_H

#include <stdbool.h>

#include "instance.h"

#define OWNER_NAME 16

/* Which of the instance's programs has this id; PROGRAM_COUNT: none. */
enum instance_program owner_program(const struct instance *instance, uint32_t id);

/* Is it another's? The same program of another instance isn't: it ends the chain only for what it
 * steers itself. `name` (OWNER_NAME bytes) becomes the program's. */
bool owner_is_stranger(const struct instance *instance, uint32_t id, char *name);

#endif
