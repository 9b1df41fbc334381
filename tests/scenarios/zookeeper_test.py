#!/usr/bin/python3
"""Masters that are found by a real ZooKeeper, which goes away for longer than a session lasts.

Usage: zookeeper_test.py CASE
"""

import json
import os
import sys

from lab import SKIPPED, TOP, main, wait_for

JARS = ("/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar")
PORT = 2181


class Server:
    """A ZooKeeper in the gateway's namespace that can be killed and started again."""

    def __init__(self, lab):
        self.lab, self.starts = lab, 0
        self.start(knows_sessions=False)

    def start(self, knows_sessions):
        """Without the data of the run before it, it knows neither nodes nor sessions."""
        self.starts += 1
        if not knows_sessions:
            self.directory = self.lab.directory / f"zookeeper.{self.starts}"
            self.directory.mkdir()
        log = f"zookeeper.{self.starts}.log"
        self.process = self.lab.spawn(
            "gw", log, "java", "-Xmx128m", "-Dzookeeper.admin.enableServer=false",
            "-cp", ":".join(JARS),
            "org.apache.zookeeper.server.ZooKeeperServerMain", PORT, self.directory)
        path = self.lab.directory / log
        wait_for("ZooKeeper to listen", lambda: "binding to port" in path.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()


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
        return self.lab.run("gw", sys.executable, TOP / "tests/scenarios/zookeeper_nodes.py",
                            str(PORT), *words).strip()


def session_loss(lab):
    """While ZooKeeper is away the leader that was known is followed; then its changes are seen."""
    if not all(map(os.path.exists, JARS)):
        print("SKIPPED: libzookeeper-java is not installed", file=sys.stderr)
        sys.exit(SKIPPED)
    server = Server(lab)
    lab.start_master(ports=(5050, 5051))
    election = Election(lab)
    election.enter(0)
    election.enter(1)
    tasks = lab.deploy("b1", "b2")
    gateway = lab.start_gateway(lab.config(masters=[f"zk://127.0.0.1:{PORT}/mesos"]))
    lab.wait_right("b1", "b2")
    load = lab.start_load()
    server.kill()
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    gateway.wait_log("(?i)zookeeper")
    # The leader that was known is as good as any while nobody tells of another.
    lab.master.cut()
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3", limit_s=60)
    server.start(knows_sessions=True)
    load.wait_more()
    server.kill()
    # This time it has forgotten us, and its nodes come later than we do: we must watch anew.
    server.start(knows_sessions=False)
    gateway.wait_log("(?i)session has expired", limit_s=60)
    election.enter(0)
    election.enter(1)
    election.leave(0)
    lab.master.failover(leader=1)
    lab.master.wait(subscriptions=3, seconds=60)
    lab.deploy("b1")
    lab.wait_right("b1", "b2", "b3", limit_s=60)
    lab.master.agent_reregister(agent="*")
    lab.master.kill_task(task=tasks["b2"])
    lab.wait_right("b1", "b3")
    load.wait_more()
    print(load.stop())
    gateway.stop()


CASES = {"session_loss": session_loss}

if __name__ == "__main__":
    main(CASES, __doc__)
