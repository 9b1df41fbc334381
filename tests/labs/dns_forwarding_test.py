#!/usr/bin/python3
"""Names outside the zones, asked by a real dig through the gateway of real Unbounds, which come and go.

Usage: dns_forwarding_test.py CASE
"""

import json
import shutil
import signal
import sys
import time

from lab import BACKENDS, DNS, FIRST, SKIPPED, UNBOUND_SERVER, Failure, main, wait_for
from dns_records_test import ask, expect

TIMEOUT_MS = 1500
MANY = 100  # addresses of one name: more than an answer over UDP holds
UNBOUND = UNBOUND_SERVER + """\
  interface: {address}
  interface: {address6}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  local-zone: "example.org." static
  local-data: "example.org. 60 IN SOA ns.example.org. root.example.org. 1 2 3 4 30"
  local-data: "who.example.org. 60 IN TXT '{name}'"
  local-data: "www.example.org. 60 IN A 192.0.2.80"
  local-data: "www.example.org. 60 IN AAAA 2001:db8::80"
{many}
remote-control:
  control-enable: no
"""
FORWARD = """forward:
    policy: forward
    clients: [10.9.0.0/24, "fd09::/64"]
    resolvers: [{resolvers}]
    snat_pool: dns
    race_after_ms: 200
    timeout_ms: {timeout_ms}
    {more}
"""
HEALTH = "health: {interval_s: 1, timeout_ms: 500, fall: 2, name: www.example.org}"
SOURCES = """import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8080/api/v1/sources").read().decode())"""
# Names of ours that lead to others'.
ALIASES = """    - name: alias.test
      records:
        - { name: www, type: CNAME, data: www.example.org. }
        - { name: two, type: CNAME, data: www.alias.test. }
        - { name: nobody, type: CNAME, data: nobody.example.org. }
        - { name: many, type: CNAME, data: many.example.org. }
"""
SEARCH = "search: [{clients: [10.9.0.0/24], suffixes: [marathon.mesos, corp.example]}]"


class Resolver:
    def __init__(self, lab, backend):
        self.lab, self.name, self.address = lab, backend, BACKENDS[backend][0]
        self.address6 = self.address.replace("10.9.1.", "fd09:1::")
        self.config = lab.directory / f"unbound-{backend}.conf"
        many = "\n".join(f'  local-data: "many.example.org. 60 IN A 198.51.100.{i}"'
                         for i in range(1, MANY + 1))
        names = "\n".join(f'  local-data: "n{i}.example.org. 60 IN A 203.0.113.{i}"'
                          for i in range(1, 100))
        self.config.write_text(UNBOUND.format(
            address=self.address, address6=self.address6, name=backend, many=many + "\n" + names,
            directory=lab.directory), encoding="utf-8")
        self.process = None

    def start(self):
        log = f"unbound-{self.name}.log"
        self.process = self.lab.spawn(self.name, log, "unbound", "-d", "-c", self.config)
        self.lab.logs.append(self.lab.directory / log)
        wait_for(f"unbound on {self.name}", lambda: self.lab.succeeds(
            self.name, "dig", "+tries=1", "+time=1", f"@{self.address}", "www.example.org"))

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def begin(lab, *backends, health="", more="", more_zones=""):
    if shutil.which("unbound") is None:
        print("SKIPPED: unbound is not installed (make deps installs it)", file=sys.stderr)
        sys.exit(SKIPPED)
    resolvers = [Resolver(lab, backend) for backend in backends]
    for resolver in resolvers:
        resolver.start()
    lab.start_master()
    addresses = ", ".join(f'"{address}"' for resolver in resolvers
                          for address in [resolver.address])
    lab.start_gateway(lab.config(
        dns=FORWARD.format(resolvers=addresses, timeout_ms=TIMEOUT_MS, more=health) + f"  {more}",
        more_zones=more_zones,
        more_pools='  - { name: dns, addresses: [10.9.1.200, "fd09:1::200"] }\n'
                   'rest: { listen: ["127.0.0.1:8080"] }'))
    wait_for("the ways to the resolvers", lambda: lab.dig("www.example.org"))
    return resolvers


def addresses(answer):
    return [data for _, kind, data in answer.records("ANSWER") if kind in ("A", "AAAA")]


def over_udp_and_tcp(lab):
    """Answers are the resolver's, over both families and transports, whole over TCP; own names stay."""
    begin(lab, "b1", "b2")
    for server in (DNS, FIRST.dns6):
        for words in ((), ("+tcp",)):
            answer = ask(lab, "WwW.example.org", *words, server=server)
            expect("status", (answer.status, addresses(answer)), ("NOERROR", ["192.0.2.80"]))
            expect("flags", answer.flags, {"qr", "rd", "ra"})
            expect("owner", answer.records("ANSWER")[0][0], "WwW.example.org.")
            answer = ask(lab, "www.example.org", "AAAA", *words, server=server)
            expect("AAAA", addresses(answer), ["2001:db8::80"])
            # Without one, who shows a cookie discards the reply (RFC 7873 5.3).
            expect("cookies", "(good)" in answer.text, True)
            answer = ask(lab, "nobody.example.org", *words, server=server)
            expect("no such name", (answer.status, len(answer.records("AUTHORITY"))),
                   ("NXDOMAIN", 1))
    answer = ask(lab, "many.example.org", "+ignore")
    expect("truncated", ("tc" in answer.flags, addresses(answer)), (True, []))
    expect("whole by TCP", len(addresses(ask(lab, "many.example.org"))), MANY)
    # From here on the resolvers are not asked: what they have said over TCP is kept, as long as it is.
    asked = lab.gateway.counters()["dns_tcp.forwarded"]
    expect("whole again", len(addresses(ask(lab, "many.example.org"))), MANY)
    expect("whole without UDP", len(addresses(ask(lab, "MANY.example.org", "+tcp"))), MANY)
    expect("kept", addresses(ask(lab, "www.example.org", "+tcp")), ["192.0.2.80"])
    expect("kept that it is not", ask(lab, "nobody.example.org", "+tcp").status, "NXDOMAIN")
    expect("resolvers asked over TCP", lab.gateway.counters()["dns_tcp.forwarded"] - asked, 0)
    answer = ask(lab, "nobody.mesos")
    expect("own names", (answer.status, "aa" in answer.flags), ("NXDOMAIN", True))
    expect("names of nobody", ask(lab, "x.onion").status, "NXDOMAIN")
    counters = lab.gateway.counters()
    for name in ("dns.forwarded", "dns.cached", "dns_asked", "dns.resolver_answer",
                 "dns_tcp.forwarded", "dns_tcp.cached"):
        if counters.get(name, 0) == 0:
            raise Failure(f"{name} is 0")
    if counters.get("dns_failed", 0) or counters.get("dns_tcp.forward_failed", 0):
        raise Failure(f"something failed: {counters}")
    lab.gateway.stop()


def timed(lab, *words):
    begun = time.monotonic()
    answer = ask(lab, *words, "+tries=1", "+time=5")
    return answer, time.monotonic() - begun


def resolvers_that_go(lab):
    """The second one takes over, without either a client gets SERVFAIL in time, and the first is used
    again when it is back."""
    first, second = begin(lab, "b1", "b2")
    expect("who answers", ask(lab, "who.example.org", "TXT").records("ANSWER")[0][2], '"b1"')
    first.end()
    for i in range(1, 8):
        answer, took = timed(lab, f"n{i}.example.org")
        expect("by the second", addresses(answer), [f"203.0.113.{i}"])
        if took > 1:
            raise Failure(f"the second resolver was asked after {took} s")
    answer, took = timed(lab, "n8.example.org", "+tcp")
    expect("by the second over TCP", addresses(answer), ["203.0.113.8"])
    expect("from the cache", addresses(ask(lab, "n1.example.org")), ["203.0.113.1"])
    second.end()
    for words in ((), ("+tcp",)):
        answer, took = timed(lab, f"n1{len(words)}.example.org", *words)
        expect("status", answer.status, "SERVFAIL")
        if took > TIMEOUT_MS / 1000 + 1:
            raise Failure(f"SERVFAIL after {took} s")
    expect("what is known", addresses(ask(lab, "n2.example.org")), ["203.0.113.2"])
    first.start()
    wait_for("the first to be asked again",
             lambda: lab.dig("who.example.org", "TXT") == {'"b1"'} and lab.dig("n20.example.org"))
    lab.gateway.stop()


def resolvers_health(lab):
    """A resolver that is down is asked by nobody until it has answered again; when all are, all are tried."""
    first, second = begin(lab, "b1", "b2", health=HEALTH)

    def states():
        counters = lab.gateway.counters()
        return counters.get("dns_resolvers.up", 0), counters.get("dns_resolvers.down", 0)

    def told():
        sources = json.loads(lab.run("gw", sys.executable, "-c", SOURCES))
        return [(source["id"], source["state"]) for source in sources["sources"]
                if source["kind"] == "resolver"]

    wait_for("both to have answered", lambda: states() == (2, 0))
    first.end()
    lab.gateway.wait_log(rf"the resolver {first.address}:53 is down: ")
    expect("sources", told(), [(f"resolver.{first.address}:53", "down"),
                               (f"resolver.{second.address}:53", "up")])
    before = lab.gateway.counters().get("dns_asked", 0)
    for i in range(1, 6):
        answer, _ = timed(lab, f"n{i}.example.org")
        expect("by the second", addresses(answer), [f"203.0.113.{i}"])
    expect("resolvers asked", lab.gateway.counters()["dns_asked"] - before, 5)
    asked = lab.gateway.counters().get("dns_tcp.forwarded", 0)
    expect("over TCP", addresses(ask(lab, "n6.example.org", "+tcp")), ["203.0.113.6"])
    expect("resolvers asked over TCP", lab.gateway.counters()["dns_tcp.forwarded"] - asked, 1)
    second.end()
    lab.gateway.wait_log(rf"the resolver {second.address}:53 is down: ")
    before = lab.gateway.counters()["dns_asked"]
    expect("status", timed(lab, "n7.example.org")[0].status, "SERVFAIL")
    expect("all are tried", lab.gateway.counters()["dns_asked"] - before, 2)
    first.start()
    lab.gateway.wait_log(rf"the resolver {first.address}:53 is up again")
    wait_for("the first to be asked", lambda: lab.dig("n20.example.org"))
    expect("states", states(), (1, 1))
    lab.gateway.stop()


def names_that_stay_here(lab):
    """Reverse names of private addresses are not forwarded, and names that search lists have lengthened
    are answered as aliases."""
    begin(lab, "b1", more=SEARCH)
    own = wait_for("the leader's address", lambda: addresses(ask(lab, "leader.mesos")))
    counters = lab.gateway.counters()
    for words in ((), ("+tcp",)):
        for address, zone in (("10.200.3.4", "10.in-addr.arpa."), ("fd00::1", "d.f.ip6.arpa."),
                              ("172.20.1.1", "20.172.in-addr.arpa.")):
            answer = ask(lab, "-x", address, *words)
            expect(f"dig -x {address}", answer.status, "NXDOMAIN")
            expect("authority", [(name, kind) for name, kind, _ in answer.records("AUTHORITY")],
                   [(zone, "SOA")])
        for name in ("leader.mesos.corp.example.", "LEADER.mesos.marathon.mesos."):
            short = name[:len("leader.mesos")] + "."
            answer = ask(lab, name, *words)
            expect(name, (answer.status, answer.records("ANSWER")),
                   ("NOERROR", sorted([(name, "CNAME", short)] +
                                      [(short, "A", address) for address in own])))
    after = lab.gateway.counters()
    for counter in ("dns_asked", "dns_tcp.forwarded"):
        expect(counter, after.get(counter, 0), counters.get(counter, 0))
    lab.gateway.stop()


def aliases_of_others(lab):
    """A name of ours that is an alias of another's is answered with what the resolver says of that one;
    who may not have it asked gets the alias."""
    begin(lab, "b1", more_zones=ALIASES)
    for words in ((), ("+tcp",)):
        for name in ("www", "two"):
            answer = ask(lab, f"{name}.alias.test", *words)
            expect(name, (answer.status, addresses(answer)), ("NOERROR", ["192.0.2.80"]))
            expect("flags", answer.flags, {"qr", "aa", "rd", "ra"})
            expect("records", len(answer.records("ANSWER")), 2 if name == "www" else 3)
        answer = ask(lab, "nobody.alias.test", *words)
        expect("nobody", (answer.status, len(answer.records("ANSWER")),
                          len(answer.records("AUTHORITY"))), ("NXDOMAIN", 1, 1))
        answer = ask(lab, "www.alias.test", "+norecurse", *words)
        expect("alone", [kind for _, kind, _ in answer.records("ANSWER")], ["CNAME"])
    expect("whole by TCP", len(addresses(ask(lab, "many.alias.test"))), MANY)
    lab.gateway.stop()


if __name__ == "__main__":
    main({case.__name__: case for case in (over_udp_and_tcp, resolvers_that_go, resolvers_health,
                                           names_that_stay_here, aliases_of_others)}, __doc__)
