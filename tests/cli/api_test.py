#!/usr/bin/env python3
"""The real daemon answers as config/openapi.yaml says. VIPGATED names the binary.

Exit status 77: this machine cannot run it."""

import collections
import contextlib
import http.client
import json
import os
import re
import sys
import unittest
import urllib.parse

import yaml
from jsonschema import Draft202012Validator

from daemon_process import SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from gateway import CPUS, VIP, VIP6, ZONE
from managers_test import wait_for

DESCRIPTION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../config/openapi.yaml")
METHODS = ("post", "put", "get", "delete")  # in the order of what they make
SCHEMA = os.path.join(os.path.dirname(DESCRIPTION), "vipgate.schema.json")
# In the order of their VIPs.
EVERY_KEY = """
services:
  - name: every
    vip: 11.1.1.90
    port: 80
    protocol: tcp
    mode: fullnat
    snat_pool: default
    maglev_rows: 4093
    no_real: { fallback: spare }
    hash: source
    client_address: toa
    affinity: source
    allow_sources: [100.64.0.0/10]
    deny_sources: [192.0.2.0/24]
    new_flows_per_s: 1000
    max_connections: 5000
    slow_start_s: 10
    track: always
    prefer: none
    spill_below_percent: 40
    timeouts:
      tcp_embryonic_s: 5
      tcp_established_s: 600
      tcp_closing_s: 5
      udp_s: 30
      udp_one_way_s: 5
      drain_s: 20
      affinity_s: 60
    health:
      type: https
      interval_s: 10
      timeout_ms: 500
      rise: 3
      fall: 4
      port: 8443
      path: /alive
      host: every.test
      status: 200-299
      verify: true
      panic_percent: 30
    reals:
      - { address: 10.9.1.11, port: 8080, weight: 2, region: eu, zone: eu-1 }
  - { name: spare, vip: 11.1.1.91, port: 80, reals: [{ address: 10.9.1.12, port: 8080 }] }
  - name: tunnel
    vip: 11.1.1.92
    port: 8000-8099
    mode: gue
    tunnel_source_ipv4: 172.16.0.0/16
    tunnel_source_ipv6: "fd00:77::/64"
    tunnel_dscp: 10
    gue_variant: 1
    gue_port: 6080
    gue_hops: 0
    gue_zero_checksum: false
    mss_clamp: 1400
    reals: [{ address: 10.9.1.11 }]
  - name: h3
    vip: 11.1.1.93
    port: 443
    protocol: udp
    quic: true
    reals: [{ address: 10.9.1.11, port: 443, quic_id: 7 }]
"""
ADMIN, READER = "admin-token-0123456789", "reader-token-0123456789"
# What this machine's daemon cannot be brought to.
UNSEEN = {"503", "507"}


def body(number):
    return json.dumps({"name": f"n{number}", "vip": f"11.1.1.{number}", "port": 82, "reals": []})


class AnswersAsItSays(DaemonTest):
    def setUp(self):
        super().setUp()
        with open(DESCRIPTION, encoding="utf-8") as file:
            self.spec = yaml.safe_load(file)
        self.api = free_port()
        tokens = self.path("tokens")
        with open(tokens, "w", encoding="utf-8") as file:
            file.write(f"admin {ADMIN} eve\nread {READER} ann\n")
        os.chmod(tokens, 0o600)
        config = self.config_with_load("config.yaml")
        with open(config, "a", encoding="utf-8") as file:
            file.write(f'rest: {{ listen: ["127.0.0.1:{self.api}"], tokens_file: {tokens} }}\n'
                       f'store: "sqlite:{self.path("state.db")}"\n'
                       f'mesos: [{{ masters: ["127.0.0.1:{free_port()}"], domain: {ZONE} }}]\n'
                       f'marathon: [{{ urls: ["http://127.0.0.1:{free_port()}"] }}]\n')
        self.daemon = self.enterContext(Daemon(config))
        self.daemon.wait_for(r" ready: ")
        self.version = self.version_of_dashboard()

    def version_of_dashboard(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.request("GET", "/")
        page = connection.getresponse().read().decode()
        return re.search(r'src="/dashboard/([0-9a-f]+)/main.js"', page)[1]

    def resolved(self, node):
        while "$ref" in node:
            at = self.spec
            for name in node["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            node = at
        return node

    def operations(self):
        """(path, method, operation with the path's parameters) each."""
        for path, item in self.spec["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = dict(item[method])
                    operation["parameters"] = [
                        self.resolved(parameter) for parameter in
                        item.get("parameters", []) + operation.get("parameters", [])]
                    yield path, method, operation

    def ask(self, path, method, operation, token=ADMIN, query=(), body=None, headers=(),
            content_type="application/json", parameters=()):
        """The status, once what came with it was found to be what the operation states for it.

        What is not given is as the examples have it."""
        said = {p["name"]: p["example"] for p in operation["parameters"] if "example" in p}
        said["version"] = self.version
        said.update(parameters)
        names = {place: [p["name"] for p in operation["parameters"] if p["in"] == place]
                 for place in ("path", "query")}
        target = path.format(**{name: urllib.parse.quote(said[name], safe="")
                                for name in names["path"]})
        asked = {name: said[name] for name in names["query"] if name in said} | dict(query)
        if asked:
            target += "?" + urllib.parse.urlencode(asked)
        sent = dict(headers)
        if token:
            sent["Authorization"] = "Bearer " + token
        if "requestBody" in operation:
            content = self.resolved(operation["requestBody"])["content"]
            sent["Content-Type"] = content_type
            if body is None:
                body = json.dumps(content["application/json"]["example"])
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=SECONDS)
        try:
            connection.request(method.upper(), target, body, sent)
            reply = connection.getresponse()
            is_stream = reply.headers["Content-Type"] == "text/event-stream"
            # A capture is no text: one octet, one character.
            text = (reply.readline() if is_stream else reply.read()).decode(
                "latin-1" if reply.headers["Content-Type"] == "application/x-pcapng" else "utf-8")
        finally:
            connection.close()
        self.said = text
        self.check(f"{method} {target}: {reply.status} {text}", operation, reply, text)
        return reply.status

    def check(self, what, operation, reply, text):
        self.assertIn(str(reply.status), operation["responses"], what)
        content = self.resolved(operation["responses"][str(reply.status)])["content"]
        kind = reply.headers["Content-Type"].split(";")[0]
        self.assertIn(kind, content, what)
        schema = {"components": self.spec["components"], **content[kind]["schema"]}
        value = json.loads(text) if kind.endswith(("/json", "+json")) else text
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(value)]
        self.assertEqual(errors, [], what)

    @contextlib.contextmanager
    def watched_by_another(self):
        """While it lasts, somebody follows packets that never come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=SECONDS)
        connection.request("GET", "/api/v1/trace?seconds=3600&source=203.0.113.9",
                           headers={"Authorization": "Bearer " + ADMIN})
        reply = connection.getresponse()
        self.assertEqual(reply.status, 200)
        try:
            yield
        finally:
            reply.close()
            connection.close()
            self.daemon.wait_for("audit: eve: trace ended")

    def test_each_source_and_what_waits_of_clusters_is_told_to_prometheus(self):
        get = {each[2]["operationId"]: each for each in self.operations()}
        self.assertEqual(self.ask(*get["listSources"]), 200, self.said)
        states = {each["id"]: each["state"] for each in json.loads(self.said)["sources"]}
        self.assertEqual(self.ask(*get["metrics"]), 200)
        said = dict(line.rsplit(" ", 1) for line in self.said.splitlines())
        for source, state in states.items():
            self.assertEqual(float(said[f'vipgate_source_in_force{{source="{source}"}}']),
                             float(state == "in_force"), state)
        self.assertLess(0, float(said['vipgate_table_capacity{table="mesos_queue"}']))

    def test_each_route_is_described_and_nothing_else(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1", headers={"Authorization": "Bearer " + READER})
        routes = json.loads(connection.getresponse().read())["routes"]
        self.assertEqual(
            sorted((route["path"], method.lower()) for route in routes
                   for method in route["methods"]),
            sorted((path, method) for path, method, _ in self.operations()))

    def test_each_operation_answers_its_examples_with_what_it_states(self):
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                self.assertEqual(self.ask(path, method, operation) // 100, 2)
        names = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(names), len(set(names)))

    def test_clusters_and_marathons_that_nobody_answers_for_are_told_with_the_reason(self):
        route = next(each for each in self.operations() if each[2]["operationId"] == "listSources")

        def silent():
            self.ask(*route)
            return [source["kind"] for source in json.loads(self.said)["sources"]
                    if source["state"] == "stale" and "refused" in source.get("detail", "")]

        wait_for("both of them", lambda: silent() == ["mesos", "marathon"])

    def test_flows_are_those_that_the_workers_have_whatever_one_asks_by(self):
        path, method, operation = next(
            each for each in self.operations() if each[2]["operationId"] == "listFlows")

        def flows(**query):
            self.assertEqual(
                self.ask(path, method, operation, query={"limit": 1000} | query), 200)
            return json.loads(self.said)

        wait_for("flows", lambda: flows()["matched"] == 100)
        self.assertEqual(  # each has the service and the protocol of its own VIP
            collections.Counter((flow["service"], flow["protocol"], flow["destination"])
                                for flow in flows()["flows"]),
            {("web", "tcp", f"{VIP}:80"): 20, ("web", "tcp", f"[{VIP6}]:80"): 20,
             ("plain", "tcp", f"{VIP}:90"): 20, ("log", "udp", f"{VIP}:514"): 20,
             ("log", "udp", f"[{VIP6}]:514"): 20})
        of_web = {"destination": f"{VIP}:80", "protocol": "tcp"}
        every = flows(**of_web)
        self.assertTrue(every["is_whole"])
        self.assertEqual(len({flow["source"] for flow in every["flows"]}), 20)
        for flow in every["flows"]:
            self.assertIn("snat", flow)
            self.assertLess(flow["idle_ms"], 5000)
        of_real = {}
        for flow in every["flows"]:
            of_real.setdefault(flow["real"], []).append(flow["source"])
        self.assertGreater(len(of_real), 1)
        for real, sources in of_real.items():
            told = flows(real=real, **of_web)
            self.assertEqual(sorted(flow["source"] for flow in told["flows"]), sorted(sources))
            self.assertEqual(flows(real=real.rsplit(":", 1)[0], **of_web)["matched"], len(sources))
        one = every["flows"][0]
        self.assertEqual(flows(source=one["source"], **of_web)["matched"], 1)
        self.assertEqual(flows(source=":" + one["source"].rsplit(":", 1)[1], **of_web)["matched"],
                         sum(flow["source"].split(":")[1] == one["source"].split(":")[1]
                             for flow in every["flows"]))
        self.assertEqual(flows(service=one["service"], protocol=one["protocol"],
                               destination=one["destination"], worker=0)["matched"], 20)
        self.assertEqual(flows(destination="11.0.0.0/8")["matched"], 60)
        self.assertEqual(flows(state=one["state"], **of_web)["matched"],
                         sum(flow["state"] == one["state"] for flow in every["flows"]))
        for nothing in ({"service": "none"}, {"destination": "10.0.0.0/8"}, {"protocol": "sctp"},
                        {"source": "203.0.113.0/24"}, {"destination": ":1"}, {"state": "closing"}):
            self.assertEqual(flows(**nothing)["matched"], 0, nothing)
        few = flows(limit=5, **of_web)
        self.assertEqual((len(few["flows"]), few["matched"], few["is_whole"]), (5, 20, False))
        for name, wrong in (("source", "10.0.0.300"), ("destination", "x"), ("real", "10.0.0.0/8"),
                            ("protocol", "icmp"), ("state", "open"), ("limit", "0"), ("worker", "1")):
            self.assertEqual(self.ask(path, method, operation, query={name: wrong}), 400)
            self.assertIn(name, json.loads(self.said)["detail"])

    def test_each_key_of_a_service_that_the_file_knows_is_taken(self):
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)["properties"]["services"]["items"]
        services = yaml.safe_load(EVERY_KEY)["services"]
        Draft202012Validator(schema["properties"]["timeouts"]).validate(services[0]["timeouts"])
        for service in services:
            Draft202012Validator(schema).validate(service)
        for name in ("", "timeouts", "health"):
            known = schema["properties"][name] if name else schema
            said = set().union(*(service.get(name, {}) if name else service
                                 for service in services))
            self.assertEqual(said, set(known["properties"]), f"{name or 'a service'}'s keys")
        known = schema["properties"]["reals"]["items"]
        said = set().union(*(real for service in services for real in service["reals"]))
        self.assertEqual(said, set(known["properties"]), "a real's keys")
        known = {each[2]["operationId"]: each for each in self.operations()}
        put, get = known["replaceServices"], known["service"]
        self.assertEqual(self.ask(*put, body=json.dumps({"services": services})), 200, self.said)
        plan = json.loads(self.said)
        for service, at in zip(services, plan["added"], strict=True):
            self.assertEqual(self.ask(*get, parameters={"id": at}), 200, self.said)
            self.assertEqual(json.loads(self.said)["document"], service)

    def test_a_page_of_another_site_changes_and_watches_nothing(self):
        known = {each[2]["operationId"]: each for each in self.operations()}
        for name in ("takeOut", "giveBack", "tracePackets", "capturePackets"):
            for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                            {"Sec-Fetch-Site": "cross-site"}):
                self.assertEqual(self.ask(*known[name], headers=headers), 403, self.said)
                self.assertIn("page of another site", json.loads(self.said)["detail"])
        self.daemon.wait_for(r"api: 127.0.0.1: PUT /api/v1/drains/\S+ is refused: .*another site")
        own = {"Origin": f"http://127.0.0.1:{self.api}", "Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.ask(*known["takeOut"], headers=own), 201, self.said)

    def test_changes_are_logged_with_what_was_and_what_is(self):
        known = {each[2]["operationId"]: each for each in self.operations()}
        drain = r'\{"real":"10\.9\.1\.\d+:\d+","since":\d+,"ends":\d+,.*"services":\[.+\]\}'
        for name, query, before, after in (
                ("takeOut", {}, "null", drain),
                ("takeOut", {"deadline_s": "700"}, drain, drain),
                ("giveBack", {}, drain, "null")):
            self.assertEqual(self.ask(*known[name], query=query) // 100, 2, self.said)
            told = self.daemon.wait_for(rf" audit: eve: .* before=({before}) after=({after})$")
            self.assertNotEqual(told[1], told[2])

    def test_refused_credentials_are_logged_without_them(self):
        known = {each[2]["operationId"]: each for each in self.operations()}
        wrong = "wrong-token-0123456789"
        for name, token, expect, said in (
                ("listServices", None, 401, "GET /api/v1/services is refused: it shows no "
                                            "credentials .*peer=127.0.0.1 .*wanted=read "),
                ("replaceServices", wrong, 401, "PUT /api/v1/services is refused: its credentials "
                                                "are not known .*wanted=admin "),
                ("tracePackets", READER, 403, "GET /api/v1/trace is refused: who asks may only "
                                              "read .*who=ann wanted=admin ")):
            self.assertEqual(self.ask(*known[name], token=token), expect, self.said)
            self.daemon.wait_for(said)
        for token in (wrong, READER, ADMIN):
            self.assertNotIn(token, "".join(self.daemon.log))

    def test_each_status_that_is_stated_is_met_and_no_other(self):
        made, other = body(78), body(79)
        leaning = json.dumps(json.loads(other) | {"no_real": {"fallback": "n78"}})
        second = {"id": "11.1.1.79:82:tcp"}
        many = json.dumps({"services": [json.loads(body(i)) for i in range(60)]})  # beside the file's
        nobody, odd = {"real": "10.9.1.99"}, {"real": "x"}
        one, gone = {"id": "11.1.1.78:82:tcp"}, {"id": "11.1.1.99:1:tcp"}
        old = {"If-Match": '"another"'}
        cases = [
            ("makeService", 201, {"body": made}),
            ("makeService", 409, {"body": made}),
            ("makeService", 200, {"body": other, "query": {"dry_run": "true"}}),
            ("setService", 200, {"body": made, "parameters": one}),
            ("setService", 409, {"body": other, "parameters": one}),
            ("setService", 201, {"body": leaning, "parameters": second}),
            ("removeService", 409, {"parameters": one}),
            ("setService", 200, {"body": other, "parameters": second}),
            ("setService", 412, {"body": made, "parameters": one, "headers": old}),
            ("service", 404, {"parameters": gone}),
            ("removeService", 412, {"parameters": one, "headers": old}),
            ("removeService", 404, {"parameters": gone}),
            ("removeService", 400, {"parameters": one, "query": {"dry_run": "1"}}),
            ("removeService", 200, {"parameters": one}),
            ("replaceServices", 412, {"headers": old}),
            ("replaceServices", 409, {"body": many}),
            ("replaceServices", 200, {}),
            ("replaceServices", 422, {"body": '{"services": [{"vip": 7}]}'}),
            ("makeService", 422, {"body": '{"vip": 7}'}),
            ("setService", 422, {"body": '{"vip": 7}'}),
            ("giveBack", 404, {}),
            ("drain", 404, {}),
            ("takeOut", 404, {"parameters": nobody}),
            ("takeOut", 400, {"query": {"deadline_s": "x"}}),
            ("takeOut", 409, {"parameters": {"real": "10.9.1.12"}}),
            ("takeOut", 201, {}),
            ("takeOut", 200, {}),
            ("giveBack", 200, {}),
            ("takeOut", 201, {}),
            ("takeOut", 400, {"parameters": odd}),
            ("drain", 400, {"parameters": odd}),
            ("giveBack", 400, {"parameters": odd}),
            ("askResponder", 400, {"query": {"type": "x"}}),
            ("explainPacket", 400, {"query": {"source": "192.0.2.1"}}),
            ("tracePackets", 400, {"query": {"packets": "0"}}),
            ("capturePackets", 400, {"query": {"port": "none"}}),
            ("tracePackets", 200, {}),
            ("capturePackets", 200, {}),
            ("listRecords", 400, {"query": {"limit": "x"}}),
            ("listRecords", 404, {"query": {"zone": "nope"}}),
            ("listServices", 400, {"query": {"origin": "bogus"}}),
            ("listFlows", 400, {"query": {"source": "x"}}),
            ("listSources", 400, {"query": {"limit": "x"}}),
            ("traffic", 404, {"parameters": {"service": "11.1.1.99:1:tcp"}}),
            ("maglevTable", 404, {"parameters": gone}),
            ("dashboardFile", 404, {"parameters": {"file": "nothing.js"}})]
        for name in ("makeService", "setService", "replaceServices"):
            cases += [(name, 400, {"body": "{"}), (name, 415, {"content_type": "text/plain"})]
        known = {operation["operationId"]: (path, method, operation)
                 for path, method, operation in self.operations()}
        for name, (path, method, operation) in known.items():
            if "401" in operation["responses"]:
                cases.append((name, 401, {"token": None}))
            else:
                cases.append((name, 200, {"token": None}))
            if method == "get" and "403" not in operation["responses"]:
                cases.append((name, 200, {"token": READER, "parameters": {"id": "11.1.1.77:81:tcp"}}))
            else:
                cases.append((name, 403, {"token": READER}))
            if "400" in operation["responses"]:
                cases.append((name, 400, {"query": {"mistyped": "1"}}))
        met = {name: set() for name in known}
        for name in ("tracePackets", "capturePackets"):
            path, method, operation = known[name]
            with self.watched_by_another():
                self.assertEqual(self.ask(path, method, operation), 409, self.said)
            met[name].add("409")
        for name, status, changes in cases:
            with self.subTest(operation=name, **changes):
                self.assertEqual(self.ask(*known[name], **changes), status, self.said)
                met[name].add(str(status))
        for name, (path, method, operation) in known.items():
            self.assertEqual(set(operation["responses"]) - UNSEEN, met[name], name)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
