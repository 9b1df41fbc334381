#!/usr/bin/env python3
"""How fast vipgated follows Mesos, end to end: the real binary on net_tap in network namespaces, a
fake master that speaks the real protocol, and packets that show when a change has arrived.

  start    SUBSCRIBED's last byte has been sent → names are answered and VIPs forward; memory
  updates  one TASK_UPDATED is written to the wire → the first packet at the new real
  burst    10,000 updates at once → the last of them is in force; and whether traffic to services
           that they do not touch lost a packet or moved a flow
  sweep    `start`, and then the memory that the first sweeps of the whole state take
  large    `start` with 400,000 tasks

  perf/mesos_convergence.py [--json RESULT] [--only start,updates,burst] [--tasks 50000]
                            [--rounds 1] …

Exit status: 0 measured, 1 not (says why), 2 the options are wrong, 77 no namespaces here.
Needs root. With two CPUs everything shares them, the fake master and the probes too: figures are
worse than a gateway's.
"""

import collections
import json
import os
import pathlib
import re
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/labs"))

import arguments  # noqa: E402
import measure  # noqa: E402
import results  # noqa: E402
from lab import BINARY, Failure, Lab, wait_for  # noqa: E402
from fake_mesos.cluster import CommandError  # noqa: E402: lab says where it is
from probes import Probes  # noqa: E402

AGENTS = "10.64.0.0/12"
FIRST_AGENT = "10.64.0.1"
PORT = 7400  # of every real and VIP that probes go to
PROBE_INTERVAL_NS = 200_000
STEADY_SERVICES, STEADY_REALS, STEADY_FLOWS = 20, 3, 200
FIRST_STEADY_PORT = 500  # those of other probes are above
GIVE_UP_S = 180
ASK_INTERVAL_S = 0.005
SWEEP_S = 10  # between sweeps, where they are measured
QUIET_BYTES_PER_S = 100_000  # written by a daemon that has stored all
PARTS = ("start", "updates", "burst", "sweep", "large")
# Steady services have those from 100 on; so many are in AGENTS.
LEAST_AGENTS, MOST_AGENTS = 200, 40_000
TASKS_OF_AN_APP = 10  # that the fake master makes up
MOST_TASKS = 2_000_000  # limits.reals of the lab's gateway
REPORTED = ("drop.", "publish.", "mesos.")  # counters, of which thousands are of single services


def parse_arguments():
    parser = arguments.Parser("perf/mesos_convergence.py", __doc__)
    tasks = arguments.whole(1, MOST_TASKS)
    vips = arguments.whole(1, 200_000)  # limits.services of the lab's gateway
    parser.add_argument("--only", type=arguments.some_of(PARTS), default=list(PARTS),
                        help="some of " + ",".join(PARTS))
    parser.add_argument("--tasks", type=tasks, default=50_000)
    parser.add_argument("--agents", type=arguments.whole(LEAST_AGENTS, MOST_AGENTS), default=2_000)
    parser.add_argument("--vips", type=vips, default=5_000)
    parser.add_argument("--large-tasks", type=tasks, default=400_000)
    parser.add_argument("--large-vips", type=vips, default=40_000)
    parser.add_argument("--updates", type=arguments.whole(1, 100_000), default=300)
    parser.add_argument("--burst", type=tasks, default=10_000)
    parser.add_argument("--store", help="as configured (default: SQLite, in the lab's directory)")
    parser.add_argument("--control-cpus", type=arguments.cpus, default="0",
                        help="CPUs of the control plane, with commas (default: 0; the worker has 1)")
    parser.add_rounds(1, told="all parts, so many times")
    parser.add_json()
    options = parser.parse_args()
    for what, tasks, vips in (("", options.tasks, options.vips),
                              ("large-", options.large_tasks, options.large_vips)):
        if TASKS_OF_AN_APP * vips > tasks:
            parser.error(f"--{what}vips: each is of {TASKS_OF_AN_APP} of the --{what}tasks")
    return options


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "VmHWM")}


def cpu_seconds(pid):
    """Of each thread that has used some, by name: what other load on the machine does not change."""
    used = collections.Counter()
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        name, _, fields = stat.read_text(encoding="ascii").partition("(")[2].rpartition(")")
        ticks = sum(map(int, fields.split()[11:13]))
        used[name] += ticks / os.sysconf("SC_CLK_TCK")
    return {name: round(seconds, 2) for name, seconds in used.most_common(4) if seconds}


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def agent_address(number):
    """From 1."""
    return f"10.64.{number >> 8}.{number & 255}"


class Run:
    """A lab with a master, a gateway and probes; b1 stands for all generated agents."""

    def __init__(self, lab, options, mesos="recovery_s: 600"):
        self.lab, self.options = lab, options
        lab.run("b1", "ip", "route", "add", "local", AGENTS, "dev", "lo")
        self.probes = Probes(lab, PORT)
        self.config = lab.config(
            store=options.store, mesos=mesos, more_port="    gateway: 10.9.1.11",
            timeouts="drain_s: 5, udp_s: 10, udp_one_way_s: 10",
            limits="flows_per_worker: 131072, services: 200000, reals: 2000000, dns_names: 8000000",
            control_cpus=options.control_cpus)

    def start(self, tasks, vips):
        """The master makes up the cluster first; then the gateway starts and subscribes."""
        lab = self.lab
        lab.start_master("--tasks", str(tasks), "--agents", str(self.options.agents),
                         "--vips", str(vips), "--protocol", "udp", "--first-address", FIRST_AGENT,
                         "--heartbeat-s", "15")  # as real masters; a burst takes it seconds to make
        lab.start_gateway(self.config)
        subscribed = lab.master.wait(subscriptions=1, seconds=GIVE_UP_S)["last_subscribed"]
        names = [f"app-{number}.marathon.l4lb.thisdcos.directory"
                 for number in (0, vips // 2, vips - 1)]
        deadline = time.monotonic() + GIVE_UP_S
        while not all(self.probes.resolve(name) for name in names):
            time.sleep(ASK_INTERVAL_S)  # asking without a pause would take the CPU from the gateway
            if time.monotonic() > deadline:
                raise Failure(f"{names} are not answered after {GIVE_UP_S} s")
        served_ns = time.monotonic_ns()
        return {"tasks": tasks, "agents": self.options.agents, "vips": vips,
                "subscribed_mb": round(subscribed["bytes"] / 1e6, 1),
                "seconds_to_served": round((served_ns - subscribed["sent_ns"]) / 1e9, 3),
                "cpu_seconds": cpu_seconds(lab.gateway.pid),
                **{f"{k}_mb": round(v / 1024) for k, v in memory_kb(lab.gateway.pid).items()}}

    def sweep(self):
        """`start` with sweeps soon after one another; when two are done."""
        started = self.start(self.options.tasks, self.options.vips)
        gateway = self.lab.gateway
        before = cpu_seconds(gateway.pid)
        wait_for("two sweeps", lambda: gateway.counters().get("mesos.0.sweeps", 0) >= 2, GIVE_UP_S)
        return {"start_VmHWM_mb": started["VmHWM_mb"], "cpu_seconds_before": before,
                "cpu_seconds": cpu_seconds(gateway.pid),
                **{f"{k}_mb": round(v / 1024) for k, v in memory_kb(gateway.pid).items()}}

    def wait_until_stored(self):
        """The first state goes to the disk behind everything else; on two CPUs that is felt."""
        path = pathlib.Path(f"/proc/{self.lab.gateway.pid}/io")

        def written():
            return int(re.search(r"wchar: (\d+)", path.read_text(encoding="ascii"))[1])

        def is_quiet():
            before = written()
            time.sleep(1)
            return written() - before < QUIET_BYTES_PER_S

        wait_for("the state to be stored", is_quiet, GIVE_UP_S)

    # --- single updates

    def vip_of(self, name):
        """When it forwards, too: the first next hop has to be resolved."""
        fqdn = f"{name}.marathon.l4lb.thisdcos.directory"
        vip = wait_for(f"the VIP of {name}", lambda: self.probes.resolve(fqdn)).pop()

        def forwards():
            self.probes.send_new_flow(vip, b"probe")
            return any(True for _ in self.probes.received())

        wait_for(f"the VIP of {name} to forward", forwards)
        return vip

    def add_real(self, name, agent, state="TASK_RUNNING"):
        port = {"number": PORT, "protocol": "udp", "vip": f"/{name}:{PORT}"}
        return self.lab.master.add_task(name=name, agent=agent_address(agent), state=state,
                                        ports=[port])["task"]

    def updates(self):
        """Each update makes another task of one service run, beside one that always does."""
        self.add_real("probe", 1)
        vip = self.vip_of("probe")
        self.wait_until_stored()
        latencies = []
        for number in range(self.options.updates):
            agent = 2 + number % (self.options.agents - 2)
            task = self.add_real("probe", agent, state="TASK_STAGING")
            latencies.append(self.measure(vip, agent, {
                "op": "update_task", "task": task, "state": "TASK_RUNNING"}) / 1e6)
            self.lab.master.kill_task(task=task)
        return {"updates": len(latencies), "latencies_ms": [round(value, 2) for value in latencies],
                "p50_ms": round(statistics.median(latencies), 2),
                "p90_ms": round(percentile(latencies, 90), 2),
                "p99_ms": round(percentile(latencies, 99), 2), "max_ms": round(max(latencies), 2)}

    def measure(self, vip, agent, command, steady=None):
        """Nanoseconds from writing the command's events to the first probe at that agent; `steady`
        goes on meanwhile."""
        control, probes = self.lab.master, self.probes
        address = agent_address(agent)
        probes.drain()
        control.begin(**command)
        answer, seen_ns, next_ns = None, None, 0
        deadline = time.monotonic() + GIVE_UP_S
        while answer is None or seen_ns is None:
            if (now_ns := time.monotonic_ns()) >= next_ns:
                next_ns = now_ns + PROBE_INTERVAL_NS
                probes.send_new_flow(vip, b"probe")
                if steady:
                    steady.send()
            ready = probes.wait((next_ns - now_ns) / 1e9, *([control.socket] if not answer else []))
            if control.socket in ready:
                answer = control.finish()
            for came_ns, real, payload in probes.received():
                if payload != b"probe":
                    steady.seen(real, payload)
                elif real == address and seen_ns is None:
                    seen_ns = came_ns
            if time.monotonic() > deadline:
                raise Failure(f"no packet came to {address} in {GIVE_UP_S} s")
        return seen_ns - answer["sent_ns"]

    # --- a burst

    def burst(self):
        """Nine of the ten tasks of many apps become unhealthy; a marker is the last update."""
        master = self.lab.master
        steady = Steady(self)
        self.add_real("marker", 1)
        vip = self.vip_of("marker")
        task = self.add_real("marker", 5, state="TASK_STAGING")
        by_app = collections.defaultdict(list)
        for item in master.tasks()["tasks"]:
            by_app[item["task"].partition(".")[0]].append(item)
        apps = sorted(name for name in by_app if name.startswith("app-"))
        commands = []
        for app in apps:
            others = by_app[app][1:]
            if len(commands) + len(others) >= self.options.burst:
                break
            commands += [{"op": "update_task", "task": item["task"], "healthy": False}
                         for item in others]
        commands.append({"op": "update_task", "task": task, "state": "TASK_RUNNING"})
        master.batch(commands=commands, hold=True)
        steady.warm_up()
        before, before_tap = self.lab.gateway.counters(), self.tap_drops()
        latency_ns = self.measure(vip, 5, {"op": "release"}, steady)
        steady.run(1.0)
        after = self.lab.gateway.counters()
        return {"updates": len(commands), "seconds_to_settle": round(latency_ns / 1e9, 3),
                "counters": {k: after[k] - before.get(k, 0) for k in sorted(after)
                             if after[k] != before.get(k, 0) and k.startswith(REPORTED)},
                "untouched": {**steady.result(),
                              "lost_before_the_gateway": self.tap_drops() - before_tap}}

    def tap_drops(self):
        """What the kernel had no room for, because the gateway's port did not read in time."""
        link = json.loads(self.lab.run("gw", "ip", "-j", "-s", "link", "show", "vg0"))[0]
        return link["stats64"]["tx"]["dropped"]


class Steady:
    """Traffic of fixed flows to services that nothing touches, each datagram with its number."""

    def __init__(self, run):
        self.run_, self.sent, self.lost_before = run, 0, 0
        for service in range(STEADY_SERVICES):
            for real in range(STEADY_REALS):
                run.add_real(f"steady-{service}", 100 + service * STEADY_REALS + real)
        self.vips = [run.vip_of(f"steady-{service}") for service in range(STEADY_SERVICES)]
        self.received = set()
        self.reals = collections.defaultdict(set)

    def send(self):
        flow = self.sent % STEADY_FLOWS
        self.run_.probes.send(self.vips[flow % STEADY_SERVICES], FIRST_STEADY_PORT + flow,
                              b"%d %d" % (flow, self.sent))
        self.sent += 1

    def seen(self, real, payload):
        flow, number = map(int, payload.split())
        self.received.add(number)
        self.reals[flow].add(real)

    def run(self, seconds):
        deadline, next_ns = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            if (now_ns := time.monotonic_ns()) >= next_ns:
                next_ns = now_ns + PROBE_INTERVAL_NS
                self.send()
            self.run_.probes.wait(max(0, next_ns - time.monotonic_ns()) / 1e9)
            self.collect()
        wait_for("the last of the steady datagrams", lambda: self.collect() or
                 len(self.received) >= self.sent or time.monotonic() > deadline + 2)

    def collect(self):
        for _, real, payload in self.run_.probes.received():
            if payload != b"probe":
                self.seen(real, payload)

    def warm_up(self):
        """Every flow has its real, and nothing is lost, before anything is measured."""
        self.run(1.0)
        if len(self.received) != self.sent:
            lost = self.sent - len(self.received)
            raise Failure(f"{lost} of {self.sent} steady datagrams were lost before the burst")

    def result(self):
        return {"datagrams": self.sent, "lost": self.sent - len(self.received),
                "flows": len(self.reals),
                "flows_moved": sum(len(reals) > 1 for reals in self.reals.values())}


def measured(options):
    parts = options.only
    result = {"control_cpus": options.control_cpus, "load_average": os.getloadavg()[0]}
    if set(parts) & {"start", "updates", "burst"}:
        with Lab() as lab:
            run = Run(lab, options)
            result["start"] = run.start(options.tasks, options.vips)
            for part in ("updates", "burst"):
                if part in parts:
                    result[part] = getattr(run, part)()
            result["log"] = [line for line in lab.gateway.log().splitlines()
                             if "counters: " not in line][-20:]
            lab.gateway.stop()
    if "sweep" in parts:
        with Lab() as lab:
            result["sweep"] = Run(lab, options, f"sweep_s: {SWEEP_S}").sweep()
            lab.gateway.stop()
    if "large" in parts:
        with Lab() as lab:
            result["large"] = Run(lab, options).start(options.large_tasks, options.large_vips)
            lab.gateway.stop()
    return result


def listed(values):
    return ", ".join(f"{name} {value}" for name, value in values.items())


def table(result):
    rows = [("control plane on the CPUs", result["control_cpus"])]
    for part, title in (("start", "start"), ("large", "large start")):
        if part in result:
            r = result[part]
            rows += [(f"{title}: {r['tasks']:,} tasks, {r['subscribed_mb']} MB, to served",
                      f"{r['seconds_to_served']} s"),
                     (f"{title}: CPU seconds by thread", listed(r["cpu_seconds"])),
                     (f"{title}: memory now, at most", f"{r['VmRSS_mb']} MB, {r['VmHWM_mb']} MB")]
    if "updates" in result:
        r = result["updates"]
        rows.append((f"{r['updates']} single updates: p50, p90, p99, max", ", ".join(
            str(r[f"{p}_ms"]) for p in ("p50", "p90", "p99", "max")) + " ms"))
    if "burst" in result:
        r = result["burst"]
        rows += [(f"burst of {r['updates']:,} updates, to settled", f"{r['seconds_to_settle']} s"),
                 ("burst: counters that changed", listed(r["counters"])),
                 ("burst: untouched services", listed(r["untouched"]))]
    if "sweep" in result:
        r = result["sweep"]
        rows += [("sweep: memory at most, before and with two", f"{r['start_VmHWM_mb']} MB, "
                  f"{r['VmHWM_mb']} MB"),
                 ("sweep: CPU seconds by thread before", listed(r["cpu_seconds_before"])),
                 ("sweep: CPU seconds by thread after", listed(r["cpu_seconds"]))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def figures(result):
    """The same for perf/compare and perf/plot."""
    found = []

    def add(name, unit, rounds, better="lower", **setup):
        setup["control_cpus"] = result["control_cpus"]
        found.append(results.result(f"mesos {name}", unit, better, rounds, setup=setup))

    for part in ("start", "large"):
        if part in result:
            r = result[part]
            setup = {key: r[key] for key in ("tasks", "vips", "agents")}
            name = f"first state of {r['tasks']} tasks"
            add(f"{name}: to served", "s", [r["seconds_to_served"]], **setup)
            add(f"{name}: CPU", "CPU s", [round(sum(r["cpu_seconds"].values()), 2)], **setup)
            add(f"{name}: memory at most", "MB", [r["VmHWM_mb"]], **setup)
    if "updates" in result:
        add("update to the first packet", "ms", result["updates"]["latencies_ms"])
    if "burst" in result:
        r = result["burst"]
        add(f"burst of {r['updates']} updates: to settled", "s", [r["seconds_to_settle"]])
        add("burst: packets lost elsewhere", "packets", [r["untouched"]["lost"]])
        add("burst: flows moved elsewhere", "flows", [r["untouched"]["flows_moved"]])
    if "sweep" in result:
        add("sweep: memory at most", "MB", [result["sweep"]["VmHWM_mb"]])
    return found


def main():
    options = parse_arguments()
    measure.end_by_exception()
    arguments.need_program(BINARY)
    runs = []
    for _ in range(options.rounds):
        runs.append(measured(options))
        print(table(runs[-1]))
    results.tell(options.json, results.merged(map(figures, runs)), details=runs)


if __name__ == "__main__":
    arguments.run("perf/mesos_convergence.py", main, also=(Failure, CommandError))
