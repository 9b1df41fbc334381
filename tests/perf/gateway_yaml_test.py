#!/usr/bin/env python3
"""The configuration that perf/'s scripts write: gateway_yaml_test.py SOURCE_DIRECTORY."""

import sys
import unittest

sys.path.insert(0, f"{sys.argv[1]}/perf")
import gateway_yaml  # noqa: E402

BALANCER = """\
dpdk: { huge_pages: "on", memory_mb: 256, mbufs: 100 }
control: { cpus: [0] }
workers: { cpus: [0, 1], idle: poll }
limits: { services: 1 }
ports:
  - name: edge
    device: "net_pcap0,rx_pcap=a"
    addresses: ["10.9.0.2/16", "fd09::2/16"]
    kernel: false
    neighbors: [{ address: "10.9.1.11", mac: "02:00:00:00:00:fe" }]
    mtu: 1600
snat_pools: [{ name: default, addresses: ["fd09:2::1"] }]
services:
  - { name: load, vip: "fd01:c::1", port: 80, protocol: udp, mode: nat, reals: \
[{ address: "10.9.1.11", port: 90 }] }
"""
NAMES = """\
    neighbors: []
dns:
  listen: ["10.9.0.53"]
  cookies: { require: true }
  zones:
    - name: mesos
      services: false
      records:
        - { name: app-0.marathon, type: A, data: 10.0.0.0 }
        - { name: _app-0._tcp.marathon, type: SRV, data: 0 1 6379 app-0.marathon.mesos }
"""


class GatewayYamlTest(unittest.TestCase):
    def test_addresses_are_quoted_and_each_part_has_its_place(self):
        port = gateway_yaml.port("edge", "net_pcap0,rx_pcap=a", ["10.9.0.2/16", "fd09::2/16"],
                                 [("10.9.1.11", "02:00:00:00:00:fe")], mtu=1600)
        service = gateway_yaml.service("load", "fd01:c::1", 80, "udp", "nat", [("10.9.1.11", 90)])
        self.assertEqual(gateway_yaml.document(
            huge=True, dpdk={"memory_mb": 256, "mbufs": 100}, control_cpu=0, cpus=[0, 1],
            idle="poll", limits={"services": 1}, ports=[port], snat=["fd09:2::1"],
            services=[service]), BALANCER)

    def test_a_server_of_names_alone_has_no_services(self):
        text = gateway_yaml.document(
            huge=False, dpdk={}, control_cpu=0, cpus=[1], idle="adaptive", limits={"dns_names": 9},
            ports=[gateway_yaml.port("edge", "net_tap0", ["10.9.0.2/24"])],
            names=gateway_yaml.dns(2, ["cookies: { require: true }"]))
        self.assertTrue(text.endswith(NAMES), text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
