#!/usr/bin/env bash
# Shows vipgate at work on real traffic, in network namespaces of its own: Mesos starts, scales and kills
# an app, and its names and its virtual address follow. Every step checks what it shows.
#
# Usage: demo.sh [--fast] [--keep] | --stop LAB
#   --fast  no pauses between the steps
#   --keep  leave everything running at the end, to be tried by hand
#   --stop  take away a lab that --keep has left
set -euo pipefail
. "$(dirname "$0")/lab.sh"

NAME=redis.marathon.l4lb.thisdcos.directory
TASK_NAME=redis.marathon.mesos
SRV_NAME=_redis._tcp.marathon.mesos
VIP_SRV_NAME=_redis._tcp.marathon.l4lb.thisdcos.directory
VIP=11.202.66.36
DNS=10.9.0.53
SOURCE=$LAB_TOP/config/demo.yaml
API_PORT=8080
pause_s=2
step=0
output=""
bold="" dim="" green="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'
fi

# --- telling

title() {
  [ "$step" = 0 ] || sleep "$pause_s"
  step=$((step + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}

say() { printf '   %s\n' "$*"; }
good() { printf '   %s✓ %s%s\n' "$green" "$*" "$plain"; }
prompt() { printf '   %s%s$%s %s\n' "$dim" "$1" "$plain" "$2"; }
indent() { sed 's/^/   /'; }

# What the daemon says, without the lab's directory in front of file names.
show() { printf '%s\n' "${1//"$LAB_DIR/"/}" | indent; }

# try HOST COMMAND: prints a shell command, runs it in that namespace, prints what it printed and
# keeps it in $output. Its exit status is that of the command.
try() {
  local status=0
  prompt "$1" "$2"
  output=$(lab_in "$1" bash -c "$2" 2>&1) || status=$?
  [ -z "$output" ] || printf '%s\n' "$output" | indent
  return "$status"
}

# --- the steps

# task_command BACKEND: the fake master's command that starts a redis task on the backend's agent.
task_command() {
  printf '{"op": "add_task", "name": "redis", "agent": "%s", "ports": [%s]}' "$(lab_address "$1")" \
    "{\"number\": ${LAB_REDIS_PORT[$1]}, \"name\": \"redis\", \"vip\": \"/redis:6379\"}"
}

# mesos_step COMMANDS BACKEND…: prints when what followed, and remembers the ids of new tasks in $output.
mesos_step() {
  output=$(lab_mesos_step "$@" 2>&1) || lab_fail "$output"
  grep -v '^task ' <<<"$output" | indent
}

deploy() {
  title "Deploy an app on Mesos"
  say "Marathon starts redis on b1 and b2, with the label VIP_0=/redis:6379. From the master's events on:"
  local name agents=""
  for name in "${LAB_BACKENDS[@]}"; do
    agents+="{\"op\": \"add_agent\", \"address\": \"$(lab_address "$name")\"}, "
  done
  mesos_step "[$agents $(task_command b1), $(task_command b2)]" b1 b2
  mapfile -t tasks < <(sed -n 's/^task //p' <<<"$output")
  good "names and VIP followed; a name is answered only when its VIP forwards"
}

ask_dns() {
  title "Ask for the names"
  say "The answer is written into the very packet that asked; no DNS server process is involved."
  try client "dig +noall +comments +answer $NAME @$DNS | grep -v '^$'" || true
  [[ $output == *"status: NOERROR"*"$VIP"* ]] || lab_fail "$NAME did not resolve to $VIP"
  try client "dig +short $TASK_NAME @$DNS; dig +short SRV $SRV_NAME @$DNS" || true
  [[ $output == *10.9.1.11*" ${LAB_REDIS_PORT[b1]} "* ]] || lab_fail "the task has no A or no SRV record"
  try client "dig +short SRV $VIP_SRV_NAME @$DNS" || true
  [[ $output == *" 6379 $NAME." ]] || lab_fail "the VIP has no SRV record"
  try client "dig +noall +comments nobody.$NAME @$DNS | grep status" || true
  [[ $output == *"status: NXDOMAIN"* ]] || lab_fail "a name that does not exist was not denied"
  good "the VIP's name, the task's name and the port of each; a name that does not exist is denied"
}

# tally COUNT: who served COUNT connections, as "12 b1" lines in $output.
tally() {
  try client "for i in \$(seq $1); do redis-cli -h $NAME -p 6379 GET whoami 2>&1; done | sort | uniq -c"
}

# served BACKEND: how many of the connections of the last tally it served.
served() { awk -v name="$1" '$2 == name { print $1; found = 1 } END { if (!found) print 0 }' <<<"$output"; }

# reach BACKEND…: 30 connections, which exactly these serve.
reach() {
  tally 30
  local name
  for name; do
    [ "$(served "$name")" -gt 0 ] || lab_fail "no connection reached $name"
  done
  local all="$*"
  [ "$(awk -v all=" $all " '{ n += $1 } !index(all, " " $2 " ") { bad = 1 } END { print n, bad + 0 }' \
    <<<"$output")" = "30 0" ] || lab_fail "connections failed, or went to others than $all"
}

talk() {
  title "Talk to redis through the VIP"
  say "Each redis-server is on a port of its own and has its name under the key 'whoami'."
  reach b1 b2
  good "30 connections, every one answered, by b1 and b2"
}

# The long-lived connection: a redis-cli that reads commands from a pipe.
long_ask() {
  local before
  before=$(wc -l <"$LAB_DIR/long.out")
  printf '%s\n' "$1" >&"$long_pipe"
  lab_wait 10 "a reply on the long-lived connection" long_has_more "$before"
  tail -n 1 "$LAB_DIR/long.out"
}

long_has_more() { [ "$(wc -l <"$LAB_DIR/long.out")" -gt "$1" ]; }

open_long_connection() {
  title "Open a connection that stays"
  mkfifo "$LAB_DIR/long.in"
  : >"$LAB_DIR/long.out"
  ip netns exec "$LAB_ID-client" redis-cli -h "$NAME" -p 6379 <"$LAB_DIR/long.in" >"$LAB_DIR/long.out" 2>&1 &
  exec {long_pipe}>"$LAB_DIR/long.in"
  long_backend=$(long_ask "GET whoami")
  long_id=$(long_ask "CLIENT ID")
  long_backend=${long_backend//\"/}
  [[ " ${LAB_BACKENDS[*]} " == *" $long_backend "* ]] ||
    lab_fail "the long-lived connection was answered '$long_backend'"
  good "a redis-cli in the background talks to $long_backend, which calls it client ${long_id##* }"
}

check_long_connection() {
  [ "$(long_ask "CLIENT ID")" = "$long_id" ] || lab_fail "the long-lived connection was lost"
  good "the long-lived connection to $long_backend is still the same one"
}

scale() {
  title "Scale the app to three"
  mesos_step "[$(task_command b3)]" b1 b2 b3
  tasks+=("$(sed -n 's/^task //p' <<<"$output")")
  reach b1 b2 b3
  good "30 connections, every one answered, all three took part"
  check_long_connection
}

# Another backend than the one that the long-lived connection uses.
lose_a_task() {
  local index others=()
  for index in 0 1 2; do
    victim=$index
    [ "${LAB_BACKENDS[index]}" = "$long_backend" ] || break
  done
  local name=${LAB_BACKENDS[victim]}
  title "Kill the task on $name"
  for index in 0 1 2; do
    [ "$index" = "$victim" ] || others+=("${LAB_BACKENDS[index]}")
  done
  prompt "$name" "kill -KILL $(<"$LAB_DIR/$name/redis.pid")   # redis-server; Mesos says TASK_FAILED"
  lab_kill_redis "$name"
  mesos_step "[{\"op\": \"kill_task\", \"task\": \"${tasks[victim]}\", \"state\": \"TASK_FAILED\"}]" \
    "${others[@]}"
  reach "${others[@]}"
  good "30 new connections, every one answered by one of the other two"
  check_long_connection
}

reload() {
  prompt gw "kill -HUP $LAB_GATEWAY_PID   # vipgated"
  output=$(lab_gateway_reload) || exit 1
  show "$output"
}

try_a_broken_file() {
  title "Try a file with a mistake"
  cp "$CONFIG" "$CONFIG.good"
  sed -i 's/masters: /mastres: /' "$CONFIG"
  local status=0
  prompt gw "vipgated --check --config vipgated.yaml"
  output=$("$VIPGATED" --check --config "$CONFIG" 2>&1) || status=$?
  show "$output"
  [ "$status" = 2 ] || lab_fail "--check of a wrong file ended with exit status $status, not 2"
  [[ $output =~ vipgated.yaml:[0-9]+:[0-9]+: ]] || lab_fail "the message does not say where"
  good "exit status 2, with file, line and column"
  say "The running gateway is told to load it all the same:"
  reload
  [[ $output == *failed* ]] || lab_fail "the gateway did not refuse the file"
  [ "$(lab_in client redis-cli -h "$NAME" -p 6379 PING)" = PONG ] || lab_fail "the VIP stopped"
  good "it keeps the configuration it had, and goes on forwarding"
  check_long_connection
  cp "$CONFIG.good" "$CONFIG"
  say "Mended, it is taken:"
  reload
  [[ $output == *"configuration reloaded"* ]] || lab_fail "the gateway did not take the good file"
}

ping_both() {
  title "Ping"
  say "vipgated answers for the VIP; the gateway's own address is the kernel's, over a TAP interface."
  local address
  for address in "$VIP" 10.9.0.2; do
    try client "ping -c 3 -i 0.2 -W 2 $address | tail -n 2" || true
    [[ $output == *"3 received"* ]] || lab_fail "$address does not answer ping"
  done
  good "both answer"
}

show_counters() {
  title "Look at the counters"
  prompt gw "kill -USR1 $LAB_GATEWAY_PID   # vipgated"
  output=$(lab_gateway_counters)
  jq -r 'to_entries[] | select(.value > 0) | "\(.value) \(.key)"' <<<"$output" |
    awk '{ printf "   %15s  %s\n", $1, $2 }'
  jq -e 'map(select(. > 0)) | length > 0' <<<"$output" >/dev/null || lab_fail "nothing was counted"
}

operate() {
  title "Look at it as its operator"
  say "vipctl asks the gateway by its API; a browser sees the same at its dashboard."
  try gw "vipctl status" || lab_fail "vipctl status finds something wrong"
  try gw "vipctl flows --destination $VIP:6379 --state established" || lab_fail "vipctl flows fails"
  [[ $output == *established* ]] || lab_fail "the long-lived connection is not among the flows"
  try gw "vipctl explain tcp 10.9.0.1:40000 $VIP:6379" || lab_fail "vipctl explain fails"
  [[ $output == *forward* ]] || lab_fail "a new connection would not be forwarded"
  try gw "vipctl dns $SRV_NAME SRV" || lab_fail "vipctl dns fails"
  good "each tells the state in force"
}

tell_what_to_try() {
  title "Try it"
  cat <<TEXT
   make run ARGS=--keep                leaves all this running, with the dashboard at http://127.0.0.1:$API_PORT/
   vipctl top                          what passes now: packets, flows, drops by reason, what each worker does
   vipctl drain 10.9.1.12 --wait       takes a node out without losing a connection
   vipctl capture -w - | tshark -r -   packets as they come, leave and are dropped
   vipctl doctor                       what is wrong with the machine, and what mends it
TEXT
}

stop_gateway() {
  title "Stop"
  exec {long_pipe}>&-
  prompt gw "kill -TERM $LAB_GATEWAY_PID   # vipgated"
  lab_gateway_stop || lab_fail "vipgated ended with exit status $?"
  good "vipgated has ended with exit status 0; namespaces and processes are taken away"
}

explain_keep() {
  lab_keep
  title "It is yours"
  if lab_relay "$API_PORT"; then
    say "The dashboard:            http://127.0.0.1:$API_PORT/"
    say "The gateway's operator:   vipctl status   (or top, watch, flows, drain …: ${VIPCTL/#$PWD\//})"
  else
    say "The gateway's operator:   ip netns exec $LAB_ID-gw $VIPCTL status   (port $API_PORT is taken here)"
  fi
  cat <<TEXT
   A shell on the client:    ip netns exec $LAB_ID-client bash
   Resolve and connect:      ip netns exec $LAB_ID-client dig $NAME @$DNS
                             ip netns exec $LAB_ID-client redis-cli -h $NAME -p 6379 GET whoami
   Watch the client's wire:  ip netns exec $LAB_ID-gw tcpdump -ni vg0
   Start another task:       tests/support/fake_mesos_master.py --tell $LAB_DIR/master.sock \\
                               '$(task_command b3)'
   Change the configuration: \$EDITOR $CONFIG && kill -HUP $LAB_GATEWAY_PID
   Counters, log:            kill -USR1 $LAB_GATEWAY_PID; tail $LAB_DIR/vipgated.log
   Stop and clean up:        tests/netns/demo.sh --stop $LAB_ID
TEXT
}

start_master() {
  title "Start a Mesos master"
  prompt gw "fake_mesos_master.py --port 5050   # the real protocol, with an empty cluster"
  lab_master_start
}

build_lab() {
  title "Build a small cluster of network namespaces"
  lab_up
  cat <<TEXT
   $LAB_ID-client            $LAB_ID-gw                 $LAB_ID-b1, -b2, -b3
   client 10.9.0.1  ──── vg0 [ vipgated ] vg1 ──┬── redis-server 10.9.1.11:30585
                         VIP $VIP      ├── redis-server 10.9.1.12:31002
                         DNS $DNS         └── redis-server 10.9.1.13:31777
TEXT
  say "Nothing outside these namespaces is touched. A prompt names the one a command runs in."
}

start_gateway() {
  title "Start the gateway"
  CONFIG=$LAB_DIR/vipgated.yaml
  sed '/^services:/,/^$/d' "$SOURCE" >"$CONFIG"
  prompt gw "vipgated --config vipgated.yaml   # config/demo.yaml without its services: they are Mesos'"
  lab_gateway_start "$CONFIG"
  grep ready "$LAB_DIR/vipgated.log" | indent
}

stop_kept_lab() {
  lab_name "$1"
  if [[ ! $LAB_ID =~ ^vg[0-9]+$ || ! -d $LAB_DIR ]]; then lab_fail "there is no lab $LAB_ID"; fi
  lab_down
  echo "$LAB_ID is gone"
}

main() {
  local keep=""
  while [ $# -gt 0 ]; do
    case $1 in
      --fast) pause_s=0 ;;
      --keep) keep=1 ;;
      --stop) stop_kept_lab "${2:?--stop needs the name of a lab}"; return ;;
      *) sed -n '2,/^set/ { /^#/ s/^# \?//p }' "$0"; exit 2 ;;
    esac
    shift
  done
  lab_require curl socat
  lab_init
  PATH=$(dirname "$VIPCTL"):$PATH
  build_lab
  start_master
  start_gateway
  deploy
  ask_dns
  talk
  open_long_connection
  scale
  lose_a_task
  try_a_broken_file
  ping_both
  show_counters
  operate
  if [ -n "$keep" ]; then
    explain_keep
  else
    stop_gateway
    tell_what_to_try
  fi
}

main "$@"
