"""The load of perf/dns and perf/dns_peers: names as a zone's records and as queries for them."""

import random
import struct

from frames import Writer, address, checksum, mac, ones_sum

ZONE = "mesos"
SERVER = "10.9.0.53"
FIRST_CLIENT = "100.64.0.1"
A, SRV = 1, 33
TYPES = {A: "A", SRV: "SRV"}
PORT = 6379


def split(names):
    """How many of the names have addresses, and how many services."""
    return names - names // 2, names // 2


def address_name(number):
    return f"app-{number}.marathon"


def service_name(number):
    return f"_app-{number}._tcp.marathon"


def records(names):
    """(name within the zone, type, data) of so many names: half of them have an address, half one
    SRV record that leads to the name with that number."""
    addresses, services = split(names)
    for i in range(addresses):
        yield address_name(i), "A", f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
    for i in range(services):
        yield service_name(i), "SRV", f"0 1 {PORT} {address_name(i)}.{ZONE}"


def questions(names, count, mix, seed=1):
    """`count` of (name, type), at random by the shares of `mix`: {"a", "srv", "nxdomain"}."""
    addresses, services = split(names)
    choose = random.Random(seed)
    kinds = choose.choices(("a", "srv", "nxdomain"), [mix[k] for k in ("a", "srv", "nxdomain")],
                           k=count)
    for kind in kinds:
        if kind == "a":
            yield f"{address_name(choose.randrange(addresses))}.{ZONE}", A
        elif kind == "srv":
            yield f"{service_name(choose.randrange(services))}.{ZONE}", SRV
        else:
            yield f"no-{choose.randrange(10 * names)}.marathon.{ZONE}", A


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query(name, qtype, number, with_opt):
    """A message: RD, and OPT with 1232 bytes."""
    message = struct.pack("!6H", number & 0xFFFF, 0x0100, 1, 0, 0, int(with_opt))
    message += wire_name(name) + struct.pack("!HH", qtype, 1)
    return message + (b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if with_opt else b"")


def udp_frame(ethernet, source, destination, source_port, payload):
    """Ethernet, IPv4 and UDP to port 53, with checksums."""
    length = 8 + len(payload)
    addresses = struct.pack("!II", source, destination)
    ip = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, 64, 17)
    ip += struct.pack("!H", checksum(ones_sum(ip + addresses))) + addresses
    udp = struct.pack("!HHHH", source_port, 53, length, 0)
    padded = payload + b"\0" * (len(payload) & 1)
    total = ones_sum(udp) + ones_sum(padded) + ones_sum(addresses)
    field = checksum(total + 17 + length) or 0xFFFF
    return ethernet + ip + udp[:6] + struct.pack("!H", field) + payload


def frames(names, count, mix):
    """From as many clients; every second query has an OPT record."""
    ethernet = mac("02:70:63:61:70:00") + mac("02:00:00:00:00:c1") + b"\x08\x00"
    first, server = address(FIRST_CLIENT), address(SERVER)
    for i, (name, qtype) in enumerate(questions(names, count, mix)):
        payload = query(name, qtype, i * 40503, i % 2 == 0)
        yield udp_frame(ethernet, first + (i & 0xFFFF), server, 1024 + i % 60000, payload)


def write_capture(path, names, count, mix):
    writer = Writer(path)
    for frame in frames(names, count, mix):
        writer.write(frame)
    writer.close()
