#!/usr/bin/env bash
# Real clients, real redis-servers and the kernel's TCP through vipgated, over IPv4 and IPv6 at once:
# every reply must be right while backends come and go by reload.
#
# Usage: redis_through_vip_test.sh fullnat|nat WORKERS
set -euo pipefail
. "$(dirname "$0")/lab.sh"

mode=$1
workers=$2
declare -A vip=([4]=11.202.66.36 [6]=fd01:c::66)
declare -A load_pid=() base=([4]=0 [6]=0)

reals() {
  local family=$1 port=$2 real name weight address
  for real in "${reals_now[@]}"; do
    name=${real%=*}
    weight=${real#*=}
    address=$(lab_address "$name")
    [ "$family" = 4 ] || address=$(lab_address6 "$name")
    echo "      - { address: \"$address\", port: ${port:-${LAB_REDIS_PORT[$name]}}, weight: $weight }"
  done
}

service() {
  local name=$1 family=$2 port=$3 protocol=$4 real_port=$5
  cat <<YAML
  - name: $name
    vip: "${vip[$family]}"
    port: $port
    protocol: $protocol
    mode: $mode
    reals:
$(reals "$family" "$real_port")
YAML
}

# write_config b1=1 b2=0 …: the backends with their weights.
write_config() {
  local reals_now=("$@") cpus="[1]"
  [ "$workers" = 1 ] || cpus="[0, 1]"
  cat >"$LAB_DIR/vipgated.yaml" <<YAML
$(lab_config_head "$cpus")
limits: { flows_per_worker: 65536 }
snat_pools:
  - { name: default, addresses: [10.9.1.100, 10.9.1.101, "fd09:1::100"], ports: 1024-65535 }
services:
$(service redis.marathon 4 6379 tcp "")
$(service redis.marathon 6 6379 tcp "")
$(service echo.marathon 4 "$LAB_UDP_PORT" udp "$LAB_UDP_PORT")
$(service echo.marathon 6 "$LAB_UDP_PORT" udp "$LAB_UDP_PORT")
dns:
  listen: [10.9.0.53, "fd09::53"]
  zones:
    - { name: l4lb.thisdcos.directory, services: true }
YAML
}

reload_with() {
  write_config "$@"
  lab_gateway_reload | grep reloaded || lab_fail "vipgated refused the changed configuration"
}

start_load() {
  local family
  for family in 4 6; do
    lab_spawn client "$LAB_DIR/load$family.log" python3 "$LAB_TOP/tests/netns/redis_load.py" \
      --vip "${vip[$family]}" --port 6379 --udp-port "$LAB_UDP_PORT" --status "$LAB_DIR/load$family"
    load_pid[$family]=$!
  done
}

# remember FILTER: $base of later filters is its value now, family by family.
remember() {
  local family
  for family in 4 6; do base[$family]=$(jq "$1" "$LAB_DIR/load$family"); done
}

# holds FILTER: the jq filter is true of both families' status, and nothing has failed so far.
holds() {
  local family
  for family in 4 6; do
    lab_gateway_alive || lab_fail "vipgated has ended under load"
    [ -s "$LAB_DIR/load$family" ] || return 1
    jq -e '.errors == 0' "$LAB_DIR/load$family" >/dev/null ||
      lab_fail "IPv$family: $(jq -c '[.errors, .first_errors]' "$LAB_DIR/load$family")"
    jq -e --argjson base "${base[$family]}" "$1" "$LAB_DIR/load$family" >/dev/null || return 1
  done
}

# eventually WHAT FILTER: waits until it holds, and says so.
eventually() {
  lab_wait 30 "$1" holds "$2"
  printf '%3d s  %s\n' "$SECONDS" "$1"
}

# Not only is nothing lost: the load goes on.
more_requests() {
  remember .requests
  eventually "a thousand more requests" '.requests >= $base + 1000'
}

lab_report() { head -v "$LAB_DIR"/load[46] "$LAB_DIR"/load[46].log; }

lab_require
lab_init
lab_up
lab_in client sysctl -qw net.ipv4.ip_local_port_range="1024 65535"
write_config b1=1 b2=1
lab_gateway_start "$LAB_DIR/vipgated.yaml"
for family in 4 6; do
  lab_wait 15 "a reply through ${vip[$family]}" lab_vip_answers "${vip[$family]}"
done

start_load
eventually "both backends serve both kinds of connections" \
  '.last.b1 > 5 and .last.b2 > 5 and (.long.b1 + .long.b2) == 8 and .udp.b1 > 0 and .udp.b2 > 0'
eventually "a thousand requests" '.requests > 1000 and .datagrams > 100'

reload_with b1=1 b2=1 b3=1
eventually "b3, which was added, serves new connections" '.last.b3 > 5 and .udp.b3 > 0'
more_requests

reload_with b1=0 b2=1 b3=1
eventually "b1, which drains, gets no new connection" \
  '(.last | has("b1") | not) and .last.b2 > 5 and .last.b3 > 5'
remember '.long_rounds.b1 // 0'
eventually "long-lived connections to b1 go on" \
  '(.long.b1 // 0) == 0 or .long_rounds.b1 > $base + 5'
more_requests

kill -USR2 "${load_pid[@]}"
eventually "long-lived connections that start anew avoid b1" \
  '(.long.b1 // 0) == 0 and (.long.b2 + .long.b3) == 8'
reload_with b2=1 b3=1
more_requests
eventually "b1, which was removed, gets nothing" '(.last | has("b1") | not)'

kill -TERM "${load_pid[@]}"
for family in 4 6; do
  wait "${load_pid[$family]}" || lab_fail "IPv$family: $(cat "$LAB_DIR/load$family" "$LAB_DIR/load$family.log")"
  printf 'IPv%s: %s\n' "$family" "$(cat "$LAB_DIR/load$family")"
done

# In nat a backend sees the client's own address, in fullnat one of the pool.
case $mode in
  nat) peers='(.peers - ["10.9.0.1", "fd09::1"]) == []' ;;
  fullnat) peers='(.peers - ["10.9.1.100", "10.9.1.101", "fd09:1::100"]) == []' ;;
esac
holds "$peers" || lab_fail "the backends saw other client addresses than mode $mode gives"
# Equal weights: each backend has its share. b1 was there for a part of the time only.
holds '(.backends.b2 + .backends.b3) as $n | .backends.b2 > 0.25 * $n and .backends.b3 > 0.1 * $n' ||
  lab_fail "the connections are not spread over the backends"

counters=$(lab_gateway_counters)
printf 'counters: %s\n' "$counters"
lab_gateway_stop || lab_fail "vipgated ended with exit status $?"
echo "every reply was right"
