#!/usr/bin/env python3
"""vipctl on a terminal and over time: colours, top, doctor. VIPGATED and VIPCTL name the binaries.

Exit status 77: this machine cannot run them."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from daemon_process import SECONDS
from gateway import CPUS
from vipctl_case import VIPCTL, VipctlCase

WRONG = 4
OTHER_SCREEN, OWN_SCREEN, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


class Terminal:
    """A program on a pseudo-terminal of its own; killed at the end of the block if it still runs."""

    def __init__(self, *command, rows=40, columns=200, **environment):
        self.text, self.status = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(0, 1)  # a line: its terminal is set up
            os.execvpe(command[0], command,
                       {**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.fd)
        self.type("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read_more(self, deadline):
        """False: it has ended, and all that it wrote is read."""
        if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"nothing more came after {self.text!r}")
        try:
            self.text += os.read(self.fd, 65536).decode(errors="replace")
            return True
        except OSError:  # EIO: nobody has the other side any more
            return False

    def wait_for(self, pattern):
        """What came so far, up to the first match."""
        deadline = time.monotonic() + SECONDS
        while not (match := re.search(pattern, self.text)):
            if not self.read_more(deadline):
                raise AssertionError(f"it ended without {pattern!r}: {self.text!r}")
        seen, self.text = self.text[:match.end()], self.text[match.end():]
        return seen

    def end(self):
        """All that is left, and the exit status."""
        deadline = time.monotonic() + SECONDS
        while self.read_more(deadline):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.text, self.status


class VipctlLiveTest(VipctlCase):
    def terminal(self, *arguments, **options):
        return self.enterContext(
            Terminal(VIPCTL, "--url", f"http://127.0.0.1:{self.api}", *arguments, **options))

    def test_colours_go_to_a_terminal_alone_unless_they_are_asked_for(self):
        self.daemon()
        good, bad = "\x1b[32mserving", "\x1b[1;31mno_real"
        text, status = self.terminal("services").end()
        self.assertEqual(status, 0)
        self.assertIn(good, text)
        self.assertIn(bad, text)
        for options in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", self.terminal("services", **options).end()[0])
        self.assertNotIn("\x1b", self.terminal("services", "--color", "never").end()[0])
        self.assertNotIn("\x1b", self.vipctl("services"))
        self.assertIn(good, self.vipctl("services", "--color", "always"))
        self.assertNotIn("\x1b", self.vipctl("services", "--color", "always", "-o", "json"))

    def test_all_formats_tell_the_same(self):
        self.daemon()
        self.assertRegex(self.vipctl("services", "-o", "wide"), r"^PROT .* ORIGIN +REALS UP")
        self.assertRegex(self.vipctl("ports", "-o", "wide"), r" VLAN +ADDRESSES\n")
        as_json = json.loads(self.vipctl("ports", "-o", "json"))["ports"][0]
        as_yaml = self.vipctl("ports", "-o", "yaml")
        self.assertTrue(as_yaml.startswith("ports:\n  - name: one\n"), as_yaml)
        self.assertIn(f"    mtu: {as_json['mtu']}\n", as_yaml)

    def test_each_command_is_told_by_the_help_the_completions_and_the_version(self):
        told = self.vipctl("--help").split("Subcommands:")[1]
        listed = re.findall(r"^  ([a-z]+)(?:, ([a-z]+))? {2,}", told, re.M)
        commands = {name for names in listed for name in names if name}
        self.assertGreaterEqual(commands, {"status", "top", "watch", "doctor", "version", "apply"})
        completions = os.path.join(os.path.dirname(__file__), "../../config/completions")
        for shell in ("bash", "zsh"):
            with open(f"{completions}/vipctl.{shell}", encoding="utf-8") as file:
                words = set(re.findall(r"[a-z]+", file.read()))
            self.assertEqual(commands - words, set(), shell)
        self.assertTrue(self.vipctl("version").startswith(self.vipctl("--version")))

    def check_that_it_ends(self, end, expected):
        terminal = self.terminal("top", "--interval", "0.2")
        terminal.wait_for(re.escape(OTHER_SCREEN))
        for _ in range(2):  # drawn anew, in place
            self.assertIn("\x1b[H", terminal.wait_for("CYCLES/PACKET"))
        end(terminal)
        text, status = terminal.end()
        self.assertEqual(status, expected)
        self.assertEqual(text.count(OWN_SCREEN), 1)
        self.assertNotIn("\x1b[H", text[text.index(OWN_SCREEN):])
        self.assertIn(CURSOR, text)

    def test_top_gives_the_terminal_back_however_it_ends(self):
        self.daemon()
        self.check_that_it_ends(lambda terminal: terminal.type("\x03"), 0)
        self.check_that_it_ends(lambda terminal: terminal.type("q"), 0)
        self.check_that_it_ends(lambda terminal: os.kill(terminal.pid, signal.SIGTERM),
                                -signal.SIGTERM)

    def test_top_gives_the_keyboard_back_while_it_is_stopped(self):
        self.daemon()
        terminal = self.terminal("top", "--interval", "0.2")
        terminal.wait_for("CYCLES/PACKET")
        self.assertFalse(termios.tcgetattr(terminal.fd)[3] & termios.ECHO)
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for(re.escape(OWN_SCREEN))
        self.assertTrue(os.WIFSTOPPED(os.waitpid(terminal.pid, os.WUNTRACED)[1]))
        self.assertEqual(termios.tcgetattr(terminal.fd)[3], terminal.before[3])
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.wait_for(re.escape(OTHER_SCREEN))
        terminal.wait_for("CYCLES/PACKET")
        terminal.type("q")
        self.assertEqual(terminal.end()[1], 0)

    def test_top_draws_anew_at_once_when_the_terminal_is_resized(self):
        self.daemon()
        terminal = self.terminal("top", "--interval", "3600")
        terminal.wait_for("rates follow")
        terminal.resize(10, 12)
        terminal.wait_for(r"\x1b\[Hhttp://127\.0\x1b\[K")  # cut to 12 columns
        terminal.type("\x03")
        self.assertEqual(terminal.end()[1], 0)

    def test_top_writes_plain_blocks_where_nobody_draws_and_what_is_wrong_comes_first(self):
        daemon = self.daemon()
        daemon.wait_for_packets(1000)
        said = self.vipctl("top", "--interval", "0.3", "--count", "2")
        self.assertNotIn("\x1b", said)
        self.assertEqual(said.count(": ready, snapshot "), 2, said)
        self.assertTrue(said.startswith("! the gateway started "), said)
        self.assertLess(said.index("! 2 services have no real"), said.index(": ready, snapshot "))
        self.assertRegex(said, r"\nin [\d.]+k?M?/s   out [1-9][\d.]*k?M?/s   dropped ")
        self.assertRegex(said, rf"\n0 +{CPUS[-1]} +[1-9][\d.]*[kM]? +[1-9][\d.]*[kM]? +[\d.]+% ")
        lines = self.vipctl("top", "--interval", "0.5", "--count", "2", "-o", "json").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertGreater(json.loads(lines[1])["per_s"]["rx_packets"], 0)

    def test_top_survives_a_restart_of_the_gateway_and_says_so(self):
        daemon = self.daemon()
        with subprocess.Popen([VIPCTL, "--url", f"http://127.0.0.1:{self.api}", "top",
                               "--interval", "0.2"], stdout=subprocess.PIPE, text=True) as top:
            self.addCleanup(top.kill)

            def wait_for(pattern):
                for line in top.stdout:
                    if re.search(pattern, line):
                        return
                self.fail(f"top ended without {pattern!r}")

            wait_for("WORKER")
            # So that the second life is younger than the first one was.
            daemon.wait_for_packets(1000)
            daemon.stop()
            wait_for(r"^! for \d+ s: http://127.0.0.1:\d+ does not answer: ")
            self.daemon()
            wait_for(r"^! the gateway started \d+ s ago")
            wait_for("WORKER")
            top.kill()

    def test_doctor_finds_what_is_wrong_without_a_gateway(self):
        virtual = self.config_with_load("config.yaml")
        with open(virtual, encoding="utf-8") as file:
            text = file.read()
        root = self.path("root")
        os.makedirs(root + "/sys/devices/system/cpu")
        self.write("root/sys/devices/system/cpu/online", "0-1023\n")
        said = self.vipctl("doctor", "--root", root, "--config", virtual)
        self.assertTrue(said.startswith("warn "), said)
        self.assertIn("\nok   cpus: all are there", said)
        real = self.write("real.yaml", re.sub('device: ".*"', 'device: "0000:3b:00.0"', text))
        said = self.vipctl("doctor", "--root", root, "--config", real, expect=WRONG)
        self.assertTrue(said.startswith("bad  driver: one: 0000:3b:00.0 is not there\n"), said)
        found = json.loads(self.vipctl("doctor", "--root", root, "--config", real, "-o", "json",
                                       expect=WRONG))
        self.assertGreaterEqual(found["bad"], 1)
        wrong = self.write("wrong.yaml", text + "nonsense: 1\n")
        said = self.vipctl("doctor", "--root", root, "--config", wrong, expect=WRONG)
        self.assertIn("unknown key 'nonsense'", said)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
