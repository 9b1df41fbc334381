"""What vipgated gets when its packet rate is measured: captures, and a configuration with one port or
two of them, one service or many, of one mode and family."""

import ipaddress
import os
import subprocess
import sys

import dns_load

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = """\
dpdk: {{ huge_pages: "{huge}", memory_mb: {memory_mb}, mbuf_bytes: {mbuf_bytes}, mbufs: {mbufs} }}
control: {{ cpus: [{control_cpu}] }}
workers: {{ cpus: [{cpus}], idle: {idle} }}
ports:
{ports}
limits: {{ flows_per_worker: {flows}, services: {services}, reals: {reals}{names} }}
snat_pools: [{{ name: default, addresses: [{snat}] }}]
{dns}services:
"""
SERVICE = """\
  - {{ name: load-{number}, vip: "{vip}", port: 6379, protocol: tcp, mode: {mode}, reals: [{reals}] }}
"""
PORT = """\
  - name: {name}
    device: "{device}"
    addresses: [{addresses}]
    kernel: false
    neighbors: [{neighbors}]{mtu}
"""
# Where the buffers are large, tunnels around full frames fit.
LARGE_MTU = "\n    mtu: 1600"
DNS = """\
dns:
  listen: ["{server}"]
  zones:
    - name: {zone}
      services: true
      records:
"""
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


def snat_addresses(setup):
    """Half of the SNAT ports stay free, so that a free one is found at once."""
    count = setup.flows // 32000 + 1
    if setup.family == 6:
        return [f'"fd09:2::{1 + i:x}"' for i in range(count)]
    return [f"10.9.{2 + i // 250}.{1 + i % 250}" for i in range(count)]


def ports(setup, edges, cluster):
    """`edges`: captures of the first port, one for each of its queues; `cluster`: of a second one;
    without it the first has all addresses. What is measured comes over and over, the other way once."""
    neighbors = ", ".join(f'{{ address: "{real}", mac: "02:00:00:00:00:fe" }}'
                          for real in REALS_OF[setup.family])
    queues = ",".join(f"rx_pcap={edge}" for edge in edges)
    edge_device = f"net_pcap0,{queues}" + ("" if setup.returns else ",infinite_rx=1")
    own = f'"{PORT_ADDRESSES[setup.family]}"'
    mtu = LARGE_MTU if setup.mbuf_bytes >= 2048 else ""
    if setup.family == 6:
        own += f', "{PORT_ADDRESSES[4]}"'  # a tunnel between IPv4 addresses, DNS
    if cluster is None:
        return PORT.format(name="edge", device=edge_device, addresses=own, neighbors=neighbors,
                           mtu=mtu)
    cluster_device = f"net_pcap1,rx_pcap={cluster}" + (",infinite_rx=1" if setup.returns else "")
    return (PORT.format(name="edge", device=edge_device,
                        addresses=f'"{EDGE_ADDRESSES[setup.family]}"', neighbors="", mtu=mtu)
            + PORT.format(name="cluster", device=cluster_device, addresses=own,
                          neighbors=neighbors, mtu=mtu))


def write(setup, path, edges, cluster=None):
    """The configuration for a setup: see perf/run's options and PLAIN."""
    reals = REALS_OF[setup.family]
    has_names = setup.traffic == "mix"
    names = 2 * DNS_NAMES if has_names else setup.room
    dns = ""
    if has_names:
        dns = DNS.format(server=dns_load.SERVER, zone=dns_load.ZONE) + "".join(
            f"        - {{ name: {name}, type: {kind}, data: {data} }}\n"
            for name, kind, data in dns_load.records(DNS_NAMES))
    cpus = [setup.cpu] if setup.workers == 1 else [setup.control_cpu, setup.cpu]
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(
            huge="on" if setup.huge else "off", memory_mb=setup.memory_mb,
            mbuf_bytes=setup.mbuf_bytes - HEADROOM, mbufs=setup.mbufs,
            control_cpu=setup.control_cpu, cpus=", ".join(map(str, cpus)),
            # Where all workers have CPUs of their own they never sleep; a full one does not, either.
            idle="poll" if setup.workers == 1 else "adaptive",
            ports=ports(setup, edges, cluster), flows=setup.table or max(setup.flows, 65536),
            services=max(setup.services, setup.room),
            reals=len(reals) * setup.services + 4 * setup.room,
            names=f", dns_names: {names}" if names else "", snat=", ".join(snat_addresses(setup)),
            dns=dns))
        listed = ", ".join(f'{{ address: "{real}", port: 30585 }}' for real in reals)
        for number in range(setup.services):
            file.write(SERVICE.format(number=number, vip=FIRST_VIP[setup.family] + number,
                                      mode=setup.mode, reals=listed))


def make_captures(setup, directory):
    """The capture that is measured, and the configuration."""
    forward, config = f"{directory}/forward.pcap", f"{directory}/config.yaml"
    capture = [sys.executable, f"{HERE}/capture.py"]
    what = ["mix", "--packets", str(setup.packets)] if setup.traffic == "mix" else ["forward"]
    syn = ["--syn"] if setup.traffic == "new" else []
    subprocess.run([*capture, *what, *syn, "--flows", str(setup.flows), "--vips",
                    str(setup.services), "--family", str(setup.family), "--size", setup.size, forward],
                   check=True)
    answers = None
    if setup.both_ways:
        answers, sent = f"{directory}/answers.pcap", f"{directory}/sent.pcap"
        write(setup, config, [forward], answers)
        subprocess.run([setup.binary, "replay", "--config", config, "--in", forward, "--out", sent,
                        "--seed", "1"], check=True)
        subprocess.run([*capture, "returns", "--from", sent, "--destination-mac",
                        "02:70:63:61:70:01", answers], check=True)
    write(setup, config, [forward], answers)
    return answers if setup.returns else forward, config
