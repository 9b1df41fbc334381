"""The targets of the full suite that other scripts of perf/ and its benchmarks measure, each with
the command that does. What a command prints is shown if it fails."""

import dataclasses
import os
import re
import subprocess
import sys
import tempfile

import measure
import results
from suites import Target

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 300  # for the longest of them, on a busy machine
FEW_NAMES = "DNS, 2000 names, 70 % a, 20 % srv, 10 % nxdomain"
PROTECTION = "rate_limit: { responses_per_s: 1000000 }"  # that stops nobody
ALONE, GUARDED = ("questions/unlimited/4096", "questions/cookies_within_the_limit/4096")
QUERIES = [f"queries_in_bursts/{kind}_staged/2000" for kind in ("hit", "srv", "nxdomain")]


@dataclasses.dataclass
class Part:
    """`argv`: its words, in which {json}, {build}, {binary} and {rounds} are filled in; `targets`:
    by the names of figures in the file that it writes."""

    name: str
    argv: tuple
    targets: dict

    def words(self, args, path):
        filled = {"{json}": path, "{build}": build_of(args), "{binary}": args.binary,
                  "{rounds}": str(args.rounds)}
        return [re.sub(r"{(json|build|binary|rounds)}", lambda found: filled[found[0]], word)
                for word in self.argv]


def script(name, *options):
    return (f"{HERE}/{name}", *options, "--json", "{json}")


def daemon(name, *options):
    return script(name, "--binary", "{binary}", *options)


def benchmark(name, cases):
    return (f"{{build}}/perf/bench/bench_{name}", f"--benchmark_filter=^({cases})$",
            "--benchmark_out={json}", "--benchmark_min_time=0.05")


def counted(program, *names):
    """By callgrind."""
    return script("instructions", "--seconds", "0.02", f"--{program.replace('_', '-')}", "--bench",
                  f"{{build}}/perf/bench/bench_{program}", *names)


PARTS = (
    Part("DNS, 2,000 names", daemon("dns", "--huge", "--rounds", "{rounds}", "--seconds", "1"),
         {FEW_NAMES: Target({}, rate=16)}),
    Part("DNS with the rate limit",
         daemon("dns", "--huge", "--rounds", "{rounds}", "--seconds", "1", "--dns", PROTECTION),
         {f"{FEW_NAMES}, {PROTECTION}": Target({}, cost=1.33, against=FEW_NAMES)}),
    Part("DNS, a million names",
         daemon("dns", "--huge", "--names", "1000000", "--rounds", "1", "--seconds", "1"),
         {FEW_NAMES.replace("2000", "1000000"): Target({}, rate=8)}),
    Part("instructions of a query", counted("dns", *QUERIES),
         {f"instructions {name}": Target({}, limit=500) for name in QUERIES}),
    Part("instructions of a query with cookie and limit", counted("dns_packets", ALONE, GUARDED),
         {f"instructions {GUARDED}": Target({}, cost=1.33, against=f"instructions {ALONE}")}),
    Part("look-up of names", benchmark("dns", "queries_in_bursts/hit_staged/(1000|1000000)"),
         {"bench_dns queries_in_bursts/hit_staged/1000000":
          Target({}, cost=1.5, against="bench_dns queries_in_bursts/hit_staged/1000")}),
    Part("memory and change of names",
         benchmark("dns_scale", "memory/1000000/1/iterations:1|one_name/1000000"),
         {"bench_dns_scale memory/1000000/1/iterations:1: resident_bytes": Target({}, limit=150),
          "bench_dns_scale one_name/1000000": Target({}, limit=5_000_000)}),
    Part("16 M flows", benchmark("pipeline", "ipip_forward/16777216/iterations:262144"),
         {"bench_pipeline ipip_forward/16777216/iterations:262144": Target({}, limit=50)}),
    Part("Maglev", benchmark("maglev", "equal_weights/65537/1000"),
         {"bench_maglev equal_weights/65537/1000": Target({}, limit=1_000_000)}),
    Part("first packet of an idle worker",
         benchmark("idle", "first_packet_adaptive/iterations:2000/manual_time"),
         {"bench_idle first_packet_adaptive/iterations:2000/manual_time: p50_us":
          Target({}, limit=50)}),
    Part("octets of a flow", daemon("start", "--flows", "65536", "1048576", "--rounds", "1"),
         {"start l2dsr: octets of a flow": Target({}, limit=48),
          "start fullnat: octets of a flow": Target({}, limit=128)}),
    Part("one change of 100,000 services",
         daemon("publish", "--only", "times", "--services", "100000", "--changes", "50"),
         {"publish rest_one_ms, 100000 services": Target({}, limit=5)}),
    Part("publishes beside the workers",
         daemon("publish", "--only", "storm", "--rounds", "{rounds}", "--seconds", "2"),
         {"publish loop_p99.9_storm_to_quiet, 10000 services": Target({}, limit=1.1)}),
)


def build_of(args):
    return os.path.dirname(os.path.dirname(os.path.abspath(args.binary)))


def check(args):
    """Before anything is measured: what is not built is told at once."""
    programs = {word for part in PARTS for word in part.words(args, "") if "/perf/bench/" in word}
    missing = sorted(os.path.basename(each) for each in programs if not os.access(each, os.X_OK))
    if missing:
        raise measure.Failure(f"{', '.join(missing)}: not built; cmake --build "
                              f"{build_of(args)} --target {' '.join(missing)}")


def run_part(part, args):
    """Its results, those with targets marked."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        try:
            done = subprocess.run(part.words(args, file.name), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise measure.Failure(f"{part.name}: took more than {SECONDS} s") from error
        if done.returncode != 0:
            raise measure.Failure(f"{part.name}: {' '.join(part.argv[:1])} ended with "
                                  f"{done.returncode}: {done.stdout[-1000:]}")
        made = results.read(file.name)["results"]
    missing = set(part.targets) - {each["name"] for each in made}
    if missing:
        raise measure.Failure(f"{part.name}: it has no figure of the name {missing}")
    for each in made:
        if each["name"] in part.targets:
            each["setup"] = {**each.get("setup", {}), "target": part.targets[each["name"]].told()}
    return made


def run(args):
    """(the results of all parts, what went wrong): one that fails does not keep the others back."""
    made, wrong = [], []
    for part in PARTS:
        print(part.name, file=sys.stderr)
        try:
            made += run_part(part, args)
        except (measure.Failure, results.BadResults, OSError) as error:
            print(f"perf/run: {error}", file=sys.stderr)
            wrong.append(part.name)
    return made, wrong
