"""The servers that perf/dns_peers and perf/dns_afxdp measure: vipgated, NSD, Knot DNS and gdnsd on
the same zone, each with one thread, in a network namespace beside the client's."""

import os
import shutil
import signal
import subprocess
import time

import dns_load
import gateway_yaml
from measure import Failure

PROGRAMS = {"vipgated": None, "nsd": "nsd", "knot": "knotd", "gdnsd": "gdnsd"}
CLIENT, SERVER, PEER = "10.9.0.1", "10.9.0.2", "10.9.0.54"
DEFAULT_MIX = {"a": 70, "srv": 20, "nxdomain": 10}
START_S = 60
NSD = """\
server:
  server-count: 1
  ip-address: {address}
  username: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: ""
  xfrdfile: "{directory}/nsd.xfrd"
  minimal-responses: yes
  rrl-ratelimit: 0
zone:
  name: {zone}
  zonefile: {directory}/zone
"""
KNOT = """\
server:
  listen: {address}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: {directory}/knot
{xdp}database:
  storage: {directory}/knot
zone:
  - domain: {zone}
    file: {directory}/zone
    zonefile-sync: -1
    journal-content: none
"""
KNOT_XDP = "xdp:\n  listen: {link}@53\n"
GDNSD = """\
options => {{
  listen => {{ {address} => {{ udp_threads => 1, tcp_threads => 1 }} }}
  run_dir => "{directory}/gdnsd/run"
  state_dir => "{directory}/gdnsd/state"
}}
"""


def missing(tools, servers):
    """What of these programs and servers is not installed."""
    wanted = [*tools, *filter(None, (PROGRAMS[name] for name in servers))]
    return [tool for tool in wanted if shutil.which(tool) is None]


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespaces:
    """The client's and the server's, with nothing in them but loopback; they go with the stack."""

    def __init__(self, stack, prefix):
        self.names = {place: f"{prefix}-{os.getpid()}-{place}" for place in ("client", "server")}
        for place, name in self.names.items():
            run("ip", "netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
            self.ip(place, "link", "set", "lo", "up")

    def ip(self, place, *words):
        return run("ip", "-n", self.names[place], *words)

    def command(self, place, cpu, *words):
        return ["ip", "netns", "exec", self.names[place], "taskset", "-c", str(cpu),
                *map(str, words)]


def write_zone(path, names):
    zone = dns_load.ZONE
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{zone}. 5 SOA ns1.{zone}. root.ns1.{zone}. 1 60 600 86400 5\n"
                   f"{zone}. 5 NS ns1.{zone}.\nns1.{zone}. 5 A {PEER}\n")
        for name, kind, data in dns_load.records(names):
            end = "." if kind == "SRV" else ""
            file.write(f"{name}.{zone}. 5 {kind} {data}{end}\n")


def write_gateway(path, names, *, device, cpu, control_cpu, idle):
    """vipgated's configuration."""
    path.write_text(gateway_yaml.document(
        huge=False, dpdk={"memory_mb": 512}, control_cpu=control_cpu, cpus=[cpu], idle=idle,
        limits={"dns_names": names + 1000},
        ports=[gateway_yaml.port("edge", device, [f"{SERVER}/24"])],
        names=gateway_yaml.dns(names)), encoding="utf-8")


def write_questions(path, names, count):
    """As dnsperf and kxdpgun read them."""
    with open(path, "w", encoding="utf-8") as file:
        for name, kind in dns_load.questions(names, count, DEFAULT_MIX):
            file.write(f"{name} {dns_load.TYPES[kind]}\n")


def write_peers(directory, names, address=PEER, xdp_link=None):
    """The zone and the other servers' configurations; `xdp_link`: Knot DNS takes AF_XDP there."""
    write_zone(directory / "zone", names)
    for place in ("knot", "gdnsd/run", "gdnsd/state", "gdnsd/zones"):
        (directory / place).mkdir(parents=True)
    (directory / "gdnsd/zones" / dns_load.ZONE).symlink_to(directory / "zone")
    xdp = KNOT_XDP.format(link=xdp_link) if xdp_link else ""
    for name, text in (("nsd.conf", NSD), ("knot.conf", KNOT), ("gdnsd/config", GDNSD)):
        (directory / name).write_text(
            text.format(address=address, directory=directory, zone=dns_load.ZONE, xdp=xdp),
            encoding="utf-8")


def command_of(name, directory, binary="vipgated"):
    return {"vipgated": [binary, "--config", directory / "vipgated.yaml"],
            "nsd": ["nsd", "-d", "-c", directory / "nsd.conf"],
            "knot": ["knotd", "-c", directory / "knot.conf"],
            "gdnsd": ["gdnsd", "-c", directory / "gdnsd", "start"]}[name]


class Server:
    """A process with its log; ends with the block."""

    def __init__(self, argv, log, stop_s=10):
        self.argv, self.log, self.stop_s = argv, log, stop_s

    def __enter__(self):
        with open(self.log, "wb") as file:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self.stop_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def until(self, happens, what="answer", seconds=START_S):
        """Asks `happens` again and again until it is so, as long as the server lives."""
        deadline = time.monotonic() + seconds
        while not happens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise Failure(f"{self.log.stem} does not {what}; its log ends with:\n{tail}")
            time.sleep(0.1)


def dnsperf(net, cpu, address, *words, text=None):
    return subprocess.run(net.command("client", cpu, "dnsperf", "-s", address, *words),
                          input=text, capture_output=True, text=True, check=False)


def answers(net, cpu, address):
    """Whether a name of the zone is answered."""
    name = f"{dns_load.address_name(0)}.{dns_load.ZONE}"
    done = dnsperf(net, cpu, address, "-d", "/dev/stdin", "-n", "1", "-t", "1", text=f"{name} A\n")
    return "NOERROR 1 (100.00%)" in done.stdout


def bridged(stack, prefix):
    """Both namespaces, with a bridge in the server's that the client's cable ends at."""
    net = Namespaces(stack, prefix)
    net.ip("client", "link", "add", "eth0", "type", "veth", "peer", "cable", "netns",
           net.names["server"])
    net.ip("server", "link", "add", "br0", "type", "bridge")
    net.ip("server", "link", "set", "cable", "master", "br0")
    net.ip("server", "addr", "add", f"{PEER}/24", "dev", "br0")
    net.ip("client", "addr", "add", f"{CLIENT}/24", "dev", "eth0")
    for place, link in (("client", "eth0"), ("server", "cable"), ("server", "br0")):
        net.ip(place, "link", "set", link, "up")
    return net
