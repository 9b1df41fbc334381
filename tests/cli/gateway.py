"""The configuration and the traffic of the tests of the daemon."""

import os
import random

from daemon_process import BURST
from frames import (BROADCAST, FIN, SYN, arp_request, dns_query, echo_request, ethernet, group_mac,
                    neighbor_solicitation, tcp, udp)

CPUS = sorted(os.sched_getaffinity(0))[:2]
CLIENT_MAC, NEXT_HOP_MAC = "02:00:00:00:00:c1", "02:00:00:00:00:fe"
# net_pcap numbers its ports; a port without an address of its own (net_ring) gets the second form.
PCAP_MACS = ["02:70:63:61:70:00", "02:70:63:61:70:01"]
MADE_UP_MAC = "02:76:67:00:00:{:02x}"
REPLAY_MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
VIP, VIP6, DNS, DNS6 = "11.1.1.1", "fd01:c::1", "10.9.0.53", "fd09::53"
ZONE = "l4lb.thisdcos.directory"

CONFIG = """\
dpdk: {{ huge_pages: off, memory_mb: 256 }}
control: {{ cpus: [{control}] }}
workers: {{ cpus: [{workers}], idle: adaptive }}
limits: {{ flows_per_worker: 4096, services: 64, reals: 64, dns_names: 64 }}
ports:
{ports}
snat_pools: [{{ name: default, addresses: [10.9.1.100, 10.9.1.101, "fd09:1::100"] }}]
services:
{services}
dns:
  listen: [{dns}, "{dns6}"]
  zones: [{{ name: {zone}, services: true }}]
"""
FEW, MANY = "services: 64, reals: 64, dns_names: 64", "services: 1024, reals: 4096, dns_names: 1024"
PORT = """\
  - name: {name}
    device: "{device}"
    addresses: [{addresses}]
    kernel: {kernel}
    neighbors: [{neighbors}]
"""
SERVICE = """\
  - name: {name}
    vip: "{vip}"
    port: {port}
    protocol: {protocol}
    mode: {mode}
    reals: [{reals}]
"""


def service(name, vip, port_, protocol, reals, mode="fullnat"):
    """`reals`: "address port weight" each."""
    fields = (real.split() for real in reals)
    return SERVICE.format(
        name=name, vip=vip, port=port_, protocol=protocol, mode=mode, reals=", ".join(
            f'{{ address: "{real}", port: {port}, weight: {weight} }}'
            for real, port, weight in fields))


def services(weight="3"):
    """`weight` is the first real's of the service "web" on port 80."""
    return "".join((
        service("web", VIP, 80, "tcp", [f"10.9.1.11 8080 {weight}", "10.9.1.12 8081 1"]),
        service("web", "11.1.1.2", 81, "tcp", ["10.9.1.12 8081 1"]),
        service("log", VIP, 514, "udp", ["10.9.1.11 5514 1", "10.9.1.12 5514 1"]),
        service("web", VIP6, 80, "tcp", ["fd09:1::11 8080 1", "fd09:1::12 8081 1"]),
        service("log", VIP6, 514, "udp", ["fd09:1::12 5514 1"]),
        service("plain", VIP, 90, "tcp", ["10.9.1.11 9090 1", "10.9.1.12 90 1"], "nat"),
        service("empty", VIP, 91, "tcp", []),
        service("empty", VIP, 91, "udp", [])))


CLUSTER_NEIGHBORS = ["10.9.1.11", "10.9.1.12", "fd09:1::11", "fd09:1::12"]
EDGE_ADDRESSES, CLUSTER_ADDRESSES = ("10.9.0.2/24", "fd09::2/64"), ("10.9.1.2/24", "fd09:1::2/64")


def port(name, device, addresses, neighbors, neighbor_mac=NEXT_HOP_MAC, kernel="false"):
    return PORT.format(
        name=name, device=device, kernel=kernel, addresses=", ".join(f'"{a}"' for a in addresses),
        neighbors=", ".join(f'{{ address: "{n}", mac: "{neighbor_mac}" }}' for n in neighbors))


def frame(packet, destination_mac=PCAP_MACS[0]):
    return ethernet(destination_mac, CLIENT_MAC, *packet)


OTHER_STATION = frame(tcp("100.64.9.9", 999, VIP, 80), "02:00:00:00:00:77")
NOT_SERVED = frame(udp("100.64.9.9", 999, VIP, 7))  # what fills a burst: dropped, leaves no trace


def filled(batch):
    """The frames, and as many more as make the last burst complete."""
    return batch + [NOT_SERVED] * (-len(batch) % BURST)


def flows(count, packets=3):
    """Packets of `count` clients to each service, numbered, those of a flow in this order."""
    batch = []
    for i in range(count):
        client, client6 = f"100.64.{i >> 6}.{1 + (i & 63)}", f"2001:db8::{1 + i:x}"
        for number in range(packets):
            flags = SYN if number == 0 else 0x10 | (FIN if number == 2 and i % 5 == 0 else 0)
            data = bytes([number]) * (i % 7)
            batch.append([
                frame(tcp(client, 2000 + i, VIP, 80, number, flags, data)),
                frame(tcp(client, 2000 + i, VIP, 90, number, flags, data)),
                frame(tcp(client6, 2000 + i, VIP6, 80, number, flags, data)),
                frame(udp(client, 3000 + i, VIP, 514, bytes([number]) + data)),
                frame(udp(client6, 3000 + i, VIP6, 514, bytes([number]) + data)),
            ])
    by_flow = [batch[i * packets:(i + 1) * packets] for i in range(count)]
    # In a random order, but for the order within a flow.
    order = [i for i in range(count) for _ in range(packets)]
    random.Random(1).shuffle(order)
    return [f for i in order for f in by_flow[i].pop(0)]


def oddities():
    """What the gateway answers itself, and what it drops, each for another reason."""
    good = frame(tcp("100.64.1.1", 1024, VIP, 80))
    garbage = random.Random(2)
    return [
        ethernet(BROADCAST, CLIENT_MAC, *arp_request(CLIENT_MAC, "10.9.0.1", VIP)),
        ethernet(group_mac("ff02::1:ff00:1"), CLIENT_MAC,
                 *neighbor_solicitation(CLIENT_MAC, "fd09::1", VIP6)),
        frame(echo_request("100.64.1.1", VIP)),
        frame(echo_request("2001:db8::1", VIP6)),
        frame(tcp("100.64.1.1", 1024, VIP, 91, 5, SYN)),  # no real: a reset
        frame(udp("100.64.1.1", 1024, VIP, 91, b"x")),  # no real: port unreachable
        NOT_SERVED,
        frame(tcp("100.64.1.1", 1024, "192.0.2.1", 80)),
        frame(tcp("100.64.1.1", 1024, VIP, 80, ttl=1)),
        frame(tcp("100.64.1.1", 1024, VIP, 80, fragment=0x2000)),
        frame(tcp("127.0.0.1", 1024, VIP, 80)),
        frame(udp("100.64.1.1", 1024, "10.9.1.100", 40000)),  # SNAT address, no flow
        good[:40], good[:13], good[:12] + b"\x88\xb5" + good[14:],
        *(good[:14] + garbage.randbytes(60) for _ in range(8)),
        *(garbage.randbytes(60) for _ in range(8)),
    ]


def questions():
    a, aaaa, any_type = 1, 28, 255
    asked = [(f"log.{ZONE}", a), (f"LoG.{ZONE.upper()}", aaaa), (f"absent.{ZONE}", a),
             (f"plain.{ZONE}", aaaa), (ZONE, any_type), ("example.com", a)]
    asked += [(f"web.{ZONE}", a)] * 3  # two addresses, which take turns
    batch = []
    for i, (name, kind) in enumerate(asked):
        query = dns_query(name, kind, edns=i % 2 == 1, number=i)
        batch += [frame(udp("100.64.2.1", 5000 + i, DNS, 53, query)),
                  frame(udp("2001:db8::2", 5000 + i, DNS6, 53, query))]
    good = dns_query(f"log.{ZONE}", a)
    for message in (good[:20], good[:5], good[:2] + b"\x84" + good[3:], b"\xff" * 40):
        batch.append(frame(udp("100.64.2.1", 6000, DNS, 53, message)))
    return batch
