"""Ethernet frames and pcap files for the tests of the command line. Addresses are text."""

import ipaddress
import socket
import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ACK, SYN, FIN = 0x10, 0x02, 0x01
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def address(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(destination, source, kind, payload):
    """Padded to 60 bytes, as Ethernet pads."""
    return (mac(destination) + mac(source) + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def pseudo_header(source, destination, protocol, length):
    # The words of RFC 8200 8.1 and of RFC 793 3.1 have the same sum.
    return source + destination + struct.pack("!II", length, protocol)


def packet(source, destination, protocol, l4, ttl=64, fragment=0x4000):
    """(ether type, IP packet)."""
    source, destination = address(source), address(destination)
    if len(source) == 16:
        head = struct.pack("!IHBB", 6 << 28, len(l4), protocol, ttl)
        return IPV6, head + source + destination + l4
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(l4), 0, fragment, ttl, protocol)
    sum_ = checksum(head + b"\0\0" + source + destination)
    return IPV4, head + struct.pack("!H", sum_) + source + destination + l4


def with_checksum(source, destination, protocol, l4, offset):
    pseudo = pseudo_header(address(source), address(destination), protocol, len(l4))
    sum_ = checksum((b"" if protocol == ICMP else pseudo) + l4)
    return l4[:offset] + struct.pack("!H", sum_) + l4[offset + 2:]


def tcp(source, source_port, destination, port, sequence=1, flags=ACK, data=b"", **ip):
    l4 = struct.pack("!HHIIBBHHH", source_port, port, sequence, 1, 0x50, flags, 4096, 0, 0) + data
    return packet(source, destination, TCP, with_checksum(source, destination, TCP, l4, 16), **ip)


def udp(source, source_port, destination, port, data=b"", **ip):
    l4 = struct.pack("!HHHH", source_port, port, 8 + len(data), 0) + data
    return packet(source, destination, UDP, with_checksum(source, destination, UDP, l4, 6), **ip)


def echo_request(source, destination):
    protocol, kind = (ICMPV6, 128) if ":" in destination else (ICMP, 8)
    l4 = struct.pack("!BBHHH", kind, 0, 0, 7, 1) + b"abcdefgh"
    return packet(source, destination, protocol,
                  with_checksum(source, destination, protocol, l4, 2))


def arp_request(sender_mac, sender, target):
    return ARP, struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + mac(sender_mac) + address(sender) + \
        bytes(6) + address(target)


def neighbor_solicitation(sender_mac, sender, target):
    l4 = struct.pack("!BBHI", 135, 0, 0, 0) + address(target) + b"\1\1" + mac(sender_mac)
    group = str(ipaddress.ip_address(address("ff02::1:ff00:0")[:13] + address(target)[13:]))
    return packet(sender, group, ICMPV6, with_checksum(sender, group, ICMPV6, l4, 2), ttl=255)


def dns_query(name, kind, edns=False, number=7):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if edns else b""
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, int(edns)) + labels + b"\0" + \
        struct.pack("!HH", kind, 1) + opt


def ip_fields(frame):
    """(addresses, offset of TCP or UDP, protocol) of an IP frame without options, or None."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == IPV4:
        return frame[26:34], 34, frame[23]
    return (frame[22:54], 54, frame[20]) if kind == IPV6 else None


def answer_to(frame, destination_mac, source_mac):
    """What a real sends back: addresses and ports change places, which keeps the checksums."""
    addresses, l4, _ = ip_fields(frame)
    half = len(addresses) // 2
    start = l4 - len(addresses)
    return mac(destination_mac) + mac(source_mac) + frame[12:start] + addresses[half:] + \
        addresses[:half] + frame[l4 + 2:l4 + 4] + frame[l4:l4 + 2] + frame[l4 + 4:]


def l4_checksum_is_right(frame):
    addresses, l4, protocol = ip_fields(frame)
    half = len(addresses) // 2
    length = struct.unpack("!H", frame[16:18])[0] - 20 if half == 4 else \
        struct.unpack("!H", frame[18:20])[0]
    body = frame[l4:l4 + length]
    pseudo = pseudo_header(addresses[:half], addresses[half:], protocol, length)
    return checksum((b"" if protocol == ICMP else pseudo) + body) == 0


PCAP_HEADER = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)


def records(frames, burst, offset_ns=0):
    """The frames as pcap has them: a burst each millisecond, in it a frame each microsecond."""
    result = []
    for i, frame in enumerate(frames):
        time_ns = 10**9 + i // burst * 10**6 + i % burst * 1000 + offset_ns
        result += struct.pack("<IIII", *divmod(time_ns, 10**9), len(frame), len(frame)), frame
    return b"".join(result)


def write_pcap(path, frames, burst, offset_ns=0):
    with open(path, "wb") as file:
        file.write(PCAP_HEADER + records(frames, burst, offset_ns))


def read_pcap(path):
    with open(path, "rb") as file:
        magic = struct.unpack("<I", file.read(24)[:4])[0]
        if magic not in (0xA1B2C3D4, 0xA1B23C4D):
            raise ValueError(f"{path}: not a little-endian pcap file")
        frames = []
        while head := file.read(16):
            frames.append(file.read(struct.unpack("<IIII", head)[2]))
    return frames


def group_mac(destination):
    """The link-layer address of an IPv6 group (RFC 2464 7)."""
    return ":".join(f"{byte:02x}" for byte in b"\x33\x33" + socket.inet_pton(
        socket.AF_INET6, destination)[12:])
