"""vipgated on two net_memif ports, and vipgen at their other ends."""

import ipaddress
import json
import os
import queue
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import arguments  # noqa: E402, F401: for who imports this
import dns_load  # noqa: E402
import gateway_yaml  # noqa: E402
import measure  # noqa: E402
import rate_search  # noqa: E402, F401
import results  # noqa: E402, F401
from gateway_config import FIRST_VIP, REAL_PORT, REALS_OF  # noqa: E402

EDGE_MAC, CLUSTER_MAC = "02:00:00:00:00:e1", "02:00:00:00:00:e2"
CLIENT_MAC, REAL_MAC = "02:00:00:00:00:c1", "02:00:00:00:00:fe"
PORT = 6379
# By family: of the client, of the gateway at each port, and the first to be translated to.
CLIENT = {4: "10.8.0.1", 6: "fd08::1"}
EDGE = {4: "10.8.0.2/24", 6: "fd08::2/64"}
CLUSTER = {4: "10.9.1.2/24", 6: "fd09:1::2/64"}
SNAT = {4: "10.9.1.100", 6: "fd09:1::100"}
DNS_SERVER = {4: dns_load.SERVER, 6: "fd09:1::53"}
SECONDS = 30  # for a start; a trial has its own time


def vip(setup):
    """What clients send to, as text with the port."""
    if setup.kind == "dns":
        address, port = DNS_SERVER[setup.family], 53
    else:
        address, port = FIRST_VIP[setup.family], PORT
    return f"[{address}]:{port}" if setup.family == 6 else f"{address}:{port}"


def ports(setup, directory):
    """The edge and the cluster, or one that has both."""
    def port(number, name, mac, addresses, neighbors, **more):
        return gateway_yaml.port(
            name, f"net_memif{number},role=server,socket-abstract=no,"
            f"socket={directory}/{name}.sock,mac={mac}", addresses, neighbors, **more)
    family = setup.family
    client = [(CLIENT[family], CLIENT_MAC)]
    reals = [(real, REAL_MAC) for real in REALS_OF[family]]
    edge = {"gateway": [f'"{CLIENT[family]}"']}
    if setup.one_port:
        return [port(0, "edge", EDGE_MAC, [EDGE[family], CLUSTER[family]], client + reals, **edge)]
    return [port(0, "edge", EDGE_MAC, [EDGE[family]], client, **edge),
            port(1, "cluster", CLUSTER_MAC, [CLUSTER[family]], reals)]


def config(setup, directory):
    """The gateway's YAML; `setup`: cpu, control_cpu, kind, mode, family, new_flows (how many there
    is room for), names, memory_mb, huge, idle, one_port."""
    if setup.kind == "dns":
        kind = {"names": gateway_yaml.dns(setup.names, server=DNS_SERVER[setup.family])}
    else:
        # Half of the SNAT ports stay free.
        first = ipaddress.ip_address(SNAT[setup.family])
        port = PORT if setup.mode == "l2dsr" else REAL_PORT  # nothing is translated there
        kind = {"snat": [str(first + i) for i in range(setup.new_flows // 32000 + 1)],
                "services": [gateway_yaml.service(
                    "load", FIRST_VIP[setup.family], PORT, "tcp" if setup.kind == "syn" else "udp", setup.mode,
                    [(real, port) for real in REALS_OF[setup.family]])]}
    return gateway_yaml.document(
        huge=setup.huge, dpdk={"memory_mb": setup.memory_mb}, control_cpu=setup.control_cpu,
        cpus=[setup.cpu], idle=setup.idle,
        limits={"flows_per_worker": max(65536, 2 * setup.new_flows), "services": 16, "reals": 64,
                "dns_names": setup.names + 1000},
        ports=ports(setup, directory), **kind)


def write_names(setup, path):
    """Questions for vipgen: 70 % addresses, 20 % services, 10 % of no name."""
    mix = {"a": 70, "srv": 20, "nxdomain": 10}
    with open(path, "w", encoding="utf-8") as file:
        for name, kind in dns_load.questions(setup.names, 65536, mix):
            file.write(f"{name} {dns_load.TYPES[kind]}\n")


def start_gateway(setup, binary, directory):
    """A measure.Program that becomes ready with the block."""
    path = f"{directory}/config.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(config(setup, directory))
    return measure.Program([binary, "--config", path, "--seed", "1"], f"{directory}/vipgated.log")


def generator_arguments(setup, directory):
    """Of vipgen, for this gateway; `setup` besides: sizes, zipf, answer, ring_log2, generator_cpu,
    drain_ms."""
    arguments = ["--edge", f"{directory}/edge.sock", "--gateway-mac", EDGE_MAC,
                 "--vip", vip(setup), "--kind", setup.kind,
                 "--flows", str(setup.flows), "--zipf", str(setup.zipf), "--sizes", setup.sizes,
                 "--ring-log2", str(setup.ring_log2), "--cpu", str(setup.generator_cpu),
                 "--drain-ms", str(setup.drain_ms)]
    if not setup.one_port:
        arguments += ["--cluster", f"{directory}/cluster.sock"]
    if setup.answer:
        arguments.append("--answer")
    if setup.huge:
        arguments.append("--huge")
    if setup.kind == "dns":
        write_names(setup, f"{directory}/names.txt")
        arguments += ["--names", f"{directory}/names.txt"]
    return arguments


class Generator:
    """vipgen, which does a trial at a time and keeps its connection between them."""

    def __init__(self, binary, arguments, log_path):
        self.argv, self.log_path = [binary, *arguments], log_path

    def __enter__(self):
        self.log = open(self.log_path, "w", encoding="utf-8")
        try:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=self.log, text=True)
        except OSError as error:
            self.log.close()
            raise measure.Failure(f"cannot start {self.argv[0]}: {error.strerror}; build it with: "
                                  "cmake --build build --target vipgen") from error
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it, after the trial that it may be at."""
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()
        self.log.close()

    def ask(self, command, seconds):
        """The report of "touch RATE" or "trial RATE PACKETS"."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=seconds)
        except BrokenPipeError:
            line = None
        except queue.Empty:
            raise measure.Failure(f"vipgen: {command!r} took more than {seconds:.0f} s") from None
        if line is None:
            with open(self.log_path, encoding="utf-8") as log:
                last = (log.readlines() or ["no word\n"])[-1].strip()
            raise measure.Failure(f"vipgen ended: {last}")
        return json.loads(line)
