#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A rollout under way goes on after a reboot and a restore.
# Not in VMs: it is about what controllers and files hold.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/rollout.sh"

web() {
    service web "$VIP4:80/tcp" flow 1s stable "stable=100%:$(backends 4 l1)" "canary=0%:$(backends 4 l2)"
}

waits() {
    poll 30 eval 'rollout .state | grep -qx paused'
}

reboot() {
    fs --quiet save --state-dir "$STATE"
    controller_end KILL
    fs --quiet detach --all
    rm -rf "$PIN"
}

goes_on() {
    waits
    equals "$(weights_of web)" "stable=8000 canary=2000" "the weights"
    ! journal 'map(.event) | join(" ")' | grep -i hand || fail "taken for a change by hand"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(server l1) $(server l2)
apply_services web
fs --quiet attach lb0
background load c "$PEER" http --to "$VIP4:80" --bind "$SOURCES4" --count 1000000 --exchanges 1 --concurrency 4
plan canary <<'END'
  steps:
    - set: {canary: 20%}
      hold: 2s
    - pause
    - set: {canary: 100%}
  evidence: 20 connections
  compare:
    - connect_failures <= baseline + 0.5%
  soak: 1s
END
controller
check "a rollout comes to its pause" waits
reboot
check "after a reboot, its weights are restored" fs restore --state-dir "$STATE"
controller
check "and it is where it was" goes_on
fs --quiet rollout promote web --state-dir "$STATE"
check "promoted, it comes to its end" wait_for_end 60
check "with all weight" equals "$(weights_of web)" "stable=0 canary=10000"
fs history web --state-dir "$STATE" | sed 's/^/# /'
done_testing
