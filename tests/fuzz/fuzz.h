/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every fuzz target includes. */
#ifndef FLOWSPLIT_FUZZ_H
#define FLOWSPLIT_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

/* Holds whatever the build flags; libFuzzer shows where it didn't, and keeps the input. */
#define EXPECT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
