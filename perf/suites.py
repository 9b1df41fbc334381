"""The targets of one core (design, dataplane: "The numbers to beat"), each beside what was reached:
of the packet path here, by perf/run itself; of all else in suite_parts.py."""

import dataclasses
import statistics

import results

NAMES = ("short", "full")
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


def suite(name):
    """The cases of a suite: `short` are those at 16,384 flows."""
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
