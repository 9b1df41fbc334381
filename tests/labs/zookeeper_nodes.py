#!/usr/bin/python3
"""Makes a master's node below /mesos of the ZooKeeper at 127.0.0.1:PORT, and prints its path, or
deletes one. The nodes are not ephemeral, so that they outlive this program.

Usage: zookeeper_nodes.py PORT enter MASTERINFO | PORT leave PATH
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from fake_mesos.zookeeper import SEQUENTIAL, ZooKeeper  # noqa: E402


def main():
    port, verb, what = sys.argv[1:]
    zookeeper = ZooKeeper(int(port))
    if verb == "enter":
        zookeeper.make_path("/mesos")
        print(zookeeper.create("/mesos/json.info_", what.encode(), SEQUENTIAL))
    else:
        zookeeper.delete(what)
    zookeeper.close()


if __name__ == "__main__":
    main()
