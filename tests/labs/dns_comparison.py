#!/usr/bin/python3
"""Asks two servers the same random questions and explains every difference of what they answer.

Usage: dns_comparison.py --ours ADDRESS… --theirs ADDRESS… [--count N] [--tcp N] [--seed N]

Both serve the zones of dns_zones.py. Each difference is one that a rule of dns_rules.py explains:
one that none does fails, and so does a rule that explains nothing.
"""

import argparse
import collections
import select
import socket
import struct
import sys
import time

from dns_differences import differences
from dns_random_queries import CLIENT_COOKIE, COOKIE, Queries, opt, option
from dns_reply import Broken, Reply
from dns_rules import RULES

WINDOW = 64
SILENCE_S = 0.2
TRIES = 25  # a server's limit on errors may take a second
TCP_LIMIT_S = 10
SHOWN = 10  # kinds of differences


class Udp:
    def __init__(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect((address, 53))

    def send(self, queries):
        for query in queries:
            self.socket.send(query.octets)

    def replies(self, queries):
        """To those that were sent, in their order; those without are sent TRIES times in all."""
        found, waiting = {}, {query.octets[:2]: query for query in queries}
        for attempt in range(TRIES):
            if attempt:
                self.send(waiting.values())
            while waiting and select.select([self.socket], [], [], SILENCE_S)[0]:
                reply = self.socket.recv(65535)
                # It may be the second one to a query that was sent twice.
                if waiting.pop(reply[:2], None):
                    found[reply[:2]] = reply
        return [found.get(query.octets[:2]) for query in queries]


class Tcp:
    """All queries of a window on one connection, replies in any order (RFC 7766 6.2.1.1, 7)."""

    def __init__(self, address):
        self.address, self.connection = address, None

    def send(self, queries):
        self.connection = socket.create_connection((self.address, 53), timeout=TCP_LIMIT_S)
        self.connection.sendall(b"".join(struct.pack("!H", len(query.octets)) + query.octets
                                         for query in queries))

    def replies(self, queries):
        """Should the server close, the first query without a reply is why: the others go again."""
        found, left = {}, queries
        while left:
            self._read(len(left), found)
            left = [query for query in left if query.octets[:2] not in found][1:]
            if left:
                self.send(left)
        return [found.get(query.octets[:2]) for query in queries]

    def _read(self, count, found):
        with self.connection, self.connection.makefile("rb") as stream:
            try:
                for _ in range(count):
                    reply = stream.read(*struct.unpack("!H", stream.read(2)))
                    found[reply[:2]] = reply
            except (ConnectionResetError, struct.error):
                pass  # it closes


def server_cookie(address):
    """A good one, for CLIENT_COOKIE and the address that we have there."""
    udp = Udp(address)
    query = Queries(0, []).make(0)
    query.octets = (struct.pack("!6H", 0, 0, 1, 0, 0, 1) + b"\0\0\6\0\1"
                    + opt(1232, 0, option(COOKIE, CLIENT_COOKIE)))
    udp.send([query])
    reply = udp.replies([query])[0]
    if reply is None:
        sys.exit(f"no answer from {address}")
    return Reply(reply).option(COOKIE)[8:]


def read(octets):
    """A Reply; None: there was none; text: why it is none."""
    try:
        return None if octets is None else Reply(octets)
    except Broken as why:
        return f"broken: {why}: {octets.hex()}"


def show(reply):
    return reply.text() if isinstance(reply, Reply) else f"  {reply or 'nothing'}"


class Comparison:
    def __init__(self):
        self.used = collections.Counter()  # rules, by name
        self.unexplained = collections.Counter()  # by what differs, and the query's oddity
        self.same = self.explained = 0

    def compare(self, query, ours, theirs):
        ours, theirs = read(ours), read(theirs)
        left = differences(ours, theirs)
        if not left:
            self.same += 1
            return
        found = sorted(left)
        for rule in RULES:
            if explained := left & rule.explains(query, ours, theirs):
                left -= explained
                self.used[rule.name] += 1
            if not left:
                self.explained += 1
                return
        kind = (tuple(sorted(left)), query.oddity)
        self.unexplained[kind] += 1
        if self.unexplained[kind] == 1 and len(self.unexplained) <= SHOWN:
            print(f"\nDIFFERENCE in {', '.join(found)}, of which no rule explains "
                  f"{', '.join(sorted(left))}\n{query.text()}\n ours:\n{show(ours)}\n theirs:\n"
                  f"{show(theirs)}")

    def report(self, seconds):
        """Prints it; whether all is as it should be."""
        print(f"{self.same} the same, {self.explained} that differ as rules say, {seconds:.1f} s")
        for rule in RULES:
            print(f"  {self.used[rule.name]:6} {rule.name}")
        for (fields, oddity), count in self.unexplained.most_common():
            print(f"  {count:6} NOT EXPLAINED: {', '.join(fields)} (odd: {oddity or 'nothing'})")
        idle = [rule.name for rule in RULES if not self.used[rule.name]]
        if idle:
            print(f"rules that explain nothing: {idle}")
        return not idle and not self.unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", nargs="+", required=True)
    parser.add_argument("--theirs", nargs="+", required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--tcp", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=20_261_128)
    words = parser.parse_args()
    print(f"seed {words.seed}")
    began = time.monotonic()
    pairs = []
    for ours, theirs in zip(words.ours, words.theirs, strict=True):
        cookies = [server_cookie(ours), server_cookie(theirs)]
        pairs.append((Queries(f"{words.seed} {len(pairs)}", cookies),
                      Udp(ours), Udp(theirs), Tcp(ours), Tcp(theirs)))
    comparison = Comparison()
    for start in range(0, words.count + words.tcp, WINDOW):
        queries, *udp, tcp_ours, tcp_theirs = pairs[start // WINDOW % len(pairs)]
        over_tcp = start >= words.count
        window = [queries.make((start + i) & 0xffff, over_tcp) for i in range(WINDOW)]
        ends = (tcp_ours, tcp_theirs) if over_tcp else udp
        for end in ends:
            end.send(window)
        for query, ours, theirs in zip(window, *(end.replies(window) for end in ends)):
            comparison.compare(query, ours, theirs)
    return 0 if comparison.report(time.monotonic() - began) else 1


if __name__ == "__main__":
    sys.exit(main())
