#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Local backends get right checksums and whole payloads, with checksum and segmentation offload on and off.
. "$(dirname "$0")/lib.sh"

topology_routed
serve_all

local_services() {
    service v4 "$(vip 4 80/tcp)" flow 5m stable "stable=100%:$(backends 4 l1 l2)"
    service v6 "$(vip 6 80/tcp)" flow 5m stable "stable=100%:$(backends 6 l1 l2)"
    service u4 "$(vip 4 80/udp)" flow 5m stable "stable=100%:$(backends 4 l1 l2)"
    service u6 "$(vip 6 80/udp)" flow 5m stable "stable=100%:$(backends 6 l1 l2)"
    # A backend at the VIP's own address, on another port.
    service own "$(vip 4 82/tcp)" flow 5m stable "stable=100%:$VIP4:8100"
}

big_exchanges() {
    peer_in c hold --to "$(vip 4 80)" --to "$(vip 6 80)" "${SOURCES[@]}" --count 20 --interval 20 --rounds 20 \
        --max-payload 200000
}

udp_exchanges() {
    peer_in c load --to "$(vip 4 80/udp)" --to "$(vip 6 80/udp)" "${SOURCES[@]}" --count 300
}

serve lb own "$VIP4:8100"
apply_services local_services
for mode in native generic tc; do
    fs --quiet attach lb0 --mode $mode
    for state in on off; do
        offload c c0 $state
        offload lb lb0 $state
        check "mode $mode, offload $state: big payloads over TCP" big_exchanges
        check "mode $mode, offload $state: UDP" udp_exchanges
        check "mode $mode, offload $state: a backend on the VIP's own address" \
            peer_in c ask --to "$(vip 4 82)" --size 100000
    done
    fs --quiet detach lb0
done
done_testing
