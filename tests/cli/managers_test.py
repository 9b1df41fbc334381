#!/usr/bin/env python3
"""What Prometheus and the service manager learn of a real daemon with traffic: managers_test.py CLASS.

VIPGATED names the binary. Exit status 77: this machine cannot run it."""

import ctypes
import gzip
import http.client
import itertools
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from daemon_process import BURST, SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from frames import SYN, dns_query, tcp, udp, write_pcap
from gateway import CPUS, DNS, NOT_SERVED, VIP, ZONE, filled, frame

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../config")
QUESTION_TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "PTR": 12, "TXT": 16, "ANY": 255, "other": 15}
ALERTS = os.path.join(CONFIG, "prometheus/alerts.yml")


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as reply:
        return reply.read().decode()


def dashboard():
    """Title and expression of all that the dashboard shows."""
    with open(os.path.join(CONFIG, "grafana/vipgate.json"), encoding="utf-8") as file:
        return [(panel["title"], target["expr"].replace("$instance", ".*"))
                for panel in json.load(file)["panels"] for target in panel["targets"]]


def wait_for(what, condition):
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {SECONDS} s: {what}")
        time.sleep(0.1)
    return value


class TellsPrometheus(DaemonTest):
    def setUp(self):
        super().setUp()
        self.api = free_port()
        config = self.config_with_load("config.yaml")
        with open(config, "a", encoding="utf-8") as file:
            file.write(f'rest: {{ listen: ["127.0.0.1:{self.api}"] }}\nstore: none\n')
        self.daemon = self.enterContext(Daemon(config))
        self.daemon.wait_for(r" ready: ")

    def samples(self):
        found = {}
        for line in get(self.api, "/metrics").splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def test_the_page_is_compressed_for_who_asks_and_for_no_other(self):
        for accepted in ("gzip", "identity", "gzip;q=0"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.api}/metrics",
                                             headers={"Accept-Encoding": accepted})
            with urllib.request.urlopen(request, timeout=SECONDS) as reply:
                coding, body = reply.headers["Content-Encoding"], reply.read()
                self.assertEqual(reply.headers["Vary"], "Accept-Encoding")
            self.assertEqual(coding, "gzip" if accepted == "gzip" else None)
            page = gzip.decompress(body) if coding else body
            self.assertTrue(page.startswith(b"# HELP "), page[:100])
            if coding:
                self.assertLess(5 * len(body), len(page))

    def test_what_it_tells_is_sound_and_follows_the_traffic(self):
        page = get(self.api, "/metrics")
        done = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                              capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        self.assertNotIn("vipgate_other", page)
        web = f'vipgate_service_forward_packets_total{{service="web",vip="{VIP}:80",protocol="tcp"}}'
        before = wait_for("packets of the service", lambda: self.samples()[web])
        wait_for("more of them", lambda: self.samples()[web] > before)
        logged = self.daemon.counters()
        now = self.samples()
        self.assertGreaterEqual(now["vipgate_rx_packets_total"], logged["rx_packets"])
        # A loop's time is counted at its end, and the first ones wait for the pages of the tables.
        busy = 'vipgate_worker_seconds_total{worker="0",state="busy"}'
        wait_for("time of a worker with work", lambda: self.samples()[busy] > 0)
        reals = f'vipgate_service_reals{{service="web",vip="{VIP}:80",protocol="tcp",state="up"}}'
        self.assertEqual(now[reals], 2)
        self.assertEqual(now["vipgate_ready"], 1)
        # Zero is told, so that the first one is growth.
        self.assertEqual(now['vipgate_snat_exhausted_total{pool="10.9.1.100"}'], 0)
        self.assertEqual(now['vipgate_port_rx_missed_packets_total{port="one"}'], 0)

    def test_a_real_prometheus_takes_it_and_evaluates_alerts_and_dashboard(self):
        listen = free_port()
        with open(self.path("prometheus.yml"), "w", encoding="utf-8") as file:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                       "rule_files": [ALERTS],
                       "scrape_configs": [{"job_name": "vipgate", "static_configs": [
                           {"targets": [f"127.0.0.1:{self.api}"]}]}]}, file)
        with open(self.path("prometheus.log"), "w", encoding="utf-8") as log:
            prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={self.path('prometheus.yml')}",
                 f"--storage.tsdb.path={self.path('tsdb')}",
                 f"--web.listen-address=127.0.0.1:{listen}"], stdout=log, stderr=log)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def query(path):
            try:
                return json.loads(get(listen, path))["data"]
            except (urllib.error.URLError, ConnectionError):
                return None

        def value(expression):
            data = query("/api/v1/query?query=" + urllib.parse.quote(expression))
            return float(data["result"][0]["value"][1]) if data and data["result"] else 0

        wait_for("a scrape", lambda: value('up{job="vipgate"}'))
        wait_for("packets", lambda: value("vipgate_rx_packets_total"))
        rules = wait_for("all rules evaluated", lambda: [
            rule for group in (query("/api/v1/rules") or {"groups": []})["groups"]
            for rule in group["rules"] if rule["health"] != "unknown"])
        self.assertEqual([rule["name"] for rule in rules if rule["health"] != "ok"], [])
        for title, expression in dashboard():
            self.assertIsNotNone(query("/api/v1/query?query=" + urllib.parse.quote(expression)), title)
        names = {name.split("{")[0] for name in self.samples()}
        # Told only while there is such a thing: a cluster, a store, a resolver.
        absent = re.compile("vipgate_(mesos_|store_|dns_resolvers)")
        shown = dashboard() + [(rule["name"], rule["query"]) for rule in rules]
        for title, expression in shown:
            for name in re.findall(r"vipgate_\w+", expression):
                if not absent.match(name):
                    self.assertIn(name, names, title)


class TellsOfFloods(DaemonTest):
    """A SYN flood through a port, until it is told of; then none."""

    def setUp(self):
        super().setUp()
        self.api = free_port()
        self.port = self.feed("edge.pcap")
        config = self.write_config([self.edge(), self.cluster()])
        write_pcap(self.path("cluster.pcap"), [], BURST)
        with open(config, encoding="utf-8") as file:
            text = file.read().replace("flows_per_worker: 4096", "flows_per_worker: 1024")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'{text}rest: {{ listen: ["127.0.0.1:{self.api}"] }}\nstore: none\n')
        self.daemon = self.enterContext(Daemon(config))
        self.daemon.wait_for(r" ready: ")

    def follow_events(self):
        """A queue of (type, members), and what ends it."""
        reply = urllib.request.urlopen(f"http://127.0.0.1:{self.api}/api/v1/events",
                                       timeout=SECONDS)
        events = queue.Queue()

        def read():
            kind = ""
            try:
                for line in reply:
                    name, _, value = line.decode().rstrip().partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        events.put((kind, json.loads(value)))
            except (OSError, http.client.HTTPException):
                pass  # the daemon has been killed

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.addCleanup(reader.join)
        # Which ends the stream. Its worker waits in the driver for packets, so it would not stop.
        self.addCleanup(self.daemon.process.kill)
        return events

    def send(self, batch):
        self.port.send(batch)
        sent = len(self.port.sent)
        self.daemon.wait_until(lambda now: now.get("rx_packets", 0) >= sent)

    def test_one_event_begins_it_one_ends_it_and_the_limit_is_near(self):
        events = self.follow_events()
        seen, clients = [], itertools.count()

        def drain(of):
            while not events.empty():
                seen.append(events.get())
            return [members for kind, members in seen if kind == of]

        deadline = time.monotonic() + SECONDS
        while not drain("flood") or not drain("limit"):
            self.assertLess(time.monotonic(), deadline, seen)
            self.send([frame(tcp(f"100.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}", 2000, VIP, 90,
                                 0, SYN)) for i in itertools.islice(clients, 4 * BURST)])
        begun = drain("flood")[0]
        self.assertEqual((begun["what"], begun["state"]), ("flows", "begun"), begun)
        self.assertGreater(begun["per_s"], 10)
        self.assertGreaterEqual(begun["seconds"], 2)
        self.assertEqual(drain("limit")[0]["what"], "flows_per_worker")
        self.assertEqual(drain("limit")[0]["state"], "near")
        self.assertIn("of room for 1024;", begun["detail"])
        wait_for("the event that ends it", lambda: len(drain("flood")) > 1)
        over = drain("flood")[1:]
        self.assertEqual([event["state"] for event in over], ["over"], over)
        self.assertGreaterEqual(over[0]["count"], begun["count"])

    def test_tables_questions_and_drops_are_told_by_worker_type_and_port(self):
        asked = filled([frame(udp("100.64.1.1", 4000, DNS, 53, dns_query(f"web.{ZONE}", kind)))
                        for kind in QUESTION_TYPES.values() for _ in range(3)])
        self.send(asked)
        self.send([NOT_SERVED] * BURST)
        syns = [frame(tcp(f"100.64.2.{i}", 2000, VIP, port_, 0, SYN))
                for port_ in (80, 90) for i in range(BURST)]
        self.send(syns)

        def page():
            # The worker tells its tables' sizes when time has passed and it has something to do.
            self.send([NOT_SERVED] * BURST)
            return dict(line.rsplit(" ", 1) for line in get(self.api, "/metrics").splitlines()
                        if not line.startswith("#"))

        def flows(table, now):
            return float(now[f'vipgate_worker_table_entries{{worker="0",table="{table}",'
                             'family="ipv4"}'])

        pool = '{pool="10.9.1.100"}'
        # Of pools and tables what is counted in rounds comes a little later.
        now = wait_for("the tables' sizes", lambda: (
            found := page(), flows("nat_records", found) == BURST
            and float(found.get("vipgate_snat_pool_flows" + pool, 0)) == BURST and found)[1])
        self.assertEqual(flows("snat_records", now), BURST)
        self.assertEqual(flows("flows", now), 3 * BURST)
        room = 'vipgate_worker_table_capacity{worker="0",table="nat_records",family="ipv4"}'
        self.assertEqual(float(now[room]), 1024)
        self.assertEqual(float(now['vipgate_table_capacity{table="flows_per_worker"}']), 1024)
        for name in QUESTION_TYPES:
            self.assertEqual(now[f'vipgate_dns_questions_total{{type="{name}"}}'], "3", name)
        self.assertEqual(float(now["vipgate_snat_pool_ports" + pool]), 2 * (65535 - 1024 + 1))
        self.assertEqual(float(now["vipgate_snat_pool_flows" + pool]), BURST)
        self.assertLess(BURST // 2, float(now["vipgate_snat_pool_busiest_real_flows" + pool]))
        dropped = sum(float(value) for name, value in now.items()
                      if name.startswith("vipgate_dropped_packets_total{"))
        self.assertGreaterEqual(dropped, 2 * BURST)

        def drops(of, reason=""):
            start = f"vipgate_{of}" + (f',reason="{reason}"' if reason else "")
            return sum(float(value) for name, value in now.items() if name.startswith(start))

        self.assertEqual(drops('port_dropped_packets_total{port="edge"'), dropped)
        self.assertEqual(drops('worker_dropped_packets_total{worker="0"'), dropped)
        self.assertEqual(drops('port_dropped_packets_total{port="cluster"'), 0)
        total = 'vipgate_dropped_packets_total{reason="'
        for name in (name for name in now if name.startswith(total)):
            reason = name[len(total):-2]
            self.assertEqual(drops('worker_dropped_packets_total{worker="0"', reason),
                             float(now[name]), reason)
        self.assertLess(0, float(now['vipgate_table_capacity{table="packet_buffers"}']))
        for table in ("fragments", "held_fragments", "dns_rates"):
            labels = f'{{worker="0",table="{table}",family="both"}}'
            self.assertLess(0, float(now["vipgate_worker_table_capacity" + labels]), table)
        for table in ("fragments_per_worker", "dns_rates_per_worker", "service_numbers",
                      "real_numbers", "flow_ids_ipv4", "flow_ids_ipv6", "rest_connections",
                      "drains", "host_names", "dns_zones"):
            self.assertLess(0, float(now[f'vipgate_table_capacity{{table="{table}"}}']), table)


class StoppedThread:
    """One thread of a process stands still inside the block; the others go on (ptrace(2))."""

    SEIZE, INTERRUPT, DETACH, WAIT_ALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid, name):
        names = {thread: self.name(pid, thread) for thread in os.listdir(f"/proc/{pid}/task")}
        self.thread = next((int(thread) for thread in names if name in names[thread]), None)
        if self.thread is None:
            raise AssertionError(f"no thread {name!r} among {sorted(names.values())}")
        self.libc = ctypes.CDLL(None, use_errno=True)

    @staticmethod
    def name(pid, thread):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as file:
            return file.read().strip()

    def trace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    def __enter__(self):
        self.trace(self.SEIZE)
        self.trace(self.INTERRUPT)
        os.waitpid(self.thread, self.WAIT_ALL)
        return self

    def __exit__(self, *_):
        self.trace(self.DETACH)


class FeedsTheWatchdog(DaemonTest):
    def test_it_is_fed_but_while_a_worker_stands_still(self):
        path = self.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(SECONDS)
            os.environ["NOTIFY_SOCKET"] = path
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            with Daemon(self.config_with_load("config.yaml")) as daemon:
                seen = []
                while seen.count("WATCHDOG=1") < 3 or "READY=1" not in seen:
                    seen += manager.recv(4096).decode().split("\n")
                with StoppedThread(daemon.process.pid, "rte-worker"):
                    daemon.wait_for("a worker does not advance")
                    manager.settimeout(0)
                    with self.assertRaises(BlockingIOError):
                        while True:  # what came before
                            manager.recv(4096)
                    manager.settimeout(2.5)
                    with self.assertRaises(TimeoutError):
                        manager.recv(4096)
                manager.settimeout(SECONDS)
                daemon.wait_for("all workers advance again")
                while "WATCHDOG=1" not in manager.recv(4096).decode().split("\n"):
                    pass


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
