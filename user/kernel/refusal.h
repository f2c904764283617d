/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why the kernel did not take a program: which one, with which errno, what the verifier had against
 * it, and whether it is about who asks. */
#ifndef FLOWSPLIT_REFUSAL_H
#define FLOWSPLIT_REFUSAL_H

#include "error.h"

/* Has libbpf keep what it complains of, rather than print. */
void refusal_listen(void);

/* What was heard before is about something else. */
void refusal_forget(void);

/* Writes the message of a load that failed with `code` (-errno). Returns code. */
int refusal_explain(int code, struct error *err);

#endif
