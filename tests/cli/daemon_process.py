"""The real daemon as a child process, and captures that it reads as they are written."""

import fcntl
import json
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time

import frames

BINARY = os.environ.get("VIPGATED", "vipgated")
SECONDS = 30  # for whatever is waited for: an event that comes at once on an idle machine


def read_burst():
    """How many frames a worker takes at a time."""
    knobs = os.path.join(os.path.dirname(__file__), "../../dataplane/fastpath/knobs.h")
    with open(knobs, encoding="utf-8") as file:
        return int(re.search(r"\bkBurst = (\d+);", file.read()).group(1))


BURST = read_burst()


def free_port():
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """`vipgated --config CONFIG --seed 7`; killed at the end of the block if it still runs.

    `runner` becomes the daemon by exec, as `unshare -n` does."""

    def __init__(self, config, runner=()):
        self.process = subprocess.Popen([*runner, BINARY, "--config", config, "--seed", "7"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.lines, self.log = queue.Queue(), []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def find(self, pattern, seconds):
        """The next line's match of `pattern`, None if there is none so soon."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                raise AssertionError(f"vipgated ended early:\n{''.join(self.log)}")
            self.log.append(line)
            if match := re.search(pattern, line):
                return match

    def wait_for(self, pattern):
        match = self.find(pattern, SECONDS)
        if match is None:
            raise AssertionError(f"no line with {pattern!r}:\n{''.join(self.log)}")
        return match

    def send(self, number):
        self.process.send_signal(number)

    def counters(self):
        """REQUIRES: it is ready; before it handles signals they end it."""
        self.send(signal.SIGUSR1)
        return json.loads(self.wait_for(r"counters: (\{.*\})").group(1))

    def workers(self):
        """What each worker did in the last span of time that is reckoned up. As counters()."""
        self.send(signal.SIGUSR1)
        return json.loads(self.wait_for(r"workers: (\[.*\])").group(1))

    def wait_until(self, condition, ask=None):
        """The counters, or what `ask` gives, that meet `condition`."""
        deadline = time.monotonic() + SECONDS
        while not condition(told := (ask or self.counters)()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not in {SECONDS} s: {told}")
            time.sleep(0.02)
        return told

    def wait_for_packets(self, count):
        """The counters when `count` packets have come in and have been sent or dropped."""
        return self.wait_until(lambda counters: counters.get("rx_packets", 0) >= count
                               and ended(counters) >= count)

    def stop(self):
        """Its exit status after SIGTERM, and what it logged."""
        self.send(signal.SIGTERM)
        status = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        while (line := self.lines.get()) is not None:
            self.log.append(line)
        return status, "".join(self.log)


def ended(counters):
    return counters.get("tx_packets", 0) + sum(drops(counters).values())


def drops(counters):
    return {name: value for name, value in counters.items() if name.startswith("drop.")}


class Feed:
    """A capture that net_pcap reads from a pipe, so that the test says when a packet arrives.

    The worker waits inside the driver while a burst is incomplete: what is sent is a multiple of
    BURST until the feed is closed."""

    def __init__(self, path):
        self.path, self.sent = path, []
        os.mkfifo(path)
        self.pipe = os.open(path, os.O_RDWR)  # of both kinds: opening waits for nobody
        # A capture of these tests fits, so that writing does not wait for the reader either.
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(self.pipe, frames.PCAP_HEADER)

    def send(self, batch):
        assert len(batch) % BURST == 0
        data = frames.records(batch, BURST)
        assert os.write(self.pipe, data) == len(data)
        self.sent += batch

    def close(self):
        """From now on nothing arrives, and the worker does not wait."""
        if self.pipe >= 0:
            os.close(self.pipe)
        self.pipe = -1


def wait_until_ready(daemon, feeds, padding):
    """Sends bursts of `padding` until the daemon serves.

    A worker that waits for a burst does not take a new snapshot, which being ready needs."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if daemon.find(r" ready: ", 0.2):
            return
        for feed in feeds:
            feed.send([padding] * BURST)
    raise AssertionError(f"not ready in {SECONDS} s:\n{''.join(daemon.log)}")


def run_replay(*arguments):
    done = subprocess.run([BINARY, "replay", "--seed", "7", *arguments], capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"replay: {done.stderr}")
