#!/usr/bin/env python3
"""`perf/plot` as users run it, on made-up figures: plot_test.py SOURCE_DIRECTORY."""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SOURCE = sys.argv[1]
SVG = "{http://www.w3.org/2000/svg}"


def figure(name, rounds, setup, unit="Mpps", **more):
    return {"name": name, "unit": unit, "better": "higher", "rounds": rounds, "setup": setup,
            **more}


def rates(flows=(1024, 16384, 1048576)):
    return [figure(f"{mode} {count} flows", [rate - 1, rate, rate + 3],
                   {"mode": mode, "flows": count, "services": 1, "mbufs": count + 16384},
                   reference={"name": "testpmd 5tswap", "rounds": [60, 61, 62]})
            for mode, first in (("fullnat", 40), ("ipip", 50))
            for count, rate in zip(flows, (first, first - 6, first - 16))]


class Plot(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def run_plot(self, *lists, out="out"):
        files = []
        for number, figures in enumerate(lists):
            files.append(os.path.join(self.directory, f"{number}.json"))
            tree = figures if isinstance(figures, dict) else {"results": figures, "machine": {}}
            with open(files[-1], "w", encoding="utf-8") as file:
                json.dump(tree, file)
        return subprocess.run([f"{SOURCE}/perf/plot", *files, "--out", f"{self.directory}/{out}"],
                              capture_output=True, text=True, timeout=100, check=False)

    def plot(self, *lists, out="out"):
        """{file: octets}"""
        done = self.run_plot(*lists, out=out)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = os.listdir(f"{self.directory}/{out}")
        self.assertEqual(sorted(map(os.path.basename, done.stdout.split())), sorted(names))
        drawn = {}
        for name in names:
            with open(f"{self.directory}/{out}/{name}", "rb") as file:
                drawn[name] = file.read()
        return drawn

    @staticmethod
    def points(svg, kind="line-"):
        """Of each line, in the units of the drawing, upwards."""
        found = {}
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
            if group.get("id", "").startswith(kind):
                pairs = re.findall(r"[ML] (\S+) (\S+)", group.find(f"{SVG}path").get("d"))
                found[group.get("id")] = [(float(x), -float(y)) for x, y in pairs]
        return found

    @staticmethod
    def text(svg):
        return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]

    def test_each_line_has_its_points_where_they_belong(self):
        drawn = self.plot(rates())
        self.assertEqual(list(drawn), ["flows.svg"])
        lines = self.points(drawn["flows.svg"])
        self.assertEqual(sorted(lines), ["line-0", "line-1", "line-2"])
        # Both axes by two points of one line; all others follow from them.
        (x0, y0), _, (x2, y2) = lines["line-0"]
        across = (x2 - x0) / math.log(1048576 / 1024)
        up = (y2 - y0) / (24 - 40)
        for line, expected in (("line-0", (40, 34, 24)), ("line-1", (50, 44, 34)),
                               ("line-2", (61, 61, 61))):
            self.assertEqual(len(lines[line]), 3)
            for (x, y), flows, rate in zip(lines[line], (1024, 16384, 1048576), expected):
                self.assertAlmostEqual(x, x0 + across * math.log(flows / 1024), 2)
                self.assertAlmostEqual(y, y0 + up * (rate - 40), 2)

    def test_axes_have_units_and_lines_have_names(self):
        text = self.text(self.plot(rates())["flows.svg"])
        for each in ("flows", "million packets a second", "ratio to testpmd 5tswap",
                     "vipgated, fullnat", "vipgated, ipip", "testpmd 5tswap", "16,384"):
            self.assertIn(each, text)

    def test_a_line_alone_has_a_name_beside_a_reference(self):
        text = self.text(self.plot(rates()[:3])["flows.svg"])
        self.assertIn("vipgated", text)
        self.assertIn("testpmd 5tswap", text)

    def test_ratios_are_those_of_the_rounds(self):
        made = [figure(f"{names} names", ours, {"names": names}, "M/s",
                       reference={"name": "testpmd 5tswap", "rounds": [20, 40, 10]})
                for names, ours in ((1000, [10, 20, 5]), (10**5, [5, 10, 2.5]), (10**6, [4, 8, 2]))]
        (_, first), (_, second), (_, third) = self.points(self.plot(made)["names.svg"],
                                                          "ratio-")["ratio-0"]
        # 0.5, 0.25 and 0.2, though the machine was not the same in two rounds.
        self.assertAlmostEqual((second - third) / (first - second), 0.05 / 0.25, 2)

    def test_further_references_are_lines_beside_the_first(self):
        made = rates() + [{key: value for key, value in each.items() if key != "reference"} | {
            "name": f"{each['name']}: testpmd io"} for each in rates()]
        drawn = self.plot(made)["flows.svg"]
        self.assertIn("testpmd io", self.text(drawn))
        self.assertEqual(len(self.points(drawn)), 4)

    def test_the_same_results_give_the_same_octets(self):
        self.assertEqual(self.plot(rates()), self.plot(rates(), out="again"))

    def test_each_kind_of_figure_has_a_file(self):
        drawn = self.plot(
            rates(), [figure(f"ipip {count} services", [20], {"flows": 16384, "services": count,
                                                             "mode": "gre"})
                      for count in (1, 10000)],
            [figure(f"one way {quantile} at {load} %", [load], {"load_percent": load, "quantile": quantile},
                    "us") for load in (50, 90, 100) for quantile in ("p50", "p99")],
            [figure(f"start, {tasks} tasks", [tasks / 1000], {"tasks": tasks, "vips": tasks // 10},
                    "s") for tasks in (50000, 400000)],
            [figure(f"{names} names", [20], {"names": names}, "M/s") for names in (2000, 10**6)],
            [figure(f"one of {count}", [5], {"services": count}, "ms") for count in (1000, 10000)],
            {"context": {"executable": "bench_pipeline"}, "benchmarks": [
                {"name": f"forward/{flows}", "items_per_second": 1e8} for flows in (64, 1024)]})
        self.assertEqual(sorted(drawn), ["changes.svg", "flows-ns.svg", "flows.svg", "latency.svg",
                                         "names.svg", "services.svg", "tasks.svg"])
        self.assertEqual(len(self.points(drawn["latency.svg"])), 2)
        self.assertEqual([len(each) for each in self.points(drawn["latency.svg"]).values()], [3, 3])
        for name, svg in drawn.items():
            if name not in ("flows.svg", "latency.svg"):
                self.assertEqual([len(each) for each in self.points(svg).values()], [2], name)

    def test_results_that_differ_in_more_are_no_line(self):
        done = self.run_plot([figure("a", [1], {"flows": 1, "mode": "ipip"}),
                              figure("b", [1], {"flows": 2, "mode": "gre"})])
        self.assertEqual(done.returncode, 2)
        self.assertIn("no two results belong to one line", done.stderr)

    def test_what_cannot_be_told_apart_is_bad_input(self):
        done = self.run_plot([figure("1 flow", [1], {"flows": 1}),
                              figure("flow 1", [2], {"flows": 1})])
        self.assertEqual(done.returncode, 2)
        self.assertIn("'1 flow' and 'flow 1' differ in nothing of their setup", done.stderr)

    def test_lines_of_one_setup_are_told_apart_by_name(self):
        drawn = self.plot([figure(f"{name} {flows} flows", [rate], {"flows": flows})
                           for name, rate in (("one", 10), ("both", 18)) for flows in (64, 1024)])
        self.assertEqual([len(each) for each in self.points(drawn["flows.svg"]).values()], [2, 2])
        for label in ("one flows", "both flows"):
            self.assertIn(label, self.text(drawn["flows.svg"]))

    def test_latencies_of_one_setup_are_lines_by_what_they_are(self):
        drawn = self.plot([figure(f"memif {way} {share} at {load} %", [load], {"load_percent": load},
                                  "ns") for way in ("one way", "round trip")
                           for share in ("p50", "p99.9") for load in (50, 90, 100)])
        self.assertEqual([len(each) for each in self.points(drawn["latency.svg"]).values()],
                         [3, 3, 3, 3])
        for label in ("One way", "Round trip", "p50", "p99.9"):
            self.assertIn(label, self.text(drawn["latency.svg"]))

    def test_a_figure_in_two_files_is_bad_input(self):
        done = self.run_plot(rates(), rates())
        self.assertEqual(done.returncode, 2)
        self.assertIn("is in another file, too", done.stderr)

    def test_a_file_that_is_no_results_is_bad_input(self):
        done = self.run_plot({"rate": 3})
        self.assertEqual(done.returncode, 2)
        self.assertIn("0.json: has no list \"results\"", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
