"""Packets that measure: from the client's namespace to a VIP, and seen at any real that b1 stands
for. One thread has both ends; CLOCK_MONOTONIC is the same in every network namespace.
"""

import contextlib
import ctypes
import select
import socket
import struct
import time

from dns_client import DnsClient
from lab import DNS

CLONE_NEWNET = 0x40000000
IP_PKTINFO = 8
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 32 << 20
CLIENT = "10.9.0.1"
FIRST_PORT, LAST_PORT = 1024, 65535


@contextlib.contextmanager
def inside(namespace):
    """Sockets that are made in the block belong to that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as away:
        for step in (away, home):
            if libc.setns(step.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
            if step is away:
                try:
                    yield
                except BaseException:
                    libc.setns(home.fileno(), CLONE_NEWNET)
                    raise


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Probes:
    """Datagrams with any source port to any VIP; a listener at one UDP port of all reals in b1."""

    def __init__(self, lab, port):
        self.port = port
        with inside(f"{lab.id}-client"):
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.dns = DnsClient(DNS)
        with inside(f"{lab.id}-b1"):
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self.listener.bind(("0.0.0.0", port))
        self.listener.setblocking(False)
        self.next_port = FIRST_PORT

    def send(self, vip, source_port, payload):
        source, destination = socket.inet_aton(CLIENT), socket.inet_aton(vip)
        length = 8 + len(payload)
        pseudo = source + destination + struct.pack("!BBH", 0, 17, length)
        header = struct.pack("!HHHH", source_port, self.port, length, 0)
        sum_ = checksum(pseudo + header + payload) or 0xffff
        udp = struct.pack("!HHHH", source_port, self.port, length, sum_) + payload
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, 17, 0)
        ip += source + destination  # the kernel makes the checksum
        self.raw.sendto(ip + udp, (vip, 0))

    def send_new_flow(self, vip, payload):
        self.send(vip, self.next_port, payload)
        self.next_port = FIRST_PORT if self.next_port == LAST_PORT else self.next_port + 1

    def received(self):
        """What has come by now: (ns, the real's address, payload) each."""
        while True:
            try:
                payload, ancillary, _, _ = self.listener.recvmsg(2048, 64)
            except BlockingIOError:
                return
            now_ns = time.monotonic_ns()
            # struct in_pktinfo: interface, local address, address of the header
            yield now_ns, socket.inet_ntoa(ancillary[0][2][8:12]), payload

    def wait(self, seconds, *others):
        """Until a datagram is there, or one of `others` is readable, or the time is over."""
        return select.select([self.listener, *others], [], [], seconds)[0]

    def drain(self):
        for _ in self.received():
            pass

    def resolve(self, name):
        """The addresses of a name as a set; empty: none; None: no answer."""
        return self.dns.ask(name)
