"""Suites of perf/run: the targets of one core (design, dataplane: "The numbers to beat"), each
beside what was reached (short, full), of all but the packet path in suite_parts.py; packets that no
target is about (cases); and what perf/pictures draws."""

import dataclasses
import statistics

import results

WITH_TARGETS = ("short", "full")
NAMES = (*WITH_TARGETS, "cases", "pictures")
# The modes of testpmd that a suite is beside, if no others are asked for. The pictures' model needs
# what the port alone costs.
REFERENCES = {"cases": ("5tswap", "macswap", "io"), "pictures": ("5tswap", "io")}
FEW, MANY = 16384, 1 << 20


@dataclasses.dataclass
class Target:
    setting: dict
    ratio: float = 0  # to the reference's rate
    rate: float = 0  # at least, in the figure's unit
    limit: float = 0  # at most, in the figure's unit
    cost: float = 0  # at most so many times what the named other case costs
    against: str = ""

    def told(self):
        return {name: value for name, value in dataclasses.asdict(self).items()
                if value and name != "setting"}


def cases():
    """Beside the usual packets, which come first, what may cost more."""
    kinds = [{}, {"family": 6}, {"size": "512"}, {"size": "imix"}]
    return [*({"mode": mode, "flows": FEW, **kind} for kind in kinds for mode in ("fullnat", "ipip")),
            {"mode": "fullnat", "flows": FEW, "traffic": "mix"}]


def pictures():
    """Flows over one service, and 16,384 of them over many."""
    return [*({"mode": mode, "flows": flows} for flows in (1024, FEW, MANY)
              for mode in ("fullnat", "ipip")),
            *({"mode": mode, "flows": FEW, "services": services}
              for services in (100, 10_000, 100_000) for mode in ("fullnat", "ipip"))]


def suite(name):
    """The cases of a suite: `short` are those at 16,384 flows."""
    if name not in WITH_TARGETS:
        return [Target(setting) for setting in (cases() if name == "cases" else pictures())]
    targets = []
    for flows in (FEW, MANY) if name == "full" else (FEW,):
        is_few = flows == FEW
        for mode in ("ipip", "gre", "gue") if name == "full" else ("ipip",):
            targets.append(Target({"mode": mode, "flows": flows}, ratio=0.75 if is_few else 0.72))
        for mode in ("fullnat", "nat"):
            targets.append(Target({"mode": mode, "flows": flows}, ratio=0.62 if is_few else 0.58))
        for mode in ("fullnat", "nat"):
            targets.append(Target({"mode": mode, "flows": flows, "returns": True},
                                  ratio=0.74 if is_few else 0.76))
    if name == "full":
        targets.append(Target({"mode": "ipip", "traffic": "new"}, rate=25))
        targets.append(Target({"mode": "fullnat", "traffic": "new"}, rate=15))
        for mode in ("ipip", "fullnat"):
            targets.append(Target({"mode": mode, "flows": FEW, "services": 100_000}, cost=1.3,
                                  against=f"{mode}, IPv4, {FEW} flows"))
    return targets


def reached(each, by_name):
    """(what the target is, what was reached, how much of it that is: 1 and more is met) of one
    result."""
    target, unit = each["setup"]["target"], each["unit"]
    value = statistics.median(each["rounds"])
    if "ratio" in target:
        share = statistics.median(ours / theirs for ours, theirs in
                                  zip(each["rounds"], each["reference"]["rounds"]))
        return f"{target['ratio']:.2f} x {each['reference']['name']}", f"{share:.3f}", \
            share / target["ratio"]
    if "rate" in target:
        return f"{target['rate']:,} {unit}", results.readable(value), value / target["rate"]
    if "limit" in target:
        return f"at most {target['limit']:,} {unit}", results.readable(value), \
            target["limit"] / max(value, 1e-9)
    against = statistics.median(by_name[target["against"]]["rounds"])
    cost = value / against if each["better"] == "lower" else against / value
    return f"cost {target['cost']} x {target['against']}", f"{cost:.2f}", target["cost"] / cost


def print_verdicts(made):
    by_name = {each["name"]: each for each in made}
    print("| | measured | target | reached | of the target | met |")
    print("|---|---|---|---|---|---|")
    for each in made:
        if "target" not in each.get("setup", {}):
            continue
        wanted, got, share = reached(each, by_name)
        value = f"{results.readable(statistics.median(each['rounds']))} {each['unit']}"
        print(f"| {each['name']} | {value} | {wanted} | {got} | {share:.3f} | "
              f"{'yes' if share >= 1 else 'no'} |")
