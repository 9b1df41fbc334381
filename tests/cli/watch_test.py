#!/usr/bin/env python3
"""What becomes of packets, asked of the running daemon: explain, trace and capture, by its API and
by vipctl. VIPGATED and VIPCTL name the binaries.

Exit status 77: this machine cannot run them."""

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import unittest
import urllib.parse

from daemon_process import BINARY, BURST, SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from frames import write_pcap
from gateway import (CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS, CPUS, NOT_SERVED, VIP, VIP6, flows,
                     port)

VIPCTL = os.environ.get("VIPCTL", "vipctl")
ADMIN, READER = "admin-token-0123456789", "reader-token-0123456789"
NOBODY = "203.0.113.9"  # whose packets never come
TO_WEB = {"destination": f"{VIP}:80", "protocol": "tcp"}


def dissected(path, *fields):
    """What Wireshark's dissector reads in a capture: a tuple for each frame."""
    shown = [argument for field in fields for argument in ("-e", field)]
    seen = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=;", *shown],
                          capture_output=True, text=True, timeout=SECONDS, check=True)
    return [tuple(line.split(";")) for line in seen.stdout.splitlines()]


def dropped(capture):
    """What the statistics block, the last one, says of frames that had no room."""
    length = struct.unpack("<I", capture[-4:])[0]
    block = capture[-length:]
    assert struct.unpack("<I", block[:4])[0] == 5, "not a statistics block"
    code, size, value = struct.unpack("<HHQ", block[20:32])
    assert (code, size) == (5, 8), block.hex()
    return value


class WatchTest(DaemonTest):
    WORKERS = (CPUS[-1],)

    def setUp(self):
        super().setUp()
        self.api = free_port()
        tokens = self.write("tokens", f"admin {ADMIN} eve\nread {READER} ann\n")
        os.chmod(tokens, 0o600)
        for name, token in (("admin", ADMIN), ("reader", READER)):
            self.write(name, token + "\n")
        write_pcap(self.path("load.pcap"), flows(20) + [NOT_SERVED] * 4, BURST)
        device = f"net_pcap0,rx_pcap={self.path('load.pcap')},infinite_rx=1"
        self.config = self.write_config(
            [port("one", device, CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS)], workers=self.WORKERS)
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(f'rest: {{ listen: ["127.0.0.1:{self.api}"], tokens_file: {tokens} }}\n')

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self):
        self.daemon = self.enterContext(Daemon(self.config))
        self.daemon.wait_for(r" ready: ")

    def ask(self, path, token=ADMIN, **query):
        """The answer, whose body is still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=SECONDS)
        self.addCleanup(connection.close)
        target = f"/api/v1/{path}?{urllib.parse.urlencode(query)}"
        connection.request("GET", target, headers={"Authorization": "Bearer " + token})
        return connection, connection.getresponse()

    def told(self, path, expect=200, **query):
        connection, reply = self.ask(path, **query)
        body = reply.read()  # an answer that is not whole raises
        connection.close()
        self.assertEqual(reply.status, expect, body)
        return body

    def lines(self, **query):
        """A trace's packets, and its last line."""
        lines = [json.loads(line) for line in self.told("trace", **query).splitlines()]
        self.assertEqual(lines[-1]["watch"], "ended")
        return lines[:-1], lines[-1]

    def explained(self, protocol, source, destination):
        answer = json.loads(self.told("explain", token=READER, protocol=protocol, source=source,
                                      destination=destination))
        return answer, {line["word"]: line["text"] for line in answer["lines"]}

    def vipctl(self, *arguments, token="admin"):
        return [VIPCTL, "--url", f"http://127.0.0.1:{self.api}", "--token-file", self.path(token),
                *arguments]

    def run_vipctl(self, *arguments, expect=0, **options):
        done = subprocess.run(self.vipctl(*arguments, **options), capture_output=True,
                              timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout, done.stderr.decode()


class Explains(WatchTest):
    def test_what_the_offline_command_says_of_the_same_configuration(self):
        self.start()
        verdicts = set()
        for protocol, source, destination in [
                *(("tcp", f"192.0.2.1:{port}", f"{VIP}:80") for port in range(4000, 4008)),
                ("tcp", "[2001:db8::1]:4000", f"[{VIP6}]:80"), ("udp", "192.0.2.1:5", f"{VIP}:514"),
                ("tcp", "192.0.2.1:5", f"{VIP}:90"), ("tcp", "192.0.2.1:5", f"{VIP}:91"),
                ("tcp", "192.0.2.1:5", "203.0.113.1:1"), ("sctp", "192.0.2.1:5", f"{VIP}:80"),
                ("tcp", "127.0.0.1:5", f"{VIP}:80")]:
            offline = subprocess.run(
                [BINARY, "explain", "--config", self.config, "--seed", "7", protocol, source,
                 destination], capture_output=True, text=True, timeout=SECONDS, check=True).stdout
            shown, _ = self.run_vipctl("explain", protocol, source, destination, token="reader")
            self.assertEqual(shown.decode(), offline)
            answer, words = self.explained(protocol, source, destination)
            self.assertEqual(answer["verdict"], words["verdict"])
            verdicts.add(answer["verdict"])
        self.assertEqual(verdicts, {"forward", "reply: tcp_reset", "drop: no_kernel_path",
                                    "drop: port_not_served", "drop: martian_source"})

    def test_a_wrong_question_is_told_by_vipctl_as_well(self):
        self.start()
        _, said = self.run_vipctl("explain", "tcp", "192.0.2.1", f"{VIP}:80", expect=1)
        self.assertIn("source: '192.0.2.1' is no endpoint", said)


class ExplainsWithTwoWorkers(WatchTest):
    WORKERS = CPUS

    def test_the_real_and_the_worker_that_flows_really_have(self):
        self.start()
        packets, _ = self.lines(destination=VIP, packets=200)
        chosen = {packet["stages"][0]["frame"]: packet for packet in packets
                  if packet["verdict"] == "forward"}
        self.assertGreater(len(chosen), 20)
        self.assertEqual(len({packet["real"] for packet in chosen.values()}), 6,
                         "all reals of the services to this address")
        self.assertEqual({packet["worker"] for packet in chosen.values()}, {0, 1})
        for frame, packet in chosen.items():
            protocol, source, destination = re.fullmatch(r"(\w+) (\S+) > (\S+)", frame).groups()
            _, words = self.explained(protocol, source, destination)
            self.assertEqual(words["real"].split(",")[0], packet["real"], frame)
            self.assertEqual(words["worker"], f"{packet['worker']} of 2", frame)


class Watches(WatchTest):
    def test_a_trace_tells_each_packets_way_and_ends_after_so_many(self):
        self.start()
        packets, end = self.lines(packets=50, **TO_WEB)
        self.assertEqual(end, {"watch": "ended", "packets": 50, "lost": 0})
        self.assertEqual(sorted(packet["packet"] for packet in packets), list(range(50)))
        for packet in packets:
            self.assertEqual((packet["verdict"], packet["service"]), ("forward", "web"), packet)
            self.assertIn(f"> {VIP}:80", packet["stages"][0]["frame"])
            self.assertEqual(packet["stages"][-1]["stage"], "sent")
        dropped_ones, _ = self.lines(packets=3, destination=f"{VIP}:7")
        self.assertEqual({packet["reason"] for packet in dropped_ones}, {"port_not_served"})
        self.daemon.wait_for("audit: eve: trace begins: .*packets=50")
        self.daemon.wait_for("audit: eve: trace ended: 50 packets, 0 lost")

    def test_a_capture_has_the_packets_as_they_came_and_as_they_left(self):
        self.start()
        connection, reply = self.ask("capture", packets=40, snaplen=64, **TO_WEB)
        self.assertEqual(reply.headers["Content-Type"], "application/x-pcapng")
        with open(self.path("c.pcapng"), "wb") as file:
            file.write(reply.read())
        connection.close()
        frames = dissected(self.path("c.pcapng"), "ip.dst", "tcp.dstport", "frame.interface_name",
                           "frame.comment", "frame.cap_len")
        came = [frame for frame in frames if frame[:2] == (VIP, "80")]
        left = [frame for frame in frames if frame[:2] != (VIP, "80")]
        self.assertEqual((len(came), len(left)), (40, 40))
        self.assertLessEqual({frame[:2] for frame in left},
                             {("10.9.1.11", "8080"), ("10.9.1.12", "8081")})
        self.assertEqual({frame[2] for frame in frames}, {"one"})
        self.assertTrue(all("forward, service web, real" in frame[3] for frame in left), left)
        self.assertLessEqual(max(int(frame[4]) for frame in frames), 64)

    def test_it_ends_when_its_time_is_over(self):
        self.start()
        self.assertEqual(self.lines(seconds=1, source=NOBODY),
                         ([], {"watch": "ended", "packets": 0, "lost": 0}))
        capture = self.told("capture", seconds=1, source=NOBODY)
        self.assertEqual(dropped(capture), 0)

    def test_frames_come_while_it_lasts_and_the_client_that_goes_ends_it(self):
        self.start()
        connection, reply = self.ask("trace", packets=3, seconds=3600, **TO_WEB)
        self.assertEqual(reply.status, 200)
        connection.close()
        reply.close()
        self.daemon.wait_for("audit: eve: trace ended")
        connection, reply = self.ask("capture", seconds=3600, packets=100000, destination=VIP6)
        self.assertEqual(reply.status, 200)
        told = reply.read1(200)
        self.assertIn(b"one", told, "the names of interfaces come first")
        while b"packet 0, worker 0" not in told:  # which may come in two pieces
            piece = reply.read1(1 << 16)
            self.assertTrue(piece, "the capture has ended")
            told = told[-200:] + piece
        reply.close()
        connection.close()
        self.daemon.wait_for("audit: eve: capture ended")
        self.told("trace", packets=1, **TO_WEB)

    def test_one_at_a_time_and_the_next_one_as_soon_as_it_has_ended(self):
        self.start()
        connection, reply = self.ask("trace", seconds=3600, source=NOBODY)
        self.assertEqual(reply.status, 200)
        for path in ("trace", "capture"):
            said = json.loads(self.told(path, expect=409))["detail"]
            self.assertIn("the trace of eve (up to 100 packets, 3600 s)", said)
        _, said = self.run_vipctl("capture", "-w", self.path("c.pcapng"), expect=1)
        self.assertIn("the trace of eve", said)
        self.assertFalse(os.path.exists(self.path("c.pcapng")))
        reply.close()
        connection.close()
        self.daemon.wait_for("audit: eve: trace ended")
        for _ in range(5):
            self.told("capture", packets=1)

    def test_that_of_the_configuration_holds_and_waits(self):
        with open(self.config, encoding="utf-8") as file:
            plain = file.read()
        watch = f"watch: {{ trace: {self.path('t')}, packets: 5, source: {NOBODY}/32 }}\n"
        self.write("config.yaml", plain + watch)
        self.start()
        said = json.loads(self.told("capture", expect=409))["detail"]
        self.assertIn("the watch of the configuration (0 of 5 packets)", said)
        self.write("config.yaml", plain)
        self.daemon.send(signal.SIGHUP)
        self.daemon.wait_for("watch: nothing is followed any more")
        connection, reply = self.ask("capture", seconds=3600, source=NOBODY)
        self.assertEqual(reply.status, 200)
        self.write("config.yaml", plain + watch)
        self.daemon.send(signal.SIGHUP)
        self.daemon.wait_for("watch: it begins when the capture of eve")
        reply.close()
        connection.close()
        self.daemon.wait_for("watch: from now on, 5 packets are followed")

    def test_readers_see_no_packets(self):
        self.start()
        for path in ("trace", "capture"):
            self.assertIn(b"admins alone", self.told(path, expect=403, token=READER))
        _, said = self.run_vipctl("trace", expect=1, token="reader")
        self.assertIn("admins alone", said)

    def test_a_client_that_takes_nothing_costs_a_bounded_memory_and_is_told_what_it_lost(self):
        self.start()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(SECONDS)
            client.connect(("127.0.0.1", self.api))
            client.sendall(b"GET /api/v1/capture?packets=100000&seconds=5 HTTP/1.0\r\n"
                           b"Host: localhost\r\nAuthorization: Bearer " + ADMIN.encode() +
                           b"\r\n\r\n")
            lost = int(self.daemon.wait_for(r"audit: eve: capture ended: \d+ packets, (\d+) lost")
                       .group(1))
            self.assertGreater(lost, 0)
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
        # What the kernel takes for a client, and the megabyte that the gateway keeps.
        self.assertLess(len(answer), 16 << 20)
        self.assertEqual(dropped(answer), lost)

    def test_the_daemon_stops_in_order_while_packets_are_followed(self):
        self.start()
        _, reply = self.ask("trace", seconds=3600, source=NOBODY)
        self.assertEqual(reply.status, 200)
        log = self.assert_stops(self.daemon)
        self.assertIn("audit: eve: trace ended", log)


class IsFollowedByVipctl(WatchTest):
    def test_a_trace_is_a_line_each_or_json(self):
        self.start()
        filters = ("--destination", f"{VIP}:80", "--protocol", "tcp", "--packets", "5")
        shown, said = self.run_vipctl("trace", *filters)
        lines = shown.decode().splitlines()
        self.assertTrue(lines[0].startswith("TIME "), lines)
        self.assertEqual(len(lines), 6)
        for line in lines[1:]:
            self.assertRegex(line, rf"^\d\d:\d\d:\d\d\.\d{{6}}  one +tcp \S+ > {VIP}:80 +forward +"
                                   r"web 10\.9\.1\.1[12]:808[01], tcp .*, by one, [\d.]+ us$")
        self.assertEqual(said, "trace: 5 packets, 0 lost for want of room\n")
        shown, _ = self.run_vipctl("trace", "-o", "json", *filters)
        parsed = [json.loads(line) for line in shown.splitlines()]
        self.assertEqual([line.get("verdict") for line in parsed], ["forward"] * 5 + [None])

    def test_a_capture_goes_to_a_file_or_on(self):
        self.start()
        filters = ("--destination", f"{VIP}:80", "--protocol", "tcp", "--packets", "5")
        _, said = self.run_vipctl("capture", "-w", self.path("c.pcapng"), *filters)
        self.assertEqual(said, "capture: 10 frames, 0 lost for want of room\n")
        self.assertEqual(len(dissected(self.path("c.pcapng"), "ip.dst")), 10)
        shown, _ = self.run_vipctl("capture", "-W", "-", *filters)
        self.assertEqual(dropped(shown), 0)
        _, said = self.run_vipctl("capture", "-w", "/nowhere/c", *filters, expect=1)
        self.assertIn("/nowhere/c: cannot create", said)

    def test_a_terminal_is_refused(self):
        self.start()
        parent, terminal = os.openpty()
        self.addCleanup(os.close, parent)
        done = subprocess.run(self.vipctl("capture", "-w", "-"), stdout=terminal,
                              stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
        os.close(terminal)
        self.assertEqual(done.returncode, 2)
        self.assertIn("a terminal cannot show it", done.stderr)

    def test_an_interrupt_ends_it_with_a_summary_and_a_whole_file(self):
        self.start()
        file = self.path("c.pcapng")
        command = self.vipctl("capture", "-w", file, "--seconds", "3600", "--packets", "100000",
                              "--destination", VIP6)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as capture:
            self.addCleanup(capture.kill)
            self.daemon.wait_for("audit: eve: capture begins")
            while not os.path.exists(file) or os.path.getsize(file) < 1000:
                self.assertIsNone(capture.poll())
                self.daemon.counters()  # a turn of its control thread
            capture.send_signal(signal.SIGINT)
            self.assertEqual(capture.wait(SECONDS), 0)
            said = capture.stderr.read()
        frames = int(re.fullmatch(r"capture: (\d+) frames, .*\n", said).group(1))
        self.assertEqual(len(dissected(file, "ipv6.dst")), frames)
        self.daemon.wait_for("audit: eve: capture ended")
        command = self.vipctl("trace", "--seconds", "3600", "--source", NOBODY)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as trace:
            self.addCleanup(trace.kill)
            self.daemon.wait_for("audit: eve: trace begins")
            trace.send_signal(signal.SIGINT)
            self.assertEqual(trace.wait(SECONDS), 0)
            self.assertIn("trace: 0 packets, ended before", trace.stderr.read())
        self.daemon.wait_for("audit: eve: trace ended")


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
