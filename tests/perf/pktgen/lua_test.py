#!/usr/bin/env python3
"""The scripts for Pktgen, on a stand-in for it (pktgen_stand_in.lua)."""

import glob
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PKTGEN = os.path.join(HERE, "../../../perf/pktgen")


def run(script, passes="37"):
    return subprocess.run(
        ["lua5.4", f"{HERE}/pktgen_stand_in.lua", script], capture_output=True, text=True,
        timeout=30, check=False,
        env={**os.environ, "VIPGATE_PKTGEN": PKTGEN, "PASSES": passes, "TRIAL_MS": "100000"})


class PktgenScripts(unittest.TestCase):
    def said(self, name, passes="37"):
        done = run(f"{PKTGEN}/{name}.lua", passes)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_compile(self):
        scripts = sorted(glob.glob(f"{PKTGEN}/*.lua"))
        self.assertEqual(len(scripts), 5)
        for script in scripts:  # luac 5.4.4 aborts on several at once
            subprocess.run(["luac5.4", "-p", script], check=True)

    def test_send_and_tell_what_came(self):
        self.assertEqual(self.said("range"), "range: 100000 sent, 100000 at the reals, 0 lost\n")
        self.assertEqual(self.said("sequence", "4"),
                         "sequence: 100000 sent, 40000 at the reals, 60000 lost\n")
        self.assertEqual(self.said("latency").splitlines()[1:], ["avg_us = 3", "num_pkts = 7"])

    def test_find_the_throughput_to_a_percent_point(self):
        last = self.said("rfc2544").splitlines()[-1]
        self.assertRegex(last, r"^throughput of 1518 bytes: 36\.\d+ %$")
        self.assertIn("throughput of 64 bytes: 100.00 %", self.said("rfc2544", "100"))

    def test_the_stand_in_refuses_what_pktgen_has_not(self):
        for line in ("pktgen.dance('0')", "pktgen.start()", "pktgen.range.port('0', 'start', 1)",
                     "pktgen.set('0', 'speed', 1)"):
            with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
                script.write(line)
                script.flush()
                self.assertNotEqual(run(script.name).returncode, 0, line)


if __name__ == "__main__":
    unittest.main()
