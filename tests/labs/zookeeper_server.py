"""A real ZooKeeper in the lab."""

import os
import sys

from lab import SKIPPED, wait_for

JARS = ("/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar")
PORT = 2181


class ZooKeeperServer:
    """A ZooKeeper in the gateway's namespace that can be killed and started again."""

    def __init__(self, lab):
        if not all(map(os.path.exists, JARS)):
            print("SKIPPED: libzookeeper-java is not installed", file=sys.stderr)
            sys.exit(SKIPPED)
        self.lab, self.starts = lab, 0
        self.directory = lab.directory / "zookeeper"
        self.directory.mkdir()
        self.start()

    def start(self):
        self.starts += 1
        self.log = self.lab.directory / f"zookeeper.{self.starts}.log"
        self.process = self.lab.spawn(
            "gw", self.log.name, "java", "-Xmx128m", "-Dzookeeper.admin.enableServer=false",
            "-cp", ":".join(JARS), "org.apache.zookeeper.server.ZooKeeperServerMain", PORT,
            self.directory)
        # It binds its port before it serves; this comes once it does.
        self.wait_log("ContainerManager")

    def wait_log(self, text):
        wait_for(f"ZooKeeper to log '{text}'", lambda: text in self.log.read_text(), 60)

    def kill(self):
        self.process.kill()
        self.process.wait()
