#!/usr/bin/python3
"""One step of the demo: tells the fake master what happens in the cluster, then watches names and
VIP from the client until they have followed, and prints how long after the event each of them did.

Usage: mesos_step.py CONTROL COMMANDS BACKENDS
  CONTROL   the fake master's socket
  COMMANDS  a JSON list of its commands, which become one write of events
  BACKENDS  who should serve then: "b1=10.9.1.11:30585 b2=…"
"""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dns_client import DnsClient  # noqa: E402
from fake_mesos.client import FakeMasterControl  # noqa: E402
from redis_load import Redis  # noqa: E402

DNS, VIP, VIP_PORT = "10.9.0.53", "11.202.66.36", 6379
TASK, SRV, SERVICE = ("redis.marathon.mesos", "_redis._tcp.marathon.mesos",
                      "redis.marathon.l4lb.thisdcos.directory")
IN_A_ROW = 12  # connections that only the right backends serve
GIVE_UP_S = 20


class Watch:
    """What of the cluster is visible at the client, and since when."""

    def __init__(self, backends):
        self.dns = DnsClient(DNS)
        self.backends = backends  # name → (address, port)
        self.row, self.row_began_ns, self.served = 0, 0, set()

    def task_name(self):
        return self.dns.ask(TASK) == {address for address, _ in self.backends.values()}

    def srv_records(self):
        seen = self.dns.ask(SRV, "SRV") or set()
        return sorted(target.rpartition(":")[2] for target in seen) == sorted(
            str(port) for _, port in self.backends.values())

    def service_name(self):
        return self.dns.ask(SERVICE) == {VIP}

    def vip(self):
        """One connection more; whether so many in a row went to the right backends, and to each."""
        began_ns = time.monotonic_ns()
        try:
            connection = Redis((VIP, VIP_PORT))
            backend = connection.pipeline([(b"GET", b"whoami")])[0].decode()
            connection.close()
        except OSError:
            backend = None
        if backend not in self.backends:
            self.row, self.served = 0, set()
            return False
        self.row_began_ns = self.row_began_ns if self.row else began_ns
        self.row += 1
        if backend not in self.served:
            self.served.add(backend)
        return self.row >= IN_A_ROW and self.served == set(self.backends)


def tell(after_ns, what):
    print(f"{after_ns / 1e6:8.1f} ms  {what}", flush=True)


def main():
    control_path, commands, wanted = sys.argv[1:]
    backends = {}
    for item in wanted.split():
        name, _, end = item.partition("=")
        backends[name] = (end.partition(":")[0], int(end.partition(":")[2]))
    control = FakeMasterControl(control_path)
    watch = Watch(backends)
    answer = control.batch(commands=json.loads(commands))
    names = "addresses " + ", ".join(address for address, _ in backends.values())
    ports = "ports " + ", ".join(str(port) for _, port in backends.values())
    left = {f"{TASK}: {names}": watch.task_name, f"{SRV}: {ports}": watch.srv_records,
            f"{SERVICE}: {VIP}": watch.service_name}
    vip_seen = False
    deadline = time.monotonic() + GIVE_UP_S
    while left or not vip_seen:
        for what in [what for what, seen in left.items() if seen()]:
            tell(time.monotonic_ns() - answer["sent_ns"], what)
            del left[what]
        # A VIP whose name is answered forwards; before that a connection would hang.
        if watch.service_name not in left.values() and not vip_seen and watch.vip():
            vip_seen = True
            tell(watch.row_began_ns - answer["sent_ns"],
                 f"the VIP: served by {', '.join(backends)}, and by nobody else since")
        if time.monotonic() > deadline:
            sys.exit(f"not followed after {GIVE_UP_S} s: {', '.join(left) or 'the VIP'}")
    for task in [item["task"] for item in answer["answers"] if "task" in item]:
        print(f"task {task}")


if __name__ == "__main__":
    main()
