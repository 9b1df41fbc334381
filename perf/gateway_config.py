"""What vipgated gets when its packet rate is measured: captures, and a configuration with one port or
two of them, one service or many, of one mode and family."""

import ipaddress
import os
import subprocess
import sys

import gateway_yaml
from frames import SHORTEST_OF

HERE = os.path.dirname(os.path.abspath(__file__))
LARGE_MTU = 1600  # where the buffers are large, tunnels around full frames fit
# Of each buffer; testpmd counts it in, vipgated does not.
HEADROOM = 128
REALS = [f"10.9.1.{i}" for i in range(11, 19)]
REALS_OF = {4: REALS, 6: [f"fd09:1::{i:x}" for i in range(11, 19)]}
FIRST_VIP = {4: ipaddress.ip_address("11.202.66.36"), 6: ipaddress.ip_address("fd01:c::1")}
PORT_ADDRESSES = {4: "10.9.0.2/16", 6: "fd09::2/16"}
EDGE_ADDRESSES = {4: "10.8.0.2/24", 6: "fd08::2/64"}
TRANSLATING = ("fullnat", "nat")
MODES = (*TRANSLATING, "l2dsr", "ipip", "gre", "gue")
# What a setup has besides that of perf/run's options. `table`: for so many flows, `room`: for so many
# services, where that is not what the captures need.
PLAIN = {"family": 4, "size": "60", "traffic": "flows", "workers": 1, "table": 0, "room": 0}
DNS_NAMES = 2000  # in the mix
# New flows come from a capture of so many, to a table for so few that each has been forgotten when it
# comes again: it has four places for each flow that it is for. Of a mix the flows that go on stay.
NEW_FLOWS = 1 << 20
SMALL_TABLES = {"new": 4096, "mix": 16384}
# Which share of the packets then begins a flow, at least and at most.
NEW_SHARES = {"new": (0.95, 1.0001), "mix": (0.15, 0.25)}
REAL_PORT = 30585


def is_shortest(setup):
    return setup.size == str(SHORTEST_OF[setup.family])


def fit(setup):
    """Completes a setup by what follows from its traffic: packets, size, table, buffers, memory."""
    setup.packets = setup.flows
    if setup.traffic != "flows":
        setup.packets, setup.table = NEW_FLOWS, SMALL_TABLES[setup.traffic]
        if setup.traffic == "new":
            setup.flows = NEW_FLOWS
    if setup.size != "imix":
        setup.size = str(max(int(setup.size), SHORTEST_OF[setup.family]))
    if not setup.mbuf_bytes:
        # What the tunnels add, and DNS answers, goes into the same buffer.
        fits = is_shortest(setup) and setup.family == 4 and setup.traffic != "mix"
        setup.mbuf_bytes = 256 if fits else 512 if is_shortest(setup) else 2048
    # The port keeps each queue's capture in buffers of the same pool that packets come from.
    setup.mbufs = setup.packets * (2 if setup.both_ways else 1) + 16384 * setup.workers
    setup.memory_mb = 256 + setup.mbufs * (setup.mbuf_bytes + 320) // 2**20


def snat_addresses(setup):
    """Half of the SNAT ports stay free, so that a free one is found at once."""
    count = setup.flows // 32000 + 1
    if setup.family == 6:
        return [f"fd09:2::{1 + i:x}" for i in range(count)]
    return [f"10.9.{2 + i // 250}.{1 + i % 250}" for i in range(count)]


def ports(setup, edges, cluster):
    """`edges`: captures of the first port, one for each of its queues; `cluster`: of a second one;
    without it the first has all addresses. What is measured comes over and over, the other way once."""
    neighbors = [(real, "02:00:00:00:00:fe") for real in REALS_OF[setup.family]]
    queues = ",".join(f"rx_pcap={edge}" for edge in edges)
    edge_device = f"net_pcap0,{queues}" + ("" if setup.returns else ",infinite_rx=1")
    own = [PORT_ADDRESSES[setup.family]]
    mtu = {"mtu": LARGE_MTU} if setup.mbuf_bytes >= 2048 else {}
    if setup.family == 6:
        own.append(PORT_ADDRESSES[4])  # a tunnel between IPv4 addresses, DNS
    if cluster is None:
        return [gateway_yaml.port("edge", edge_device, own, neighbors, **mtu)]
    cluster_device = f"net_pcap1,rx_pcap={cluster}" + (",infinite_rx=1" if setup.returns else "")
    return [gateway_yaml.port("edge", edge_device, [EDGE_ADDRESSES[setup.family]], **mtu),
            gateway_yaml.port("cluster", cluster_device, own, neighbors, **mtu)]


def write(setup, path, edges, cluster=None):
    """The configuration for a setup: see perf/run's options and PLAIN."""
    reals = REALS_OF[setup.family]
    has_names = setup.traffic == "mix"
    limits = {"flows_per_worker": setup.table or max(setup.flows, 65536),
              "services": max(setup.services, setup.room),
              "reals": len(reals) * setup.services + 4 * setup.room}
    if names := 2 * DNS_NAMES if has_names else setup.room:
        limits["dns_names"] = names
    listed = [(real, REAL_PORT) for real in reals]
    text = gateway_yaml.document(
        huge=setup.huge, dpdk={"memory_mb": setup.memory_mb,
                               "mbuf_bytes": setup.mbuf_bytes - HEADROOM, "mbufs": setup.mbufs},
        control_cpu=setup.control_cpu,
        cpus=[setup.cpu] if setup.workers == 1 else [setup.control_cpu, setup.cpu],
        # Where all workers have CPUs of their own they never sleep; a full one does not, either.
        idle="poll" if setup.workers == 1 else "adaptive",
        limits=limits, ports=ports(setup, edges, cluster), snat=snat_addresses(setup),
        names=gateway_yaml.dns(DNS_NAMES, services=True) if has_names else "",
        services=(gateway_yaml.service(f"load-{number}", FIRST_VIP[setup.family] + number, 6379,
                                       "tcp", setup.mode, listed)
                  for number in range(setup.services)))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make_forward(setup, forward):
    """The capture of what clients send."""
    capture = [sys.executable, f"{HERE}/capture.py"]
    what = ["mix", "--packets", str(setup.packets)] if setup.traffic == "mix" else ["forward"]
    syn = ["--syn"] if setup.traffic == "new" else []
    subprocess.run([*capture, *what, *syn, "--flows", str(setup.flows), "--vips",
                    str(setup.services), "--family", str(setup.family), "--size", setup.size, forward],
                   check=True)


def make_captures(setup, directory):
    """The capture that is measured, and the configuration."""
    forward, config = f"{directory}/forward.pcap", f"{directory}/config.yaml"
    make_forward(setup, forward)
    answers = None
    if setup.both_ways:
        answers, sent = f"{directory}/answers.pcap", f"{directory}/sent.pcap"
        write(setup, config, [forward], answers)
        subprocess.run([setup.binary, "replay", "--config", config, "--in", forward, "--out", sent,
                        "--seed", "1"], check=True)
        subprocess.run([sys.executable, f"{HERE}/capture.py", "returns", "--from", sent,
                        "--destination-mac", "02:70:63:61:70:01", answers], check=True)
    write(setup, config, [forward], answers)
    return answers if setup.returns else forward, config
