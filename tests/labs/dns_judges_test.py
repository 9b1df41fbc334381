#!/usr/bin/python3
"""Judges of the DNS responder that others wrote, from Debian packages, against the real daemon.

Usage: dns_judges_test.py CASE
"""

import re
import shutil
import signal
import subprocess
import sys

from dns_zones import DNS_ADDRESSES, all_names, zone_files, zones_yaml
from lab import HERE, SKIPPED, UNBOUND_SERVER, Failure, main, wait_for

CLIENT_ADDRESSES = ("10.9.0.1", "fd09::1")
COOKIE_SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
DEBIAN_PYTHON = "/usr/bin/python3"  # for which python3-dnspython is installed
JUDGE_LIMIT_S = 150
NSD = """\
server:
  ip-address: {addresses[0]}
  ip-address: {addresses[1]}
  username: ""
  database: ""
  zonesdir: "{directory}"
  zonelistfile: "{directory}/nsd.zones"
  pidfile: "{directory}/nsd.pid"
  xfrdfile: "{directory}/nsd.xfrd"
  xfrdir: "{directory}"
  identity: "judged"
  version: "1.0"
  nsid: "ascii_judged"
  answer-cookie: yes
  cookie-secret: {secret}
  ipv4-edns-size: 1232
  ipv6-edns-size: 1232
  rrl-ratelimit: 0
  refuse-any: no
remote-control:
  control-enable: no
"""
UNBOUND = UNBOUND_SERVER + """\
  verbosity: 4
  interface: 127.0.0.1
  use-caps-for-id: yes
  local-zone: "10.in-addr.arpa." nodefault
  local-zone: "test." nodefault
{zones}
remote-control:
  control-enable: yes
  control-interface: "{directory}/unbound.sock"
  control-use-cert: no
"""
DNS_OPTIONS = """nsid: judged
  chaos: {{ version: "1.0", hostname: judged }}
  cookies: {{ secret_file: "{secret_file}" }}
"""
MANY = {f"203.0.113.{i}" for i in range(120)}
SERVICES = {"0 1 80 www.corp.example.", "0 2 81 two.corp.example.", "5 0 82 six.corp.example."}
ANSWERS = (  # name, type, RCODE, the data of the answer's last name
    ("WWW.corp.example", "A", "NOERROR", {"192.0.2.80"}),
    ("www.alias.example", "AAAA", "NOERROR", {"2001:db8::80"}),
    ("chain1.corp.example", "A", "NOERROR", {"192.0.2.2", "192.0.2.3"}),
    ("_web._tcp.corp.example", "SRV", "NOERROR", SERVICES),
    ("_web._tcp.alias.example", "SRV", "NOERROR", SERVICES),
    ("x.y.wild.corp.example", "A", "NOERROR", {"192.0.2.42"}),
    ("1.0.9.10.in-addr.arpa", "PTR", "NOERROR", {"client.corp.example."}),
    ("corp.example", "NS", "NOERROR", {"ns1.mesos.", "ns2.corp.example."}),
    ("many.corp.example", "A", "NOERROR", MANY), ("nothing.corp.example", "A", "NOERROR", set()),
    ("nobody.corp.example", "A", "NXDOMAIN", set()))

UNBOUND_OFFENCES = (r"was [A-Z_ ]*LAME|REC_LAME|THROWAWAY|EDNS fails|without EDNS|Capsforid|0x20 f|"
                    r"failed scrub|[Ff]orm_?err|malformed")
UNBOUND_NO_OFFENCE = (r" tA 0 tAAAA 0 tother 0 ednsknown 1 edns 0 .* "
                      r"lame dnssec 0 rec 0 A 0 other 0$")  # no timeouts, EDNS, not lame
UNBOUND_CONTENT = "EDNS works for"
DSO_NOTIMP = ["6", "4", "20"]  # a header alone is right (RFC 8490 5.1.1), but tshark looks for more
TSHARK_FIELDS = ("dns.id", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message",
                 "dns.flags.opcode", "dns.flags.rcode", "udp.length")
TSHARK_ERROR = 0x800000  # PI_ERROR
COMPLAINTS = r"(?i)warning|malformed|error:|bad cookie"
TOOLS = (("dig", "+norec", "+nsid"), ("dig", "+norec", "+tcp", "+dnssec"),
         ("kdig", "+norec", "+cookie", "+nsid"), ("kdig", "+norec", "+tcp", "+dnssec"),
         ("kdig", "+norec", "+noedns"), ("drill",), ("drill", "-t"), ("drill", "-D"))


def need(*tools, modules=()):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    missing += [module for module in modules if subprocess.run(
        [DEBIAN_PYTHON, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False).returncode]
    if missing:
        print(f"SKIPPED: not installed (make deps does it): {', '.join(missing)}", file=sys.stderr)
        sys.exit(SKIPPED)


def begin(lab):
    """The gateway alone, with the zones of dns_zones.py, without a cluster."""
    secret = lab.directory / "cookie-secret"
    secret.write_text(COOKIE_SECRET + "\n", encoding="ascii")
    config = lab.config(dns=DNS_OPTIONS.format(secret_file=secret), store="none")
    text = re.sub(r"(?m)^mesos:\n(  .*\n)+", "", config.read_text(encoding="utf-8"))
    text = re.sub(r"(?m)^  zones:\n(    .*\n)+", lambda _: zones_yaml(), text)
    config.write_text(text, encoding="utf-8")
    lab.start_gateway(config, wait_for_backends=False)
    for address in DNS_ADDRESSES:
        wait_for_answer(lab, address)


def wait_for_answer(lab, address):
    wait_for(f"an answer from {address}", lambda: lab.dig("mesos", "SOA", server=address))


def start(lab, name, *words):
    lab.logs.append(lab.directory / f"{name}.log")
    return lab.spawn("client", f"{name}.log", *words)


def start_nsd(lab):
    """On the client's addresses, with the same zones."""
    serial = lab.dig("mesos", "SOA").pop().split()[2]
    text = NSD.format(addresses=CLIENT_ADDRESSES, directory=lab.directory, secret=COOKIE_SECRET)
    for name, zone in zone_files(serial):
        (lab.directory / f"{name}.zone").write_text(zone, encoding="ascii")
        text += f"zone:\n  name: {name}\n  zonefile: {name}.zone\n"
    config = lab.directory / "nsd.conf"
    config.write_text(text, encoding="ascii")
    start(lab, "nsd", "nsd", "-d", "-c", config)
    for address in CLIENT_ADDRESSES:
        wait_for_answer(lab, address)


class Capture:
    """All that comes from the responder, for tshark."""

    def __init__(self, lab):
        self.file, self.log = lab.directory / "replies.pcap", lab.directory / "tcpdump.log"
        self.process = start(
            lab, "tcpdump", "tcpdump", "-n", "-U", "-B", "32768", "-i", "eth0", "-w", self.file,
            " or ".join(f"src host {address}" for address in DNS_ADDRESSES))
        wait_for("tcpdump", lambda: "listening on" in self.log.read_text(encoding="utf-8"))

    def judge(self, at_least):
        """tshark finds nothing that is malformed, and no wrong checksum, in so many replies."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        log = self.log.read_text(encoding="utf-8")
        if not re.search(r"(?m)^0 packets dropped by kernel", log):
            raise Failure(f"tcpdump: {log}")
        command = ["tshark", "-n", "-r", self.file, "-T", "fields"]
        for layer in ("ip", "udp", "tcp"):
            command += ["-o", f"{layer}.check_checksum:TRUE"]
        for field in TSHARK_FIELDS:
            command += ["-e", field]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                              timeout=JUDGE_LIMIT_S).stdout
        rows = [line.split("\t") for line in told.splitlines()]
        replies = sum(bool(numbers) for numbers, *_ in rows)
        if replies < at_least:
            raise Failure(f"tshark sees {replies} frames of DNS instead of {at_least}")
        for _, malformed, severities, why, *what in rows:
            is_error = any(int(each) >= TSHARK_ERROR for each in severities.split(",") if each)
            if (malformed or is_error) and what != DSO_NOTIMP:
                raise Failure(f"tshark: {malformed} {why}, opcode, RCODE, length {what}")
        print(f"tshark finds nothing wrong with {replies} frames of DNS")


def answers_as_nsd_does(lab):
    """A hundred thousand random questions: what differs is what a rule says, and all replies are
    well-formed."""
    need("nsd", "tcpdump", "tshark")
    begin(lab)
    start_nsd(lab)
    capture = Capture(lab)
    compared = subprocess.run(
        lab.command("client", sys.executable, HERE / "dns_comparison.py", "--ours", *DNS_ADDRESSES,
                    "--theirs", *CLIENT_ADDRESSES), check=False, timeout=JUDGE_LIMIT_S)
    if compared.returncode != 0:
        raise Failure("not every answer is as it should be")
    capture.judge(at_least=100_000)
    lab.gateway.stop()


class Printed:
    """What dig, kdig or drill printed of one answer."""

    def __init__(self, text):
        self.text = text
        code = re.search(r"(?:status|rcode): (\w+)", text)
        self.rcode = code[1] if code else None
        self.flags = set(re.search(r"(?i)flags: ([a-z ]*);", text)[1].split()) if code else set()
        section = re.search(r"(?ms)^;; ANSWER SECTION:\n(.*?)(^;;|\Z)", text)
        self.answer = [line.split(None, 4) for line in section[1].splitlines()
                       if line and line[0] != ";"] if section else []

    def data(self, kind):
        return {data for *_, of, data in self.answer if of == kind}


def tools_read_every_answer(lab):
    """dig, kdig, drill and dnspython agree on what is answered, over IPv4 and IPv6, UDP and TCP."""
    need("dig", "kdig", "drill", DEBIAN_PYTHON, modules=["dns.message"])
    begin(lab)
    for number, (name, kind, rcode, data) in enumerate(ANSWERS):
        for words in TOOLS:
            number += 1
            server = DNS_ADDRESSES[number % len(DNS_ADDRESSES)]
            printed = Printed(lab.run("client", *words, f"@{server}", name, kind))
            found = (printed.rcode, printed.data(kind), "aa" in printed.flags)
            if words[0] == "drill" and "-t" not in words and data == MANY:
                # It does not ask again by TCP.
                is_right = "tc" in printed.flags and found == (rcode, set(), True)
            else:
                is_right = found == (rcode, data, True) and not re.search(COMPLAINTS, printed.text)
            if not is_right:
                raise Failure(f"{' '.join(words)} {name} {kind} @{server}: {printed.text}")
    print(lab.run("client", DEBIAN_PYTHON, HERE / "dns_python_judge.py", *DNS_ADDRESSES))
    lab.gateway.stop()


def unbound_is_content(lab):
    """A resolver that has the zones from us, as stubs and by forwarding, takes no offence."""
    need("unbound", "unbound-control", "dnsperf")
    begin(lab)
    zones = ""
    for number, (name, _) in enumerate(zone_files(0)):
        way = "forward" if number % 2 else "stub"
        zones += f"{way}-zone:\n  name: {name}\n"
        zones += "".join(f"  {way}-addr: {server}\n" for server in DNS_ADDRESSES)
    config = lab.directory / "unbound.conf"
    config.write_text(UNBOUND.format(directory=lab.directory, zones=zones), encoding="ascii")
    start(lab, "unbound", "unbound", "-d", "-c", config)
    wait_for_answer(lab, "127.0.0.1")
    for name, kind, rcode, data in ANSWERS:
        printed = Printed(lab.run("client", "dig", "@127.0.0.1", name, kind))
        if (printed.rcode, printed.data(kind)) != (rcode, data):
            raise Failure(f"by way of unbound: {printed.text}")
    resolve_all(lab)
    servers = lab.run("client", "unbound-control", "-c", config, "dump_infra").splitlines()
    for line in servers:
        if not re.search(UNBOUND_NO_OFFENCE, line):
            raise Failure(f"what unbound thinks of us: {line}")
    if len(servers) < len(DNS_ADDRESSES):
        raise Failure(f"unbound has not asked all servers: {servers}")
    log = (lab.directory / "unbound.log").read_text(encoding="utf-8", errors="replace")
    if offence := re.search(f"(?m)^.*({UNBOUND_OFFENCES}).*$", log):
        raise Failure(f"unbound: {offence[0]}")
    if not re.search(UNBOUND_CONTENT, log):
        raise Failure("unbound's log does not tell of EDNS any more")
    lab.gateway.stop()


def resolve_all(lab):
    """All names but those that lead nowhere, asked for by dnsperf."""
    nowhere = {b"dangling", b"loop1", b"loop2", b"self", b"wildloop", b"out", b"wildout",
               *(b"step%d" % i for i in range(12))}
    names = [b".".join(name).decode() for name in all_names() if not set(name) & nowhere]
    queries = lab.directory / "queries"
    kinds = ("A", "SRV", "TXT")
    queries.write_text("".join(f"{name} {kind}\n" for name in names for kind in kinds),
                       encoding="ascii")
    told = lab.run("client", "dnsperf", "-s", "127.0.0.1", "-d", queries, "-n", "1", "-q", "20",
                   "-t", "10")
    codes = re.search(r"Response codes: +(.*)", told)
    if not re.search(r"Queries completed: +\d+ \(100.00%\)", told) or not codes:
        raise Failure(f"dnsperf: {told}")
    if set(re.findall(r"[A-Z]+", codes[1])) != {"NOERROR"}:
        raise Failure(f"unbound answers names that are there: {codes[1]}")
    print(f"unbound: {codes[1]}")


if __name__ == "__main__":
    main({case.__name__: case for case in (
        answers_as_nsd_does, tools_read_every_answer, unbound_is_content)}, __doc__)
