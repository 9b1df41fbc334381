"""What perf/'s scripts measure, as JSON that perf/compare and perf/plot read:

  {"results": [{"name": "fullnat 16384 flows", "unit": "Mpps", "better": "higher",
                "rounds": [37.1, 36.8],
                "reference": {"name": "testpmd 5tswap", "rounds": [60.2, 60]},
                "setup": {"mode": "fullnat", "flows": 16384}}],
   "machine": {"kernel": …, "cpu": …, "cpus": 2, "load_average": 0.4, "commit": …}}

A name is unique in its file and means the same figure in every other one; what makes it another
figure is in `setup`, too: results whose setup differs in flows alone are a line of perf/plot.
`reference` is what was
measured in turn with it, round by round. A figure that is counted and not timed has `resolution`:
the share that it may differ by from run to run, whatever else the machine does.
"""

import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
from datetime import datetime, timezone

NEEDED = {"name": str, "unit": str, "better": str, "rounds": list}
OPTIONAL = {"reference": dict, "setup": dict, "resolution": (int, float)}
MACHINE = {"kernel": str, "cpu": str, "commit": str, "time": str, "cpus": (int, float),
           "load_average": (int, float)}
MOST = 1e30  # beyond which no number is one of a measurement; quotients of two stay numbers
COUNTED = {"bytes": "B", "us": "us"}  # units of a benchmark's counters, by how their names end
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


class BadResults(Exception):
    """What is wrong with results, and where, as one sentence."""


def result(name, unit, better, rounds, **more):
    """One figure; `more`: reference, setup, resolution."""
    made = {"name": name, "unit": unit, "better": better, "rounds": list(rounds), **more}
    check_result(made, repr(name))
    return made


def machine():
    """Where and of what it was measured."""
    return {"kernel": platform.release(), "cpu": cpu_model(), "cpus": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2), "commit": commit(),
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds")}


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit():
    """Of the tree that this file belongs to; with a mark if it was changed since."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"],
                              cwd=pathlib.Path(__file__).parent, capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def merged(runs):
    """The results of several runs as one list, with the rounds of all of them."""
    found = {}
    for each in (each for run in runs for each in run):
        seen = found.setdefault(each["name"], {**each, "rounds": []})
        seen["rounds"] = seen["rounds"] + each["rounds"]
        if "reference" in each and seen["reference"] is not each["reference"]:
            seen["reference"] = {**each["reference"], "rounds": (
                seen["reference"]["rounds"] + each["reference"]["rounds"])}
    return list(found.values())


def document(results, details=None):
    """All of them, with the machine. `details`: what a script has to tell besides, its own way."""
    made = {"results": list(results), "machine": machine()}
    if details is not None:
        made["details"] = details
    check(made, "the results")
    return made


def write(path, results, details=None):
    """Returns the text, too, without its line's end."""
    text = json.dumps(document(results, details))
    pathlib.Path(path).write_text(text + "\n", encoding="utf-8")
    return text


def tell(path, results, details=None):
    """Prints them as one line before it writes them, so that they are not lost where that fails;
    `path` may be None."""
    text = json.dumps(document(results, details))
    print(text, flush=True)
    if path:
        pathlib.Path(path).write_text(text + "\n", encoding="utf-8")


def readable(value):
    """Four digits, without powers of ten."""
    return f"{value:,.4g}" if value < 9999.5 else f"{value:,.0f}"


def print_table(made, unit):
    """Rates beside those of their references, as a table of Markdown."""
    print(f"| | reference, {unit} | vipgated, {unit} | ratio | lowest, highest |")
    print("|---|---|---|---|---|")
    for each in made:
        reference = each.get("reference", {}).get("rounds", [])
        shares = [ours / theirs for ours, theirs in zip(each["rounds"], reference)]
        print(f"| {each['name']} | "
              + (f"{statistics.median(reference):.3f}" if reference else "")
              + f" | {statistics.median(each['rounds']):.3f} | "
              + (f"{statistics.median(shares):.3f} | {min(shares):.3f}, {max(shares):.3f} |"
                 if shares else "| |"))


def medians(values):
    return f"{statistics.median(values):.3f}"


def print_ratios(made, unit):
    """As print_table(), with a column for each reference: those beside the first one are results of
    their own, "CASE: REFERENCE"."""
    cases = {each["name"]: [each["reference"]] for each in made if "reference" in each}
    for each in made:
        case, _, name = each["name"].rpartition(": ")
        if case in cases:
            cases[case].append({"name": name, "rounds": each["rounds"]})
    names = list(dict.fromkeys(other["name"] for others in cases.values() for other in others))
    print(f"| | vipgated, {unit} | " + " | ".join(f"{name}, {unit} | ratio" for name in names) + " |")
    print("|" + "---|" * (2 + 2 * len(names)))
    for each in made:
        others = {other["name"]: other["rounds"] for other in cases.get(each["name"], [])}
        if not others:
            continue
        cells = [f"{medians(others[name])} | "
                 + medians([ours / theirs for ours, theirs in zip(each["rounds"], others[name])])
                 if name in others else " | " for name in names]
        print(f"| {each['name']} | {medians(each['rounds'])} | {' | '.join(cells)} |")


def read(path):
    """The document in a file, which may also be one of Google Benchmark's (--benchmark_out)."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadResults(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        tree = json.loads(text)
        if isinstance(tree, dict) and "benchmarks" in tree and "context" in tree:
            tree = from_google_benchmark(tree, path)
        check(tree, path)
    except ValueError as error:
        raise BadResults(f"{path}: not JSON: {error}; give what a script wrote by --json, or a "
                         "benchmark by --benchmark_out") from error
    except RecursionError as error:
        raise BadResults(f"{path}: lists within lists, deeper than any result") from error
    return tree


def check(tree, where):
    """Raises BadResults unless `tree` is a document."""
    if not isinstance(tree, dict) or not isinstance(tree.get("results"), list):
        raise BadResults(f"{where}: has no list \"results\"; see perf/results.py for the shape")
    if not isinstance(tree.get("machine"), dict):
        raise BadResults(f"{where}: has no object \"machine\"")
    check_machine(tree["machine"], where)
    names = set()
    for number, each in enumerate(tree["results"]):
        place = f"{where}: results[{number}]"
        check_result(each, place)
        if each["name"] in names:
            raise BadResults(f"{place}: {each['name']!r} is there twice")
        names.add(each["name"])


def check_machine(machine_, where):
    """What is not known is null, or not there."""
    for key, kind in MACHINE.items():
        value = machine_.get(key)
        good = is_number(value) if kind is not str else is_text(value)
        if value is not None and not good:
            raise BadResults(f"{where}: 'machine': {key!r} cannot be {shown(value)}")


def check_result(each, where):
    if not isinstance(each, dict):
        raise BadResults(f"{where}: is no object")
    for key, kind in {**NEEDED, **OPTIONAL}.items():
        if key not in each:
            if key in NEEDED:
                raise BadResults(f"{where}: has no {key!r}")
        elif not isinstance(each[key], kind) or (kind is str and not is_text(each[key])) or (
                key == "resolution" and not is_number(each[key])):
            raise BadResults(f"{where}: {key!r} cannot be {shown(each[key])}")
    if each["better"] not in ("higher", "lower"):
        raise BadResults(f"{where}: 'better' is \"higher\" or \"lower\", not {each['better']!r}")
    check_rounds(each["rounds"], f"{where}: 'rounds'")
    for key, value in each.get("setup", {}).items():
        if not is_text(key) or not is_plain(value):
            raise BadResults(f"{where}: 'setup': {key!r} cannot be {shown(value)}")
    reference = each.get("reference")
    if reference is not None:
        if not is_text(reference.get("name")):
            raise BadResults(f"{where}: 'reference' has no name")
        check_rounds(reference.get("rounds"), f"{where}: 'reference.rounds'")
        if len(reference["rounds"]) != len(each["rounds"]):
            raise BadResults(f"{where}: {len(each['rounds'])} rounds, but "
                             f"{len(reference['rounds'])} of the reference")
        if min(reference["rounds"]) <= 0:
            raise BadResults(f"{where}: a round of the reference is not above 0")
    if each.get("resolution", 0) < 0:
        raise BadResults(f"{where}: 'resolution' is below 0")


def check_rounds(rounds, where):
    if not isinstance(rounds, list) or not rounds:
        raise BadResults(f"{where} is no list of numbers")
    for value in rounds:
        if not is_number(value) or value < 0:
            raise BadResults(f"{where}: {shown(value)} is no number from 0 up")


def is_number(value):
    """One that can be reckoned with: JSON has integers of any length, and Python's has NaN, too."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MOST < value < MOST


def is_text(value):
    """One that can be printed: JSON has halves of surrogates, UTF-8 has not."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def is_plain(value):
    """One of a setup, where lists and objects are let through: who wants one looks into it."""
    if isinstance(value, str):
        return is_text(value)
    return is_number(value) or isinstance(value, bool) or not isinstance(value, (int, float))


def shown(value):
    """So much of what was found that it can be known again."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:50]}…"


def from_google_benchmark(tree, where):
    """A result for each benchmark, its repetitions as rounds: processor time of an iteration, or of
    an item where it says how many of those it had; time that passed where it was told to take that. A
    counter whose name ends as one of COUNTED is a result of its own."""
    try:
        context = tree["context"]
        program = pathlib.Path(context["executable"]).name
        found = {}
        for each in tree["benchmarks"]:
            if each.get("run_type", "iteration") != "iteration":
                continue  # means of what is there
            name = each.get("run_name", each["name"])
            if each.get("error_occurred"):
                raise BadResults(f"{where}: {name}: {each.get('error_message', 'failed')}")
            parts = name.split("/")
            is_real = {"real_time", "manual_time"} & set(parts)
            if each.get("items_per_second", 0) != 0:  # there are cases that have nothing to do
                value = 1e9 / each["items_per_second"]
            else:
                value = each["real_time" if is_real else "cpu_time"]
                value *= NANOSECONDS[each["time_unit"]]
            arguments = [int(part) for part in parts[1:] if part.isdigit()]
            setup = {"program": program, "benchmark": "/".join(
                part for part in parts if not part.isdigit()), "arguments": arguments}
            found.setdefault((f"{program} {name}", "ns"), (setup, []))[1].append(value)
            for counter, unit in ((key, COUNTED.get(key.rpartition("_")[2])) for key in each):
                if unit:
                    found.setdefault((f"{program} {name}: {counter}", unit),
                                     (setup, []))[1].append(each[counter])
        state = {"kernel": "unknown", "cpu": "unknown", "commit": "unknown",
                 "cpus": context.get("num_cpus"), "time": context.get("date"),
                 "load_average": (context.get("load_avg") or [None])[0]}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadResults(f"{where}: not what Google Benchmark writes: {error!r}") from error
    return {"machine": state, "results": [result(name, unit, "lower", rounds, setup=setup)
                                          for (name, unit), (setup, rounds) in found.items()]}
