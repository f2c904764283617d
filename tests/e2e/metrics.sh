# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What tests of metrics share: samples read, and what they must be by what status and the other commands say.

# sample FAMILY LABELS: the value, from $TMP/metrics.
sample() {
    awk -v name="$1{$2}" 'index($0, name " ") == 1 { print $NF; found = 1 } END { exit !found }' "$TMP/metrics" ||
        fail "no sample $1{$2}"
}

# The samples that status --json stands for, as lines of the exposition.
expected_of_status() {
    jq -r '
    def braces: to_entries | map("\(.key)=\(.value | tostring | @json)") | join(",") | if . == "" then "" else "{\(.)}" end;
    def line($name; $labels; $value): "flowsplit_\($name)\($labels | braces) \($value)";
    def number: if . then 1 else 0 end;
    def counters($kind; $l; $c):
        line("\($kind)_new_flows_total"; $l; $c.new_flows),
        line("\($kind)_received_packets_total"; $l; $c.packets), line("\($kind)_received_bytes_total"; $l; $c.bytes),
        line("\($kind)_sent_packets_total"; $l; $c.packets_out), line("\($kind)_sent_bytes_total"; $l; $c.bytes_out);
    def times($name; $l; $t):
        line("\($name)_count"; $l; $t.count);
    def rules($l; $rules):
        $rules[] | ($l + {rule}) as $l |
        line("guard_outcomes_total"; $l; .outcomes), line("guard_bad_total"; $l; .bad),
        line("guard_score"; $l; .score), line("guard_threshold"; $l; .threshold),
        line("guard_clients"; $l; .clients);
    def connections($l; $c):
        line("connections_stuck"; $l; $c.close_wait_too_long), line("connections_opened_total"; $l; $c.opened),
        line("connection_received_bytes_total"; $l; $c.bytes_in), line("connection_sent_bytes_total"; $l; $c.bytes_out),
        line("segments_total"; $l; $c.segments), line("retransmits_total"; $l; $c.retransmits),
        line("connection_lifetime_seconds_count"; $l; $c.closed),
        ($c.states | to_entries[] | line("connections"; $l + {state: .key}; .value)),
        ($c.closed_by | to_entries[] | line("connections_closed_total"; $l + {by: .key}; .value));
    def handshakes($l; $h; $s):
        line("handshakes_total"; $l; $h.begun), line("handshakes_answered_total"; $l; $h.answered),
        line("handshakes_refused_total"; $l; $h.refused), line("handshakes_unanswered_total"; $l; $h.unanswered),
        line("sampled_established_total"; $l; $s.established), line("sampled_ended_total"; $l; $s.ended),
        line("sampled_resets_total"; $l; $s.resets);
    def health($l; $h):
        line("version_observed"; $l; $h.observed | number), line("version_withdrawn"; $l; $h.withdrawn | number),
        line("version_tripped"; $l; $h.tripped != null | number),
        line("version_recoveries"; $l; $h.recovered),
        handshakes($l; $h.handshakes; $h.sampled), connections($l; $h.connections), rules($l; $h.guard),
        times("connect_time_seconds"; $l; $h.connect_time), times("response_time_seconds"; $l; $h.response_time),
        ($h.http | to_entries[] | select(.key | length == 3) | line("http_responses_total"; $l + {code: .key}; .value));
    def backends($l; $list; $draining):
        $list[] | ($l + {backend: .address}) as $l | counters("backend"; $l; .),
        line("backend_local"; $l; .local | number), line("backend_draining"; $l; $draining);
    def versions($service; $list; $retired):
        $list[] | {service: $service.name, version: .name} as $l | counters("version"; $l; .),
        line("version_weight_ratio"; $l; .weight_bp / 10000), line("version_buckets"; $l; .buckets),
        line("version_slots"; $l; .slots), line("version_moving_slots"; $l; .moving_slots),
        line("version_baseline"; $l; .name == $service.baseline | number), line("version_retired"; $l; $retired),
        health($l; .health), backends($l; .backends; 0), backends($l; .draining; 1);
    (.interfaces[] | line("interface_info"; {interface: .name, mode}; 1),
        line("interface_attached"; {interface: .name, way: "in"}; .way_in == "ok" | number),
        line("interface_attached"; {interface: .name, way: "back"}; .way_back == "ok" | number)),
    (.unavailable[] | line("tracepoint_watched"; {tracepoint: .}; 0)),
    (.services[] | . as $s | {service: .name} as $l |
        line("service_info"; {service: .name, vip, mode, affinity, baseline}; 1),
        line("service_generation"; $l; .generation), line("service_flow_entries"; $l; .flow_entries),
        line("service_moving_buckets"; $l; .moving_buckets), line("service_tracked_buckets"; $l; .tracked_buckets),
        versions($s; .versions; 0), versions($s; .retired; 1)),
    line("up"; {}; 1)'
}

# The same of reasons --json.
expected_of_reasons() {
    jq -r '.reasons[] |
        "flowsplit_reason_packets_total{reason=\"\(.name)\",fate=\"\(.fate)\",normal=\"\(.normal)\"} \(.packets)"'
}

# agree EXPECTED GOT: each expected sample is there and has the same value, but for rounding.
agree() {
    awk '
    { key = $0; sub(/ [^ ]*$/, "", key) }
    NR == FNR { got[key] = $NF; next }
    !(key in got) { print "missing: " $0; bad = 1; next }
    { off = got[key] - $NF; if (off < 0) off = -off; if (off > 1e-9 * (1 + $NF)) { print $0 ", not " got[key]; bad = 1 } }
    END { print FNR " samples looked at"; exit bad || FNR < 50 }' "$2" "$1"
}

# families_of FILE: names of those that have samples, without the ends of histograms.
families_of() {
    grep -v '^#' "$1" | sed -E 's/[{ ].*//; s/_(bucket|sum|count)$//' | sort -u
}
