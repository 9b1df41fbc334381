"""Asks one DNS question over UDP without starting a process: to be timed, or asked often."""

import os
import select
import socket
import struct
import time

TYPES = {"A": 1, "AAAA": 28, "SRV": 33}


class DnsClient:
    """`udp`: a socket made in the namespace to ask from; its own, if None."""

    def __init__(self, server, udp=None):
        self.server = server
        self.udp = udp or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)

    def ask(self, name, kind="A", seconds=0.2):
        """The set of answers ("10.9.1.11", "target:port"), perhaps empty; None: no reply."""
        number = os.urandom(2)
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        question = labels + b"\0" + struct.pack("!HH", TYPES[kind], 1)
        message = number + b"\1\0\0\1\0\0\0\0\0\0" + question
        self.udp.sendto(message, (self.server, 53))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.udp], [], [], left)[0]:
                break
            reply = self.udp.recv(65535)
            if reply[:2] == number:
                return set(answers(reply, len(message), TYPES[kind]))
        return None


def answers(reply, offset, wanted):
    """Of a reply whose answer section begins at `offset`."""
    for _ in range(struct.unpack("!H", reply[6:8])[0]):
        offset = read_name(reply, offset)[1]
        kind, length = struct.unpack("!H6xH", reply[offset:offset + 10])
        data = reply[offset + 10:offset + 10 + length]
        if kind == wanted == TYPES["A"]:
            yield socket.inet_ntoa(data)
        elif kind == wanted == TYPES["AAAA"]:
            yield socket.inet_ntop(socket.AF_INET6, data)
        elif kind == wanted == TYPES["SRV"]:
            port = struct.unpack("!H", data[4:6])[0]
            yield f"{read_name(reply, offset + 16)[0]}:{port}"
        offset += 10 + length


def read_name(message, offset):
    """(name, offset behind it); RFC 1035, 4.1.4."""
    labels, behind = [], None
    while (length := message[offset]) != 0:
        if length >= 0xc0:
            behind = behind or offset + 2
            offset = struct.unpack("!H", message[offset:offset + 2])[0] & 0x3fff
        else:
            labels.append(message[offset + 1:offset + 1 + length].decode())
            offset += 1 + length
    return ".".join(labels), behind or offset + 1
