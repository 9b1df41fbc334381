#!/usr/bin/python3
"""Records that follow the cluster, asked for by a real dig on the packet path.

Usage: dns_records_test.py CASE
"""

import ipaddress
import re
import sys

from lab import BACKENDS, DNS, FIRST, VIP, Failure, main, wait_for

SERVICES = "l4lb.thisdcos.directory"
CONTAINER6 = "fd09:1::12"
UDP_LIMIT_BYTES = 1232  # of an answer; RFC 9715
MANY = 32  # tasks of one name: more than an answer holds

# Asks for leader.mesos in a datagram of so many bytes, most of them padding (RFC 7830), which the
# kernel sends in fragments, and prints the reply.
LONG_QUESTION = """
import socket, struct, sys
server, size = sys.argv[1], int(sys.argv[2])
question = b"\\x06leader\\x05mesos\\0" + struct.pack(">HH", 1, 1)
padding = size - 12 - len(question) - 11 - 4
query = (struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 1) + question +
         struct.pack(">BHHIHHH", 0, 41, 1232, 0, padding + 4, 12, padding) + bytes(padding))
family = socket.AF_INET6 if ":" in server else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as client:
    client.connect((server, 53))
    client.settimeout(10)
    client.send(query)
    print(client.recv(4096).hex())
"""


class Answer:
    """What dig printed: status, flags, bytes, and the records of each section as (name, type, data)."""

    def __init__(self, text):
        status = re.search(r"status: (\w+)", text)
        if not status:
            raise Failure(f"dig got no answer: {text}")
        self.text, self.status = text, status[1]
        self.flags = set(re.search(r"flags: ([a-z ]*);", text)[1].split())
        self.bytes = int(re.search(r"MSG SIZE +rcvd: (\d+)", text)[1])
        self.sections, section = {}, None
        for line in text.splitlines():
            if title := re.fullmatch(r";; (\w+) SECTION:", line):
                section = self.sections.setdefault(title[1], [])
            elif line and not line.startswith(";"):
                name, _, _, kind, data = line.split(None, 4)
                section.append((name, kind, data))

    def records(self, section):
        return sorted(self.sections.get(section, []))


def ask(lab, *words, server=DNS):
    return Answer(lab.run("client", "dig", "+tries=3", "+time=2", f"@{server}", *words))


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found} instead of {wanted}")


def points_at(lab, address, *names):
    """What dig -x says, over both families; no name: there is no such record."""
    reverse = ipaddress.ip_address(address).reverse_pointer + "."
    for server in (DNS, FIRST.dns6):
        answer = ask(lab, "-x", address, server=server)
        expect(f"dig -x {address} @{server}", (answer.status, answer.records("ANSWER")),
               ("NOERROR" if names else "NXDOMAIN", [(reverse, "PTR", name) for name in names]))
        expect(f"authority of {address}", "aa" in answer.flags, True)


def begin(lab):
    """PTR records for VIPs, and for addresses of tasks in the lab's own networks."""
    lab.start_master()
    lab.agent("b3")
    zones = "".join(f"    - {{ name: {zone} }}\n" for zone in
                    ("9.10.in-addr.arpa", "1.0.0.0.9.0.d.f.ip6.arpa"))
    return lab.config(mesos="ptr: true", dns="ptr: true", more_zones=zones)


def reverse_names(lab):
    """A VIP's address and a task's lead to their one name, and to none when there are two names or
    none; they come and go with the tasks, IPv6 as IPv4."""
    config = begin(lab)
    tasks = lab.deploy("b1", "b2")
    v6 = lab.master.add_task(name="cache", agent=BACKENDS["b2"][0], network="container",
                             addresses=[CONTAINER6],
                             ports=[{"number": 6379, "name": "cache", "vip": "/cache:6379"}])["task"]
    lab.start_gateway(config)
    lab.wait_right("b1", "b2")
    vip6, = wait_for("the IPv6 VIP", lambda: lab.dig(f"cache.marathon.{SERVICES}", "AAAA"))
    points_at(lab, VIP, f"redis.marathon.{SERVICES}.")
    points_at(lab, vip6, f"cache.marathon.{SERVICES}.")
    points_at(lab, BACKENDS["b1"][0], "redis.marathon.mesos.")
    points_at(lab, CONTAINER6, "cache.marathon.mesos.")
    points_at(lab, BACKENDS["b3"][0])  # an agent without a task
    points_at(lab, "11.202.66.37")  # in the range of VIPs, and nobody's

    second = lab.master.add_task(name="other", agent=BACKENDS["b1"][0], ports=[])["task"]
    wait_for("the second name", lambda: lab.dig("other.marathon.mesos"))
    points_at(lab, BACKENDS["b1"][0])
    lab.master.kill_task(task=second)
    wait_for("the second name to go", lambda: not lab.dig("other.marathon.mesos"))
    points_at(lab, BACKENDS["b1"][0], "redis.marathon.mesos.")

    for task in (*tasks.values(), v6):
        lab.master.kill_task(task=task)
    wait_for("all names to go", lambda: not lab.dig("redis.marathon.mesos")
             and not lab.dig("cache.marathon.mesos", "AAAA")
             and not lab.dig(f"redis.marathon.{SERVICES}"))
    for address in (VIP, vip6, BACKENDS["b1"][0], CONTAINER6):
        points_at(lab, address)
    lab.gateway.stop()


def check_targets(lab, name, ports):
    """The SRV records of a name have these ports, and the addresses of all their targets come along."""
    answer = ask(lab, name, "SRV")
    found = [data.split() for _, kind, data in answer.records("ANSWER") if kind == "SRV"]
    expect(f"the ports of {name}", sorted(int(fields[2]) for fields in found), sorted(ports))
    targets = {fields[3] for fields in found}
    added = {(owner, data) for owner, kind, data in answer.records("ADDITIONAL") if kind == "A"}
    expect(f"additional addresses of {name}", {owner for owner, _ in added}, targets)
    for owner, data in added:
        expect(f"the address of {owner}", lab.dig(owner), {data})
    return targets


def services_and_truncation(lab):
    """SRV brings the addresses of its targets; of a set that does not fit nothing is sent but TC=1,
    also by EDNS's size and without it."""
    config = begin(lab)
    lab.deploy("b1", "b2")
    lab.start_gateway(config)
    lab.wait_right("b1", "b2")
    check_targets(lab, "_redis._tcp.marathon.mesos", [BACKENDS["b1"][1], BACKENDS["b2"][1]])
    expect("the target of the VIP's SRV", check_targets(
        lab, f"_redis._tcp.marathon.{SERVICES}", [6379]), {f"redis.marathon.{SERVICES}."})

    seen = []  # per count of tasks: what came without EDNS, with its default, with too much of it
    for count in range(1, MANY + 1):
        lab.master.add_task(name="many", agent=BACKENDS["b3"][0],
                            ports=[{"number": 20000 + count, "name": "many"}])
        wait_for(f"task {count}", lambda n=count: srv_count(lab) in (n, "TC"))
        sizes = ["+noedns"], ["+bufsize=1232"], ["+bufsize=4096"]
        seen.append([one_way(ask(lab, "+ignore", *size, "_many._tcp.marathon.mesos", "SRV"), count)
                     for size in sizes])
    whole = [sum(column) for column in zip(*seen)]
    print(f"SRV records that fit: {whole[0]} in 512 bytes, {whole[1]} in 1232, {whole[2]} when 4096 "
          "are offered")
    for column, size in zip(zip(*seen), ("512", "1232", "4096")):
        expect(f"once truncated at {size}, always", list(column), sorted(column, reverse=True))
    if not 1 < whole[0] < whole[1] == whole[2] < MANY:
        raise Failure(f"answers are not cut at the limits: {whole}")
    lab.gateway.stop()


def srv_count(lab):
    answer = ask(lab, "+ignore", "_many._tcp.marathon.mesos", "SRV")
    return "TC" if "tc" in answer.flags else len(answer.records("ANSWER"))


def one_way(answer, count):
    """Whether the answer is whole; Failure if it is neither that nor an empty one with TC=1."""
    if "tc" in answer.flags:
        expect("records beside TC=1", (answer.records("ANSWER"), answer.records("ADDITIONAL")),
               ([], []))
        return False
    expect("SRV records", len(answer.records("ANSWER")), count)
    if answer.bytes > UDP_LIMIT_BYTES:
        raise Failure(f"an answer of {answer.bytes} bytes")
    return True


def questions_for_the_kernel(lab):
    """A question in fragments is answered, as is one that the gateway asks itself, over both
    families; the packet path never sees either whole."""
    config = begin(lab)
    lab.start_gateway(config)
    leader, = wait_for("the leader's address", lambda: lab.dig("leader.mesos"))
    before = lab.gateway.counters()
    for server in (DNS, FIRST.dns6):
        reply = bytes.fromhex(lab.run("client", sys.executable, "-c", LONG_QUESTION, server, "4096"))
        expect(f"reply of {server} to a question of 4096 bytes",
               (reply[:2], reply[2] & 0x86, reply[3] & 0xf, reply[6:8]),
               (b"\x12\x67", 0x84, 0, b"\0\1"))
        expect("the address in it", ipaddress.ip_address(leader).packed in reply, True)
    after = lab.gateway.counters()
    counted = {name: after.get(name, 0) - before.get(name, 0)
               for name in ("dns_udp.queries", "dns_udp.truncated", "dns_udp.unanswered",
                            "kernel.dns_fragments", "drop.fragment", "drop.kernel_rate")}
    expect("what was counted", counted, {
        "dns_udp.queries": 2, "dns_udp.truncated": 0, "dns_udp.unanswered": 0,
        "kernel.dns_fragments": 6, "drop.fragment": 0, "drop.kernel_rate": 0})
    for server in (DNS, FIRST.dns6):
        found = lab.run("gw", "dig", "+short", "+tries=1", "+time=5", f"@{server}", "leader.mesos")
        expect(f"dig @{server} on the gateway", found.split(), [leader])
        # Who it is cannot be seen: no answer that is longer than the question, but a way to TCP.
        short = Answer(lab.run("gw", "dig", "+ignore", "+noedns", "+tries=1", "+time=5",
                               f"@{server}", "leader.mesos"))
        expect("without TCP", ("tc" in short.flags, short.records("ANSWER")), (True, []))
    lab.gateway.stop()


CASES = {case.__name__: case for case in (reverse_names, services_and_truncation,
                                          questions_for_the_kernel)}

if __name__ == "__main__":
    main(CASES, __doc__)
