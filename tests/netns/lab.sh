# shellcheck shell=bash
# The lab: a small cluster made of network namespaces, to be sourced by the demo and the tests.
#
#     client                     gw (vipgated runs here)                    b1 b2 b3
#     eth0 ──── veth ── edge0 ═ br-edge ═ vg0 │ vg1 ═ br-cluster ═ veths ──── eth0
#     10.9.0.1            vg-edge 10.9.0.2     │     vg-cluster 10.9.1.2      10.9.1.11-13
#     fd09::1             fd09::2              │     fd09:1::2                fd09:1::11-13
#
# vg0 and vg1 are the far ends of vipgated's two net_tap ports: what the wire is to a NIC. They stay in
# the gateway's namespace, where the PMD's ioctls find them, and a bridge is the cable to the others.
# Everything that is made lies in namespaces named $LAB_ID-*, in $LAB_DIR and in /etc/netns/$LAB_ID-client,
# and lab_down takes all of it away; nothing outside is changed.
#
# Usage: set -euo pipefail; . lab.sh; lab_require; lab_init; lab_up; lab_gateway_start CONFIG; …
# Every way out of the script passes through lab_down: see lab_init.

LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VIPGATED=${VIPGATED:-$LAB_TOP/build/controlplane/vipgated}
VIPCTL=${VIPCTL:-$(dirname "$VIPGATED")/vipctl}
LAB_BACKENDS=(b1 b2 b3)
declare -A LAB_REDIS_PORT=([b1]=30585 [b2]=31002 [b3]=31777)
LAB_UDP_PORT=7000
LAB_POLL_S=0.05
LAB_GATEWAY_PID=""
LAB_ARGUMENTS=("$@")

lab_fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# Exit code 77 tells ctest that the test was skipped.
lab_skip() {
  printf 'SKIPPED: %s\n' "$*" >&2
  exit 77
}

# lab_require TOOL…: skips the test where the lab, or a tool beyond what the lab needs, is not to be had.
lab_require() {
  [ "$(id -u)" = 0 ] || lab_skip "network namespaces need root"
  [ -c /dev/net/tun ] || lab_skip "there is no /dev/net/tun here"
  local tool
  for tool in ip sysctl redis-server redis-cli dig jq ping python3 "$@"; do
    command -v "$tool" >/dev/null || lab_skip "$tool is not installed (make deps installs it)"
  done
  unshare --net --mount true 2>/dev/null || lab_skip "network namespaces cannot be made here"
}

lab_name() {
  LAB_ID=$1
  LAB_DIR=${TMPDIR:-/tmp}/vipgate-$LAB_ID
}

# The script runs twice. The shell that was started stops here, to guard: it runs the same script as a
# child in a process group of its own, waits, and takes the lab down whatever became of the child.
# Bash is not sure to survive a trap in the middle of a command substitution; the guard has none.
lab_init() {
  lab_name "vg${LAB_GUARD:-$$}"
  [ -z "${LAB_GUARD:-}" ] || return 0
  [ ! -e "$LAB_DIR" ] || lab_fail "$LAB_DIR is there already"
  local child="" signal_status="" status=0
  trap 'signal_status=130; lab_end_child "$child"' INT
  trap 'signal_status=143; lab_end_child "$child"' TERM HUP
  mkdir -m 700 "$LAB_DIR"
  set -m
  LAB_GUARD=$$ "$BASH" "$0" "${LAB_ARGUMENTS[@]}" &
  child=$!
  set +m
  [ -z "$signal_status" ] || lab_end_child "$child"
  while kill -0 "$child" 2>/dev/null; do
    status=0
    wait "$child" || status=$?
  done
  trap '' INT TERM HUP
  lab_exit "${signal_status:-$status}"
}

# lab_end_child PID: ends its process group, which is all that the script has started; nothing, when
# there is no child yet.
lab_end_child() {
  [ -n "$1" ] || return 0
  local signal deadline
  for signal in TERM KILL; do
    kill "-$signal" -- "-$1" 2>/dev/null || true
    deadline=$((SECONDS + 5))
    while pgrep -g "$1" -r D,I,R,S,T >/dev/null; do
      [ "$SECONDS" -lt "$deadline" ] || continue 2
      sleep "$LAB_POLL_S"
    done
    return 0
  done
}

lab_exit() {
  local status=$1
  if [ "$status" = 1 ] && [ -s "$LAB_DIR/vipgated.log" ]; then
    printf -- '--- the last lines of the log of vipgated:\n' >&2
    tail -n 25 "$LAB_DIR/vipgated.log" >&2
    # A script may define it to tell more.
    if declare -F lab_report >/dev/null; then lab_report >&2 || true; fi
  fi
  [ -e "$LAB_DIR/keep" ] || lab_down
  exit "$status"
}

# What was built stays when the script has ended.
lab_keep() { touch "$LAB_DIR/keep"; }

# lab_relay PORT: what listens there on the gateway's loopback is also at this machine's, until
# lab_down. Nothing, where the port is taken.
lab_relay() {
  setsid socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" \
    "EXEC:ip netns exec $LAB_ID-gw socat - TCP\\:127.0.0.1\\:$1" </dev/null >"$LAB_DIR/relay.log" 2>&1 &
  echo $! >"$LAB_DIR/relay.pid"
  local deadline=$((SECONDS + 5))
  until curl -sf -o "$LAB_DIR/relay.answer" "http://127.0.0.1:$1/healthz"; do
    if ! kill -0 "$(<"$LAB_DIR/relay.pid")" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
    sleep "$LAB_POLL_S"
  done
}

# lab_wait SECONDS WHAT COMMAND…: polls until COMMAND succeeds; fails the script when it never does,
# and at once when COMMAND calls lab_fail.
lab_wait() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || lab_fail "waited in vain for: $what"
    sleep "$LAB_POLL_S"
  done
}

lab_in() {
  local name=$1
  shift
  ip netns exec "$LAB_ID-$name" "$@"
}

# lab_spawn NAME LOG COMMAND…: in the background, without a shell in between, so that $! is the program's.
lab_spawn() {
  local name=$1 log=$2
  shift 2
  ip netns exec "$LAB_ID-$name" "$@" </dev/null >"$log" 2>&1 &
}

lab_gateway_alive() { [ -n "$LAB_GATEWAY_PID" ] && kill -0 "$LAB_GATEWAY_PID" 2>/dev/null; }

# --- building it

# Duplicate address detection would delay every IPv6 address by a second; router solicitations and
# the default route they bring have no place in a lab. IPv4 settings are inherited from the host,
# hence rp_filter and ip_forward are stated: nothing may pass the gateway but through vipgated.
lab_make_namespace() {
  local namespace="$LAB_ID-$1"
  ip netns add "$namespace"
  lab_in "$1" sysctl -qw net.ipv4.ip_forward=0 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
    net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
    net.ipv6.conf.all.forwarding=0 \
    net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
    net.ipv6.conf.default.router_solicitations=0
  ip -n "$namespace" link set lo up
}

# A bridge that is only a cable: no address, no snooping (it would eat neighbour discovery), no
# netfilter, a MAC address of its own.
lab_make_bridge() {
  local gateway="$LAB_ID-gw" name=$1 mac=$2
  ip -n "$gateway" link add "$name" address "$mac" type bridge stp_state 0 forward_delay 0 \
    mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0
  lab_in gw sysctl -qw "net.ipv6.conf.$name.disable_ipv6=1"
  ip -n "$gateway" link set "$name" up
}

# lab_plug DEVICE BRIDGE: a device of the gateway's namespace becomes a mute port of a bridge.
lab_plug() {
  lab_in gw sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"
  ip -n "$LAB_ID-gw" link set "$1" master "$2" up
}

# lab_make_host NAME BRIDGE IPV4/LEN IPV6/LEN: a namespace with eth0 on that bridge. Its offloads stay
# on: a TAP has none, so the kernel has cut segments and made checksums before vipgated sees a frame.
lab_make_host() {
  local name=$1 bridge=$2 ipv4=$3 ipv6=$4
  local namespace="$LAB_ID-$name" gateway="$LAB_ID-gw"
  lab_make_namespace "$name"
  ip -n "$gateway" link add "to-$name" type veth peer name eth0 netns "$namespace"
  lab_plug "to-$name" "$bridge"
  ip -n "$namespace" address add "$ipv4" dev eth0
  ip -n "$namespace" address add "$ipv6" dev eth0 nodad
  ip -n "$namespace" link set eth0 up
}

lab_make_client() {
  local namespace="$LAB_ID-client"
  lab_make_host client br-edge 10.9.0.1/24 fd09::1/64
  ip -n "$namespace" route add 11.0.0.0/8 via 10.9.0.2
  ip -n "$namespace" route add fd01:c::/64 via fd09::2
  # `ip netns exec` lays these files over /etc for the programs in the namespace.
  mkdir -p "/etc/netns/$namespace"
  printf 'nameserver 10.9.0.53\noptions timeout:2 attempts:3\n' >"/etc/netns/$namespace/resolv.conf"
  printf 'hosts: files dns\n' >"/etc/netns/$namespace/nsswitch.conf"
}

lab_address() { echo "10.9.1.1${1#b}"; }
lab_address6() { echo "fd09:1::1${1#b}"; }

# A backend answers with its own name, so that a client sees who served it. Its routes to the
# client's network go by the gateway, which mode nat needs.
lab_make_backend() {
  local name=$1
  local namespace="$LAB_ID-$name"
  lab_make_host "$name" br-cluster "$(lab_address "$name")/24" "$(lab_address6 "$name")/64"
  ip -n "$namespace" route add 10.9.0.0/24 via 10.9.1.2
  ip -n "$namespace" route add fd09::/64 via fd09:1::2
  lab_start_redis "$name"
  lab_spawn "$name" "$LAB_DIR/$name/udp.log" \
    python3 "$LAB_TOP/tests/netns/udp_echo.py" --name "$name" --port "$LAB_UDP_PORT"
}

lab_redis() {
  local name=$1
  shift
  lab_in "$name" redis-cli -h "$(lab_address "$name")" -p "${LAB_REDIS_PORT[$name]}" "$@"
}

lab_redis_answers() { [ "$(lab_redis "$1" PING 2>/dev/null)" = PONG ]; }

lab_start_redis() {
  local name=$1
  local directory="$LAB_DIR/$name"
  mkdir -p "$directory"
  lab_spawn "$name" "$directory/redis.log" redis-server --port "${LAB_REDIS_PORT[$name]}" \
    --bind "$(lab_address "$name")" "$(lab_address6 "$name")" --protected-mode no \
    --dir "$directory" --save "" --appendonly no --daemonize no
  echo $! >"$directory/redis.pid"
  lab_wait 10 "redis-server in $name" lab_redis_answers "$name"
  lab_redis "$name" SET whoami "$name" >/dev/null
}

lab_kill_redis() {
  local pid
  pid=$(<"$LAB_DIR/$1/redis.pid")
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}

lab_up() {
  lab_make_namespace gw
  # The bridges share this namespace with the interfaces that carry the gateway's addresses, and
  # must not answer ARP for them.
  lab_in gw sysctl -qw net.ipv4.conf.all.arp_ignore=1
  lab_make_bridge br-edge 02:00:00:00:0e:00
  lab_make_bridge br-cluster 02:00:00:00:0c:00
  lab_make_client
  local name
  for name in "${LAB_BACKENDS[@]}"; do lab_make_backend "$name"; done
}

# --- the gateway

lab_gateway_ready() {
  lab_gateway_alive || lab_fail "vipgated has ended before it was ready"
  grep -qw ready "$LAB_DIR/vipgated.log"
}

# The netdev's MAC address is the PMD's own until it is changed here; a bridge would take frames for
# it as its own and not pass them on. The PMD sets it once more while the port starts: plug it after.
lab_plug_port() {
  ip -n "$LAB_ID-gw" link set "$1" address "$3"
  lab_plug "$1" "$2"
}

# DPDK makes its run-time directory below RUNTIME_DIRECTORY.
lab_gateway_spawn() {
  lab_spawn gw "$LAB_DIR/vipgated.log" env RUNTIME_DIRECTORY="$LAB_DIR" "$@"
  LAB_GATEWAY_PID=$!
}

lab_gateway_connect() {
  lab_plug_port vg0 br-edge 02:00:00:00:0e:01
  lab_plug_port vg1 br-cluster 02:00:00:00:0c:01
}

# lab_config_head CPUS: how every gateway's configuration begins, with workers on CPUS ("[1]"): node,
# CPUs, and the ports "edge" and "cluster".
lab_config_head() {
  cat <<YAML
node: { name: $LAB_ID }
dpdk: { huge_pages: off, memory_mb: 512 }
control: { cpus: [0] }
workers: { cpus: $1, idle: adaptive }
ports:
  - name: edge
    device: "net_tap0,iface=vg0"
    addresses: [10.9.0.2/24, "fd09::2/64"]
    kernel: true
  - name: cluster
    device: "net_tap1,iface=vg1"
    addresses: [10.9.1.2/24, "fd09:1::2/64"]
    kernel: true
YAML
}

lab_gateway_start() {
  [ -x "$VIPGATED" ] || lab_fail "$VIPGATED is not there: make build"
  lab_gateway_spawn "$VIPGATED" --config "$1"
  lab_wait 30 "vipgated to be ready" lab_gateway_ready
  lab_gateway_connect
}

# lab_gateway_tell SIGNAL PATTERN: sends it, waits for the line of the log that answers it, and prints
# what was logged meanwhile.
lab_gateway_tell() {
  local before
  before=$(wc -l <"$LAB_DIR/vipgated.log")
  kill "-$1" "$LAB_GATEWAY_PID"
  lab_wait 15 "vipgated to log '$2' after SIG$1" lab_log_says_since "$before" "$2"
  tail -n "+$((before + 1))" "$LAB_DIR/vipgated.log"
}

lab_log_says_since() { tail -n "+$(($1 + 1))" "$LAB_DIR/vipgated.log" | grep -E -- "$2"; }

# Prints what the log says of it.
lab_gateway_reload() { lab_gateway_tell HUP 'configuration reloaded|reload of .* failed'; }

# Prints the counters as one JSON object of names and numbers.
lab_gateway_counters() { lab_gateway_tell USR1 'counters: \{' | sed -n 's/.*counters: //p'; }

# Whether a redis-server answers the client through a VIP. A SYN that nobody answers is not waited for.
lab_vip_answers() {
  [ "$(lab_in client timeout 2 redis-cli -h "$1" -p 6379 PING 2>/dev/null)" = PONG ]
}

lab_gateway_gone() { ! lab_gateway_alive; }

# Ends vipgated by SIGTERM; its exit status is that of this function.
lab_gateway_stop() {
  local pid=$LAB_GATEWAY_PID
  kill -TERM "$pid"
  lab_wait 10 "vipgated to stop after SIGTERM" lab_gateway_gone
  LAB_GATEWAY_PID=""
  wait "$pid"
}

# --- the cluster's master

# A Mesos master that is a fake, in the gateway's namespace: what `lab_mesos_step` tells it happens.
lab_master_start() {
  lab_spawn gw "$LAB_DIR/master.log" python3 "$LAB_TOP/tests/support/fake_mesos_master.py" --port 5050 \
    --control "$LAB_DIR/master.sock"
  lab_wait 15 "the fake Mesos master" grep -q '"ports"' "$LAB_DIR/master.log"
}

lab_master_tell() {
  python3 "$LAB_TOP/tests/support/fake_mesos_master.py" --tell "$LAB_DIR/master.sock" "$1"
}

# lab_mesos_step COMMANDS BACKEND…: tells the master, a JSON list, and prints how long names and VIP took
# to follow, after which these backends serve and no others.
lab_mesos_step() {
  local commands=$1 name backends=""
  shift
  for name; do backends+="$name=$(lab_address "$name"):${LAB_REDIS_PORT[$name]} "; done
  lab_in client python3 "$LAB_TOP/tests/netns/mesos_step.py" "$LAB_DIR/master.sock" "$commands" "$backends"
}

# --- taking it down

# All of the lab's, those that a test has added, too; the gateway's, which joins the others, last.
lab_namespaces() {
  ip netns list | awk -v id="$LAB_ID-" 'index($1, id) == 1 && $1 != id "gw" { print $1 }'
  echo "$LAB_ID-gw"
}

lab_pids() {
  local namespace
  for namespace in $(lab_namespaces); do ip netns pids "$namespace" 2>/dev/null || true; done
}

# Every process of the lab runs in one of its namespaces: that list is complete whatever the step at
# which the script was interrupted.
lab_end_processes() {
  local signal pids deadline
  for signal in TERM KILL; do
    pids=$(lab_pids)
    [ -n "$pids" ] || break
    # shellcheck disable=SC2086  # a list of process ids
    kill "-$signal" $pids 2>/dev/null || true
    deadline=$((SECONDS + 5))
    while [ -n "$(lab_pids)" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep "$LAB_POLL_S"; done
  done
  wait 2>/dev/null || true
}

lab_down() {
  local namespace
  if [ -s "$LAB_DIR/relay.pid" ]; then kill "$(<"$LAB_DIR/relay.pid")" 2>/dev/null || true; fi
  lab_end_processes
  for namespace in $(lab_namespaces); do ip netns del "$namespace" 2>/dev/null || true; done
  rm -rf "/etc/netns/$LAB_ID-client" "$LAB_DIR"
  rmdir /etc/netns 2>/dev/null || true
}
