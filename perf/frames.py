"""Ethernet frames with TCP over IPv4 and IPv6, and captures of them."""

import ipaddress
import random
import struct
import sys

SHORTEST = 60  # of Ethernet, without its checksum
SHORTEST_OF = {4: SHORTEST, 6: 74}  # with the headers of TCP over IPv4 or IPv6
# Simple IMIX: 7 of 60, 4 of 590 and 1 of 1,514 bytes (RFC 6985 names it so).
IMIX = (60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 60, 590)
MAGIC_NS = 0xA1B23C4D
ETHER_TYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
ETHERNET_IPV4 = ETHER_TYPES[4]
FIRST_CLIENT = {4: "100.64.0.1", 6: "2001:db8:1::1"}
FIRST_VIP = {4: "11.202.66.36", 6: "fd01:c::1"}
TCP_SYN, TCP_ACK = 0x02, 0x10


def mac(text):
    parts = text.split(":")
    if len(parts) != 6:
        raise ValueError(f"{text!r} is not a MAC address")
    return bytes(int(part, 16) for part in parts)


def address(text):
    return int(ipaddress.ip_address(text))


def ones_sum(data):
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(value, family):
    return value.to_bytes(4 if family == 4 else 16, "big")


def ip_header(addresses, length, family):
    """In front of `length` bytes of TCP."""
    if family == 6:
        return struct.pack("!IHBB", 6 << 28, length, 6, 64) + addresses
    ip = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, 64, 6)
    return ip + struct.pack("!H", checksum(ones_sum(ip + addresses))) + addresses


def tcp_frame(ethernet, source, destination, source_port, destination_port, flags, size=SHORTEST,
              family=4):
    """Ethernet, IP and TCP without options, with zeros as data up to `size`; padded as Ethernet
    pads."""
    addresses = packed(source, family) + packed(destination, family)
    data = bytes(max(0, size - len(ethernet) - (20 if family == 4 else 40) - 20))
    data = b"" if size == SHORTEST else data
    tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, 1, 1, 0x50, flags, 65535, 0, 0)
    length = len(tcp) + len(data)
    total = ones_sum(tcp) + ones_sum(addresses) + 6 + length
    tcp = tcp[:16] + struct.pack("!H", checksum(total)) + tcp[18:]
    return (ethernet + ip_header(addresses, length, family) + tcp + data).ljust(SHORTEST, b"\0")


class Writer:
    """A pcap file in nanoseconds; frames one microsecond apart."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHIIII", MAGIC_NS, 2, 4, 0, 0, 65535, 1))
        self.time_ns = 1_000_000_000

    def write(self, frame):
        seconds, fraction = divmod(self.time_ns, 1_000_000_000)
        self.file.write(struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame)
        self.time_ns += 1000

    def close(self):
        self.file.close()


def read_frames(path):
    """Frames of a little-endian pcap file, as `vipgated replay` writes it."""
    with open(path, "rb") as file:
        header = file.read(24)
        if len(header) < 24 or struct.unpack("<I", header[:4])[0] not in (MAGIC_NS, 0xA1B2C3D4):
            sys.exit(f"{path}: not a little-endian pcap file")
        while record := file.read(16):
            length = struct.unpack("<IIII", record)[2]
            yield file.read(length)


def flows(count, first_client, seed):
    """`count` different (client, port) pairs, 16 ports a client, in a random order."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    for i in order:
        yield first_client + (i >> 4), 1024 + (i & 15) * 4021 + (i >> 4) % 3000


def addresses_of(frame):
    """(source, destination, source port, destination port) of a TCP frame, and its family."""
    family = 4 if frame[12:14] == ETHERNET_IPV4 else 6
    size, at = (4, 26) if family == 4 else (16, 22)
    source, destination = (int.from_bytes(frame[at + i * size:at + (i + 1) * size], "big")
                           for i in range(2))
    return (source, destination, *struct.unpack("!HH", frame[at + 2 * size:at + 2 * size + 4])), family
