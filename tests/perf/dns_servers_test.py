#!/usr/bin/env python3
"""What perf/dns_peers and perf/dns_afxdp give to the servers, and read of the tools:
dns_servers_test.py SOURCE_DIRECTORY."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

PERF = f"{sys.argv[1]}/perf"
sys.path.insert(0, PERF)
import dns_servers  # noqa: E402
import rate_search  # noqa: E402


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, f"{PERF}/{name}")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


AFXDP, PEERS = script("dns_afxdp"), script("dns_peers")


class DnsServersTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def test_every_server_has_the_same_records(self):
        dns_servers.write_peers(self.directory, 10)
        dns_servers.write_gateway(self.directory / "vipgated.yaml", 10, device="d", cpu=1,
                                  control_cpu=0, idle="poll")
        zone = [line.split() for line in (self.directory / "zone").read_text().splitlines()[3:]]
        records = [line.split() for line in
                   (self.directory / "vipgated.yaml").read_text().splitlines() if "type:" in line]
        self.assertEqual(len(zone), 10)
        self.assertEqual([(name.removesuffix(".mesos."), kind) for name, _, kind, *_ in zone],
                         [(words[3].strip(","), words[5].strip(",")) for words in records])
        self.assertEqual((self.directory / "gdnsd/zones/mesos").read_text(),
                         (self.directory / "zone").read_text())

    def test_knot_has_xdp_only_where_it_is_asked_for(self):
        for link, wanted in ((None, False), ("eth0", True)):
            with tempfile.TemporaryDirectory() as directory:
                dns_servers.write_peers(pathlib.Path(directory), 2, xdp_link=link)
                text = (pathlib.Path(directory) / "knot.conf").read_text()
            self.assertEqual("xdp:\n  listen: eth0@53\ndatabase:" in text, wanted)

    def test_kxdpguns_report_is_read_and_nothing_else(self):
        text = ("using interface eth0, XDP threads 1, UDP, native mode\n"
                "total queries:     820448 (273482 pps)\n"
                "total replies:     408855 (136285 pps) (49%)\n")
        self.assertEqual(AFXDP.read_report(text), (820448, 408855))
        self.assertIsNone(AFXDP.read_report(text.replace("total replies", "replies")))

    def test_instructions_of_all_processes_are_added_up(self):
        for process, count in ((1, 100), (2, 23)):
            (self.directory / f"profile.{process}").write_text(
                f"events: Ir\nsummary: {count}\n\nfn=(1) main\n1 {count}\n\ntotals: {count}\n")
        self.assertEqual(PEERS.total(self.directory), 123)

    def test_a_run_without_a_profile_is_no_run_without_instructions(self):
        with self.assertRaisesRegex(dns_servers.Failure, "wrote no profile"):
            PEERS.total(self.directory)

    def test_a_server_that_ends_is_told_with_the_end_of_its_log(self):
        server = dns_servers.Server(["sh", "-c", "echo no such zone; exit 3"],
                                    self.directory / "knot.log")
        with self.assertRaisesRegex(dns_servers.Failure, "knot does not answer.*\n.*no such zone"):
            with server as run:
                run.until(lambda: False)


class RateSearchTest(unittest.TestCase):
    def test_a_rate_that_cannot_be_sent_is_not_the_highest_that_passed(self):
        rate, is_limited = rate_search.search(lambda rate: (min(rate, 3e5), True), 1e6, 0.05)
        self.assertTrue(is_limited)
        self.assertAlmostEqual(rate, 3e5, delta=2e4)

    def test_the_highest_rate_without_loss_is_found(self):
        rate, is_limited = rate_search.search(lambda rate: (rate, rate <= 5.4e5), 1.2e6, 0.05)
        self.assertFalse(is_limited)
        self.assertLessEqual(rate, 5.4e5)
        self.assertGreaterEqual(rate, 5e5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
