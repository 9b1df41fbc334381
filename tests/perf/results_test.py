#!/usr/bin/env python3
"""What perf/'s scripts write is what perf/show and perf/compare read: results_test.py
SOURCE_DIRECTORY."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
sys.path.insert(0, f"{SOURCE}/perf")
import results  # noqa: E402


def rate(rounds, reference):
    return results.result("fullnat", "Mpps", "higher", rounds, setup={"flows": 16384},
                          reference={"name": "testpmd io", "rounds": reference})


class Results(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "results.json")

    def show(self):
        return subprocess.run([sys.executable, f"{SOURCE}/perf/show", self.path], timeout=60,
                              capture_output=True, text=True, check=False)

    def test_what_is_written_is_read(self):
        made = [rate([30, 31], [60, 62])]
        text = results.write(self.path, made, details={"log": ["started"]})
        read = results.read(self.path)
        self.assertEqual(read["results"], made)
        self.assertEqual(read["details"], {"log": ["started"]})
        self.assertLessEqual({"kernel", "cpu", "cpus", "load_average", "commit"},
                             set(read["machine"]))
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text + "\n")

    def test_runs_are_merged_round_by_round_with_their_reference(self):
        runs = [[rate([30], [60])], [rate([31, 32], [61, 62])]]
        self.assertEqual(results.merged(runs), [rate([30, 31, 32], [60, 61, 62])])
        self.assertEqual(runs, [[rate([30], [60])], [rate([31, 32], [61, 62])]])

    def test_a_result_that_cannot_be_is_not_made(self):
        for rounds in ([], [-1], [float("inf")], ["3"]):
            with self.subTest(rounds), self.assertRaises(results.BadResults):
                results.result("a", "ns", "lower", rounds)

    def test_show_tells_the_median_the_range_and_the_median_of_quotients(self):
        results.write(self.path, [rate([30, 40, 20], [60, 60, 50])])
        done = self.show()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"fullnat +30 +Mpps +20-40 +0\.500 × testpmd io")

    def test_show_says_what_is_wrong(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("{}")
        done = self.show()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("results.json: has no list \"results\"", done.stderr)

    def test_octets_and_times_that_a_benchmark_counts_are_results_of_their_own(self):
        runs = [{"name": "memory/8", "run_type": "iteration", "cpu_time": 2.0, "time_unit": "us",
                 "table_bytes": octets, "p50_us": 7.0, "shards": 4.0} for octets in (78.5, 79.0)]
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"context": {"executable": "/b/bench_dns"}, "benchmarks": runs}, file)
        made = {each["name"]: (each["unit"], each["rounds"])
                for each in results.read(self.path)["results"]}
        self.assertEqual(made, {"bench_dns memory/8": ("ns", [2000.0, 2000.0]),
                                "bench_dns memory/8: table_bytes": ("B", [78.5, 79.0]),
                                "bench_dns memory/8: p50_us": ("us", [7.0, 7.0])})

    def test_the_ratio_to_each_reference_is_a_column(self):
        made = [rate([20, 10], [40, 40]),
                results.result("fullnat: testpmd macswap", "Mpps", "higher", [80, 50])]
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            results.print_ratios(made, "Mpps")
        head, _, *rows = text.getvalue().splitlines()
        self.assertEqual(head, "| | vipgated, Mpps | testpmd io, Mpps | ratio "
                               "| testpmd macswap, Mpps | ratio |")
        # Medians of the rounds' ratios: of 0.5 and 0.25, and of 0.25 and 0.2.
        self.assertEqual(rows, ["| fullnat | 15.000 | 40.000 | 0.375 | 65.000 | 0.225 |"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
