#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# After a reboot, what was saved is restored: every client is with the version and the backend it had.
# Not in VMs: it is written and read in user space.
. "$(dirname "$0")/lib.sh"

KILLS=30
SAVED=$TMP/saved
SERVICES=(web4 web6)

# webs CANARY BETA BACKENDS-OF-STABLE...: in percent, web4 and web6.
webs() {
    local canary=$1 beta=$2 i
    shift 2
    for i in 4 6; do
        service web$i "$(vip $i 80/tcp)" flow 5m stable "stable=$((100 - canary - beta))%:$(backends $i "$@")" \
            "canary=$canary%:$(backends $i l3)" "beta=$beta%:$(backends $i l4)" "gone=0%:$(backends $i r2)"
        printf '    sample: 1/4\n    guard:\n      rules: [connect_failures > 1%%]\n'
    done
}

# A past in which who has which bucket and slot depends on the order of what was done.
live_through() {
    local i
    apply_services webs 5 10 l1 l2
    apply_services webs 30 10 l1 l2 r1
    for i in 4 6; do
        fs --quiet set web$i canary=1% beta=50%
        fs --quiet set web$i canary=40% gone=7%
        fs --quiet set web$i beta=12.34% canary=3%
        fs --quiet withdraw web$i gone
    done
    apply_services webs 20 15 r1 l2
    fs --quiet set web4 canary=12%
    fs --quiet withdraw web6 beta
}

# Of a service, where some hundred clients get to, as explain says it.
places() {
    local port out=$TMP/places.$1
    for port in $(seq 20000 400 59999); do
        fs explain web4 "10.77.1.7:$port" --json
        fs explain web6 "[fd77:0:9::1]:$port" --json
    done | jq -c '{service, source, bucket, version, backend, slot}' >"$out"
    equals "$(wc -l <"$out")" 200 "the number of places"
}

# What of status has to be the same; times and counters begin anew.
steered() {
    fs status --json | jq -S '{interfaces: (.interfaces | sort_by(.name)), services: [.services[] | {name, vip, mode,
        affinity, baseline, drain, generation, versions: [.versions[] | {name, weight_bp, buckets, slots,
        backends: [.backends[] | {address, local}], withdrawn: .health.withdrawn, slot: .health.slot,
        why: .health.tripped.why, guard: [.health.guard[].rule]}]}]}'
}

steered_as_before() {
    steered | diff "$TMP/steered.before" -
}

# All there is, the hash secret included.
# Of what is saved, to be compared: times of day to the millisecond, for the clocks' distance is never quite the same.
contents() {
    jq -S '.contents | walk(if type == "number" and . > 1e17 then . / 1e6 | round else . end)' "$@"
}

saved_as_before() {
    fs save - | contents | diff "$TMP/contents" -
}

nothing_to_save() {
    ! fs save "$SAVED" || fail "something was saved"
    [ ! -e "$SAVED" ]
}

no_instance() {
    [ ! -d "$PIN/maps" ]
}

# What a reboot leaves of an instance.
reboot() {
    fs --quiet detach --all || true
    rm -rf "$PIN"
}

same() {
    diff "$1" "$2"
}

versions_seen() {
    equals "$(jq -r .version "$TMP/places.before" | sort -u | xargs)" "beta canary stable" "what explain says"
    equals "$(sort -u "$TMP/answers.4" | xargs)" "l2 l3 l4 r1" "who answers over IPv4"
    equals "$(sort -u "$TMP/answers.6" | xargs)" "l2 l3 r1" "who answers over IPv6"
}

nothing_moves() {
    status '.services | all(.[]; .moving_buckets + .tracked_buckets + .flow_entries == 0 and .retired == [])'
}

# Connections, by the names of who answers, from the same clients as before.
answers() {
    local address=10.77.1.7 port from=()
    [ "$1" = 4 ] || address="[fd77:0:9::1]"
    for port in $(seq 30000 200 59999); do
        from+=(--bind "$address:$port")
    done
    peer_in c ask --to "$(vip "$1" 80)" "${from[@]}" --reset
}

# The canary's users, by their number.
same_users() {
    answers "$1" >"$TMP/answers.now"
    diff "$TMP/answers.$1" "$TMP/answers.now"
}

# refused WORDS: restore, which says so and leaves everything as it was.
refused() {
    local status=0
    fs restore "$SAVED.bad" 2>"$TMP/words" || status=$?
    cat "$TMP/words"
    equals "$status" 1 "the exit status"
    grep -qF -- "$1" "$TMP/words" || fail "no word of: $1"
    [ ! -d "$PIN/maps" ] || fs status --json | jq -e '.services == []' || fail "something was restored"
}

altered() {
    sed 's/"weight_bp": 1200/"weight_bp": 1201/' "$SAVED" >"$SAVED.bad"
    ! cmp -s "$SAVED" "$SAVED.bad" || fail "nothing was altered"
    refused "has been altered"
}

cut_off() {
    head -c "$(($(wc -c <"$SAVED") * ${1:-50} / 100))" "$SAVED" >"$SAVED.bad"
    refused "${2:-$SAVED.bad}"
}

newer() {
    sed 's/"flowsplit_saved": 2/"flowsplit_saved": 3/' "$SAVED" >"$SAVED.bad"
    refused "of format 3, and this flowsplit knows formats up to 2"
}

not_alone() {
    local status=0
    steered >"$TMP/was"
    fs restore "$SAVED" 2>"$TMP/words" || status=$?
    equals $status 1 "the exit status"
    grep "there are services already" "$TMP/words"
    steered | diff "$TMP/was" -
}

# An interface that isn't there is told, and the rest is in force.
interface_missing() {
    local status=0
    ip_in lb link set lb1 name away1
    fs restore "$SAVED" --timeout 1s 2>"$TMP/words" || status=$?
    ip_in lb link set away1 name lb1
    cat "$TMP/words"
    equals $status 3 "the exit status"
    grep -q 'no interface "lb1"' "$TMP/words"
    equals "$(status '.interfaces | map("\(.name)=\(.mode)") | join(" ")')" "lb0=native"
    equals "$(status '.services | length')" 2
}

interface_comes() {
    ip_in lb link set lb1 name away1
    { sleep "1" && ip_in lb link set away1 name lb1; } &
    fs restore "$SAVED" --timeout 60s
    wait $!
    equals "$(status '.interfaces | map("\(.name)=\(.mode)") | sort | join(" ")')" "lb0=native lb1=tc"
}

# An interface that is away while saving stays in the file.
interface_away() {
    cp "$SAVED" "$TMP/away"
    ip_in lb link set lb1 name away1
    fs save "$TMP/away" | tee "$TMP/said"
    ip_in lb link set away1 name lb1
    grep -q "^lb1: isn't there, and stays in the file" "$TMP/said"
    jq -e '[.contents.interfaces[].name] | sort == ["away1", "lb0", "lb1"]' "$TMP/away"
}


# kill -9 of save at random moments: there is the file from before or a whole new one, and nothing else is ever in
# the way.
killed_saves() {
    local i ms begin new=0
    begin=$("$PEER" now)
    fs --quiet save "$TMP/kept"
    ms=$((($("$PEER" now) - begin) * 12 / 10000000))
    echo "killed within $ms ms"
    for ((i = 0; i < KILLS; i++)); do
        contents "$TMP/kept" >"$TMP/old"
        fs --quiet set web4 canary=$((i % 2 * 10 + 5))%
        fs save - | contents >"$TMP/new" -
        in_ns lb timeout --foreground -s KILL "0.$(printf '%03d' $((RANDOM % ms + 1)))" "$FLOWSPLIT" --pin-dir "$PIN" \
            --quiet save "$TMP/kept" >/dev/null 2>&1 || true
        contents "$TMP/kept" >"$TMP/is" || fail "kill $i: the file is not whole"
        if cmp -s "$TMP/is" "$TMP/new"; then new=$((new + 1)); else cmp "$TMP/is" "$TMP/old"; fi
    done
    echo "new ones: $new"
    fs --quiet save "$TMP/kept"
    [ ! -e "$TMP/kept.new" ] || fail "something is left behind"
}

mode_of_file() {
    equals "$(stat -c %a "$1")" 600 "its mode"
}

standard_streams() {
    fs save - >"$TMP/out"
    reboot
    fs --quiet restore - <"$TMP/out"
    steered_as_before
}

in_state_dir() {
    fs save --state-dir "$TMP/state"
    mode_of_file "$TMP/state/saved"
    reboot
    fs --quiet restore --state-dir "$TMP/state"
    steered_as_before
}

cleared() {
    fs --quiet clear web6 beta
    equals "$(of web6 '.versions[] | select(.name == "beta") | .buckets')" 1500 "its buckets"
}

misused() {
    local status=0
    fs "$@" 2>"$TMP/words" || status=$?
    equals $status 2 "the exit status"
}

topology_routed
serve_all
check "a save when there is nothing fails, and leaves no file" nothing_to_save
live_through
fs --quiet attach lb0
fs --quiet attach lb1 --mode tc
for i in "${SERVICES[@]#web}"; do
    answers "$i" >"$TMP/answers.$i"
done
places before
check "clients see all versions that aren't withdrawn" versions_seen
steered >"$TMP/steered.before"
check "save" fs save "$SAVED"
check "the file is for root only" mode_of_file "$SAVED"
contents "$SAVED" >"$TMP/contents"
check "restore over services is refused, and changes nothing" not_alone
check "an interface that is away while saving stays in the file" interface_away
reboot
check "an altered file is refused" altered
check "one that was cut off is refused" cut_off
check "one that was cut off at its very end is refused as such" cut_off 99 "cut off"
check "one of a newer format is refused" newer
check "and none of them leaves an instance" no_instance
check "restore" fs restore "$SAVED"
check "status is what it was: weights, modes, who is withdrawn and why" steered_as_before
check "and nothing is moving" nothing_moves
places after
check "explain says the same bucket, version and backend of every client" same "$TMP/places.before" "$TMP/places.after"
check "the same IPv4 users get the canary" same_users 4
check "the same IPv6 users get it, too" same_users 6
check "a save after that is the same" saved_as_before
check "standard output and input do" standard_streams
check "so does --state-dir" in_state_dir
check "a withdrawn version can be cleared" cleared
check "save, killed $KILLS times, leaves the old file or the new one" killed_saves
reboot
check "an interface that isn't there is told, and all the rest restored" interface_missing
reboot
check "one that comes within --timeout is attached" interface_comes
check "a file and --state-dir is one too many" misused save "$SAVED" --state-dir "$TMP"
done_testing
