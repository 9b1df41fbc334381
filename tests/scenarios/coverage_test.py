#!/usr/bin/env python3
"""Every outcome that the data plane counts, and every mode over every family, has a scenario: one
that is added later is asked for here. coverage_test.py COUNTERS_H (common/counters.h).
"""

import glob
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTERS = sys.argv.pop(1)
GROUPS = {"DROP_REASONS": "drop.", "REPLY_KINDS": "reply.", "KERNEL_REASONS": "kernel.",
          "DNS_OUTCOMES": "dns."}
# What a handful of packets in one snapshot cannot make, and the test that does.
ELSEWHERE = {
    "drop.not_our_mac": "parse_test.cpp (replay does not compare MAC addresses)",
    "drop.next_hop_unresolved": "pipeline_forward_test.cpp (replay resolves all)",
    "drop.fragment_hold_full": "pipeline_fragments_test.cpp (256 held fragments)",
    "drop.flow_table_full": "syn_flood_test.cpp (a table of at least 1,024 flows)",
    "drop.rate_limited": "pipeline_icmp_answers_test.cpp (1,000 answers a second and more)",
    "drop.kernel_rate": "pipeline_rare_test.cpp (a hundred packets a second and more)",
    "drop.no_headroom": "pipeline_tunnel_test.cpp (replay's buffers have room)",
    "drop.tx_full": "worker_test.cpp (a device's queue)",
    "drop.handover_full": "worker_test.cpp (a ring between workers)",
    "drop.kernel_full": "worker_test.cpp (a ring to the kernel)",
}
FAMILIES = {"fullnat": ("ipv4", "ipv6"), "nat": ("ipv4", "ipv6"), "l2dsr": ("ipv4", "ipv6")}
PAIRS = [f"{inner}_in_{outer}" for inner in ("ipv4", "ipv6") for outer in ("ipv4", "ipv6")]
FAMILIES |= {mode: PAIRS for mode in ("ipip", "gre", "gue")}


def outcomes():
    """{name in outputs: enumerator}"""
    with open(COUNTERS, encoding="utf-8") as file:
        text = file.read()
    found = {}
    for macro, prefix in GROUPS.items():
        body = re.search(rf"#define VIPGATE_{macro}\(X\)((?:.*\\\n)*.*)", text).group(1)
        found |= {prefix + name: enumerator
                  for enumerator, name in re.findall(r'X\((\w+), "(\w+)"\)', body)}
    return found


def counted():
    names = set()
    for path in glob.glob(os.path.join(HERE, "*", "expected.txt")):
        with open(path, encoding="utf-8") as file:
            counters = file.read().partition("\ncounters\n")[2]
        names.update(line.split()[0] for line in counters.splitlines())
    return names


class Coverage(unittest.TestCase):
    def test_every_outcome_has_a_scenario_or_another_test(self):
        self.assertGreater(len(outcomes()), 50)
        self.assertEqual(sorted(set(outcomes()) - counted() - set(ELSEWHERE)), [])

    def test_what_is_tested_elsewhere_is_known_and_has_no_scenario(self):
        self.assertEqual(sorted(set(ELSEWHERE) - set(outcomes())), [])
        self.assertEqual(sorted(set(ELSEWHERE) & counted()), [])
        for name, where in ELSEWHERE.items():
            with open(os.path.join(HERE, "..", "dataplane", where.split()[0]),
                      encoding="utf-8") as file:
                self.assertIn("::" + outcomes()[name], file.read(), where)

    def test_every_mode_has_a_scenario_for_every_family(self):
        names = [os.path.basename(folder)[4:] for folder in glob.glob(os.path.join(HERE, "[0-9]*"))]
        for mode, families in FAMILIES.items():
            for family in families:
                self.assertIn(f"{mode}_{family}", names)


if __name__ == "__main__":
    unittest.main()
