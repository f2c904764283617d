#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a controller with a hundred rollouts costs.
# Not in VMs: an emulated CPU's time says nothing about a real one's.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"
. "$E2E_DIR/rollout.sh"

SERVICES=100
MEASURED_S=20

# One port of the VIP each; the backends' ports are from 20000 on.
hundred() {
    local i
    for ((i = 0; i < SERVICES; i++)); do
        service "web$i" "$VIP4:$((1000 + i))/tcp" flow 5m stable "stable=95%:$LB4:$((20000 + i))" \
            "canary=5%:$LB4:$((30000 + i))"
        echo '    http: true'
    done
}

plans() {
    local i
    for ((i = 0; i < SERVICES; i++)); do
        cat >"$TMP/plan$i.yaml" <<END
rollout:
  service: web$i
  version: canary
  steps:
    - set: {canary: 10%}
      hold: 1h
    - set: {canary: 100%}
  compare:
    - connect_failures <= baseline + 0.5%
    - http_5xx <= baseline + 0.5%
    - p99 response_time <= 1.25x baseline
END
    done
}

# To all of them, some connections in a second: counters that change are looked at like any other.
servers() {
    local i
    for ((i = 0; i < SERVICES; i++)); do
        printf '%s ' "s$i" "$LB4:$((20000 + i))" "$LB4:$((30000 + i))"
    done
}

targets() {
    local i
    for ((i = 0; i < SERVICES; i++)); do
        printf -- '--to %s ' "$VIP4:$((1000 + i))"
    done
}

# CPU time of the controller so far, in ticks of 10 ms: user and system.
ticks() {
    awk '{ print $14 + $15 }' "/proc/${BACKGROUND[controller]}/stat"
}

all_under_way() {
    fs rollout status --json --state-dir "$STATE" |
        jq -e '.rollouts | length == '$SERVICES' and all(.state == "running" and .step == 1 and .buckets == 1000)'
}

below_one_percent() {
    echo "$spent ticks of 10 ms in $wall_ms ms"
    awk -v spent="$spent" -v wall="$wall_ms" 'BEGIN { exit !(spent * 10 / wall < 0.01) }' || fail "too much"
}

beats() {
    fs metrics --state-dir "$STATE" | awk '/^flowsplit_rollout_heartbeat_age_seconds/ { n++; if ($2 > 3) old++ }
        END { print n, old + 0; exit !(n == '$SERVICES' && !old) }' || fail "some are old"
}

topology_routed
# shellcheck disable=SC2046 # words are wanted
serve lb $(servers)
fs --quiet attach lb0
apply_services hundred
plans
# shellcheck disable=SC2046
background load c "$PEER" http $(targets) --bind "$SOURCES4" --count 100000000 --rate "$RATE" --concurrency 4
background controller lb "$FLOWSPLIT" --pin-dir "$PIN" run "$TMP"/plan*.yaml --state-dir "$STATE"
poll 60 all_under_way
sleep 2
begin=$(ticks)
begin_ms=$(($("$PEER" now) / 1000000))
sleep $MEASURED_S
spent=$(($(ticks) - begin))
wall_ms=$(($("$PEER" now) / 1000000 - begin_ms))
echo "# a controller of $SERVICES rollouts: $(awk -v s="$spent" -v w="$wall_ms" 'BEGIN { printf "%.2f", s * 1000 / w }') % of a core"
check "with $SERVICES rollouts, a controller uses under 1 % of a core" below_one_percent
check "all of them are looked at in time" beats
check "all of them are in their step still" all_under_way
controller_end
done_testing
