#!/usr/bin/env python3
"""What no client should do to the API of a real daemon, all of it at once too: others are answered,
memory is bounded and the daemon lives. VIPGATED names the binary.

Exit status 77: this machine cannot run it."""

import contextlib
import os
import re
import resource
import socket
import sys
import threading
import unittest

import api_malice
from api_client import SERVICES, ApiClient
from api_malice import CLOSED
from daemon_process import SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from gateway import CPUS, FEW, MANY

ADMIN = "admin-token-0123456789"
AUTHORIZATION = f"Authorization: Bearer {ADMIN}"
BODY_MB = 2
IDLE, SLOW, PARALLEL, LARGE = 1000, 1000, 100, 40
# What 2,000 connections, two bodies of BODY_MB as trees and the answers to all may take.
GROWTH_MB = 300


def exchange(port, data):
    """What comes back for the bytes until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        with contextlib.suppress(OSError):  # it was refused before all of it was taken
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionError):
            while block := connection.recv(65536):
                received += block
    return received


def statuses(received):
    return [int(each) for each in re.findall(rb"^HTTP/1\.1 (\d{3}) ", received, re.MULTILINE)]


class AbuseOfTheApi(DaemonTest):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.api = free_port()
        tokens = self.path("tokens")
        with open(tokens, "w", encoding="utf-8") as file:
            file.write(f"admin {ADMIN} eve\n")
        os.chmod(tokens, 0o600)
        config = self.config_with_load("config.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read().replace(FEW, MANY)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text + f'rest: {{ listen: ["127.0.0.1:{self.api}"], tokens_file: {tokens}, '
                       f'body_mb: {BODY_MB} }}\nstore: "sqlite:{self.path("state.db")}"\n')
        self.daemon = self.enterContext(Daemon(config))
        self.daemon.wait_for(r" ready: ")
        self.good = self.enterContext(ApiClient(self.api))

    def ask(self, method, target, document=None, client=None, **headers):
        reply = (client or self.good).ask(method, target, document,
                                          {"Authorization": f"Bearer {ADMIN}"} | headers)
        return reply

    def tag(self):
        reply = self.ask("GET", SERVICES)
        self.assertEqual(reply.status, 200)
        return reply.headers["ETag"]

    def resident_mb(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+) kB", file.read()).group(1)) >> 10

    def work_as_usual(self, rounds, number=1):
        """What every other client may go on doing."""
        document = {"name": f"good-{number}", "vip": f"11.6.0.{number}", "port": 80, "reals": []}
        target = f"{SERVICES}/11.6.0.{number}:80:tcp"
        with ApiClient(self.api) as client:
            for _ in range(rounds):
                for method, path, sent, expected in (
                        ("GET", "/healthz", None, 200), ("POST", SERVICES, document, 201),
                        ("GET", target, None, 200), ("PUT", target, document, 200),
                        ("DELETE", target, None, 200)):
                    reply = self.ask(method, path, sent, client)
                    self.assertEqual((method, path, reply.status), (method, path, expected),
                                     reply.text)

    def test_what_is_no_request_is_refused_once_and_ends_the_connection(self):
        before = self.tag()
        for what, data, expected in api_malice.requests(AUTHORIZATION):
            with self.subTest(what=what):
                said = statuses(exchange(self.api, data)) or [CLOSED]
                self.assertEqual(len(said), 1, "the rest was taken for a request")
                self.assertIn(said[0], expected)
                self.assertEqual(self.ask("GET", "/healthz").text, "ok\n")
        self.assertEqual(self.tag(), before)

    def test_targets_are_what_they_say_or_nothing(self):
        for target, expected in api_malice.TARGETS:
            with self.subTest(target=target):
                data = api_malice.request(f"GET {target} HTTP/1.1", AUTHORIZATION,
                                          "Connection: close")
                self.assertEqual(statuses(exchange(self.api, data)), [expected])

    def test_requests_in_a_row_are_answered_until_the_first_that_is_none(self):
        data = b"".join(api_malice.request(f"GET /{i} HTTP/1.1") for i in range(500))
        data += b"junk\r\n\r\n" + api_malice.request("GET /healthz HTTP/1.1")
        self.assertEqual(statuses(exchange(self.api, data)), [404] * 500 + [400])

    def test_documents_that_are_none_change_nothing(self):
        before = self.tag()
        cases = [("json", *case) for case in api_malice.json_documents()]
        cases += [("yaml", *case) for case in api_malice.yaml_documents()]
        for kind, what, data in cases:
            for method, target in (("PUT", SERVICES), ("POST", SERVICES),
                                   ("PUT", SERVICES + "/11.9.9.9:80:tcp")):
                with self.subTest(kind=kind, what=what, method=method, target=target):
                    sent = api_malice.request(
                        f"{method} {target} HTTP/1.1", AUTHORIZATION, "Connection: close",
                        f"Content-Type: application/{kind}", f"Content-Length: {len(data)}",
                        body=data)
                    said = statuses(exchange(self.api, sent))
                    self.assertEqual(len(said), 1)
                    self.assertIn(said[0], {400, 409, 422})
        self.assertEqual(self.tag(), before)

    def large(self, announced, sent, *headers):
        """Announces a body and sends so much of it; what is answered, while it is awaited."""
        head = api_malice.put(f"Content-Length: {announced}", *headers)
        return exchange(self.api, head + b" " * sent)

    def test_a_body_that_is_refused_is_not_read_and_its_client_learns_why(self):
        limit = BODY_MB << 20
        self.assertEqual(statuses(self.large(limit, 0)), [401], "before the body comes")
        self.assertEqual(statuses(self.large(limit, limit)), [401])
        self.assertEqual(statuses(self.large(8 * limit, 8 * limit, AUTHORIZATION)), [413])
        self.assertEqual(statuses(self.large(limit, 0, AUTHORIZATION, "Expect: 100-continue")), [100])
        self.assertEqual(statuses(self.large(limit + 1, 0, AUTHORIZATION, "Expect: 100-continue")),
                         [413])
        refused = api_malice.request("DELETE /hidden HTTP/1.1", AUTHORIZATION, "Content-Length: 99")
        self.assertEqual(statuses(exchange(self.api, refused)), [404])

    def test_bodies_that_never_end_leave_room_for_short_ones(self):
        head = api_malice.put(AUTHORIZATION, f"Content-Length: {BODY_MB << 20}")
        held = [self.enterContext(socket.create_connection(("127.0.0.1", self.api), SECONDS))
                for _ in range(5)]
        refused = b""
        for connection in held:
            connection.sendall(head + b" " * ((BODY_MB << 20) - 10))
        for connection in held:
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                refused += connection.recv(4096)
        self.assertGreater(len(statuses(refused)), 0)
        self.assertEqual(set(statuses(refused)), {503})
        self.work_as_usual(3)

    def test_all_of_it_at_once_costs_no_other(self):
        self.work_as_usual(1)
        before = self.resident_mb()
        stop, problems = threading.Event(), []

        def until_stop(abuse):
            while not stop.is_set():
                try:
                    abuse()
                except (OSError, AssertionError) as error:
                    problems.append(error)

        hostile = [data for _, data, _ in api_malice.requests(AUTHORIZATION)]
        documents = [api_malice.put(AUTHORIZATION, f"Content-Length: {len(data)}", body=data)
                     for _, data in api_malice.json_documents()]

        def send_all(each):
            for data in each:
                if not stop.is_set():
                    exchange(self.api, data)

        connections = []
        for number in range(IDLE + SLOW):
            connections.append(self.enterContext(
                socket.create_connection(("127.0.0.1", self.api), SECONDS)))
            if number >= IDLE:
                connections[-1].sendall(b"GET /healthz HTTP/1.1\r\nHo")

        def crawl():
            for connection in connections[IDLE:]:
                if stop.wait(0.001):
                    return
                with contextlib.suppress(OSError):  # its time is over: it was closed
                    connection.sendall(b"x")

        def take_nothing():
            with socket.create_connection(("127.0.0.1", self.api), SECONDS) as connection:
                connection.sendall(api_malice.request(f"GET {SERVICES} HTTP/1.1", AUTHORIZATION) * 50)
                stop.wait(0.1)

        abuses = [lambda: send_all(hostile), lambda: send_all(documents), crawl, take_nothing,
                  lambda: self.large(8 << 20, 8 << 20, AUTHORIZATION),
                  lambda: self.large(BODY_MB << 20, BODY_MB << 19, AUTHORIZATION)]
        threads = [threading.Thread(target=until_stop, args=(abuse,)) for abuse in abuses]
        for thread in threads:
            thread.start()
        try:
            workers = [threading.Thread(
                target=lambda number=number: self.collect(problems, number))
                for number in range(2, PARALLEL + 2)]
            for worker in workers:
                worker.start()
            self.work_as_usual(20)
            for worker in workers:
                worker.join()
            highest = self.resident_mb()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])
        self.assertLess(highest - before, GROWTH_MB)
        self.assertIsNone(self.daemon.process.poll())
        self.work_as_usual(1)
        self.assert_stops(self.daemon)

    def collect(self, problems, number):
        try:
            self.work_as_usual(1, number)
        except (OSError, AssertionError) as error:
            problems.append(error)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
