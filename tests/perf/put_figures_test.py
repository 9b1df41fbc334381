#!/usr/bin/env python3
"""What perf/put_figures.py writes, of figures that were made up: put_figures_test.py
SOURCE_DIRECTORY."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(SOURCE / "perf"))
import put_figures  # noqa: E402

MACHINE = {"time": "2026-11-28T10:00:00+00:00", "cpus": 2, "cpu": "a CPU", "kernel": "6.1",
           "commit": "abc", "load_average": 1.25}
BESIDE = {"name": "ipip, IPv4, 1024 flows", "unit": "Mpps", "better": "higher", "rounds": [20, 30],
          "reference": {"name": "testpmd 5tswap", "rounds": [40, 40]}}
HIDDEN = {"name": "publish rest_one_cpu_ms, 1000 services", "unit": "ms", "better": "lower",
          "rounds": [1]}
SHOWN = {**HIDDEN, "name": "publish rest_one_ms, 1000 services"}


class PutFiguresTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.readme = self.directory / "README.md"
        self.readme.write_text(f"before\n{put_figures.BEGIN}\nold\n{put_figures.END}\nafter\n")
        (self.directory / "plots").mkdir()
        (self.directory / "plots" / "flows.svg").write_text("<svg/>")
        (self.directory / "model.md").write_text("Assumed: little.\n| case |\n|---|\n")

    def put(self, *made, machine=None):
        (self.directory / "r.json").write_text(
            json.dumps({"results": made, "machine": MACHINE if machine is None else machine}))
        return subprocess.run(
            [sys.executable, SOURCE / "perf/put_figures.py", self.readme, "--model",
             self.directory / "model.md", "--figures", self.directory / "plots",
             self.directory / "r.json"], capture_output=True, text=True, check=False)

    def test_only_what_is_between_the_lines_is_replaced_and_the_same_again(self):
        for _ in range(2):
            self.assertEqual(self.put(BESIDE).stderr, "")
            text = self.readme.read_text()
            self.assertTrue(text.startswith(f"before\n{put_figures.BEGIN}\n"), text)
            self.assertTrue(text.endswith(f"{put_figures.END}\nafter\n"), text)
            self.assertNotIn("old", text)
            self.assertIn("![flows](figures/flows.svg)", text)
            self.assertIn("Assumed: little.\n\n| case |", text)
            self.assertIn("| ipip, IPv4, 1024 flows | 25 Mpps | testpmd 5tswap: 40 | 0.625 |", text)

    def test_the_table_has_what_is_shown_and_no_more(self):
        self.put(SHOWN, HIDDEN)
        text = self.readme.read_text()
        self.assertIn("| publish rest_one_ms, 1000 services | 1 ms |  |  |", text)
        self.assertNotIn("rest_one_cpu_ms", text)

    def test_numbers_have_no_powers_of_ten_and_times_and_rates_their_usual_units(self):
        self.put({**SHOWN, "rounds": [12345.6]},
                 {**SHOWN, "name": "memif x throughput", "unit": "pps", "rounds": [1_234_567]})
        text = self.readme.read_text()
        self.assertIn("| publish rest_one_ms, 1000 services | 12,346 ms |", text)
        self.assertIn("| memif x throughput | 1.235 Mpps |", text)

    def test_the_parts_of_a_batch_have_words(self):
        self.put({**SHOWN, "unit": "us", "rounds": [20_740],
                  "name": "bench_publish rest_batch_parts/10000/min_time:0.300: 1_parse_us"})
        self.assertIn("| publish of a batch of 10000 services, CPU: parse | 20.74 ms |  |  |",
                      self.readme.read_text())

    def test_plots_of_before_go(self):
        (self.directory / "figures").mkdir()
        (self.directory / "figures" / "old.svg").write_text("<svg/>")
        self.put(BESIDE)
        self.assertEqual([path.name for path in (self.directory / "figures").iterdir()],
                         ["flows.svg"])

    def test_bad_input_changes_nothing(self):
        before = self.readme.read_text()
        (self.directory / "plots" / "large.svg").write_text("x" * 60_001)
        done = self.put(BESIDE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("too large to keep: ['large.svg']", done.stderr)
        self.assertEqual(self.readme.read_text(), before)
        (self.directory / "plots" / "large.svg").unlink()
        for unknown in ("kernel", "load_average", "time"):
            done = self.put(BESIDE, machine={k: v for k, v in MACHINE.items() if k != unknown})
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, rf"\Aperf/put_figures.py: .*r.json: 'machine': has no "
                                          rf"'{unknown}'\n\Z")
            self.assertEqual(self.readme.read_text(), before)
        self.readme.write_text("no lines")
        done = self.put(BESIDE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("has not the lines", done.stderr)
        self.assertFalse((self.directory / "figures").exists())

    def test_the_readme_of_perf_has_the_lines(self):
        text = (SOURCE / "perf/README.md").read_text(encoding="utf-8")
        self.assertIn("x", put_figures.replaced(text, "x"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
