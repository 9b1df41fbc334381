"""What tests of vipctl against the real daemon have in common."""

import os
import subprocess

from daemon_process import SECONDS, Daemon, free_port
from daemon_test import DaemonTest

VIPCTL = os.environ.get("VIPCTL", "vipctl")


class VipctlCase(DaemonTest):
    def setUp(self):
        super().setUp()
        self.api = free_port()
        self.scheme, self.extra = "http", ""

    def daemon(self):
        config = self.config_with_load("config.yaml")
        with open(config, "a", encoding="utf-8") as file:
            file.write(f'rest: {{ listen: ["127.0.0.1:{self.api}"]{self.extra} }}\n'
                       f'store: "sqlite:{self.path("state.db")}"\n')
        daemon = self.enterContext(Daemon(config))
        daemon.wait_for(r" ready: ")
        return daemon

    def vipctl(self, *arguments, text=None, expect=0):
        done = subprocess.run(
            [VIPCTL, "--url", f"{self.scheme}://127.0.0.1:{self.api}", *arguments], input=text, text=True,
            capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)
