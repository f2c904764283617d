/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stack that a BPF program takes: its frames, and which of them stand on each other. */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>

/* Bytes of the deepest chain of frames. DEPTHS is what the verifier says after "stack depth ": one
 * number for each function, in the order they stand in INSNS. -1 if these are not as many as there
 * are functions. */
int frames_deepest(const struct bpf_insn *insns, size_t insn_count, const char *depths);
