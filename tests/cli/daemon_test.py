#!/usr/bin/env python3
"""The real daemon on virtual ports: daemon_test.py [CLASS].

VIPGATED names the binary. Exit status 77: this machine cannot run it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from daemon_process import (BINARY, BURST, SECONDS, Daemon, Feed, drops, run_replay,
                            wait_until_ready)
from frames import SYN, answer_to, ip_fields, l4_checksum_is_right, mac, read_pcap, tcp, write_pcap
from gateway import (CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS, CONFIG, CPUS, DNS, DNS6, EDGE_ADDRESSES,
                     MADE_UP_MAC, NEXT_HOP_MAC, NOT_SERVED, OTHER_STATION, PCAP_MACS, REPLAY_MACS,
                     VIP, ZONE, filled, flows, frame, oddities, port, questions, service, services)


class DaemonTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="vipgate-daemon-")
        self.addCleanup(directory.cleanup)
        self.path = lambda name: os.path.join(directory.name, name)

    def write_config(self, ports, name="config.yaml", workers=(CPUS[-1],), served=services()):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(control=CPUS[0], workers=", ".join(map(str, workers)),
                                     ports="".join(ports), services=served, dns=DNS, dns6=DNS6,
                                     zone=ZONE))
        return self.path(name)

    def config_with_load(self, name):
        """A port on which a few flows come over and over, for ever."""
        write_pcap(self.path("load.pcap"), flows(20), BURST)
        device = f"net_pcap0,rx_pcap={self.path('load.pcap')},infinite_rx=1"
        return self.write_config([port("one", device, CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS)], name)

    def feed(self, name):
        feed = Feed(self.path(name))
        self.addCleanup(feed.close)
        return feed

    def edge(self, neighbors=()):
        device = (f"net_pcap0,rx_pcap={self.path('edge.pcap')},"
                  f"tx_pcap={self.path('edge_out.pcap')}")
        return port("edge", device, EDGE_ADDRESSES, neighbors)

    def cluster(self):
        device = (f"net_pcap1,rx_pcap={self.path('cluster.pcap')},"
                  f"tx_pcap={self.path('cluster_out.pcap')}")
        return port("cluster", device, CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS)

    def replay(self, config, edge, cluster=()):
        """What replay sends: (number of the packet, port, frame) each. The captures' bursts arrive
        in turn, as a worker takes them."""
        self.assertNotIn(OTHER_STATION, edge)  # replay does not compare destination MACs
        write_pcap(self.path("replay_edge.pcap"), edge, BURST)
        write_pcap(self.path("replay_cluster.pcap"), cluster, BURST, offset_ns=500_000)
        run_replay("--config", config, "--in", self.path("replay_edge.pcap"),
                   "--in", "cluster=" + self.path("replay_cluster.pcap"),
                   "--out", self.path("replay_out.pcap"),
                   "--verdicts", self.path("verdicts.jsonl"), "--next-hop-mac", NEXT_HOP_MAC)
        frames = read_pcap(self.path("replay_out.pcap"))
        with open(self.path("verdicts.jsonl"), encoding="utf-8") as file:
            verdicts = [json.loads(line) for line in file]
        return [(verdict["packet"], out["port"], frames[out["index"]])
                for verdict in verdicts for out in verdict.get("out", [])]

    def comparable(self, data, own_mac):
        """The frame without what must differ: our MAC addresses, and the serial of a zone."""
        own, data = mac(own_mac), bytearray(data)
        self.assertEqual(bytes(data[6:12]), own)
        data[6:12] = bytes(6)
        if data[12:14] == b"\x08\x06":
            self.assertEqual(bytes(data[22:28]), own)
            data[22:28] = bytes(6)
            return bytes(data)
        self.assertTrue(l4_checksum_is_right(data), data.hex())
        l4 = ip_fields(data)[1]
        if data[20] == 58 and data[l4] == 136:  # neighbour advertisement
            self.assertEqual(bytes(data[l4 + 26:l4 + 32]), own)
            data[l4 + 2:l4 + 4] = bytes(2)
            data[l4 + 26:l4 + 32] = bytes(6)
        timers = bytes.fromhex("0000003c000002580001518000000005")  # of the SOA, after the serial
        at = data.find(timers)
        if at >= 0:
            data[at - 4:at] = bytes(4)
            data[l4 + 6:l4 + 8] = bytes(2)
        return bytes(data)

    def sent_by_replay(self, replayed, name, own_mac):
        return [self.comparable(f, own_mac) for _, where, f in replayed if where == name]

    def sent_by_daemon(self, name, own_mac):
        return [self.comparable(f, own_mac) for f in read_pcap(self.path(name))]

    def assert_stops(self, daemon):
        status, log = daemon.stop()
        self.assertEqual(status, 0, log)
        return log


class ForwardsACaptureAsReplayDoes(DaemonTest):
    def test_every_frame_of_both_ports_is_equal(self):
        edge, cluster = self.feed("edge.pcap"), self.feed("cluster.pcap")
        config = self.write_config([self.edge(), self.cluster()])
        forward = filled(oddities() + questions() + flows(20) + oddities() + flows(20))
        # In the place of each packet that goes to a real, the real's answer.
        answers = [NOT_SERVED] * len(forward)
        for number, where, data in self.replay(config, forward):
            if where == "cluster":
                answers[number] = answer_to(data, PCAP_MACS[1], NEXT_HOP_MAC)

        with Daemon(config) as daemon:
            wait_until_ready(daemon, (edge, cluster), NOT_SERVED)
            # The worker takes a burst of each port in turn: an answer comes after its question.
            edge.send(forward)
            cluster.send(answers)
            replayed = self.replay(config, edge.sent, cluster.sent)
            edge.send([OTHER_STATION] * BURST)
            edge.close()
            cluster.close()
            counters = daemon.wait_for_packets(len(edge.sent) + len(cluster.sent))
            self.assert_stops(daemon)

        for name, own, own_in_replay in zip(("edge", "cluster"), PCAP_MACS, REPLAY_MACS):
            self.assertEqual(self.sent_by_daemon(name + "_out.pcap", own),
                             self.sent_by_replay(replayed, name, own_in_replay))
        # The capture has all that it should: the comparison would not miss it.
        self.assertEqual(counters["forward_packets"], 2 * 20 * 3 * 5)
        self.assertEqual(counters["return_packets"], counters["forward_packets"])
        self.assertGreaterEqual(counters["drop.not_our_mac"], BURST)
        for reply in ("arp", "neighbor_advertisement", "echo", "tcp_reset", "port_unreachable"):
            self.assertGreater(counters.get("reply." + reply, 0), 0, reply)
        for outcome in ("answer", "nodata", "nxdomain", "refused", "formerr"):
            self.assertGreater(counters.get("dns." + outcome, 0), 0, outcome)
        self.assertGreater(len(drops(counters)), 10, counters)
        self.assertNotIn("drop.tx_full", counters)


class TwoWorkersLoseAndReorderNothing(DaemonTest):
    def test_each_flow_is_as_in_replay(self):
        traffic = oddities() + flows(60)
        write_pcap(self.path("edge.pcap"), traffic, BURST)
        write_pcap(self.path("cluster.pcap"), [], BURST)
        config = self.write_config([self.edge(), self.cluster()], workers=CPUS)
        replayed = self.replay(config, traffic)

        # All packets wait at the port from the start: none may be lost before the first snapshot.
        with Daemon(config) as daemon:
            daemon.wait_for(r" ready: ")
            counters = daemon.wait_for_packets(len(traffic))
            self.assert_stops(daemon)

        self.assertEqual(counters["rx_packets"], len(traffic))
        self.assertEqual(counters["forward_packets"], 60 * 3 * 5)
        self.assertGreater(counters["handed_over"], 0)
        for name, own, own_in_replay in zip(("edge", "cluster"), PCAP_MACS, REPLAY_MACS):
            self.assertEqual(by_flow(self.sent_by_daemon(name + "_out.pcap", own)),
                             by_flow(self.sent_by_replay(replayed, name, own_in_replay)))


def by_flow(frames):
    """The frames of each pair of addresses and ports, in their order."""
    result = {}
    for data in frames:
        fields = ip_fields(data)
        key = data if fields is None else (fields[0], data[fields[1]:fields[1] + 4])
        result.setdefault(key, []).append(data)
    return result


class PassesPacketsThroughARing(DaemonTest):
    """A ring port receives what it sends. The real of the outer service, which keeps the client's
    address (one of our own would be refused on the way back in), is the inner one's VIP,
    which the ring leads to: each packet passes the gateway twice."""

    SERVICES = service("outer", VIP, 80, "tcp", ["10.9.1.50 8080 1"], "nat") + \
        service("inner", "10.9.1.50", 8080, "tcp", ["10.9.0.11 80 1"])

    def run_ring(self, workers):
        traffic = [frame(tcp(f"100.64.3.{i % 40 + 1}", 1024 + i % 40, VIP, 80, i, data=b"payload"))
                   for i in range(200)]
        write_pcap(self.path("edge.pcap"), traffic, BURST)
        ring = port("ring", "net_ring0", CLUSTER_ADDRESSES, ["10.9.1.50"], MADE_UP_MAC.format(1))
        config = self.write_config([self.edge(neighbors=["10.9.0.11"]), ring], workers=workers,
                                   served=self.SERVICES)
        with Daemon(config) as daemon:
            daemon.wait_for(r" ready: ")
            counters = daemon.wait_for_packets(2 * len(traffic))
            self.assert_stops(daemon)
        self.assertEqual(drops(counters), {})
        self.assertEqual(counters["service.outer.11.1.1.1:80/tcp.forward_packets"], 200)
        self.assertEqual(counters["service.inner.10.9.1.50:8080/tcp.forward_packets"], 200)

        flows_seen = {}
        for data in read_pcap(self.path("edge_out.pcap")):
            self.assertEqual(data[:12], mac(NEXT_HOP_MAC) + mac(PCAP_MACS[0]))
            self.assertTrue(l4_checksum_is_right(data))
            self.assertEqual(data[22], 62, "each passage takes one off the time to live")
            self.assertEqual(data[30:34] + data[36:38], bytes([10, 9, 0, 11, 0, 80]))
            self.assertEqual(data[54:61], b"payload")
            flows_seen.setdefault(data[26:30] + data[34:36], []).append(
                int.from_bytes(data[38:42], "big"))
        self.assertEqual(sorted(flows_seen.values()), [list(range(i, 200, 40)) for i in range(40)])
        return counters

    def test_with_one_worker(self):
        self.run_ring(CPUS[-1:])

    def test_with_two_workers_each_on_queues_of_its_own(self):
        self.assertGreater(self.run_ring(CPUS)["handed_over"], 0)


    def test_announcements_come_back_and_are_answered(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, for a network namespace with the kernel's side of the port")
        ring = port("ring", "net_ring0", CLUSTER_ADDRESSES, [], kernel="true")
        config = self.write_config([ring], served=service("a", VIP, 80, "tcp", ["10.9.1.11 80 1"]))
        with Daemon(config, runner=("unshare", "--net")) as daemon:
            daemon.wait_for(r" ready: ")
            # A gratuitous ARP is a request for the address: a VIP, two of SNAT, one of DNS. The
            # answers come back in turn, for the kernel.
            counters = daemon.wait_until(lambda now: now.get("kernel.arp", 0) >= 4)
            self.assertEqual(counters["reply.arp"], 4)
            self.assert_stops(daemon)


class FollowsPackets(DaemonTest):
    """A watch that begins by a reload, while the worker is under load."""

    def watch(self, config, packets):
        with open(config, "a", encoding="utf-8") as file:
            file.write(f"watch: {{capture: {self.path('c.pcapng')}, packets: {packets}, "
                       f"trace: {self.path('t.jsonl')}, destination: {VIP}, protocol: tcp}}\n")

    def test_their_ways_are_told_while_packets_pass(self):
        write_pcap(self.path("load.pcap"), flows(20), BURST)
        device = f"net_pcap0,rx_pcap={self.path('load.pcap')},infinite_rx=1"
        config = self.write_config([port("one", device, CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS)])
        with Daemon(config) as daemon:
            daemon.wait_for(r" ready: ")
            daemon.wait_for_packets(1000)
            self.watch(config, 50)
            daemon.send(signal.SIGHUP)
            daemon.wait_for(r"watch ended: 50 packets, \d+ records, 0 lost")
            before = daemon.counters()["forward_packets"]
            daemon.wait_until(lambda now: now["forward_packets"] > before)
            workers = daemon.wait_until(lambda now: now[0]["busy_percent"] > 50, daemon.workers)
            self.assert_stops(daemon)

        with open(self.path("t.jsonl"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(sorted(line["packet"] for line in lines), list(range(50)))
        for line in lines:
            self.assertEqual(line["verdict"], "forward", line)
            self.assertEqual(line["stages"][0]["stage"], "received", line)
            self.assertIn(f"> {VIP}:", line["stages"][0]["frame"])
            self.assertEqual(line["stages"][-1]["stage"], "sent", line)
        # Another reader's count of the frames: each came and went.
        seen = subprocess.run(["tcpdump", "-n", "-r", self.path("c.pcapng")], capture_output=True,
                              text=True, check=True, timeout=SECONDS)
        self.assertEqual(len(seen.stdout.splitlines()), 100, seen.stdout)

        self.assertEqual([worker["worker"] for worker in workers], [0])
        self.assertGreater(workers[0]["cycles_per_packet"], 10)
        self.assertGreater(workers[0]["bursts"]["64"], 0)


class ReloadsStopsAndNamesMistakes(DaemonTest):
    REALS = ("10.9.1.11:8080", "10.9.1.12:8081")

    @staticmethod
    def clients(network):
        return [frame(tcp(f"100.64.{network}.{i + 1}", 1024, VIP, 80, 1, SYN)) for i in range(192)]

    def run_to_its_end(self, config):
        done = subprocess.run([BINARY, "--config", config], capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        return done.returncode, done.stderr

    def created(self, counters):
        return [counters.get(f"real.web.{VIP}:80/tcp.{real}.flows_created", 0)
                for real in self.REALS]

    def test_a_bad_reload_changes_nothing_and_a_new_weight_is_applied(self):
        edge = self.feed("edge.pcap")
        write_pcap(self.path("cluster.pcap"), [], BURST)
        config = self.write_config([self.edge(), self.cluster()])
        with Daemon(config) as daemon:
            wait_until_ready(daemon, (edge,), NOT_SERVED)
            edge.send(self.clients(1))
            before = self.created(daemon.wait_for_packets(len(edge.sent)))
            self.assertEqual(sum(before), 192)
            self.assertGreater(min(before), 0)

            self.write_config([self.edge(), self.cluster()], served=services(weight="heavy"))
            daemon.send(signal.SIGHUP)
            daemon.wait_for(r"config\.yaml:\d+:\d+: .*heavy")
            daemon.wait_for(r"reload of .* failed: the configuration in force stays")
            # The burst that the worker waits for belongs to the snapshot that it has.
            edge.send([NOT_SERVED] * BURST + self.clients(2))
            second = self.created(daemon.wait_for_packets(len(edge.sent)))
            self.assertEqual(sum(second), 2 * 192)
            self.assertGreater(second[0], before[0])
            self.assertGreater(second[1], before[1])

            self.write_config([self.edge(), self.cluster()], served=services(weight="0"))
            daemon.send(signal.SIGHUP)
            daemon.wait_for(r"configuration reloaded: .*reals \+0 -0 ~1")
            edge.send([NOT_SERVED] * BURST + self.clients(3))
            third = self.created(daemon.wait_for_packets(len(edge.sent)))
            self.assertEqual(third, [second[0], second[1] + 192])
            edge.close()
            self.assert_stops(daemon)

    def test_sigterm_under_load_ends_it_with_0(self):
        with Daemon(self.config_with_load("config.yaml")) as daemon:
            daemon.wait_for(r" ready: ")
            before = daemon.wait_for_packets(10000)
            daemon.wait_until(lambda now: now["forward_packets"] > before["forward_packets"])
            self.assertIn("stopping", self.assert_stops(daemon))

    def test_two_instances_run_side_by_side(self):
        with Daemon(self.config_with_load("a.yaml")) as a, \
                Daemon(self.config_with_load("b.yaml")) as b:
            for daemon in (a, b):
                daemon.wait_for(r" ready: ")
                daemon.wait_for_packets(1000)
            self.assert_stops(a)
            seen = b.counters()["forward_packets"]
            b.wait_until(lambda now: now["forward_packets"] > seen)
            self.assert_stops(b)

    def test_an_unknown_device_is_named_with_its_port(self):
        config = self.write_config([
            port("good", "net_ring0", EDGE_ADDRESSES, []),
            port("bad", "net_nonsense0", CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS)])
        status, message = self.run_to_its_end(config)
        self.assertEqual(status, 1, message)
        self.assertIn("ports[1] bad: device 'net_nonsense0' cannot be made", message)

    def test_a_daemon_without_ports_says_so(self):
        with open(self.path("none.yaml"), "w", encoding="utf-8") as file:
            file.write("node: { name: none }\n")
        status, message = self.run_to_its_end(self.path("none.yaml"))
        self.assertEqual(status, 2, message)
        self.assertIn("none.yaml: no port to serve on", message)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
