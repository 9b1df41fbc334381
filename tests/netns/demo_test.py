#!/usr/bin/python3
"""Runs the demo and checks that it leaves the machine as it was.

Usage: demo_test.py end        to its end
       demo_test.py interrupt  Ctrl-C in the middle of each step, SIGTERM in the middle of one
       demo_test.py failure    with a gateway that does not start
Exit status 77: skipped, as the demo said.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

DEMO = pathlib.Path(__file__).with_name("demo.sh")
LIMIT_S = 300
SKIPPED = 77
# What changes by itself: lifetimes that count down, tables that fill, secrets drawn at first use.
VOLATILE_FIELDS = {"valid_life_time", "preferred_life_time", "expires", "stats64", "stats"}
VOLATILE_SYSCTLS = re.compile(r"conntrack_count|stable_secret|tcp_fastopen_key")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def steady(value):
    """The JSON value without its volatile fields."""
    if isinstance(value, list):
        return [steady(item) for item in value]
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if k not in VOLATILE_FIELDS}
    return value


def host_state():
    """Interfaces, addresses, routes, rules and network sysctls of the namespace that we are in."""
    state = {}
    for what in (["-d", "link"], ["address"], ["-4", "route", "show", "table", "all"],
                 ["-6", "route", "show", "table", "all"], ["-4", "rule"], ["-6", "rule"]):
        state[" ".join(what)] = steady(json.loads(run("ip", "-j", *what) or "[]"))
    settings = subprocess.run(["sysctl", "-a"], capture_output=True, text=True, check=False).stdout
    state["sysctl"] = [line for line in settings.splitlines()
                       if line.startswith("net.") and not VOLATILE_SYSCTLS.search(line)]
    state["/etc"] = sorted(os.listdir("/etc"))
    state["/etc/resolv.conf"] = pathlib.Path("/etc/resolv.conf").read_text(encoding="utf-8")
    return state


def processes_of_session(session):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def leftovers(pid):
    lab = f"vg{pid}"
    found = [name for name in run("ip", "netns", "list").split() if name.startswith(lab + "-")]
    found += map(str, pathlib.Path("/etc/netns").glob(f"{lab}-*"))
    found += map(str, pathlib.Path(os.environ.get("TMPDIR", "/tmp")).glob(f"vipgate-{lab}*"))
    found += [f"process {process}" for process in processes_of_session(pid)]
    return found


def demo(interrupt=None, environment=None):
    """Runs it; `interrupt` is (step, seconds after its title, signal). Returns status and output."""
    process = subprocess.Popen(
        [DEMO, "--fast"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True, env={**os.environ, **(environment or {})},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    signal.alarm(LIMIT_S)  # ends this test, and ctest tells
    output = ""
    for line in process.stdout:
        output += line
        if interrupt and line.startswith(f"{interrupt[0]}. "):
            time.sleep(interrupt[1])
            os.killpg(process.pid, interrupt[2])
            interrupt = None
    status = process.wait()
    signal.alarm(0)
    if interrupt and status != SKIPPED:
        sys.exit(f"step {interrupt[0]} was not reached:\n{output}")
    return process.pid, status, output


def check(what, expected_status, **how):
    before = host_state()
    pid, status, output = demo(**how)
    if status == SKIPPED:
        print(output)
        sys.exit(SKIPPED)
    if status != expected_status:
        sys.exit(f"{what}: exit status {status} instead of {expected_status}\n{output}")
    if found := leftovers(pid):
        sys.exit(f"{what}: left behind: {found}\n{output}")
    after = host_state()
    for key, value in before.items():
        if value != after[key]:
            sys.exit(f"{what}: {key} changed:\n{value}\n{after[key]}")
    print(f"{what}: exit status {status}, the host is as it was", flush=True)
    return output


def main():
    case = sys.argv[1]
    if case == "end":
        print(check("the demo to its end", 0))
    elif case == "interrupt":
        for step, delay_s in [(1, 0), (1, 0.2), (1, 0.6), (2, 0.1), (4, 0.1), (6, 0.2), (8, 0.1)]:
            check(f"Ctrl-C {delay_s} s into step {step}", 130, interrupt=(step, delay_s, signal.SIGINT))
        check("SIGTERM in step 4", 143, interrupt=(4, 0.1, signal.SIGTERM))
    elif case == "failure":
        output = check("a gateway that ends at once", 1, environment={"VIPGATED": "/bin/false"})
        assert "FAILED: vipgated has ended before it was ready" in output, output
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
