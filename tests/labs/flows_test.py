#!/usr/bin/python3
"""Flows of real kernel TCP, as vipctl lists them. VIPCTL names the binary.

Usage: flows_test.py CASE
"""

import collections
import json
import os
import sys

from lab import BACKENDS, HERE, TOP, VIP, Failure, main, wait_for

VIPCTL = os.environ.get("VIPCTL", str(TOP / "build/controlplane/vipctl"))
API = "127.0.0.1:8080"
REFUSED = 1
COUNT = 30


def list_flows(lab, *filters):
    return json.loads(lab.run("gw", VIPCTL, "--url", f"http://{API}", "-o", "json", "flows",
                              *filters))


def ends_of(flows):
    return sorted((flow["source"], flow["snat"], flow["real"]) for flow in flows)


def check(what, found, expected):
    if found != expected:
        raise Failure(f"{what}: {found}, not {expected}")


def hold_connections(lab):
    """The program that has them, and what their servers say of each."""
    log = lab.directory / "held.log"
    program = lab.spawn("client", log.name, sys.executable, HERE / "held_connections.py", VIP, 6379,
                        COUNT)

    def lines():
        if program.poll() is not None:
            raise Failure(f"a connection failed: {log.read_text()}")
        return log.read_text().splitlines()

    wait_for("the connections", lambda: len(lines()) == COUNT)
    return program, [json.loads(line) for line in lines()]


def check_filters(lab, held):
    to_redis = ("--destination", f"{VIP}:6379")
    by_real = collections.Counter(each["real"] for each in held)
    check("reals with connections", len(by_real), len(BACKENDS))
    for real, count in by_real.items():
        expected = ends_of(each for each in held if each["real"] == real)
        check(f"--real {real}", ends_of(list_flows(lab, "--real", real)["flows"]), expected)
        address = real.rsplit(":", 1)[0]
        check(f"--real {address}", list_flows(lab, *to_redis, "--real", address)["matched"], count)
    one = held[0]
    check("--source", ends_of(list_flows(lab, "--source", one["source"])["flows"]), ends_of([one]))
    few = list_flows(lab, *to_redis, "--limit", "7")
    check("--limit 7", (len(few["flows"]), few["matched"], few["is_whole"]), (7, COUNT, False))
    check("--protocol udp", list_flows(lab, *to_redis, "--protocol", "udp")["matched"], 0)


def check_refusals(lab):
    for name, wrong in (("source", "10.0.0.300"), ("destination", "x"), ("real", "10.0.0.0/8"),
                        ("protocol", "icmp"), ("worker", "1"), ("limit", "10001")):
        words = (VIPCTL, "--url", f"http://{API}", "flows", f"--{name}", wrong)
        said = lab.run("gw", "sh", "-c", '"$@" 2>&1; echo "status $?"', "-", *words)
        if f"status {REFUSED}\n" not in said or name not in said:
            raise Failure(f"--{name} {wrong}: {said}")


def real_connections(lab):
    """Each connection is there once with the real and the source that its server itself tells, is
    established while it lasts, also when the worker has nothing to do, and closing when it is over."""
    lab.start_master()
    config = lab.config()
    config.write_text(config.read_text(encoding="utf-8") + f'rest: {{ listen: ["{API}"] }}\n',
                      encoding="utf-8")
    lab.start_gateway(config)
    lab.deploy(*BACKENDS)
    lab.wait_right(*BACKENDS)
    to_redis = ("--destination", f"{VIP}:6379", "--protocol", "tcp")
    program, held = hold_connections(lab)

    told = list_flows(lab, *to_redis)
    check("the flows", ends_of(told["flows"]), ends_of(held))
    check("is_whole", (told["matched"], told["is_whole"]), (COUNT, True))
    check("destinations", {flow["destination"] for flow in told["flows"]}, {f"{VIP}:6379"})
    check("states", {flow["state"] for flow in told["flows"]}, {"established"})
    check_filters(lab, held)
    check_refusals(lab)
    wait_for("the flows to be idle", lambda: all(
        flow["idle_ms"] >= 1000 for flow in list_flows(lab, *to_redis)["flows"]))

    program.kill()
    # A reset may leave none of them.
    wait_for("the flows to be closing", lambda: all(
        flow["state"] == "closing" for flow in list_flows(lab, *to_redis)["flows"]))
    lab.gateway.stop()


CASES = {"real_connections": real_connections}

if __name__ == "__main__":
    main(CASES, __doc__)
