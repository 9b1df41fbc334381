#!/usr/bin/python3
"""Reals that are told of their clients, by real kernel TCP.

Usage: client_address_test.py CASE
"""

import sys

from lab import BACKENDS, HERE, Failure, main, wait_for

PORT, REAL_PORT = 8000, 8001
VIPS = {4: "11.0.0.80", 6: "fd11::80"}
REALS = {4: BACKENDS["b1"][0], 6: "fd09:1::11"}

SERVICES = "services:\n" + "".join(
    f"""\
  - name: told-{family}
    vip: "{VIPS[family]}"
    port: {PORT}
    client_address: proxy_v2
    health: {{ type: http, interval_s: 1 }}
    reals: [{{ address: "{REALS[family]}", port: {REAL_PORT} }}]
""" for family in (4, 6))


def ends(role, *words):
    return sys.executable, HERE / "proxy_ends.py", role, *words


def proxy_v2(lab):
    """A server that takes nothing without a header is healthy, learns each client's address and
    port, and gets and gives every byte, whatever the lengths."""
    lab.start_master()
    config = lab.config()
    config.write_text(config.read_text(encoding="utf-8") + SERVICES, encoding="utf-8")
    lab.run("client", "ip", "-6", "route", "add", f"{VIPS[6]}/128", "via", "fd09::2")
    for family, real in REALS.items():
        log = f"server-{family}.log"
        lab.spawn("b1", log, *ends("serve", real, REAL_PORT))
        wait_for("the server", lambda l=log: "listens" in (lab.directory / l).read_text())
    lab.start_gateway(config, wait_for_backends=False)
    for family, vip in VIPS.items():
        wait_for(f"the VIP {vip}", lambda v=vip: lab.succeeds("client", *ends("ask", v, PORT, 1)))
        for count in (0, 1, 1300, 1400, 1500, 5_000_000):
            lab.run("client", *ends("ask", vip, PORT, count))
        log = (lab.directory / f"server-{family}.log").read_text()
        if "refused" in log:
            raise Failure(f"something came without a header: {log}")
    lab.gateway.stop()


CASES = {"proxy_v2": proxy_v2}

if __name__ == "__main__":
    main(CASES, __doc__)
