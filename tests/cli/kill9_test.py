#!/usr/bin/env python3
"""kill -9 at any moment while clients change services and drains through the API: what was answered
with success is there at the next start, and what was not is there wholly or not at all.

VIPGATED and KILL_AT_WRITE (the library of kill_at_write.c) name the binaries. VIPGATE_KILL_ROUNDS:
how often; VIPGATE_KILL_SEED: another course. Exit status 77: this machine cannot run it."""

import contextlib
import glob
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
import unittest
from unittest import mock

from api_client import DRAINS, SERVICES, ApiClient
from daemon_process import SECONDS, Daemon, free_port
from daemon_test import DaemonTest
from gateway import CLUSTER_ADDRESSES, CLUSTER_NEIGHBORS, CPUS, FEW, MANY, port
from kill9_clients import GONE, Batcher, Client, run_until_killed

ROUNDS = int(os.environ.get("VIPGATE_KILL_ROUNDS", "15"))
SEED = int(os.environ.get("VIPGATE_KILL_SEED", "20261128"))
PRELOAD = os.environ.get("KILL_AT_WRITE", "")
CLIENTS, BATCH = 6, 300
LONGEST_S = 0.6  # for the clients, before they lose the daemon


class SurvivesKillNine(DaemonTest):
    def setUp(self):
        super().setUp()
        self.draw = random.Random(SEED)
        self.clients = [Client(i, random.Random(SEED + i)) for i in range(CLIENTS)]
        self.batcher = Batcher(CLIENTS, self.draw, self.clients, BATCH)
        self.everybody = [*self.clients, self.batcher]
        self.store = self.path("state.db")
        self.config = self.write_config([port("one", "net_ring0", CLUSTER_ADDRESSES,
                                              CLUSTER_NEIGHBORS)], served=" []\n")
        self.api = free_port()
        with open(self.config, encoding="utf-8") as file:
            text = file.read().replace(FEW, MANY).replace("memory_mb: 256", "memory_mb: 96")
        with open(self.config, "w", encoding="utf-8") as file:
            # So few addresses that names take each other's.
            file.write(text + 'named_vips: { ipv4: 11.5.0.0/27 }\n'
                              f'rest: {{ listen: ["127.0.0.1:{self.api}"] }}\n'
                              f'store: "sqlite:{self.store}"\n')

    def start(self, kill_at=None):
        """`kill_at`: the call by which the store changes a file that is the last of the daemon."""
        extra = {"LD_PRELOAD": PRELOAD, "KILL_AT_PATH": self.store, "KILL_AT": kill_at}
        with mock.patch.dict(os.environ, extra if kill_at else {}):
            return self.enterContext(Daemon(self.config))

    def kill(self, daemon):
        daemon.send(signal.SIGKILL)
        daemon.process.wait()

    def kill_some_time(self, daemon):
        time.sleep(self.draw.uniform(0, LONGEST_S))  # the moment, which nothing announces
        self.kill(daemon)

    def kill_while_it_starts(self):
        daemon = self.start()
        time.sleep(self.draw.uniform(0, 1))
        self.kill(daemon)

    def one_round(self, number, daemon):
        """The daemon, which serves, is killed while it is asked, in one of the ways."""
        at_write = number % 3 == 1
        asking = [self.batcher] if number % 4 == 2 else self.clients
        if at_write:
            self.kill(daemon)
            how = self.draw.choice(("before", "torn", "after"))
            daemon = self.start(f"{self.draw.randrange(1, 60)} {how}")
            with contextlib.suppress(AssertionError):  # its last call may be of its start
                daemon.wait_for(r" ready: ")
                run_until_killed(asking, self.api, lambda: daemon.process.wait(SECONDS))
        else:
            run_until_killed(asking, self.api, lambda: self.kill_some_time(daemon))
        self.assertEqual(daemon.process.wait(SECONDS), -signal.SIGKILL, "".join(daemon.log))
        for client in asking:
            self.assertEqual(client.problems, [])
        if number % 5 == 3:
            self.kill_while_it_starts()
        if number % 7 == 4:
            self.tear_tail()
        self.assert_store_is_sound()

    def tear_tail(self):
        """What a write that was cut off may leave behind the last one that is whole."""
        if os.path.exists(self.store + "-wal"):
            with open(self.store + "-wal", "ab") as file:
                file.write(self.draw.randbytes(self.draw.randrange(1, 9000)))

    def assert_store_is_sound(self):
        self.assertEqual(glob.glob(self.store + ".unusable*"), [])
        for suffix in ("", "-wal"):  # of a copy: reading it plays the log into the file
            if os.path.exists(self.store + suffix):
                shutil.copy(self.store + suffix, self.path("copy.db" + suffix))
        with contextlib.closing(sqlite3.connect(self.path("copy.db"))) as copy:
            self.assertEqual(copy.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        for name in glob.glob(self.path("copy.db*")):
            os.remove(name)

    def start_and_compare(self):
        """The daemon, which serves what it should."""
        daemon = self.start()
        daemon.wait_for(r" ready: ")
        with ApiClient(self.api) as api:
            services = api.ask("GET", SERVICES + "?origin=rest").json()["services"]
            drains = api.ask("GET", DRAINS).json()["drains"]
            present = {("service", each["name"]): each["document"] for each in services
                       if "document" in each}
            present |= {("drain", each["real"]): True for each in drains}
            problems = [problem for client in self.everybody for problem in client.settle(present)]
            self.assertEqual(problems, [])
            known = {key: value for client in self.everybody
                     for key, value in client.known.items() if value is not GONE}
            self.assertEqual(present, known)
            ids = {each["name"]: each["id"] for each in services}
            since = {each["real"]: each["since"] for each in drains}
            for client in self.clients:
                self.assertEqual(client.addresses | ids, ids, "addresses have moved")
                self.assertEqual(client.since | since, since, "drains have begun anew")
                client.addresses = {name: ids[name] for kind, name in known
                                    if kind == "service" and name.startswith(f"c{client.number}-")}
                self.check_etags(api, client)
        self.assertNotRegex("".join(daemon.log), r"\[(error|critical)\]")
        return daemon

    def check_etags(self, api, client):
        """One is what it was, an older one is refused, and it lets through once."""
        for name, tag in client.etags.items():
            self.assertEqual(api.ask("GET", f"{SERVICES}/{client.addresses[name]}").headers["ETag"],
                             tag)
        if not client.etags:
            return
        name = self.draw.choice(sorted(client.etags))
        target, made = f"{SERVICES}/{client.addresses[name]}", client.document(int(name[-1]))
        refused = api.ask("PUT", target, made, {"If-Match": '"0000000000000000"'})
        self.assertEqual(refused.status, 412, refused.text)
        taken = api.ask("PUT", target, made, {"If-Match": refused.headers["ETag"]})
        self.assertEqual(taken.status, 200, taken.text)
        client.known[("service", name)] = made
        client.etags[name] = taken.headers["ETag"]

    def test_what_was_answered_is_there_and_the_rest_wholly_or_not_at_all(self):
        daemon = self.start_and_compare()
        for number in range(ROUNDS):
            try:
                self.one_round(number, daemon)
                daemon = self.start_and_compare()
            except AssertionError as error:
                raise AssertionError(f"round {number}, seed {SEED}: {error}") from error
        self.assert_stops(daemon)
        answers = [client.answers for client in self.everybody]
        print(f"{ROUNDS} rounds, answers by client: {answers}", file=sys.stderr)
        self.assertGreater(min(answers), 0)


if __name__ == "__main__":
    if len(CPUS) < 2 or not PRELOAD:
        print("this needs two CPUs, and KILL_AT_WRITE", file=sys.stderr)
        sys.exit(77)
    unittest.main()
