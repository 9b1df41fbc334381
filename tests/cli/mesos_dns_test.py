#!/usr/bin/env python3
"""The real daemon tells by HTTP what Mesos-DNS tells: mesos_dns_test.py [CLASS].

Mesos-DNS' own records of its test's cluster are the measure. VIPGATED names the binary. Exit status
77: this machine cannot run it."""

import collections
import http.client
import http.server
import json
import os
import random
import re
import sys
import threading
import unittest
import urllib.parse

from daemon_process import SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from gateway import CPUS, DNS, DNS6, VIP, VIP6, ZONE
from managers_test import wait_for

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")
SECRET = "sesame-that-nobody-may-see"
BLANK_HOST = [{"host": "", "ip": ""}]
BLANK_SERVICE = [{"service": "", "host": "", "ip": "", "port": ""}]


class StandIn:
    """A master that has no stream and tells the test's state, once it is let."""

    def __init__(self, test, is_telling=True):
        with open(os.path.join(DATA, "mesos-dns-fake.json"), encoding="utf-8") as file:
            self.state = json.load(file)
        self.telling = threading.Event()
        self.asked = threading.Event()
        if is_telling:
            self.telling.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_error(404)

            def do_GET(self):
                outer.asked.set()
                outer.telling.wait()
                body = json.dumps(outer.state).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        # Mesos-DNS was told so, and takes the leader to be where it found it.
        self.state["leader"] = f"master@127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.end)

    def end(self):
        self.telling.set()
        self.server.shutdown()
        self.server.server_close()

    def records(self):
        """What Mesos-DNS made of it: (name, type, value) each, with our addresses for its own."""
        with open(os.path.join(DATA, "mesos-dns-fake.records.tsv"), encoding="utf-8") as file:
            rows = {tuple(line.rstrip("\n").split("\t")) for line in file}
        rows -= {("ns1.mesos.", "A", "127.0.0.1")}
        rows |= {("ns1.mesos.", "A", DNS), ("ns1.mesos.", "AAAA", DNS6)}
        return {(name, kind, value.replace("leader.mesos.:15050", f"leader.mesos.:{self.port}"))
                for name, kind, value in rows}

    def task_records(self):
        """Those that a task has, not the cluster itself."""
        frameworks = {"leader", "master", "slave", "ns1"}
        frameworks |= {f"master{i}" for i in range(9)}
        frameworks |= {re.sub(r"[^a-z0-9.-]", "", framework["name"].lower())
                       for framework in self.state["frameworks"]}
        own = {f"{name}.mesos." for name in frameworks} | {
            "_leader._tcp.mesos.", "_leader._udp.mesos.", "_slave._tcp.mesos."}
        return {row for row in self.records()
                if row[0] not in own and not row[0].startswith("_framework._tcp.")}


class MesosDnsTest(DaemonTest):
    LISTEN = '"127.0.0.1:{port}"'
    OPTIONS = ""

    def begin(self, is_telling=True):
        self.master = StandIn(self, is_telling)
        self.port = free_port()
        with open(self.path("secret"), "w", encoding="utf-8") as file:
            file.write(SECRET)
        os.chmod(self.path("secret"), 0o600)
        config = self.config_with_load("config.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("dns_names: 64", "dns_names: 4096")
        text = text.replace("services: true }]", "services: true }, { name: mesos }]")
        text += (f'rest: {{ mesos_dns_listen: [{self.LISTEN.format(port=self.port)}]{self.OPTIONS} }}\n'
                 'store: none\n'
                 f'mesos: [{{ masters: ["127.0.0.1:{self.master.port}"], poll_s: 1,\n'
                 '           auth: { type: basic, principal: vipgate,'
                 f' secret_file: {self.path("secret")} }} }}]\n')
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        self.daemon = self.enterContext(Daemon(config))
        self.daemon.wait_for(r" ready: ")
        if is_telling:
            self.wait_for_records()

    def wait_for_records(self):
        """What is known by a host's name alone comes when that is looked up, after the others."""
        wait_for("the cluster's state", lambda: self.ask("/v1/axfr")[0] == 200)
        wait_for("all records",
                 lambda: set(rows_of_axfr(self.told("/v1/axfr"))) == self.master.records())

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        self.addCleanup(connection.close)
        return connection

    def ask(self, target, method="GET", headers=(), body=None, connection=None):
        """Status, headers and text of the answer."""
        connection = connection or self.connect()
        connection.request(method, target, body, dict(headers))
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()

    def told(self, target):
        status, headers, text = self.ask(target)
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"), text)
        return json.loads(text)


def named(name):
    return urllib.parse.quote(name, safe="")


def rows_of_axfr(axfr):
    return [(name, kind, value)
            for kind, by_name in (("A", "As"), ("AAAA", "AAAAs"), ("SRV", "SRVs"))
            for name, values in axfr["Records"][by_name].items() for value in values]


class TellsWhatMesosDnsTells(MesosDnsTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def test_axfr_has_exactly_its_records(self):
        axfr = self.told("/v1/axfr")
        self.assertEqual(list(axfr), ["TTL", "Serial", "RefreshSeconds", "Mname", "Rname", "Domain",
                                      "Records"])
        self.assertEqual((axfr["TTL"], axfr["RefreshSeconds"], axfr["Mname"], axfr["Rname"],
                          axfr["Domain"]), (5, 1, "ns1.mesos.", "root.ns1.mesos.", "mesos"))
        self.assertGreater(axfr["Serial"], 0)
        rows = rows_of_axfr(axfr)
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual(set(rows), self.master.records())
        self.assertEqual(self.told("/v1/axfr?domain=mesos"), axfr)
        self.assertEqual(self.ask("/v1/axfr?domain=other")[0], 404)

    def test_enumerate_has_exactly_the_records_of_tasks_each_once(self):
        frameworks = self.told("/v1/enumerate")["frameworks"]
        self.assertEqual(sorted(framework["name"] for framework in frameworks),
                         sorted(framework["name"] for framework in self.master.state["frameworks"]))
        rows = [(record["name"], record["rtype"], record["host"])
                for framework in frameworks for task in framework["tasks"]
                for record in task["records"]]
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual(set(rows), self.master.task_records())
        def tasks(told, state):
            return sorted((task["id"], task["name"], framework["name"]) for framework in told
                          for task in framework["tasks"] if task.get("state", state) == state)
        # Two of them have one id.
        self.assertEqual(tasks(frameworks, "TASK_RUNNING"),
                         tasks(self.master.state["frameworks"], "TASK_RUNNING"))

    def test_each_host_and_each_service_is_found(self):
        addresses, targets = collections.defaultdict(set), collections.defaultdict(set)
        for name, kind, value in self.master.records():
            (targets if kind == "SRV" else addresses)[name].add(value)
        connection = self.connect()
        for name, expected in addresses.items():
            for asked in (name, name.rstrip("."), name.upper(), name.replace(".", ".*.", 1)):
                text = self.ask(f"/v1/hosts/{named(asked)}", connection=connection)[2]
                self.assertEqual({(row["host"], row["ip"]) for row in json.loads(text)},
                                 {(name, ip) for ip in expected}, asked)
        for name, expected in targets.items():
            asked = name.rstrip(".").title()
            text = self.ask(f"/v1/services/{named(asked)}", connection=connection)[2]
            # One address of each family that the target has.
            wanted = sorted((asked, target, port, is_v6)
                            for target, port in (value.rsplit(":", 1) for value in expected)
                            for is_v6 in {":" in ip for ip in addresses[target]})
            rows = json.loads(text)
            self.assertEqual(sorted((row["service"], row["host"], row["port"], ":" in row["ip"])
                                    for row in rows), wanted or [("", "", "", False)], asked)
            for row in rows:
                self.assertIn(row["ip"], addresses[row["host"]] or {""})

    def test_what_is_not_there_is_a_blank_object(self):
        label = "x" * 63
        nothing = ["absent.marathon.mesos", "example.com", "mesos", ".", "..", ".*", "a..b.mesos",
                   "*", f"{label}x.mesos", ".".join([label] * 4) + ".mesos", "a\0b.mesos", "\0",
                   "a b.mesos", "\\", "\\0", "\\300.mesos", "a/b.mesos", "%2f", "%00", "ä.mesos",
                   "<script>.mesos", "'; DROP TABLE records; --", "../../v1/config", "\r\n.mesos"]
        connection = self.connect()
        for name in nothing:
            for path, blank in (("hosts", BLANK_HOST), ("services", BLANK_SERVICE)):
                status, _, text = self.ask(f"/v1/{path}/{named(name)}", connection=connection)
                self.assertEqual((status, json.loads(text)), (200, blank), name)

    def test_any_octets_as_a_name_are_answered(self):
        generator = random.Random(5)
        connection = self.connect()
        for _ in range(1000):
            octets = generator.randbytes(generator.randrange(1, 300))
            path = generator.choice(("hosts", "services"))
            target = f"/v1/{path}/" + "".join(f"%{octet:02X}" for octet in octets)
            status, _, text = self.ask(target, connection=connection)
            self.assertEqual(status, 200, target)
            self.assertIn(json.loads(text), (BLANK_HOST, BLANK_SERVICE))

    def test_only_get_is_answered_and_only_what_is_known(self):
        paths = ["version", "config", "hosts/nginx.marathon.mesos", "services/_nginx", "axfr",
                 "enumerate", "vips", "records", "hosts/x/ports"]
        for path in paths:
            for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                status, headers, text = self.ask("/v1/" + path, method)
                self.assertEqual((status, headers["Allow"]), (405, "GET"), (method, path))
                self.assertEqual(text, "" if method == "HEAD" else "405: Method Not Allowed")
        for path in ("/", "/v1", "/v1/", "/v2/axfr", "/v1/hosts", "/v1/hosts/", "/v1/hosts//ports",
                     "/v1/Axfr", "/v1/axfr/x", "/api/v1", "/metrics", "/healthz", "//v1/axfr"):
            status, headers, text = self.ask(path)
            self.assertEqual((status, text), (404, "404: Page Not Found"), path)
            self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(self.ask("/v1/version/")[0], 200)
        status, _, text = self.ask("/v1/hosts/x/ports")
        self.assertEqual((status, text), (501, "To be implemented..."))
        self.assertEqual(self.ask("/v1/hosts/%zz")[0], 400)

    def test_who_does_not_accept_json_is_told_so(self):
        for accept in ("text/html", "application/xml, text/*;q=0.5", "application/jsonp"):
            status, _, text = self.ask("/v1/version", headers={"Accept": accept})
            self.assertEqual((status, text), (406, "406: Not Acceptable"), accept)
        for accept in ("*/*", "application/json", "text/html, application/json;q=0.9",
                       "text/html ,\t*/*;q=0.1"):
            self.assertEqual(self.ask("/v1/version", headers={"Accept": accept})[0], 200, accept)

    def test_it_is_printed_as_mesos_dns_prints_it(self):
        text = self.ask("/v1/hosts/absent.mesos")[2]
        self.assertEqual(text, '[\n {\n  "host": "",\n  "ip": ""\n }\n]\n')
        version = self.told("/v1/version")
        self.assertEqual(list(version), ["Service", "URL", "Version"])
        self.assertEqual(version["Service"], "Mesos-DNS")
        self.assertRegex(version["Version"], r"^vipgate \d")

    def test_the_configuration_is_told_without_secrets(self):
        config = self.told("/v1/config")
        self.assertNotIn(SECRET, json.dumps(config))
        self.assertEqual(config["MesosCredentials"], {"Principal": "vipgate", "Secret": "******"})
        self.assertEqual((config["Domain"], config["HttpPort"], config["Masters"], config["Zk"]),
                         ("mesos", self.port, [f"127.0.0.1:{self.master.port}"], ""))
        self.assertEqual(config["IPSources"], ["netinfo", "mesos", "host"])
        self.assertEqual(config["SOASerial"], self.told("/v1/axfr")["Serial"])
        self.assertEqual((config["EnumerationOn"], config["ExternalOn"]), (True, False))

    def test_vips_are_those_with_their_backends_and_a_tag_spares_them(self):
        vips = {(vip["vip"], vip["protocol"]): {(b["ip"], b["port"]) for b in vip["backend"]}
                for vip in self.told("/v1/vips")}
        self.assertEqual(vips[f"web.{ZONE}:80", "tcp"],
                         {("10.9.1.11", 8080), ("10.9.1.12", 8081), ("fd09:1::11", 8080),
                          ("fd09:1::12", 8081)})
        self.assertEqual(vips[f"empty.{ZONE}:91", "udp"], set())
        status, headers, text = self.ask("/v1/vips")
        tag = headers["ETag"]
        self.assertEqual(status, 200)
        for known in (tag, f'"other", W/{tag}', "*"):
            status, headers, text = self.ask("/v1/vips", headers={"If-None-Match": known})
            self.assertEqual((status, headers["ETag"], text), (304, tag, ""), known)
        self.assertEqual(self.ask("/v1/vips", headers={"If-None-Match": '"other"'})[0], 200)
        connection = self.connect()  # which goes on behind an answer without a body
        headers = {"If-None-Match": tag}
        self.assertEqual([self.ask("/v1/vips", headers=headers, connection=connection)[0]
                          for _ in range(3)], [304] * 3)
        self.assertNotIn(f"{VIP}:80", dict(vips))

    def test_records_are_those_of_all_zones_without_the_final_dot(self):
        rows = {(row["name"], row["rtype"], row["host"]) for row in self.told("/v1/records")}
        expected = {(name.rstrip("."), kind, value.replace(".:", ":"))
                    for name, kind, value in self.master.records()}
        self.assertLess(expected, rows)
        self.assertIn((f"web.{ZONE}", "AAAA", VIP6), rows)
        self.assertIn((f"_web._tcp.{ZONE}", "SRV", f"web.{ZONE}:80"), rows)
        others = {name for name, _, _ in rows - expected}
        self.assertTrue(all(name.endswith(ZONE) for name in others), others)

    def test_very_many_who_ask_at_the_same_time_are_told_the_same(self):
        answers, count = [], 60
        def take():
            answer = self.ask("/v1/axfr")
            while answer[0] == 503 and "ask again" in answer[2]:
                answer = self.ask("/v1/axfr")
            answers.append(answer)
        threads = [threading.Thread(target=take) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({(status, text) for status, _, text in answers},
                         {(200, answers[0][2])})
        self.assertEqual(len(answers), count)

    def test_what_is_too_long_and_other_hosts_are_refused(self):
        self.assertEqual(self.ask("/v1/hosts/" + "a" * 20_000)[0], 431)
        connection = self.connect()
        connection.putrequest("GET", "/v1/version")
        connection.putheader("Content-Length", "70000")
        connection.endheaders()
        self.assertEqual(connection.getresponse().status, 413)
        self.assertEqual(self.ask("/v1/version", headers={"Host": "evil.example"})[0], 403)


class WaitsForTheCluster(MesosDnsTest):
    def test_until_it_has_told_all_nothing_is_said_to_be_missing(self):
        self.begin(is_telling=False)
        self.assertTrue(self.master.asked.wait(SECONDS))
        for path in ("axfr", "enumerate", "vips", "records", "hosts/nginx.marathon.mesos",
                     "services/_nginx._tcp.marathon.mesos"):
            status, headers, text = self.ask("/v1/" + path)
            self.assertEqual((status, headers["Retry-After"]), (503, "1"), path)
        self.assertEqual(self.told("/v1/hosts/example.com"), BLANK_HOST)
        self.assertEqual(self.told(f"/v1/hosts/plain.{ZONE}")[0]["ip"], VIP)
        self.master.telling.set()
        self.wait_for_records()


class TellsOfSingleNamesAlone(MesosDnsTest):
    OPTIONS = ", enumeration: false, plaintext: true"

    def begin(self, is_telling=True):
        super().begin(is_telling=False)
        self.master.telling.set()

    def test_lists_are_not_found_and_any_host_may_be_named(self):
        self.begin()
        wait_for("the cluster's state",
                 lambda: self.ask("/v1/hosts/nginx.marathon.mesos")[0] == 200)
        for path in ("axfr", "enumerate", "vips", "records"):
            self.assertEqual(self.ask("/v1/" + path)[0], 404, path)
        self.assertFalse(self.told("/v1/config")["EnumerationOn"])
        self.assertEqual(self.ask("/v1/version", headers={"Host": "gateway.example:8123"})[0], 200)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("two CPUs are needed")
        sys.exit(77)
    unittest.main()
