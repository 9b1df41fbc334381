#!/usr/bin/env python3
"""Starts vipgated as its service file says, without systemd: service_in_root.py ROOT NETNS.

In the file system ROOT and the namespace NETNS, by the account, the capabilities and the limits of
the file. Plays the service manager on the notification socket: READY=1 and WATCHDOG=1 must come,
`vipctl status` must find nothing wrong, and after SIGTERM come STOPPING=1 and exit status 0."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

SECONDS = 60
root, netns = sys.argv[1:]


def setting(name):
    with open(os.path.join(root, "lib/systemd/system/vipgated.service"), encoding="utf-8") as file:
        return re.search(rf"^{name}=(.*)$", file.read(), re.MULTILINE)[1]


capabilities = setting("AmbientCapabilities").split()
assert setting("CapabilityBoundingSet").split() == capabilities
names = ",".join("+" + name.removeprefix("CAP_").lower() for name in capabilities)
user = setting("User")
command = setting("ExecStart").replace("${VIPGATED_CONFIG}", "/etc/vipgate/vipgated.yaml").split()

path = os.path.join(root, "run/notify")
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(path)
os.chmod(path, 0o777)

def wait_for(word):
    deadline = time.monotonic() + SECONDS
    while True:
        ready, _, _ = select.select([server, ended], [], [], max(0, deadline - time.monotonic()))
        if server in ready:
            if word in server.recv(4096).decode().split("\n"):
                print(f"got {word}")
                return
        else:
            sys.exit(f"no {word}: " + (f"it ended with {process.wait()}" if ready else "time is up"))


process = subprocess.Popen(
    ["ip", "netns", "exec", netns, "chroot", root, "/usr/bin/setpriv", f"--reuid={user}",
     f"--regid={user}", "--clear-groups", f"--inh-caps=-all,{names}", f"--ambient-caps=-all,{names}",
     f"--bounding-set=-all,{names}", "--no-new-privs", *command],
    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": "/run/notify",
         "WATCHDOG_USEC": "60000000"})
ended = os.pidfd_open(process.pid)
try:
    for word in ("READY=1", "WATCHDOG=1"):
        wait_for(word)
    status = subprocess.run(["ip", "netns", "exec", netns, "chroot", root, "vipctl", "status"],
                            text=True, capture_output=True, timeout=SECONDS, check=False)
    print(status.stdout + status.stderr, end="")
    assert status.returncode == 0 and ": ready, snapshot " in status.stdout, status
    process.send_signal(signal.SIGTERM)
    wait_for("STOPPING=1")
    assert process.wait(SECONDS) == 0, process.returncode
finally:
    process.kill()
    process.wait()
    server.close()
    os.unlink(path)
