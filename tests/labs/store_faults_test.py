#!/usr/bin/python3
"""What can go wrong with the state store, and the end of the daemon at any moment.

Usage: store_faults_test.py CASE
"""

import os
import random
import signal
import statistics
import time

from lab import BACKENDS, VIP, Failure, main, wait_for

AGAIN_LIMIT_S = 2  # after kill -9: from the start to the right state and forwarding


class SmallDisk:
    """A tmpfs in a mount namespace of its own, for a daemon that is started in it."""

    def __init__(self, lab, size="16m"):
        self.lab, self.path = lab, lab.directory / "disk"
        self.path.mkdir()
        mounted = lab.directory / "disk-is-there"
        # The namespace stays while the sleep does.
        process = lab.spawn("gw", "disk.log", "unshare", "--mount", "sh", "-c",
                            f"mount -t tmpfs -o size={size} disk {self.path} && touch {mounted} && "
                            "exec sleep infinity")
        wait_for("the small disk", mounted.exists)
        self.prefix = ["nsenter", f"--mount=/proc/{process.pid}/ns/mnt"]
        self.store = f"sqlite:{self.path}/state.db"

    def run(self, command, check=True):
        return self.lab.run("gw", *self.prefix, "sh", "-c", command, check=check)

    def fill(self):
        self.run(f"cat /dev/zero >{self.path}/filler 2>/dev/null; true")
        if int(self.run(f"stat -f -c %a {self.path}")) != 0:
            raise Failure("the disk is not full")

    def empty(self):
        self.run(f"rm {self.path}/filler")


def disk_full(lab):
    """Nothing can be stored: that is said, and changes are served all the same; with room again,
    what was missed is stored."""
    disk = SmallDisk(lab)
    lab.start_master()
    tasks = lab.deploy("b1", "b2")
    config = lab.config(store=disk.store)
    gateway = lab.start_gateway(config, prefix=disk.prefix)
    lab.wait_right("b1", "b2")
    load = lab.start_load()
    disk.fill()
    for number in range(300):  # more than fits into what SQLite has allocated
        lab.master.add_task(name=f"filler-{number}", agent="10.9.1.12", labels={"text": "x" * 2000},
                            ports=[{"number": 20000 + number, "vip": f"/filler-{number}:80"}])
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    gateway.wait_log("error.*(full|stored)")
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3")
    disk.empty()
    lab.master.kill_task(task=tasks["b2"])
    lab.wait_right("b3")
    gateway.wait_log("stored again|works again")
    load.wait_more()
    load.stop()
    lab.load = None
    # Stopped in order, it has stored what it served.
    gateway.stop()
    lab.master.stop_master()
    lab.start_gateway(config, prefix=disk.prefix)
    lab.wait_right("b3")


def disk_read_only(lab):
    """What is stored is served, what comes is served too, and that it is not stored is said."""
    disk = SmallDisk(lab)
    lab.start_master()
    tasks = lab.deploy("b1", "b2")
    config = lab.config(store=disk.store)
    lab.start_gateway(config, prefix=disk.prefix)
    lab.wait_right("b1", "b2")
    lab.gateway.stop()
    disk.run(f"mount -o remount,ro {disk.path}")
    lab.master.stop_master()
    gateway = lab.start_gateway(config, prefix=disk.prefix)
    lab.wait_right("b1", "b2")
    gateway.wait_log("(?i)error.*(read-?only|stored)")
    lab.start_load()
    lab.master.start_master()
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3")
    lab.load.stop()


def kill_at_any_point(lab):
    """kill -9 while changes come, then a start without a master: the last good state is served at
    once, forwarding included; then the master is back and the present state is served."""
    draw = random.Random(int(os.environ.get("SEED", "1")))
    lab.start_master()
    tasks = lab.deploy("b1", "b2")
    config = lab.config()
    gateway = lab.start_gateway(config)
    lab.wait_right("b1", "b2")
    present = {"b1", "b2"}
    took_s = []
    for number in range(10):
        before = set(present)
        # A third backend comes, or goes, somewhere in the middle of many other changes.
        commands = [{"op": "add_task", "name": f"other-{number}-{n}", "agent": "10.9.1.12",
                     "ports": [{"number": 20000 + n, "vip": f"/other-{number}-{n}:80"}]}
                    for n in range(200)]
        lab.master.batch(commands=commands[:draw.randrange(200)])
        if "b3" in present:
            lab.master.kill_task(task=tasks["b3"])
            present.remove("b3")
        else:
            tasks |= lab.deploy("b3")
            present.add("b3")
        time.sleep(draw.choice((0, 0.002, 0.02, 0.2)))  # the point at which it dies
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait()
        lab.master.stop_master()
        began = time.monotonic()
        gateway = lab.start_gateway(config, wait_for_backends=False)
        wait_for("the VIP to forward again", lambda: ping(lab))
        served = wait_for("the names to be answered again", lambda: serving(lab))
        took_s.append(time.monotonic() - began)
        if served not in (before, present):
            raise Failure(f"after kill {number}, {served} serve; it was {before}, then {present}")
        if not gateway.logged("serving the last good state"):
            raise Failure("the log does not say that the state is the stored one")
        lab.master.start_master()
        lab.wait_right(*sorted(present))
        for name in [t["task"] for t in lab.master.tasks(agent="10.9.1.12")["tasks"]
                     if t["task"].startswith("other-")]:
            lab.master.kill_task(task=name)
    load = lab.start_load()
    load.wait_served_by(*present)
    load.stop()
    typical_s = statistics.median(took_s)
    print(f"from the start to the first reply through the VIP: {typical_s:.2f} s, at most "
          f"{max(took_s):.2f} s")
    # The median: whatever else the machine does may hold up one start of ten.
    if typical_s > AGAIN_LIMIT_S:
        raise Failure(f"after kill -9 the VIP forwards only {typical_s:.2f} s after the start")


def serving(lab):
    addresses = lab.dig("redis.marathon.mesos")
    return {name for name, (address, _) in BACKENDS.items() if address in addresses}


def ping(lab):
    return lab.run("client", "timeout", "1", "redis-cli", "-h", VIP, "-p", "6379", "PING",
                   check=False).strip() == "PONG"


CASES = {case.__name__: case for case in (disk_full, disk_read_only, kill_at_any_point)}

if __name__ == "__main__":
    main(CASES, __doc__)
