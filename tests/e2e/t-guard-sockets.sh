#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The sockets of local backends, in any namespace: states, ends, bytes, CLOSE_WAIT that lasts too long.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/guard.sh"

CONNECTIONS=$(scaled 24 12)

# Backends in other namespaces of this host are watched as those here: as stable, as canary, as both.
declare -A remote_canary=([4]=l2 [6]=r4)
leaking_services() {
    local family
    for family in 4 6; do
        service local$family "$(vip $family 80/tcp)" flow 5m stable "stable=50%:$(backends $family l1)" \
            "canary=50%:$(backends $family r2)"
        rules 'close_wait > 5%'
        echo '      close_wait_after: 1s'
        service remote$family "$(vip $family 81/tcp)" flow 5m stable "stable=50%:$(backends $family r1)" \
            "canary=50%:$(backends $family "${remote_canary[$family]}")"
        rules 'close_wait > 5%'
        echo '      close_wait_after: 1s'
    done
}

# Remote by route, but of the same kernel: their sockets are seen, too.
plain() {
    all_guarded 50 true
}

# sockets SERVICE FILTER: summed over its versions.
sockets() {
    of "$1" "[.versions[].health.connections | $2] | add"
}

conns() {
    fs conns "$@" --json
}

open_as_held() {
    local service
    for service in "${GUARDED[@]}"; do
        of "$service" '.versions[] | {name, connections: .health.connections}'
        equals "$(sockets "$service" .open)" $((CONNECTIONS / 4)) "$service: open"
        equals "$(sockets "$service" '.states.ESTABLISHED // 0')" $((CONNECTIONS / 4)) "$service: states"
        equals "$(sockets "$service" .opened)" $((CONNECTIONS / 4)) "$service: opened"
        equals "$(sockets "$service" .closed)" 0 "$service: closed"
    done
}

# Each held connection is in conns, with its client and its version.
listed_as_held() {
    conns >"$TMP/conns"
    jq -r '.connections[] | "\(.client) \(.version)"' "$TMP/conns" | sort >"$TMP/got"
    sed -e 's/ [lr]1$/ stable/' -e 's/ [lr]2$/ canary/' "$TMP/live.ready" | sort >"$TMP/wanted"
    diff "$TMP/wanted" "$TMP/got" || fail "others than are held"
    jq -e '.connections | all(.state == "ESTABLISHED" and .age_seconds >= 0 and .bytes_in > 0
        and .bytes_out > 0 and .rtt_us > 0 and .segments > 0 and .retransmits >= 0)' "$TMP/conns" ||
        fail "$(cat "$TMP/conns")"
}

count_of() {
    conns "$@" | jq '.connections | length'
}

filters_agree() {
    equals "$(count_of --version canary)" "$(grep -c ' [lr]2$' "$TMP/live.ready")" "the canary's"
    equals "$(count_of local6)" $((CONNECTIONS / 4)) "local6's"
    equals "$(count_of remote4 --version stable)" \
        "$(grep '^10' "$TMP/live.ready" | grep -c ' r1$')" "remote4's stable ones"
    equals "$(count_of --state established)" "$CONNECTIONS" "established"
    equals "$(count_of --state CLOSE_WAIT)" 0 "in CLOSE_WAIT"
    ! fs conns --version nosuch 2>/dev/null || fail "it knows a version that there isn't"
    ! fs conns --state nosuch 2>/dev/null || fail "it knows a state that there isn't"
    ! fs conns nosuch 2>"$TMP/words" || fail "no such service, but listed"
    grep -q nosuch "$TMP/words"
    fs conns >"$TMP/words"
    cat "$TMP/words"
    equals "$(grep -c ESTABLISHED "$TMP/words")" "$CONNECTIONS" "lines"
}

# Closed by the client, with the bytes that both sides count.
closed_as_held() {
    local service bytes=0
    poll 20 none_open
    for service in "${GUARDED[@]}"; do
        of "$service" '.versions[] | {name, connections: .health.connections}'
        equals "$(sockets "$service" .closed)" $((CONNECTIONS / 4)) "$service: closed"
        equals "$(sockets "$service" .closed_by.client)" $((CONNECTIONS / 4)) "$service: by the client"
        bytes=$((bytes + $(sockets "$service" '.bytes_in + .bytes_out')))
        [ "$(sockets "$service" '.mean_rtt_us')" -gt 0 ] || fail "no RTT"
        [ "$(sockets "$service" '.mean_lifetime_ns')" -gt 100000000 ] || fail "a short life"
    done
    # One connection may have its FIN counted among the bytes.
    jq -e --argjson n $bytes --argjson c "$CONNECTIONS" \
        '.bytes <= $n and $n <= .bytes + 2 * $c' "$TMP/live.out" || fail "$bytes bytes"
}

none_open() {
    equals "$(status '[.services[].versions[].health.connections.open] | add')" 0
}

# ends_as SERVICE END COUNT
ends_as() {
    of "$1" '[.versions[].health.connections.closed_by]'
    equals "$(sockets "$1" ".closed_by.$2")" "$3" "closed by $2"
}

client_resets() {
    peer_in c load --to "$VIP4:80" --bind "$SOURCES4" --count 10 --reset
    ends_as local4 client_reset 10
}

backend_resets() {
    peer_in c http --to "$VIP4:80" --bind "$SOURCES4" --count 20 --exchanges 1
    ends_as local4 backend_reset "$(of local4 '.versions[1].health.connections.opened')"
}

backend_closes() {
    # shellcheck disable=SC2016 # for the inner shell
    in_ns c bash -c 'for ((i = 0; i < 10; i++)); do exec 3<>"/dev/tcp/$1/80"
        printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3 >/dev/null; exec 3>&-; done' - $VIP4
    poll 20 ends_as local4 backend 10
}

# ---- a server that never closes ----

leaking_shown() {
    conns --state CLOSE_WAIT | jq -e '.connections | length > 0 and
        all(.version == "canary" and .state == "CLOSE_WAIT")'
}

leak_trips() {
    local service
    for service in "${GUARDED[@]}"; do
        peer_in c http --to "$(vip_of "$service")" "${SOURCES[@]}" --count 40
    done
    leaking_shown || fail "not in conns: $(conns)"
    no_process
    sleep 2
    no_process
    for service in "${GUARDED[@]}"; do
        poll 20 is_withdrawn "$service"
        trip_of "$service"
        trip_of "$service" '.rule == "close_wait > 5%" and .bad >= 3' || fail "not that"
        health "$service" canary '.connections
            | .close_wait_too_long >= 3 and .states.CLOSE_WAIT >= .close_wait_too_long' ||
            fail "$(health "$service" canary .connections)"
        health "$service" stable '.connections | .close_wait_too_long == 0 and .open == 0' ||
            fail "the baseline's"
    done
}

leak_ends() {
    background_end "$1" KILL
    background_end "$2" KILL
    poll 20 none_open || fail "$(fs status)"
    status '[.services[].versions[].health.connections.close_wait_too_long] | add == 0'
}

# Entries of sockets in CLOSE_WAIT.
kept() {
    equals "$(bpftool -j map dump pinned "$PIN/maps/close_waits" | jq length)" "$1" "kept"
}

# The versions that these sockets belonged to are gone, and others have their places.
forgotten() {
    ! kept 0 || fail "nothing was kept"
    background_kill "$1"
    background_kill "$2"
    poll 20 kept 0 || kept 0
}

background_kill() {
    kill -s KILL "${BACKGROUND[$1]}"
}

# Of the most there can be: from now on the clock knows no socket in CLOSE_WAIT.
no_timers() {
    local zeros
    zeros=$(printf '0 %.0s' {1..32})
    for ((i = 0; i < 65536; i++)); do
        echo "map update pinned $PIN/maps/close_waits key $((i & 255)) $((i >> 8)) 0 0 0 0 0 255 value $zeros"
    done >"$TMP/fill"
    bpftool batch file "$TMP/fill" >/dev/null 2>&1 || true
    kept 65536
}

unwatched() {
    fs reasons --json | jq '.reasons[] | select(.name == "close_wait_unwatched").packets'
}

# Nobody looks until the sockets have ended.
judged_at_the_end() {
    peer_in c http --to "$VIP4:80" "${SOURCES[@]}" --count 40
    sleep 2
    background_end "$1" KILL
    background_end "$2" KILL
    sleep 0.5
    is_withdrawn local4 || fail "$(fs status)"
    trip_of local4 '.rule == "close_wait > 5%" and .bad >= 3' || fail "not that"
}

leaking_servers() {
    # shellcheck disable=SC2046 # words are wanted
    faulty lb --leak 100 $(at l2)
    leaking=$FAULTY
    # shellcheck disable=SC2046
    faulty b2 --leak 100 $(at r2 r4)
}

topology_routed
serve_all
fs --quiet attach lb0
apply_services plain
hold live c --to "$VIP4:80" --to "[$VIP6]:80" --to "$VIP4:81" --to "[$VIP6]:81" "${SOURCES[@]}" \
    --count "$CONNECTIONS" --interval 100
check "status counts the open connections, of another namespace, too" open_as_held
check "conns lists them with client, version, age, bytes and RTT" listed_as_held
check "conns by service, version and state" filters_agree
sleep 1
background_end live TERM
check "they lived on meanwhile" held live "$CONNECTIONS"
check "closed by the client: counted with bytes, RTT and lifetime" closed_as_held
check "reset by the client" client_resets
check "closed by the backend" backend_closes
topology_down
serve_count=$((serve_count + 10))

topology_routed
# shellcheck disable=SC2046 # words are wanted
faulty lb $(at l1)
# shellcheck disable=SC2046
faulty b1 $(at r1)
# shellcheck disable=SC2046
faulty lb --reset 100 $(at l2)
resetting=$FAULTY
for mode in native tc; do
    apply_anew plain
    fs --quiet attach lb0 --mode $mode
    check "mode $mode: reset by the backend" backend_resets
    fs --quiet detach lb0
done
background_end "$resetting" TERM
leaking_servers
apply_anew leaking_services
guarded_for native
fs --quiet attach lb0
check "a server that never closes is shown, and withdrawn with no process left" leak_trips
check "when the leaking servers end, nothing is open" leak_ends "$leaking" "$FAULTY"
leaking_servers
apply_anew leaking_services
peer_in c http --to "$VIP4:80" "${SOURCES[@]}" --count 40
poll 20 leaking_shown
apply_anew leaking_services
check "nothing is kept of sockets whose version is gone" forgotten "$leaking" "$FAULTY"

# Filling the table takes an emulated CPU minutes.
if [ "$FS_VM" != 1 ]; then
    check "there may be no more timers" no_timers
    leaking_servers
    apply_anew leaking_services
    before=$(unwatched)
    check "without timers: withdrawn when somebody looks" leak_trips
    check "without timers: nothing is open when they end" leak_ends "$leaking" "$FAULTY"
    check "each such socket was counted" test "$(unwatched)" -ge $((before + 12))
    leaking_servers
    apply_anew leaking_services
    check "without timers and looks: judged at the end" judged_at_the_end "$leaking" "$FAULTY"
fi
done_testing
