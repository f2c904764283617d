/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What clients and backends do that mean well, one thing at a time. */
#ifndef FLOWSPLIT_ATTACKS_USERS_H
#define FLOWSPLIT_ATTACKS_USERS_H

#include "hosts.h"

/* Something that a flow's ends might do next. */
void users_do(struct conn *conn);

/* Both ends of a live flow speak and are heard; if not, a promise is broken. */
void users_exchange(struct conn *conn);

/* Handshakes that are under way come to nothing. */
void users_forget_handshakes(unsigned service);

#endif
