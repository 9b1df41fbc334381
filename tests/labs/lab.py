"""A lab for tests in Python: the namespaces of ../netns/lab.sh, the gateway in one of them, a fake
Mesos master beside it, and load from the client.

  with Lab() as lab:
      lab.start_master()
      lab.start_gateway(lab.config(store="none"))

Everything ends with the `with` block, or when this process dies, however it dies.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from fake_mesos.client import FakeMasterControl  # noqa: E402

TOP = HERE.parent.parent
BINARY = os.environ.get("VIPGATED", str(TOP / "build/controlplane/vipgated"))
SKIPPED = 77
POLL_S = 0.02
LIMIT_S = 30
MASTER_LIMIT_S = 120  # it makes up 400,000 tasks before it is there
VIP = "11.202.66.36"  # what redis.marathon is given
UDP_PORT = 7000
BACKENDS = {"b1": ("10.9.1.11", 30585), "b2": ("10.9.1.12", 31002), "b3": ("10.9.1.13", 31777)}
# How each configuration of an Unbound in the lab begins.
UNBOUND_SERVER = """\
server:
  username: ""
  chroot: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
"""


class Node:
    """What is a gateway's own where several are in the lab: its ports and addresses."""

    def __init__(self, number):
        self.name = f"gateway-{number}"
        self.suffix = "" if number == 0 else str(number)
        self.taps = (f"vg{2 * number}", f"vg{2 * number + 1}")
        self.devices = (f"net_tap{2 * number}", f"net_tap{2 * number + 1}")
        self.host = str(2 + number)
        self.dns, self.dns6 = f"10.9.0.{53 + number}", f"fd09::{53 + number}"
        # Of the two ends of a port's cable: the netdev that is plugged into the bridge, and the port.
        self.macs = (f"{2 * number + 1:02x}", f"{2 * number + 2:02x}")
        self.snat = f"10.9.1.{100 + 2 * number}, 10.9.1.{101 + 2 * number}"


FIRST, SECOND = Node(0), Node(1)
DNS = FIRST.dns

# The ports' MAC addresses stay over a restart, as those of NICs do.
CONFIG = """\
node: {{ name: {node.name} }}
dpdk: {{ huge_pages: off, memory_mb: 512 }}
control: {{ cpus: [{control_cpus}] }}
workers: {{ cpus: [1], idle: adaptive }}
ports:
  - name: edge{node.suffix}
    device: "{node.devices[0]},iface={node.taps[0]},mac=02:00:00:00:0e:{node.macs[1]}"
    addresses: [10.9.0.{node.host}/24, "fd09::{node.host}/64"]
    kernel: true
  - name: cluster{node.suffix}
    device: "{node.devices[1]},iface={node.taps[1]},mac=02:00:00:00:0c:{node.macs[1]}"
    addresses: [10.9.1.{node.host}/24, "fd09:1::{node.host}/64"]
    kernel: true
{more_port}
limits: {{ {limits} }}
timeouts: {{ {timeouts} }}
snat_pools:
  - {{ name: default, addresses: [{node.snat}, "fd09:1::10{node.host}"], ports: 1024-65535 }}
{more_pools}
dns:
  listen: [{node.dns}, "{node.dns6}"]
  ttl_s: 0
  {dns}
  zones:
    - {{ name: l4lb.thisdcos.directory, services: true }}
    - {{ name: mesos }}
{more_zones}
mesos:
  - masters: [{masters}]
    {mesos}
named_vips: {{ {named_vips} }}
store: "{store}"
"""


class Failure(Exception):
    """What a scenario found wrong, in words."""


def wait_for(what, condition, limit_s=LIMIT_S):
    """Polls until condition() is true and returns its value; Failure if it never is."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"waited {limit_s} s in vain: {what}")
        time.sleep(POLL_S)
    return value


class Gateway:
    """A vipgated that runs; `log` grows."""

    def __init__(self, lab, config, environment, command_prefix):
        self.log_path = lab.directory / f"vipgated.{len(lab.logs)}.log"
        lab.logs.append(self.log_path)
        self.started = time.monotonic()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                lab.command("gw", *command_prefix, BINARY, "--config", config),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "RUNTIME_DIRECTORY": str(lab.directory), **environment})

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def logged(self, pattern, count=1):
        """Whether so many lines match."""
        return len(re.findall(pattern, self.log(), re.MULTILINE)) >= count

    def wait_log(self, pattern, count=1, limit_s=LIMIT_S):
        def found():
            if self.process.poll() is not None:
                raise Failure(f"vipgated has ended with status {self.process.returncode}")
            return self.logged(pattern, count)
        wait_for(f"the log line /{pattern}/", found, limit_s)

    def counters(self):
        seen = self.log().count("counters: {")
        self.process.send_signal(signal.SIGUSR1)
        self.wait_log(r"counters: \{.*\}$", seen + 1)
        return json.loads(re.findall(r"counters: (\{.*\})$", self.log(), re.MULTILINE)[-1])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(LIMIT_S)
        if status != 0:
            raise Failure(f"vipgated ended with status {status}")


class Load:
    """../netns/redis_load.py from the client, and what it has seen."""

    def __init__(self, lab, *options):
        self.path = lab.directory / "load"
        self.log_path = lab.directory / "load.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                lab.command("client", sys.executable, TOP / "tests/netns/redis_load.py",
                            "--vip", VIP, "--port", "6379", "--status", self.path, *options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def status(self):
        try:
            return json.loads(self.path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return {"errors": 0, "first_errors": [], "requests": 0, "last": {}, "udp": {},
                    "long": {}, "connections": 0, "long_rounds": {}, "datagrams": 0}

    def check(self):
        """Nothing was lost so far, and no long-lived connection had to begin anew."""
        status = self.status()
        if status["errors"]:
            raise Failure(f"the load lost replies: {status['first_errors']}")
        if self.process.poll() is not None:
            raise Failure(f"the load has ended: {self.log_path.read_text(encoding='utf-8')}")
        return status

    def served_by(self, *backends):
        """The latest connections went to these and no others."""
        last = self.check()["last"]
        return set(last) == set(backends) and sum(last.values()) >= 30

    def wait_served_by(self, *backends):
        wait_for(f"connections to be served by {backends}", lambda: self.served_by(*backends))

    def wait_more(self, requests=300):
        """It goes on: so many more requests are answered."""
        base = self.check()["requests"]
        wait_for(f"{requests} more requests", lambda: self.check()["requests"] >= base + requests)

    def stop(self):
        self.check()
        self.process.terminate()
        if self.process.wait(LIMIT_S) != 0:
            raise Failure(f"the load lost replies: {self.status()['first_errors']}")
        return self.status()


class Lab:
    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.logs = []
        self.gateway = self.master = self.load = None
        self.known_agents = set()  # addresses
        self.holder = subprocess.Popen([HERE / "lab_holder.sh"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.stack.callback(self._end_holder)
        words = self.holder.stdout.readline().split()
        if len(words) != 3:
            status = self.holder.wait()
            sys.exit(status or 1)
        self.id, self.directory = words[1], pathlib.Path(words[2])
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and kind is not KeyboardInterrupt:
            self.report()
        self.stack.close()

    def _end_holder(self):
        self.holder.stdin.close()
        self.holder.wait()

    def report(self):
        """The ends of all logs, for whoever looks into a failure."""
        for log in [*self.logs, self.directory / "load", self.directory / "fake-master.log"]:
            if log.exists():
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
                print(f"--- {log.name}", *(line[:2000] for line in lines), sep="\n",
                      file=sys.stderr)

    # --- the namespaces

    def command(self, namespace, *words):
        return ["ip", "netns", "exec", f"{self.id}-{namespace}", *map(str, words)]

    def run(self, namespace, *words, check=True):
        done = subprocess.run(self.command(namespace, *words), capture_output=True, text=True,
                              check=False, timeout=LIMIT_S)
        if check and done.returncode != 0:
            raise Failure(f"{words} in {namespace} failed: {done.stderr}")
        return done.stdout

    def succeeds(self, namespace, *words):
        return subprocess.run(self.command(namespace, *words), stdin=subprocess.DEVNULL,
                              capture_output=True, check=False, timeout=LIMIT_S).returncode == 0

    def tell(self, *words):
        """Runs a function of lab.sh."""
        self.holder.stdin.write(" ".join(words) + "\n")
        self.holder.stdin.flush()
        if (answer := self.holder.stdout.readline()) != "done 0\n":
            raise Failure(f"{words} failed: {answer!r}")

    def spawn(self, namespace, log, *words, **options):
        """A program in the background, until the lab ends."""
        with open(self.directory / log, "wb") as file:
            process = subprocess.Popen(self.command(namespace, *words), stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=subprocess.STDOUT, **options)
        self.stack.callback(lambda: (process.kill(), process.wait()))
        return process

    def dig(self, name, kind="A", server=DNS):
        """The answers as a set; names and addresses as dig prints them."""
        text = self.run("client", "dig", "+short", "+tries=1", "+time=2", name, kind, f"@{server}",
                        check=False)
        # What it says of a server that does not answer is a comment.
        return {line for line in text.split("\n") if line and line[0] != ";"}

    # --- what runs in it

    def start_master(self, *options, ports=(5050,)):
        """The fake master, with the framework marathon or what the options say."""
        path = self.directory / "fake-master.sock"
        flags = [word for port in ports for word in ("--port", str(port))]
        process = self.spawn("gw", "fake-master.log", sys.executable,
                             TOP / "tests/support/fake_mesos_master.py", "--control", path,
                             "--follow", "--heartbeat-s", "1", *flags, *options)
        log = self.directory / "fake-master.log"

        def listens():
            return '"ports"' in log.read_text() or process.poll() is not None

        wait_for("the fake master", listens, MASTER_LIMIT_S)
        self.master = FakeMasterControl(str(path))
        self.stack.callback(self.master.close)
        return self.master

    def agent(self, backend):
        """The address of the agent there, which the master knows from now on."""
        address = BACKENDS[backend][0]
        if address not in self.known_agents:
            self.master.add_agent(address=address)
            self.known_agents.add(address)
        return address

    def deploy(self, *backends):
        """A redis task, with the UDP echo beside it, for each of them. Returns their ids."""
        ids = {}
        for name in backends:
            port = BACKENDS[name][1]
            address = self.agent(name)
            ids[name] = self.master.add_task(
                name="redis", agent=address, ports=[
                    {"number": port, "name": "redis", "vip": "/redis:6379"},
                    {"number": UDP_PORT, "name": "echo", "protocol": "udp",
                     "vip": f"/redis:{UDP_PORT}"}])["task"]
        return ids

    def config(self, masters=("127.0.0.1:5050",), store=None, mesos="recovery_s: 600", more_port="",
               timeouts="drain_s: 600", limits="flows_per_worker: 65536", dns="", more_zones="",
               named_vips="", node=FIRST, control_cpus="0", more_pools=""):
        """Writes a configuration and returns its path."""
        text = CONFIG.format(
            masters=", ".join(f'"{master}"' for master in masters), mesos=mesos,
            store=store or f"sqlite:{self.directory}/state.db", more_port=more_port,
            timeouts=timeouts, limits=limits, dns=dns, more_zones=more_zones,
            named_vips=named_vips, node=node, control_cpus=control_cpus, more_pools=more_pools)
        file = self.directory / f"{node.name}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    def start_gateway(self, config, environment=None, prefix=(), wait_for_backends=True,
                      node=FIRST):
        """Returns when it is ready."""
        self.gateway = Gateway(self, config, environment or {}, prefix)
        gateway = self.gateway
        self.stack.callback(lambda: (gateway.process.kill(), gateway.process.wait()))
        gateway.wait_log(r"\bready\b")
        # An ARP request that was sent before the cable was there is soon repeated.
        kernel_side = f"vg-cluster{node.suffix}"
        self.run("gw", "sysctl", "-qw", f"net.ipv4.neigh.{kernel_side}.retrans_time_ms=100")
        for tap, bridge, kind in zip(node.taps, ("br-edge", "br-cluster"), ("0e", "0c")):
            self.tell("lab_plug_port", tap, bridge, f"02:00:00:00:{kind}:{node.macs[0]}")
        if not wait_for_backends:
            return gateway
        # Its ports have no cable at first, so early ARP requests went nowhere.
        for address, _ in BACKENDS.values():
            wait_for(f"{address} to answer the gateway", lambda to=address: self.succeeds(
                "gw", "ping", "-q", "-c", "1", "-W", "1", "-I", kernel_side, to))
        return gateway

    def start_load(self, *options):
        """Waits until every kind of its traffic is answered."""
        self.load = Load(self, "--udp-port", str(UDP_PORT), *options)
        load = self.load
        self.stack.callback(lambda: (load.process.kill(), load.process.wait()))
        wait_for("the load to be answered", lambda: load.check()["connections"] > 30 and
                 load.check()["datagrams"] > 10)
        return load

    # --- what is right

    def resolves_to(self, *backends):
        """The task's names and the VIP's name say what they should for these backends."""
        addresses = {BACKENDS[name][0] for name in backends}
        vips = {VIP} if backends else set()
        return (self.dig("redis.marathon.mesos") == addresses
                and self.dig("redis.marathon.l4lb.thisdcos.directory") == vips
                and len(self.dig("_redis._tcp.marathon.mesos", "SRV")) == len(backends))

    def wait_right(self, *backends, limit_s=LIMIT_S):
        """DNS and traffic agree on these backends."""
        wait_for(f"DNS to say {backends}", lambda: self.resolves_to(*backends), limit_s)
        if self.load:
            self.load.wait_served_by(*backends)


def main(cases, document):
    """Runs the case that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in cases:
        sys.exit(f"{document}\nCases: {', '.join(cases)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        with Lab() as lab:
            cases[sys.argv[1]](lab)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"{sys.argv[1]}: as it should be, {time.monotonic() - began:.1f} s")
