"""Runs dpdk-testpmd and vipgated on a net_pcap port and measures packets per second."""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

HUGE_PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
START_SECONDS = 180  # both fill their buffers from the capture first; a million names take 25 s


class Failure(Exception):
    """What prevents a measurement, as one sentence."""


class Program:
    """A child process in a session of its own, its output line by line; ends with the block."""

    def __init__(self, argv, log_path):
        self.argv, self.log_path = argv, log_path

    def __enter__(self):
        self.log = open(self.log_path, "w", encoding="utf-8")
        self.lines = queue.Queue()
        try:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        except OSError as error:
            raise Failure(f"cannot start {self.argv[0]}: {error.strerror}") from error
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self):
        for line in self.process.stdout:
            self.log.write(line)
            self.lines.put(line)
        self.lines.put(None)

    def __exit__(self, *_):
        for number, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.reader.join(5)
        self.log.close()

    def wait_for(self, pattern, seconds):
        """The next line's match of `pattern`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.argv[0]}: no line with {pattern!r} within "
                              f"{seconds:.0f} s") from None
            if line is None:
                raise Failure(f"{self.argv[0]} ended early")
            if match := re.search(pattern, line):
                return match


@contextlib.contextmanager
def huge_pages(setup):
    """Reserves what the run needs on top of what is reserved already."""
    if not setup.huge:
        yield
        return
    with open(HUGE_PAGES, encoding="ascii") as file:
        before = int(file.read())
    wanted = before + setup.memory_mb // 2 + 64
    try:
        with open(HUGE_PAGES, "w", encoding="ascii") as file:
            file.write(str(wanted))
        with open(HUGE_PAGES, encoding="ascii") as file:
            got = int(file.read())
        if got < wanted:
            raise Failure(f"the kernel gave {got - before} of {wanted - before} huge pages")
        yield
    finally:
        with open(HUGE_PAGES, "w", encoding="ascii") as file:
            file.write(str(before))


def eal_arguments(setup, name):
    """For testpmd: the memory and CPUs that vipgated gets through its configuration."""
    lcores = f"0@{setup.control_cpu},1@{setup.cpu}"
    if setup.workers == 2:
        lcores += f",2@{setup.control_cpu}"
    memory = ["--in-memory"] if setup.huge else ["--no-huge", "--no-shconf"]
    return [*memory, "--no-pci", "-m", str(setup.memory_mb), "--file-prefix",
            f"{name}-{os.getpid()}", "--main-lcore", "0",
            "--lcores", lcores]


def testpmd_rate(setup, mode, captures, mbuf_bytes, log_path):
    """Packets per second that testpmd sends, the median of its own one-second readings. `captures`:
    one for each of the port's queues, which `setup.workers` cores serve."""
    queues = ",".join(f"rx_pcap={capture}" for capture in captures)
    argv = ["dpdk-testpmd", *eal_arguments(setup, "vipgate-perf"),
            "--vdev", f"net_pcap0,{queues},infinite_rx=1", "--",
            f"--forward-mode={mode}", f"--nb-cores={setup.workers}", f"--burst={setup.burst}",
            f"--rxq={len(captures)}", f"--txq={len(captures)}",
            f"--rxd={setup.descriptors}", f"--txd={setup.descriptors}",
            f"--mbuf-size={mbuf_bytes}", f"--total-num-mbufs={setup.mbufs}",
            "--port-topology=loop", "--no-flush-rx", "--no-mlockall", "--stats-period=1"]
    with Program(argv, log_path) as program:
        rates = []
        deadline = time.monotonic() + START_SECONDS + setup.seconds
        # The first readings take in the start.
        while len(rates) < setup.seconds + 2:
            rate = int(program.wait_for(r"Tx-pps:\s*(\d+)", deadline - time.monotonic()).group(1))
            if rate > 0 or rates:
                rates.append(rate)
    rates = sorted(rates[2:])
    return rates[len(rates) // 2]


def counter(tree, name):
    """The counter, wherever in the JSON it stands; several (of workers) are added up."""
    if isinstance(tree, dict):
        if isinstance(tree.get(name), (int, float)):
            return tree[name]
        return sum(counter(value, name) for value in tree.values())
    if isinstance(tree, list):
        return sum(counter(value, name) for value in tree)
    return 0


def flatten(tree, prefix=""):
    if isinstance(tree, dict):
        return {k: v for key, value in tree.items()
                for k, v in flatten(value, f"{prefix}{key}.").items()}
    return {prefix[:-1]: tree} if isinstance(tree, (int, float)) else {}


def ask_counters(program):
    """(seconds, counters): the time is the daemon's own, of uptime_ns or of the log line."""
    program.process.send_signal(signal.SIGUSR1)
    match = program.wait_for(r"^(.*?)counters: (\{.*\})", START_SECONDS)
    counters = json.loads(match.group(2))
    if "uptime_ns" in counters:
        return counters["uptime_ns"] / 1e9, counters
    stamp = re.search(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d\.\d{3,6})", match.group(1))
    if stamp is None:
        raise Failure("the line with the counters has neither uptime_ns nor a time stamp")
    return datetime.fromisoformat(" ".join(stamp.groups())).timestamp(), counters


def wait_for_handler(program):
    """Until SIGUSR1 is caught or taken by signalfd: before that it would end the process."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and program.process.poll() is None:
        with open(f"/proc/{program.process.pid}/status", encoding="ascii") as status:
            text = status.read()
        masks = [int(m, 16) for m in re.findall(r"^Sig(?:Cgt|Blk):\s*(\w+)", text, re.MULTILINE)]
        if any(mask >> (signal.SIGUSR1 - 1) & 1 for mask in masks):
            return
        time.sleep(0.05)
    raise Failure(f"{program.argv[0]} did not come up")


def wait_for_load(program, packets):
    """Until the daemon has taken in `packets`."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if counter(ask_counters(program)[1], "rx_packets") >= packets:
            return
        time.sleep(0.2)
    raise Failure(f"{program.argv[0]} took in less than {packets} packets in {START_SECONDS} s")


def window(program, seconds):
    """What has been counted within so many seconds, by name, and how many they were."""
    begin, before = ask_counters(program)
    time.sleep(seconds)
    end, after = ask_counters(program)
    names = ("rx_packets", "forward_packets", "return_packets", "handed_over", "flows_created")
    return {name: counter(after, name) - counter(before, name) for name in names} | {
        "seconds": end - begin}


def end_by_exception():
    """A signal unwinds the stack as an exception does, so that children and huge pages are given up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


@contextlib.contextmanager
def scratch(prefix="vipgate-perf-"):
    """A directory that goes with the block. If what is done meanwhile fails, it shows how the logs in
    it end."""
    with tempfile.TemporaryDirectory(prefix=prefix) as directory:
        try:
            yield directory
        except Failure:
            for name in sorted(os.listdir(directory)):
                if name.endswith(".log"):
                    with open(f"{directory}/{name}", encoding="utf-8", errors="replace") as file:
                        print(f"--- end of {name}", *map(str.rstrip, file.readlines()[-15:]),
                              sep="\n", file=sys.stderr)
            raise


def vipgated_rate(setup, binary, config, warm_packets, log_path,
                  wanted=("forward_packets", "return_packets"), new_share=None):
    """Packets per second that vipgated forwards (or counts as `wanted`); all but 0.1 % of what it
    takes in must be. `new_share`: which share of them must begin a flow, at least and at most."""
    with Program([binary, "--config", config, "--seed", "1"], log_path) as program:
        wait_for_handler(program)
        wait_for_load(program, warm_packets)
        begin, before = ask_counters(program)
        time.sleep(setup.seconds)
        end, after = ask_counters(program)
    received = counter(after, "rx_packets") - counter(before, "rx_packets")
    forwarded = sum(counter(after, name) - counter(before, name) for name in wanted)
    if received <= 0 or forwarded < 0.999 * received:
        old = flatten(before)
        changes = {k: v - old.get(k, 0) for k, v in flatten(after).items() if v != old.get(k, 0)}
        raise Failure(f"vipgated did so with {forwarded} of {received} packets; what changed: "
                      f"{json.dumps(changes)}")
    created = (counter(after, "flows_created") - counter(before, "flows_created")) / received
    if new_share is not None and not new_share[0] <= created <= new_share[1]:
        raise Failure(f"{created:.1%} of the packets began a flow, which is not what was asked for")
    return forwarded / (end - begin)
