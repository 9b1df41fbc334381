#!/usr/bin/python3
"""Loads a redis service through its VIP and checks every reply.

Short connections (one pipeline of requests each) and long-lived ones run side by side until SIGTERM;
SIGUSR2 makes each long-lived connection start anew. With --udp-port, datagrams go to an echo service
at the same VIP too. What was seen stands in the status file, which is replaced ten times a second:

  requests, connections, datagrams   answered and right
  backends    short connections by the backend that served them
  last        the same of the last 60 that were started
  long        long-lived connections that are open, by backend
  long_rounds pipelines that long-lived connections have completed, by backend
  udp         datagrams by backend
  peers       addresses of the client as the backends see them
  errors      how many, and the first few in words
"""

import argparse
import collections
import json
import os
import random
import signal
import socket
import sys
import threading

TIMEOUT_S = 10
MAX_PAYLOAD_BYTES = 60_000
LAST = 60
DATAGRAMS_PER_SOCKET = 20


class Redis:
    """One connection that speaks RESP (redis.io/docs/reference/protocol-spec)."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def pipeline(self, commands):
        """Sends all commands at once, returns the list of their replies."""
        message = bytearray()
        for command in commands:
            message += b"*%d\r\n" % len(command)
            for part in command:
                message += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(message)
        return [self._reply() for _ in commands]

    def _reply(self):
        line = self.reader.readline()
        if not line.startswith(b"$"):
            raise ConnectionError(f"unexpected reply {line!r}")
        length = int(line[1:])
        if length < 0:
            return None
        body = self.reader.read(length + 2)
        if len(body) != length + 2:
            raise ConnectionError(f"the stream ended after {len(body)} of {length + 2} bytes")
        return body[:-2]

    def check_round(self, echoes):
        """Echoes unique payloads of many sizes; returns the name of the backend."""
        sizes = [int(MAX_PAYLOAD_BYTES ** random.random()) for _ in range(echoes)]
        payloads = [os.urandom(size) for size in sizes]
        replies = self.pipeline([(b"ECHO", p) for p in payloads] + [(b"GET", b"whoami")])
        if replies[:-1] != payloads:
            raise ValueError("a reply is not the payload that was sent")
        return replies[-1].decode()

    def peer(self):
        """This connection's client address as the backend sees it."""
        fields = self.pipeline([(b"CLIENT", b"INFO")])[0].decode().split()
        address = next(field for field in fields if field.startswith("addr="))
        return address.removeprefix("addr=").rsplit(":", 1)[0].strip("[]")


class Load:
    def __init__(self, options):
        self.options = options
        self.address = (options.vip, options.port)
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.epoch = 0  # of the long-lived connections
        self.requests = self.connections = self.datagrams = self.errors = 0
        self.backends = collections.Counter()
        self.started = 0
        self.last = {}  # number of a short connection → its backend
        self.long = collections.Counter()
        self.long_rounds = collections.Counter()
        self.udp = collections.Counter()
        self.peers = set()
        self.first_errors = []

    def failed(self, what, error):
        with self.lock:
            self.errors += 1
            if len(self.first_errors) < 5:
                self.first_errors.append(f"{what}: {type(error).__name__}: {error}")

    def short_connections(self):
        while not self.stop.is_set():
            with self.lock:
                number = self.started
                self.started += 1
            try:
                connection = Redis(self.address)
                backend = connection.check_round(echoes=2)
                connection.close()
            except (OSError, ValueError) as error:
                self.failed("short connection", error)
                continue
            with self.lock:
                self.connections += 1
                self.requests += 3
                self.backends[backend] += 1
                self.last[number] = backend
                self.last.pop(number - LAST, None)

    def long_connections(self):
        while not self.stop.is_set():
            try:
                self.one_long_connection()
            except (OSError, ValueError) as error:
                self.failed("long-lived connection", error)

    def one_long_connection(self):
        epoch = self.epoch
        connection = Redis(self.address)
        peer = connection.peer()
        backend = connection.check_round(echoes=1)
        with self.lock:
            self.connections += 1
            self.requests += 3
            self.peers.add(peer)
            self.long[backend] += 1
        try:
            while not self.stop.is_set() and epoch == self.epoch:
                now = connection.check_round(echoes=8)
                if now != backend:
                    raise ValueError(f"a connection to {backend} is answered by {now}")
                with self.lock:
                    self.requests += 9
                    self.long_rounds[backend] += 1
        finally:
            connection.close()
            with self.lock:
                self.long[backend] -= 1

    def udp_datagrams(self):
        family = socket.AF_INET6 if ":" in self.options.vip else socket.AF_INET
        while not self.stop.is_set():
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(TIMEOUT_S)
                client.connect((self.options.vip, self.options.udp_port))
                for _ in range(DATAGRAMS_PER_SOCKET):
                    try:
                        self.one_datagram(client)
                    except (OSError, ValueError) as error:
                        self.failed("datagram", error)

    def one_datagram(self, client):
        payload = os.urandom(random.randint(8, 1400))
        client.send(payload)
        backend, _, echo = client.recv(65535).partition(b" ")
        if echo != payload:
            raise ValueError("an answer is not the datagram that was sent")
        with self.lock:
            self.datagrams += 1
            self.udp[backend.decode()] += 1

    def status(self):
        with self.lock:
            return {
                "requests": self.requests,
                "connections": self.connections,
                "datagrams": self.datagrams,
                "backends": dict(self.backends),
                "last": dict(collections.Counter(
                    b for n, b in self.last.items() if n >= self.started - LAST)),
                "long": dict(+self.long),
                "long_rounds": dict(self.long_rounds),
                "udp": dict(self.udp),
                "peers": sorted(self.peers),
                "errors": self.errors,
                "first_errors": list(self.first_errors),
            }

    def write_status(self):
        path = self.options.status
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(self.status(), file)
        os.replace(path + ".new", path)

    def run(self):
        # Signals are waited for, not handled: a handler that sets an event which this thread is just
        # about to wait for waits for itself.
        signals = {signal.SIGTERM, signal.SIGUSR2}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        work = [self.short_connections] * self.options.short
        work += [self.long_connections] * self.options.long
        work += [self.udp_datagrams] if self.options.udp_port else []
        threads = [threading.Thread(target=target) for target in work]
        for thread in threads:
            thread.start()
        while not self.stop.is_set():
            self.write_status()
            got = signal.sigtimedwait(signals, 0.1)
            if got is None:
                continue
            if got.si_signo == signal.SIGTERM:
                self.stop.set()
            else:
                self.epoch += 1
        for thread in threads:
            thread.join()
        self.write_status()
        return 1 if self.errors else 0


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--vip", required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--udp-port", type=int)
    arguments.add_argument("--short", type=int, default=3, help="threads of short connections")
    arguments.add_argument("--long", type=int, default=8, help="long-lived connections")
    arguments.add_argument("--status", required=True)
    sys.exit(Load(arguments.parse_args()).run())


if __name__ == "__main__":
    main()
