#!/usr/bin/env python3
"""The search of perf/pktgen/rfc2544, on a gateway of which the throughput is known."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import unittest

PERF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../perf/pktgen")
sys.path.insert(0, PERF)
PATH = f"{PERF}/rfc2544"
LOADER = importlib.machinery.SourceFileLoader("rfc2544", PATH)
RFC2544 = importlib.util.module_from_spec(importlib.util.spec_from_loader("rfc2544", LOADER))
LOADER.exec_module(RFC2544)


class FakeGenerator:
    """Loses what is above `gateway` and sends `own` packets a second at most."""

    def __init__(self, gateway, own=1e12, moved=0):
        self.gateway, self.own, self.moved, self.trials = gateway, own, moved, 0

    def ask(self, command, _seconds):
        word, rate, packets = command.split()
        assert word == "trial"
        self.trials += 1
        sent = min(float(rate), self.own)
        lost = max(0, int(packets) - int(int(packets) * self.gateway / sent))
        return {"rate": sent, "offered": int(packets), "moved": self.moved, "misdirected": 0,
                "one_way": {"lost": lost}, "round_trip": {"lost": 0}}


def search(generator, **changes):
    args = argparse.Namespace(**{"kind": "flows", "answer": True, "trial_seconds": 1.0,
                                 "max_rate": 4e6, "resolution": 0.02, "tolerance": 0.0, **changes})
    with contextlib.redirect_stderr(io.StringIO()):
        return RFC2544.search(args, generator)


class Search(unittest.TestCase):
    def test_finds_the_highest_rate_without_loss_to_the_resolution(self):
        for throughput in (12e3, 700e3, 1.3e6, 3.99e6):
            rate, limited = search(FakeGenerator(throughput))
            self.assertLessEqual(rate, throughput)
            self.assertGreaterEqual(rate, 0.97 * throughput)
            self.assertFalse(limited)

    def test_does_one_trial_where_the_highest_rate_passes(self):
        generator = FakeGenerator(5e6)
        self.assertEqual(search(generator), (4e6, True))
        self.assertEqual(generator.trials, 1)

    def test_tells_when_the_generator_was_the_limit(self):
        rate, limited = search(FakeGenerator(5e6, own=1.5e6))
        self.assertTrue(limited)
        self.assertAlmostEqual(rate, 1.5e6, delta=0.04e6)

    def test_a_tolerance_lets_so_many_be_lost(self):
        strict, _ = search(FakeGenerator(1e6))
        lax, _ = search(FakeGenerator(1e6), tolerance=0.2)
        self.assertAlmostEqual(lax / strict, 1.25, delta=0.05)

    def test_fails_where_everything_is_lost_or_a_flow_moves(self):
        with self.assertRaisesRegex(RFC2544.measure.Failure, "lost at every rate"):
            search(FakeGenerator(0))
        with self.assertRaisesRegex(RFC2544.measure.Failure, "3 packets came to another real"):
            search(FakeGenerator(1e6, moved=3))


class Loads(unittest.TestCase):
    def trial(self, *rates):
        """Under 90 % of a million packets a second, of which so many are sent in turn."""
        reports = [{"rate": rate, "offered": 1, "moved": 0, "misdirected": 0,
                    "one_way": {"lost": 0}, "round_trip": {"lost": 0}} for rate in rates]
        generator = argparse.Namespace(ask=lambda *_: reports.pop(0))
        args = argparse.Namespace(kind="flows", answer=True, trial_seconds=1.0)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            found = RFC2544.trial_under(args, generator, 1e6, 90)
        return found and found["rate"], len(reports), said.getvalue()

    def test_are_tried_again_where_the_generator_was_held_up(self):
        self.assertEqual(self.trial(0.9e6, 0.9e6)[:2], (0.9e6, 1))
        self.assertEqual(self.trial(0.3e6, 0.89e6)[:2], (0.89e6, 0))

    def test_have_no_latencies_where_they_are_never_reached(self):
        rate, left, said = self.trial(0.3e6, 0.87e6, 0.8e6)
        self.assertEqual((rate, left), (None, 0))
        self.assertIn("90 % was not reached in 3 trials: its latencies are left out", said)


if __name__ == "__main__":
    unittest.main()
