#!/usr/bin/env bash
# Two workers that hand packets over to each other, under the kernel's TCP and UDP, both families and
# both ways: within a flow no packet overtakes another one, and none is lost. The datagrams of a
# flow are numbered; TCP's own counters tell of segments that came out of order or were sent again.
#
# Usage: order_test.sh fullnat|nat
set -euo pipefail
. "$(dirname "$0")/lab.sh"

mode=$1
declare -A vip=([4]=11.202.66.36 [6]=fd01:c::66)

# service FAMILY ADDRESS PROTOCOL
service() {
  cat <<YAML
  - name: numbers.marathon
    vip: "${vip[$1]}"
    port: $LAB_UDP_PORT
    protocol: $3
    mode: $mode
    reals: [{ address: "$2", port: $LAB_NUMBERS_PORT }]
YAML
}

LAB_NUMBERS_PORT=7100

write_config() {
  cat >"$LAB_DIR/vipgated.yaml" <<YAML
$(lab_config_head "[0, 1]")
limits: { flows_per_worker: 4096 }
snat_pools:
  - { name: default, addresses: [10.9.1.100, "fd09:1::100"], ports: 1024-65535 }
services:
$(for protocol in tcp udp; do
    service 4 "$(lab_address b1)" $protocol
    service 6 "$(lab_address6 b1)" $protocol
  done)
YAML
}

# What must stay as it was, of all that the kernel's TCP and UDP count in a namespace: a segment that is
# late or lost leaves a gap before those that follow it.
trouble() {
  lab_in "$1" nstat -asz TcpExtTCPOFOQueue TcpExtTCPSACKReorder TcpExtTCPTSReorder TcpExtTCPFastRetrans \
    TcpExtTCPSackRecovery TcpInErrs UdpInErrors Udp6InErrors |
    awk 'NR > 1 { printf "%s %d\n", $1, $2 }'
}

# numbers FAMILY FLOWS NUMBERS
numbers() {
  lab_in client python3 "$LAB_TOP/tests/netns/numbered_flows.py" --vip "${vip[$1]}" \
    --port "$LAB_UDP_PORT" --flows "$2" --numbers "$3"
}

lab_require nstat
lab_init
lab_up
write_config
lab_spawn b1 "$LAB_DIR/b1/numbers.log" \
  python3 "$LAB_TOP/tests/netns/numbered_flows.py" --serve --port $LAB_NUMBERS_PORT
lab_wait 10 "the server of numbers" grep -q listening "$LAB_DIR/b1/numbers.log"
lab_gateway_start "$LAB_DIR/vipgated.yaml"
for family in 4 6; do
  lab_wait 15 "an answer through ${vip[$family]}" lab_in client \
    ping -qc 1 -W 1 "${vip[$family]}"
  lab_wait 15 "the gateway to know the real's MAC address" numbers "$family" 1 1
done

for name in client b1; do trouble $name >"$LAB_DIR/$name.before"; done
for family in 4 6; do
  numbers "$family" 16 2000 ||
    lab_fail "a flow lost something or its order: $(lab_gateway_counters)"
done
for name in client b1; do
  trouble $name >"$LAB_DIR/$name.after"
  diff "$LAB_DIR/$name.before" "$LAB_DIR/$name.after" ||
    lab_fail "in $name TCP found segments out of order, or lost"
done

counters=$(lab_gateway_counters)
printf 'counters: %s\n' "$counters"
jq -e '.handed_over > 10000' <<<"$counters" >/dev/null || lab_fail "hardly a packet was handed over"
# A stream's last segment leaves no gap behind it, so the gateway must show what became of each packet.
jq -e 'def sum(kind): [to_entries[] | select(.key | startswith(kind)) | .value] | add // 0;
    (."drop.tx_full" // 0) == 0 and (."drop.handover_full" // 0) == 0 and
    .tx_packets == .forward_packets + .return_packets + sum("reply.") + .from_kernel and
    .rx_packets == .forward_packets + .return_packets + sum("reply.") + sum("kernel.") + sum("drop.")' \
  <<<"$counters" >/dev/null || lab_fail "the gateway has lost packets"
lab_gateway_stop || lab_fail "vipgated ended with exit status $?"
echo "every flow kept its order and lost nothing"
