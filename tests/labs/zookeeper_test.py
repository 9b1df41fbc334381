#!/usr/bin/python3
"""Masters that are found by a real ZooKeeper, which ends, and is out of reach for longer than a
session lasts.

Usage: zookeeper_test.py CASE
"""

import contextlib
import json
import sys

from lab import TOP, main
from zookeeper_server import PORT, ZooKeeperServer

ADDRESS = "127.0.0.2"  # for the gateway; the masters use 127.0.0.1


@contextlib.contextmanager
def unreachable(lab):
    """The gateway's way to ZooKeeper is cut, and the server goes on: it ends the session in time."""
    route = ("table", "local", "blackhole", ADDRESS)
    lab.run("gw", "ip", "route", "add", *route)
    yield
    lab.run("gw", "ip", "route", "del", *route)


class Election:
    """Nodes of masters below /mesos, made in the gateway's namespace by zookeeper_nodes.py."""

    def __init__(self, lab):
        self.lab = lab
        self.nodes = {}

    def enter(self, master):
        info = json.dumps(self.lab.master.master_info(master=master)["info"])
        self.nodes[master] = self._run("enter", info)

    def leave(self, master):
        self._run("leave", self.nodes.pop(master))

    def _run(self, *words):
        return self.lab.run("gw", sys.executable, TOP / "tests/labs/zookeeper_nodes.py",
                            str(PORT), *words).strip()


def session_loss(lab):
    """While ZooKeeper is away the leader that was known is followed; then its changes are seen."""
    server = ZooKeeperServer(lab)
    lab.start_master(ports=(5050, 5051))
    election = Election(lab)
    election.enter(0)
    election.enter(1)
    tasks = lab.deploy("b1", "b2")
    gateway = lab.start_gateway(lab.config(masters=[f"zk://{ADDRESS}:{PORT}/mesos"]))
    lab.wait_right("b1", "b2")
    load = lab.start_load()
    server.kill()
    gateway.wait_log("ZooKeeper: the connection is lost")
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    # The leader that was known is as good as any while nobody tells of another.
    lab.master.cut()
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3", limit_s=60)
    server.start()
    gateway.wait_log("ZooKeeper: in touch", count=2, limit_s=60)
    with unreachable(lab):
        server.wait_log("Expiring session")
        election.leave(0)
        lab.master.failover(leader=1)
        load.wait_more()
    # With a new session it looks again, and finds the other leader.
    gateway.wait_log("session has expired", limit_s=60)
    lab.master.wait(subscriptions=3, seconds=60)
    lab.wait_right("b2", "b3")
    lab.master.agent_reregister(agent="*")
    lab.deploy("b1")
    lab.wait_right("b1", "b2", "b3", limit_s=60)
    lab.master.kill_task(task=tasks["b2"])
    lab.wait_right("b1", "b3")
    load.wait_more()
    print(load.stop())
    gateway.stop()


CASES = {"session_loss": session_loss}

if __name__ == "__main__":
    main(CASES, __doc__)
