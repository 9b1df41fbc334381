#!/usr/bin/env python3
"""vipgen's traffic through the real daemon over net_memif: memif_test.py [CLASS].

VIPGATED and VIPGEN name the binaries. Exit status 77: this machine cannot run it."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

PERF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../perf/pktgen")
sys.path.insert(0, PERF)

from memif_gateway import (EDGE_MAC, REAL_PORT, REALS_OF, SECONDS, Generator,  # noqa: E402
                           generator_arguments, measure, start_gateway, vip)

VIPGATED, VIPGEN = os.environ.get("VIPGATED", "vipgated"), os.environ.get("VIPGEN", "vipgen")
CPUS = sorted(os.sched_getaffinity(0))
# A trial fits into the rings, so that nothing is lost however long a thread is held up.
RING_LOG2, RATE, PACKETS = 10, 20000, 500
DRAIN_MS = 20000  # a trial ends as soon as all has come


def setup(**changes):
    made = {"kind": "flows", "mode": "fullnat", "family": 4, "flows": 64, "new_flows": 1024, "zipf": 0.0,
            "sizes": "imix", "names": 40, "answer": True, "huge": False, "memory_mb": 128,
            "idle": "adaptive", "cpu": CPUS[-1], "control_cpu": CPUS[0],
            "generator_cpu": CPUS[0], "one_port": False, "ring_log2": RING_LOG2,
            "drain_ms": DRAIN_MS}
    return argparse.Namespace(**{**made, **changes})


class MemifTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="vipgate-memif-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, made):
        self.gateway = self.enterContext(start_gateway(made, VIPGATED, self.directory))
        self.gateway.wait_for(r" ready: ", SECONDS)
        return self.generator(made)

    def generator(self, made):
        arguments = [*generator_arguments(made, self.directory), "--verify", "--show-flows"]
        return self.enterContext(Generator(VIPGEN, arguments, f"{self.directory}/vipgen.log"))

    def trial(self, generator, packets=PACKETS):
        return generator.ask(f"trial {RATE} {packets}", 2 * DRAIN_MS / 1000)

    def explained_real(self, made, client):
        out = subprocess.run(
            [VIPGATED, "explain", "--config", f"{self.directory}/config.yaml", "--seed", "1",
             "udp", client, vip(made)],
            capture_output=True, text=True, timeout=SECONDS, check=True).stdout
        return re.search(r"^real +([^,]+),", out, re.MULTILINE).group(1)

    def assert_all_came(self, report, *ways, packets=PACKETS):
        self.assertEqual((report["offered"], report["refused"]), (packets, 0), report)
        for way in ways:
            came = {name: report[way][name] for name in ("received", "lost", "late", "duplicate",
                                                         "too_late")}
            self.assertEqual(came, {"received": packets, "lost": 0, "late": 0, "duplicate": 0,
                                    "too_late": 0}, report)
            latencies = report[way]["latency_ns"]
            order = [latencies[name] for name in ("p50", "p90", "p99", "p99.9", "max")]
            self.assertEqual(order, sorted(order))
            self.assertGreater(order[0], 0)
        for name in ("moved", "stale", "foreign", "misdirected", "wrong_checksum"):
            self.assertEqual(report[name], 0, report)


class PacedTraffic(MemifTest):
    def test_comes_back_complete_in_order_and_from_the_real_that_maglev_says(self):
        self.assert_comes_from_the_real_that_maglev_says(setup())

    def test_of_ipv6_does_so_too(self):
        self.assert_comes_from_the_real_that_maglev_says(setup(family=6))

    def assert_comes_from_the_real_that_maglev_says(self, made):
        report = self.trial(self.start(made))
        self.assert_all_came(report, "one_way", "round_trip")
        self.assertEqual(len(report["flows"]), 64)
        form = "[{}]:{}" if made.family == 6 else "{}:{}"
        self.assertLessEqual(set(report["reals"]),
                             {form.format(real, REAL_PORT) for real in REALS_OF[made.family]})
        self.assertEqual(sum(report["reals"].values()), PACKETS)
        for client in list(report["flows"])[:8]:
            self.assertEqual(report["flows"][client], self.explained_real(made, client), client)

    def test_of_popular_flows_goes_by_one_port_where_the_gateway_has_no_other(self):
        report = self.trial(self.start(setup(one_port=True, zipf=1.2, sizes="64,1518")))
        self.assert_all_came(report, "one_way", "round_trip")

    def test_keeps_its_reals_from_trial_to_trial_and_when_the_generator_comes_anew(self):
        generator = self.start(setup())
        touched = generator.ask("touch 20000", 2 * DRAIN_MS / 1000)
        self.assert_all_came(touched, "one_way", packets=64)
        second = self.trial(generator)
        self.assert_all_came(second, "one_way", "round_trip")
        generator.close()
        again = self.trial(self.generator(setup()))
        self.assert_all_came(again, "one_way", "round_trip")
        self.assertEqual(again["flows"], touched["flows"])


class SynFlood(MemifTest):
    def test_makes_a_flow_of_each_packet(self):
        report = self.trial(self.start(setup(kind="syn", answer=False)))
        self.assert_all_came(report, "one_way")
        _, counters = measure.ask_counters(self.gateway)
        self.assertEqual(counters["flows_created"], PACKETS)

    def test_comes_to_reals_as_it_was_where_nothing_is_translated(self):
        report = self.trial(self.start(setup(kind="syn", mode="l2dsr", answer=False)))
        self.assert_all_came(report, "one_way")
        self.assertEqual(report["reals"], {vip(setup()): PACKETS})


class Dns(MemifTest):
    def test_questions_are_answered_as_the_zone_has_them(self):
        self.assert_answered(setup(kind="dns", answer=False))

    def test_of_ipv6_clients_are_answered_too(self):
        self.assert_answered(setup(kind="dns", answer=False, family=6))

    def assert_answered(self, made):
        report = self.trial(self.start(made))
        self.assert_all_came(report, "round_trip")
        self.assertEqual(set(report["rcodes"]), {"0", "3"}, "answers, and names that are not there")
        self.assertEqual(sum(report["rcodes"].values()), PACKETS)


class Rfc2544(MemifTest):
    def test_tells_throughput_and_latencies_as_results(self):
        path = f"{self.directory}/result.json"
        done = subprocess.run(
            [f"{PERF}/rfc2544", "--binary", VIPGATED, "--generator", VIPGEN, "--flows", "16",
             "--sizes", "64", "imix", "--trial-seconds", "0.02", "--max-rate", "4000",
             "--rounds", "2", "--resolution", "0.5", "--idle", "adaptive", "--memory-mb", "128",
             "--drain-ms", str(DRAIN_MS), "--cpu", str(CPUS[-1]), "--control-cpu", str(CPUS[0]),
             "--generator-cpu", str(CPUS[0]), "--json", path],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8") as file:
            tree = json.load(file)
        self.assertIn("control plane shares the generator's", tree["details"]["caveat"])
        results = {result["name"]: result for result in tree["results"]}
        # Throughput; five percentiles of two ways at three loads, if they were reached; for two sizes.
        names = {f"memif fullnat 16 flows {size} {what}" for size in ("64", "imix") for what in (
            "throughput", *(f"{way} {percentile} at {load} %" for way in ("one way", "round trip")
                            for percentile in ("p50", "p90", "p99", "p99.9", "max")
                            for load in (50, 90, 100)))}
        self.assertEqual(len(names), 2 * (1 + 5 * 2 * 3))
        if "was not reached" in done.stderr:
            self.assertLessEqual(set(results), names)
        else:
            self.assertEqual(set(results), names)
        rate = results["memif fullnat 16 flows imix throughput"]
        self.assertEqual((rate["unit"], rate["better"], len(rate["rounds"])), ("pps", "higher", 2))
        for pps in rate["rounds"]:
            self.assertTrue(0 < pps <= 4000, rate)
        for name, latency in results.items():
            if load := re.search(r"round trip p99.9 at (\d+) %", name):
                self.assertEqual((latency["unit"], latency["better"]), ("ns", "lower"))
                self.assertEqual(latency["setup"]["load_percent"], int(load[1]))


class Mistakes(MemifTest):
    def said(self, *arguments, given=""):
        done = subprocess.run([VIPGEN, *arguments], input=given, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        return done.stderr

    def test_are_told_before_anything_is_sent(self):
        self.assertIn("vipgen: --edge is required", self.said())
        gateway = ("--edge", f"{self.directory}/edge.sock", "--gateway-mac", EDGE_MAC, "--vip")
        self.assertIn("vipgen: --vip: ", self.said(*gateway, "11.1.1.1"))
        self.assertIn("edge.sock: start the gateway first, with role=server and socket-abstract=no",
                      self.said(*gateway, vip(setup())))

    def test_in_commands_are_told_with_the_commands_that_there_are(self):
        made = setup()
        self.start(made).close()
        arguments = generator_arguments(made, self.directory)
        for line in ("trial", "trial 0 5", "trial 5 0", "trial 1 2 3", "touch", "try 1 2"):
            self.assertIn(f"vipgen: '{line}' is no command: give touch RATE, trial RATE PACKETS",
                          self.said(*arguments, given=f"{line}\n"))


if __name__ == "__main__":
    if os.geteuid() != 0 or len(CPUS) < 2:
        print("needs root and two CPUs")
        sys.exit(77)
    unittest.main()
