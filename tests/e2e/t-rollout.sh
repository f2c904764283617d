#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A rollout to a good version is promoted.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

web() {
    service web "$(vip 4 80/tcp)" flow 1s stable "stable=100%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)"
    echo '    sample: 1/1'
    echo '    http: true'
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
fs --quiet attach lb0
apply_services web
background load c "$PEER" http --to "$VIP4:80" --bind "$SOURCES4" --count 1000000 --exchanges 2 --concurrency 8
plan canary <<'END'
  steps:
    - set: {canary: 5%}
      hold: 2s
    - ramp: {to: 50%, by: double, every: 1s}
    - set: {canary: 100%}
  evidence: 50 connections
  compare:
    - connect_failures <= baseline + 0.5%
    - p99 response_time <= 1.25x baseline
    - http_5xx <= baseline
  confidence: 99%
  soak: 5s
END
controller
for i in 1 2 3 4 5 6 7 8; do fs rollout status web --state-dir "$STATE" >&2; sleep 1; done
wait_for_end 30 >&2
fs rollout status web --state-dir "$STATE" >&2
fs history >&2 --state-dir "$STATE"
fs events >&2
cat $TMP/controller.err >&2
done_testing
