#!/usr/bin/env bash
# Holds a lab (../netns/lab.sh) for a test that is written in Python: builds it, says
# "lab ID DIRECTORY", runs the functions of lab.sh that it is told on its standard input, one a line,
# answers each with "done STATUS", and takes the lab down when the input ends or it is killed.
set -euo pipefail
. "$(dirname "$0")/../netns/lab.sh"

lab_require
lab_init
lab_up
echo "lab $LAB_ID $LAB_DIR"
while read -r -a words; do
  # In a subshell a function that fails ends no more than itself.
  status=0
  ("${words[@]}") >&2 </dev/null || status=$?
  echo "done $status"
done
