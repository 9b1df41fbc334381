#!/usr/bin/env python3
"""What perf/model.py reckons from figures that were made up: model_test.py SOURCE_DIRECTORY."""

import json
import subprocess
import sys
import tempfile
import unittest

MODEL = f"{sys.argv[1]}/perf/model.py"


def rate(name, mpps, mode="fullnat"):
    return {"name": name, "unit": "Mpps", "better": "higher", "rounds": [mpps] * 3,
            "setup": {"mode": mode, "size": "60"}}


class ModelTest(unittest.TestCase):
    def reckoned(self, made, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"results": made, "machine": {}}, file)
            file.flush()
            return subprocess.run([sys.executable, MODEL, file.name, *options], check=False,
                                  capture_output=True, text=True)

    def cells(self, *arguments):
        done = self.reckoned(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
        return [cell.strip() for cell in rows[-1].strip("|").split("|")]

    def test_the_ports_cost_is_replaced_by_the_drivers(self):
        # 50 ns a packet, 10 of them the port's: 40 + 10 ns are 20 Mpps a core.
        made = [rate("a", 20), rate("a: testpmd io", 100)]
        cells = self.cells(made, "--nic-ns", "10", "--workers", "2", "--scaling", "1")
        self.assertEqual(cells[:5], ["a", "50.0", "10.0", "20.0", "40"])

    def test_a_case_without_its_own_port_keeps_what_was_measured(self):
        made = [rate("b", 20), rate("b: testpmd io", 100), rate("a", 20)]
        cells = self.cells(made, "--nic-ns", "10", "--workers", "2", "--scaling", "1")
        self.assertEqual(cells[:5], ["a", "50.0", "", "20.0", "40"])
        self.assertIn("in the rates where none stands", self.reckoned(made).stdout)

    def test_short_frames_are_bound_by_the_cores_and_long_ones_by_the_line(self):
        cells = self.cells([rate("a", 10)], "--workers", "10", "--scaling", "1", "--gbps", "100")
        # 100 Gbit/s are 148.8 Mpps of 64 octets on the wire, 84 with what is between them.
        self.assertEqual(cells[6], "100 Mpps (cores)")
        self.assertEqual(cells[-1], "8 Mpps (line)")
        faster = self.cells([rate("a", 10)], "--workers", "20", "--scaling", "1", "--gbps", "100")
        self.assertEqual(faster[6], "149 Mpps (line)")

    def test_what_two_workers_do_is_taken_for_the_nearest_mode(self):
        made = [rate("a", 10), rate("b", 10, "nat"), rate("c", 10, "gre"),
                rate("scale fullnat, one", 20), rate("scale fullnat, own", 30),
                rate("scale ipip, one", 20), rate("scale ipip, own", 50)]
        done = self.reckoned(made, "--workers", "4")
        cores = [line.split("|")[5].strip() for line in done.stdout.splitlines()
                 if line.startswith("|")][-3:]
        self.assertEqual(cores, ["30", "30", "40"])  # more than twice is luck
        self.assertIn("75% of one alone (fullnat), 75% of one alone (nat), 100% (measured "
                      "125%) of one alone (gre)", done.stdout)
        self.assertEqual(self.cells([*made, rate("d", 10)], "--workers", "4", "--scaling",
                                    "0.5")[4], "20")

    def test_too_few_rounds_of_two_workers_are_refused(self):
        made = [rate("a", 10), *({**rate(f"scale ipip, {name}", 20), "rounds": [20, 20]}
                                 for name in ("one", "own"))]
        done = self.reckoned(made)
        self.assertEqual(done.returncode, 1)
        self.assertIn("has 2 rounds, of which 3 are needed", done.stderr)

    def test_memory_is_a_limit_too_and_is_named(self):
        # Of 60 octets and four lines, each there and back, 632 octets are moved.
        cells = self.cells([rate("a", 10)], "--workers", "16", "--scaling", "1", "--memory-gb-s",
                           "63.2")
        self.assertEqual(cells[5], "101")
        self.assertEqual(cells[6], "100 Mpps (memory)")
        # Three lines, and 20 octets more of the tunnel.
        self.assertEqual(self.cells([rate("a", 10, "ipip")], "--workers", "16", "--scaling", "1",
                                    "--memory-gb-s", "54.4")[6], "100 Mpps (memory)")

    def test_a_port_that_was_slower_than_what_does_more_is_not_believed(self):
        beside = {**rate("a", 10), "reference": {"name": "testpmd 5tswap", "rounds": [40] * 3}}
        for made, slower in ((beside, "5tswap, which does more, 25.0"),
                             (rate("a", 40), "vipgated, which does more, 25.0")):
            made = [made, rate("a: testpmd io", 40)]
            self.assertEqual(self.cells(made)[2], "")
            self.assertIn("The port's cost is not known: a: testpmd io took 25.0 ns a packet, and "
                          + slower, self.reckoned(made).stdout)
        self.assertEqual(self.cells([beside, rate("a: testpmd io", 41)])[2], "24.4")

    def test_a_mode_that_is_none_and_a_rate_of_nothing_are_refused(self):
        for made, why in ((rate("a", 20, [1]), "'a': its mode is no text"),
                          (rate("a", 0), "'a': a round without a packet is no rate")):
            done = self.reckoned([made])
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(why, done.stderr)

    def test_what_has_no_rates_is_refused(self):
        done = self.reckoned([])
        self.assertEqual(done.returncode, 1)
        self.assertIn("no rate of a mode is in the files", done.stderr)
        self.assertEqual(self.reckoned([rate("a", 1)], "--scaling", "2").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
