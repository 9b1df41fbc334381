#!/usr/bin/python3
"""Numbered datagrams and streams through a VIP: within a flow each number must follow the last one,
there and back.

--serve: the real's end. It sends each datagram back with the place at which it arrived in its flow,
and each stream as it came. Otherwise the client's end: --flows UDP flows and as many TCP connections
side by side. Not more is under way than the queues of the devices between can hold. Either end keeps to
one CPU: a process that moves lets its packets overtake each other in the kernel's queues, a queue a CPU.
"""

import argparse
import collections
import os
import selectors
import socket
import struct
import sys
import threading
import time

UNDER_WAY = 8
TIMEOUT_S = 20
STREAM_BYTES_PER_NUMBER = 400
STREAM_BUFFER_BYTES = 16 << 10  # the kernel doubles it
DATAGRAM = struct.Struct("!II")
READ_BYTES = 65536


def serve_datagrams(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind(("::", port))
    arrived = collections.Counter()
    while True:
        payload, sender = server.recvfrom(READ_BYTES)
        server.sendto(payload[: DATAGRAM.size // 2] + struct.pack("!I", arrived[sender]), sender)
        arrived[sender] += 1


def echo_stream(connection):
    with connection:
        while data := connection.recv(READ_BYTES):
            connection.sendall(data)


def serve(port):
    threading.Thread(target=serve_datagrams, args=[port], daemon=True).start()
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BUFFER_BYTES)
    print("listening", flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=echo_stream, args=[connection], daemon=True).start()


class DatagramFlow:
    """One UDP socket. Raises where an answer is not the next one, there or back."""

    def __init__(self, address, numbers):
        self.socket = socket.socket(address[0], socket.SOCK_DGRAM)
        self.socket.connect(address[1])
        self.numbers, self.sent, self.received = numbers, 0, 0

    def send(self):
        while self.sent < self.numbers and self.sent - self.received < UNDER_WAY:
            self.socket.send(DATAGRAM.pack(self.sent, 0))
            self.sent += 1

    def receive(self):
        number, place = DATAGRAM.unpack(self.socket.recv(READ_BYTES))
        if (number, place) != (self.received, self.received):
            raise AssertionError(
                f"UDP from port {self.socket.getsockname()[1]}: datagram {self.received} was due, but"
                f" {number} came, which had arrived at the real as number {place}")
        self.received += 1

    def is_over(self):
        return self.received == self.numbers


class Stream:
    """One TCP connection, whose octets are numbers, too."""

    def __init__(self, address, numbers):
        self.socket = socket.socket(address[0], socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BUFFER_BYTES)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(address[1])
        self.data = b"".join(
            struct.pack("!I", number) * (STREAM_BYTES_PER_NUMBER // 4) for number in range(numbers))
        self.error = None
        self.threads = [threading.Thread(target=self._run, args=[work]) for work in (self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def _run(self, work):
        try:
            work()
        except (OSError, AssertionError) as error:
            self.error = error

    def _send(self):
        self.socket.sendall(self.data)
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self):
        received = bytearray()
        while data := self.socket.recv(READ_BYTES):
            received += data
        if received != self.data:
            raise AssertionError(f"TCP: {len(self.data)} octets were sent, and {len(received)} others came")

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.error:
            raise self.error


def run_datagrams(address, flows, numbers):
    selector = selectors.DefaultSelector()
    waiting = [DatagramFlow(address, numbers) for _ in range(flows)]
    for flow in waiting:
        selector.register(flow.socket, selectors.EVENT_READ, flow)
        flow.send()
    while selector.get_map():
        ready = selector.select(TIMEOUT_S)
        if not ready:
            due = sum(flow.numbers - flow.received for flow in waiting)
            raise AssertionError(f"UDP: {due} datagrams are still due: some have been lost")
        for key, _ in ready:
            key.data.receive()
            key.data.send()
            if key.data.is_over():
                selector.unregister(key.data.socket)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--serve", action="store_true")
    arguments.add_argument("--vip")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--flows", type=int, default=16)
    arguments.add_argument("--numbers", type=int, default=1000)
    options = arguments.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if options.serve:
        serve(options.port)
    family, *_, endpoint = socket.getaddrinfo(options.vip, options.port, type=socket.SOCK_DGRAM)[0]
    address = (family, endpoint)
    started = time.monotonic()
    try:
        streams = [Stream(address, options.numbers) for _ in range(options.flows)]
        run_datagrams(address, options.flows, options.numbers)
        for stream in streams:
            stream.join()
    except (OSError, AssertionError) as error:
        sys.exit(f"{options.vip}: {error}")
    print(f"{options.vip}: {options.flows} UDP and TCP flows of {options.numbers} numbers each, in order,"
          f" in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
