#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One interface for clients and backends alike serves both ways.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/matrix.sh"

topology_one_armed
serve_all

apply_services matrix_services
for mode in native generic tc; do
    check "attach --mode $mode" fs attach lb0 --mode $mode
    matrix_check "one-armed, mode $mode"
    check "detach after mode $mode" fs detach lb0
done
done_testing
