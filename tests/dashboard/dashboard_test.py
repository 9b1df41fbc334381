#!/usr/bin/env python3
"""The dashboard of a gateway under traffic, in a Chromium: dashboard_test.py DIRECTORY [WORDS].

DIRECTORY has what browser_driver.py installs, and gets the screenshots. WORDS: of the cases to be run
alone; "The picture" makes that of the README, picture.png. The cases are those of
browser.mjs, which runs beside the gateway and has this program do what is not a browser's to do.
Exit status 77: this machine cannot run it."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "labs"))

from lab import BACKENDS, UDP_PORT, VIP, Failure, Lab, wait_for  # noqa: E402

PICTURE = "The picture"
PORT = 8080  # of the lab's own namespace
LIMIT_S = 120
ADMIN, READER = "admin-token-0123456789", "reader-token-0123456789"
# A task whose words would run, or show a picture, were they taken for HTML.
HOSTILE = "<img src=x onerror=alert(1)>"

SERVICES = f"""\
services:
  - name: redis.marathon
    vip: {VIP}
    port: 6379
    health: {{ type: tcp, interval_s: 1, timeout_ms: 900 }}
    reals:
""" + "".join(f"      - {{ address: {address}, port: {port}, weight: {weight} }}\n"
              for (address, port), weight in zip(BACKENDS.values(), (2, 1, 1))) + f"""\
  - name: echo.marathon
    vip: {VIP}
    port: {UDP_PORT}
    protocol: udp
    reals:
""" + "".join(f"      - {{ address: {address}, port: {UDP_PORT} }}\n"
              for address, _ in BACKENDS.values())


def configuration(lab):
    tokens = lab.directory / "tokens"
    tokens.write_text(f"admin {ADMIN} eve\nread {READER} ann\n", encoding="ascii")
    tokens.chmod(0o600)
    limits = "flows_per_worker: 65536, services: 16384, reals: 32768, dns_names: 65536"
    path = lab.config(limits=limits, timeouts="drain_s: 600")
    path.write_text(path.read_text(encoding="utf-8") + SERVICES +
                    f'rest: {{ listen: ["127.0.0.1:{PORT}"], tokens_file: {tokens} }}\n',
                    encoding="utf-8")
    return path


def start_cluster(lab, with_hostile_task):
    """Two apps of Mesos, and a task that nobody could want."""
    lab.start_master()
    for number, name in enumerate(("web", "search")):
        for backend in BACKENDS:
            lab.master.add_task(name=name, agent=lab.agent(backend), ports=[
                {"number": 31100 + number, "name": name, "vip": f"/{name}:80"}])
    if with_hostile_task:
        lab.master.add_task(name=HOSTILE, agent=lab.agent("b3"), ports=[
            {"number": 31200, "name": "x", "vip": HOSTILE}])


class Stage:
    """What the browser's script may ask for, by name."""

    def __init__(self, lab):
        self.lab = lab
        self.config = configuration(lab)

    def start_gateway(self):
        self.lab.start_gateway(self.config)

    def stop_gateway(self):
        self.lab.gateway.stop()

    def stop_backend(self):
        self.lab.tell("lab_kill_redis", "b1")

    def start_backend(self):
        self.lab.tell("lab_start_redis", "b1")


def run_browser(lab, directory, stage, cases):
    """Whether all cases passed."""
    environment = {**os.environ, "DASHBOARD_MODULES": str(directory / "node_modules"),
                   "DASHBOARD_URL": f"http://127.0.0.1:{PORT}", "DASHBOARD_ADMIN": ADMIN,
                   "DASHBOARD_READER": READER, "DASHBOARD_SCREENSHOTS": str(directory),
                   "DASHBOARD_CHROMIUM": shutil.which("chromium"), "DASHBOARD_HOSTILE": HOSTILE,
                   "HOME": str(lab.directory)}
    browser = subprocess.Popen(lab.command("gw", "node", HERE / "browser.mjs", *cases),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=environment)
    try:
        for line in browser.stdout:
            if not line.startswith("do "):
                print(line, end="", flush=True)
                continue
            getattr(stage, line.removeprefix("do ").strip())()
            browser.stdin.write("done\n")
            browser.stdin.flush()
        return browser.wait(LIMIT_S) == 0
    finally:
        browser.kill()
        browser.wait()


def main():
    directory = pathlib.Path(sys.argv[1]).resolve()
    for tool in ("chromium", "node"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed (make deps installs it)")
            sys.exit(77)
    began, cases = time.monotonic(), sys.argv[2:]
    with Lab() as lab:
        stage = Stage(lab)
        start_cluster(lab, with_hostile_task=cases != [PICTURE])
        stage.start_gateway()
        lab.run("gw", "ip", "link", "set", "lo", "up")
        wait_for("the VIP", lambda: lab.succeeds(
            "client", "redis-cli", "-h", VIP, "-p", "6379", "PING"))
        lab.start_load("--short", "2", "--long", "6")
        print(f"the gateway has traffic after {time.monotonic() - began:.1f} s", flush=True)
        passed = run_browser(lab, directory, stage, cases)
    print(f"{time.monotonic() - began:.1f} s in all")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
