#!/usr/bin/env python3
"""`vipgated replay` as users run it: replay_test.py VIPGATED SOURCE_DIRECTORY."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = sys.argv[1:3]
CONFIG = f"{SOURCE}/config/demo.yaml"
REALS = {"10.9.1.11:30585", "10.9.1.12:31002", "10.9.1.13:31777"}


class Replay(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = lambda name: os.path.join(directory.name, name)
        self.capture("forward", "--flows", "300", self.path("in.pcap"))

    def capture(self, *arguments):
        subprocess.run([sys.executable, f"{SOURCE}/perf/capture.py", *arguments], check=True)

    def replay(self, *arguments, config=CONFIG, status=0):
        done = subprocess.run([BINARY, "replay", "--config", config, *arguments],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def run_forward(self, out, *more):
        self.replay("--in", self.path("in.pcap"), "--out", self.path(out + ".pcap"),
                    "--verdicts", self.path(out + ".jsonl"), *more)

    def lines(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_every_packet_of_a_vip_is_forwarded_and_all_reals_get_some(self):
        self.run_forward("out")
        verdicts = self.lines("out.jsonl")
        self.assertEqual([v["packet"] for v in verdicts], list(range(300)))
        self.assertEqual({v["verdict"] for v in verdicts}, {"forward"})
        self.assertEqual({v["service"] for v in verdicts}, {"redis.marathon"})
        self.assertEqual({v["real"] for v in verdicts}, REALS)
        self.assertEqual([v["out"] for v in verdicts],
                         [[{"index": i, "port": "cluster"}] for i in range(300)])
        self.assertEqual(len(self.read("out.pcap")), 24 + 300 * (16 + 60))

    def test_two_runs_are_equal_and_a_seed_makes_another(self):
        self.run_forward("a")
        self.run_forward("b")
        self.run_forward("c", "--seed", "7")
        self.assertEqual(self.read("a.pcap"), self.read("b.pcap"))
        self.assertEqual(self.read("a.jsonl"), self.read("b.jsonl"))
        self.assertNotEqual(self.read("a.pcap"), self.read("c.pcap"))

    def test_answers_on_the_second_port_go_back_to_the_clients(self):
        self.run_forward("out")
        self.capture("returns", "--from", self.path("out.pcap"), self.path("back.pcap"))
        self.replay("--in", self.path("in.pcap"), "--in", "cluster=" + self.path("back.pcap"),
                    "--out", self.path("both.pcap"), "--verdicts", self.path("both.jsonl"))
        verdicts = self.lines("both.jsonl")
        self.assertEqual(len(verdicts), 600)
        self.assertEqual({v["verdict"] for v in verdicts}, {"forward"})
        ports = [v["out"][0]["port"] for v in verdicts]
        self.assertEqual(ports.count("edge"), 300)

    def test_counters_are_the_daemons(self):
        self.run_forward("out", "--counters", self.path("counters.json"))
        counters, = self.lines("counters.json")
        self.assertEqual(counters["forward_packets"], 300)
        self.assertEqual(counters["flows_created"], 300)
        service = "service.redis.marathon.11.202.66.36:6379/tcp.forward_packets"
        self.assertEqual(counters[service], 300)
        self.assertEqual(sum(value for name, value in counters.items()
                             if name.startswith("real.") and name.endswith(".packets")), 300)
        self.assertNotIn(0, counters.values())

    def test_next_hop_mac_is_written_into_what_leaves(self):
        self.run_forward("out", "--next-hop-mac", "02:00:00:00:ab:cd")
        frame = self.read("out.pcap")[40:100]
        self.assertEqual(frame[:12].hex(), "02000000abcd" + "020000000002")

    def test_mistakes_exit_with_2_and_unreadable_captures_with_1(self):
        out = ("--out", self.path("out.pcap"))
        message = self.replay("--in", "wan=" + self.path("in.pcap"), *out, status=2)
        self.assertIn("no port is named 'wan'", message)
        self.replay("--in", self.path("in.pcap"), *out, "--next-hop-mac", "x", status=2)
        self.assertIn("write a unicast address", self.replay(
            "--in", self.path("in.pcap"), *out, "--next-hop-mac", "01:00:5e:00:00:01", status=2))
        self.replay("--in", self.path("in.pcap"), *out, config=self.path("absent"), status=2)
        same = os.path.join(os.path.dirname(self.path("x")), ".", "out.pcap")
        message = self.replay("--in", self.path("in.pcap"), *out, "--verdicts", same, status=2)
        self.assertIn("--out and --verdicts are the same file", message)
        self.assertFalse(os.path.exists(self.path("out.pcap")))
        message = self.replay("--in", self.path("in.pcap"), *out,
                              "--counters", self.path("out.pcap"), status=2)
        self.assertIn("--counters is the file of --out or --verdicts", message)
        with open(self.path("portless.yaml"), "w", encoding="utf-8") as file:
            file.write("dns: {zones: [{name: mesos}]}\n")
        message = self.replay("--in", self.path("in.pcap"), *out,
                              config=self.path("portless.yaml"), status=2)
        self.assertIn("portless.yaml: there are no ports", message)
        message = self.replay("--in", self.path("absent.pcap"), *out, status=1)
        self.assertIn("absent.pcap: cannot open", message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
