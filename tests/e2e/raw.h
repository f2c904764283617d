// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Raw frames, written to a device.
#ifndef FS_TESTS_E2E_RAW_H
#define FS_TESTS_E2E_RAW_H

#include "peer.h"

#define RAW_BATCH     64
#define RAW_FRAME_MAX 256

struct frame {
    unsigned char bytes[RAW_FRAME_MAX];
    size_t len;
};

// A TCP segment or UDP datagram; both ends are of one family. Sequence numbers in host byte order.
struct segment {
    union address from, to;
    bool udp;
    uint8_t tcp_flags;
    bool bad_checksum;
    uint8_t doff; // other than the right one, if not 0
    uint8_t option_bytes;
    uint8_t options[20];
    uint16_t payload_bytes; // at most 100
    uint32_t seq, ack;
};

// Ends the program where that fails.
void raw_open(const char *dev, const char *dmac);
void raw_write(struct frame *frame, const struct segment *s);
// At most RAW_BATCH of them.
void raw_send(struct frame *frames, unsigned int count);

#endif
