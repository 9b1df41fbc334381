#!/usr/bin/env bash
# Real resolvers' tools against the responder, over IPv4 and IPv6: every question is answered.
set -euo pipefail
. "$(dirname "$0")/lab.sh"

NAME=redis.marathon.l4lb.thisdcos.directory
VIP=11.202.66.36
QUERIES=20000

# ask SERVER ARGUMENTS…: the whole answer of dig, also into $answer.
ask() {
  local server=$1
  shift
  answer=$(lab_in client dig +tries=3 +time=2 "@$server" "$@") || lab_fail "no answer from $server to $*"
}

# expect PATTERN…: $answer has a line for each.
expect() {
  local pattern
  for pattern in "$@"; do
    grep -qE -- "$pattern" <<<"$answer" || lab_fail "expected '$pattern' in: $answer"
  done
}

responder_answers() { lab_in client dig +tries=1 +time=1 "@$1" "$NAME" >/dev/null; }

ask_everything() {
  local server=$1 soa='IN[[:space:]]+SOA[[:space:]]'
  ask "$server" "$NAME"
  expect 'status: NOERROR' 'flags:.* aa' 'ANSWER: 1' "IN[[:space:]]+A[[:space:]]+$VIP" 'EDNS: version: 0'
  ask "$server" +noedns "$NAME"
  expect 'status: NOERROR' "$VIP" 'ADDITIONAL: 0'
  ask "$server" "${NAME^^}"
  expect 'status: NOERROR' "$VIP"
  ask "$server" TXT "$NAME"
  expect 'status: NOERROR' 'ANSWER: 0' "$soa"
  ask "$server" "nobody.$NAME"
  expect 'status: NXDOMAIN' 'ANSWER: 0' "$soa"
  # The same over TCP, on one connection.
  ask "$server" +tcp +keepopen "$NAME" +tcp TXT "$NAME" +tcp www.example.org
  expect 'status: NOERROR' "IN[[:space:]]+A[[:space:]]+$VIP" "$soa" 'status: REFUSED' "SERVER: $server#53.*\(TCP\)"
  ask "$server" +tcp AXFR l4lb.thisdcos.directory
  expect 'Transfer failed'
  ask "$server" www.example.org
  expect 'status: REFUSED' 'ANSWER: 0'
}

load() {
  local server=$1 report="$LAB_DIR/dnsperf"
  printf '%s\n' "$NAME A" "${NAME^^} A" "$NAME AAAA" >"$LAB_DIR/queries"
  lab_in client dnsperf -s "$server" -d "$LAB_DIR/queries" -n $((QUERIES / 3)) -l 20 -q 50 -t 5 >"$report" 2>&1 ||
    lab_fail "dnsperf: $(cat "$report")"
  grep -E 'Queries (sent|completed|lost|per second)|Response codes' "$report"
  grep -qE 'Queries completed: +[0-9]+ \(100.00%\)' "$report" || lab_fail "questions were lost: $(cat "$report")"
  grep -qE 'Response codes: +NOERROR [0-9]+ \(100.00%\)' "$report" || lab_fail "wrong codes: $(cat "$report")"
}

lab_require dnsperf
lab_init
lab_up
# Without the cluster, of which nothing would be known here: its names would be neither there nor denied.
sed '/^mesos:/,/^$/d' "$LAB_TOP/config/demo.yaml" >"$LAB_DIR/dns.yaml"
lab_gateway_start "$LAB_DIR/dns.yaml"
for server in 10.9.0.53 fd09::53; do
  lab_wait 15 "an answer from $server" responder_answers "$server"
  ask_everything "$server"
  load "$server"
done
# For the kernel its addresses are those of the port still, not those that it listens on.
source_of=$(lab_in gw ip -6 route get fd09::1) || lab_fail "no route to fd09::1"
grep -q 'src fd09::2 ' <<<"$source_of" || lab_fail "the kernel's own address is another: $source_of"
lab_gateway_stop || lab_fail "vipgated ended with exit status $?"
echo "every question was answered"
