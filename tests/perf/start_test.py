#!/usr/bin/env python3
"""What perf/start reckons and writes, without a daemon: start_test.py SOURCE_DIRECTORY."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

PERF = f"{sys.argv[1]}/perf"
sys.path.insert(0, PERF)
sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader("start", f"{PERF}/start")
start = importlib.util.module_from_spec(importlib.util.spec_from_loader("start", LOADER))
LOADER.exec_module(start)


def measured(mode, flows, huge, megabytes):
    setup = {"mode": mode, "flows": flows, "huge": huge}
    return [{"name": f"{mode} {flows} {huge} {unit}", "unit": unit, "rounds": rounds,
             "setup": setup} for unit, rounds in (("s", [0.5, 0.7, 0.6]), ("MB", megabytes))]


class StartTest(unittest.TestCase):
    def test_octets_of_a_flow_are_what_more_flows_take_more(self):
        mega = 1 << 20
        args = argparse.Namespace(flows=[mega, 3 * mega], mode=["l2dsr"])
        made = [*measured("l2dsr", mega, True, [100]),
                *measured("l2dsr", 3 * mega, True, [196, 190]),
                *measured("l2dsr", 3 * mega, False, [900])]
        self.assertEqual([each["rounds"] for each in start.octets_of_a_flow(args, made)], [[46.5]])
        args.flows = [mega]
        self.assertEqual(list(start.octets_of_a_flow(args, made)), [])

    def test_each_table_has_one_line_with_medians(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            start.print_table(measured("fullnat", 4096, False, [10, 30, 20]))
        self.assertEqual(said.getvalue().splitlines()[-1],
                         "| fullnat, 4,096 flows | small | 0.60 | 20 |")

    def test_the_table_that_is_asked_for_is_what_the_daemon_gets(self):
        args = argparse.Namespace(control_cpu=0, cpu=1)
        with tempfile.TemporaryDirectory() as directory:
            for mode, has_snat in (("l2dsr", False), ("fullnat", True)):
                path = pathlib.Path(directory) / "config.yaml"
                start.write_config(args, path, mode, 4096, False)
                text = path.read_text()
                self.assertIn("flows_per_worker: 4096", text)
                self.assertIn('huge_pages: "off"', text)
                self.assertEqual("snat_pools" in text, has_snat)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
