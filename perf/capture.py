#!/usr/bin/env python3
"""Writes captures that load a gateway: one TCP frame of 60 bytes for each of N flows.

  capture.py forward --flows 16384 FILE       packets from N clients to a VIP
  capture.py returns --from SENT.pcap FILE    the reals' answers to what the gateway sent

`returns` takes the output of `vipgated replay` on a forward capture, where each frame shows the
SNAT address and port of its flow; with the same --seed the daemon chooses the same ones.

The same arguments give the same bytes. Python 3 alone is needed.
"""

import argparse
import ipaddress
import random
import struct
import sys

FRAME_BYTES = 60
MAGIC_NS = 0xA1B23C4D
ETHERNET_IPV4 = b"\x08\x00"
TCP_SYN, TCP_ACK = 0x02, 0x10


def mac(text):
    parts = text.split(":")
    if len(parts) != 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a MAC address")
    return bytes(int(part, 16) for part in parts)


def address(text):
    return int(ipaddress.IPv4Address(text))


def ones_sum(data):
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_frame(ethernet, source, destination, source_port, destination_port, flags):
    """Ethernet, IPv4 and TCP without options or data, padded as Ethernet pads: 60 bytes."""
    addresses = struct.pack("!II", source, destination)
    ip = struct.pack("!BBHHHBB", 0x45, 0, 40, 0, 0x4000, 64, 6)
    ip += struct.pack("!H", checksum(ones_sum(ip + addresses))) + addresses
    tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, 1, 1, 0x50, flags, 65535, 0, 0)
    total = ones_sum(tcp) + ones_sum(addresses) + 6 + len(tcp)
    tcp = tcp[:16] + struct.pack("!H", checksum(total)) + tcp[18:]
    return (ethernet + ip + tcp).ljust(FRAME_BYTES, b"\0")


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


def write_forward(args):
    ethernet = args.destination_mac + args.source_mac + ETHERNET_IPV4
    flags = TCP_SYN if args.syn else TCP_ACK
    writer = Writer(args.file)
    for i, (client, port) in enumerate(flows(args.flows, args.first_client, args.seed)):
        vip = args.vip + i % args.vips
        writer.write(tcp_frame(ethernet, client, vip, port, args.vip_port, flags))
    writer.close()


def write_returns(args):
    ethernet = args.destination_mac + args.source_mac + ETHERNET_IPV4
    writer = Writer(args.file)
    for frame in read_frames(args.sent):
        source, destination, source_port, destination_port = struct.unpack("!IIHH", frame[26:38])
        writer.write(tcp_frame(ethernet, destination, source, destination_port, source_port,
                               TCP_ACK))
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    forward = commands.add_parser("forward", help="packets from clients to a VIP")
    forward.add_argument("--flows", type=int, default=16384)
    forward.add_argument("--vip", type=address, default=address("11.202.66.36"))
    forward.add_argument("--vips", type=int, default=1,
                         help="addresses from --vip on, that the flows go to in turn")
    forward.add_argument("--vip-port", type=int, default=6379)
    forward.add_argument("--first-client", type=address, default=address("100.64.0.1"))
    forward.add_argument("--syn", action="store_true", help="SYN instead of ACK")
    forward.add_argument("--seed", type=int, default=1, help="of the flows' order")
    forward.set_defaults(run=write_forward)
    returns = commands.add_parser("returns", help="the reals' answers")
    returns.add_argument("--from", dest="sent", required=True, metavar="SENT.pcap",
                         help="what the gateway sent to the reals")
    returns.set_defaults(run=write_returns)
    for command in (forward, returns):
        # The MAC address that DPDK gives to the first net_pcap port of a process.
        command.add_argument("--destination-mac", type=mac, default=mac("02:70:63:61:70:00"))
        command.add_argument("--source-mac", type=mac, default=mac("02:00:00:00:00:c1"))
        command.add_argument("file", metavar="FILE")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
