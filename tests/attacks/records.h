/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who may be on record: clients' ends to which a backend has said anything that a connection alone
 * can have made it say. */
#ifndef FLOWSPLIT_ATTACKS_RECORDS_H
#define FLOWSPLIT_ATTACKS_RECORDS_H

#include "frame.h"

/* Opens the table; nobody is confirmed. */
void records_open(void);
void records_begin(void);

/* A backend has confirmed a connection with this end. */
void records_confirm(const struct end *client);

/* Checks that nobody else is in the table. */
void records_check(void);

#endif
