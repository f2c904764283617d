/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Checksums over whole packets, never mended from old ones; and a look at all those in a frame. */
#ifndef FLOWSPLIT_CHECKSUM_H
#define FLOWSPLIT_CHECKSUM_H

#include "frame.h"

/* The Internet checksum (RFC 1071) of these bytes. */
uint16_t checksum(const uint8_t *data, size_t bytes);

/* The same with the pseudo header in front. The checksum's own field must be zero in `data`. */
uint16_t checksum_transport(const struct end *from, const struct end *to, uint8_t proto,
                            const uint8_t *data, size_t bytes);

/* Which checksums of a frame are wrong. Those that can't be judged (fragments, cut packets, none
 * in UDP) don't count. */
enum wrong_checksum {
    WRONG_IP = 1,
    WRONG_TRANSPORT = 2,
    WRONG_QUOTE_IP = 4,
    WRONG_QUOTE_TRANSPORT = 8,
};
unsigned wrong_checksums(const uint8_t *data, size_t bytes);

/* Makes those of a frame right that can be judged. */
void mend_checksums(uint8_t *data, size_t bytes);

#endif
