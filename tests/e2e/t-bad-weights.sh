#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bad weights, names and words on the command line are refused with one message, and nothing changes.
# Not in VMs: only words and numbers are read.
. "$(dirname "$0")/lib.sh"
. "$E2E_DIR/bad.sh"

weights_become() { # EXPECTED ARGUMENTS...
    local expected=$1
    shift
    fs --quiet set web "$@"
    equals "$(weights_of web)" "$expected" "weights"
}

topology_routed
apply_services good_services
fs --quiet attach lb0

refused "set of an unknown service" 1 nosuch set nosuch canary=5%
refused "set of an unknown version" 1 nosuch set web nosuch=5%
refused "a negative weight" '1|2' '-5%' set web canary=-5%
refused "a weight above 100 %" '1|2' '100\.01%' set web canary=100.01%
refused "a weight far above 100 %" '1|2' '99999999999999999999%' set web canary=99999999999999999999%
refused "a weight finer than 0.01 %" '1|2' '0\.001%' set web canary=0.001%
refused "a weight that is not a number" '1|2' 'much' set web canary=much
refused "a weight of digits and letters" '1|2' '5x%' set web canary=5x%
refused "a weight without its sign" '1|2' 'canary|5' set web canary=5
refused "an empty weight" '1|2' 'canary' set web canary=
refused "a weight that is only a sign" '1|2' 'canary|%' set web canary=%
refused "a weight in scientific notation" '1|2' '1e1%' set web canary=1e1%
refused "a hexadecimal weight" '1|2' '0x5%' set web canary=0x5%
refused "a weight that is nan" '1|2' 'nan%' set web canary=nan%
refused "a version named twice" '1|2' canary set web canary=5% canary=6%
refused "named weights that come to more than 100 %" '1|2' '100 ?%|110 ?%' set web canary=60% beta=50%
fs --quiet set web beta=30%
refused "a named weight that with the kept ones comes to more than 100 %" '1|2' '100 ?%|110 ?%' \
    set web canary=80%
refused "weights with the baseline that come to less than 100 %" '1|2' '100 ?%|90 ?%' \
    set web stable=50% canary=10%
refused "weights with the baseline that come to more than 100 %" '1|2' '100 ?%|130 ?%' \
    set web stable=90% canary=10%
refused "a version without a weight" 2 canary set web canary
refused "set without versions" 2 set set web
refused "set without a service" 2 set set
refused "explain of an unknown service" 1 nosuch explain nosuch 10.0.0.1:80
refused "explain of what is no address" '1|2' 'nonsense' explain web nonsense
refused "explain of an address of the other family" '1|2' 'fd00::1|family|IPv' explain web '[fd00::1]:80'
refused "explain of a port beyond 65535" '1|2' 65536 explain web 10.0.0.1:65536
refused "explain of affinity flow without a port" '1|2' 'port' explain web 10.0.0.1
refused "status of an unknown service" 1 nosuch status nosuch
refused "delete of an unknown service" 1 nosuch delete nosuch
refused "attach of an unknown interface" 1 nosuch0 attach nosuch0
refused "attach in an unknown mode" 2 sideways attach lb1 --mode sideways
refused "native mode where the driver has none" 1 'lo|native' attach lo --mode native
refused "attach without an interface" 2 attach attach
refused "detach of an unknown interface" 1 nosuch0 detach nosuch0
refused "detach of an interface that isn't attached" 1 lb1 detach lb1
refused "detach of nothing" 2 detach detach
refused "an unknown command" 2 nosuch nosuch
refused "no command" 2 flowsplit
refused "an unknown option" 2 nosuch status --nosuch
refused "help for an unknown command" 2 nosuch help nosuch
refused "apply of a file that isn't there" 1 /nosuch.yaml apply /nosuch.yaml
refused "apply of a directory" 1 /tmp apply /tmp
refused "apply without a file" 2 apply apply
refused "one argument too many" 2 extra version extra

check "0.01 % is taken" weights_become "stable=6999 canary=1 beta=3000" canary=0.01%
check "a version that isn't named keeps its weight" weights_become "stable=6500 canary=500 beta=3000" canary=5%
check "all versions named" weights_become "stable=5000 canary=2500 beta=2500" stable=50% canary=25.00% beta=25%
check "100 % for the canary leaves none to the baseline" \
    weights_become "stable=0 canary=10000 beta=0" canary=100% beta=0%
done_testing
