"""Rates of vipgated beside those of dpdk-testpmd in one of its modes or several, round by round."""

import statistics

import measure
import results

MODES = ("5tswap", "macswap", "io")


def add_argument(parser, default=MODES[:1]):
    parser.add_argument("--testpmd-mode", choices=MODES, nargs="+", default=default,
                        help="of several, the ratio to each in a table")


def measured(setup, captures, log_path):
    """{mode: packets per second} of one round; `log_path` has a place for the program's name."""
    return {mode: measure.testpmd_rate(setup, mode, captures, setup.mbuf_bytes,
                                       log_path % f"testpmd-{mode}")
            for mode in setup.testpmd_mode}


def mega(rates):
    return [round(rate / 1e6, 3) for rate in rates]


def results_of(name, unit, ours, references, setup):
    """`ours` beside the first of `references` ({mode: rates}); those of the others, or of all if
    there is none of ours, are results of their own, "NAME: testpmd MODE"."""
    made, more = [], {mode: rates for mode, rates in references.items() if rates}
    if ours:
        beside = {}
        if more:
            mode = next(iter(more))
            beside = {"reference": {"name": f"testpmd {mode}", "rounds": mega(more.pop(mode))}}
        made.append(results.result(name, unit, "higher", mega(ours), setup=setup, **beside))
    return made + [results.result(f"{name}: testpmd {mode}", unit, "higher", mega(rates),
                                  setup=setup) for mode, rates in more.items()]


def print_rounds(unit, ours, references):
    """Of one case, and its ratio to the first reference."""
    named = {f"testpmd {mode}": rates for mode, rates in references.items()} | {"vipgated": ours}
    for name, rates in named.items():
        if rates:
            print(f"{name:15} median {statistics.median(rates) / 1e6:8.3f} {unit}  {mega(rates)}")
    first = next(iter(references.values()), [])
    if ours and first:
        ratios = [mine / other for mine, other in zip(ours, first)]
        print(f"{'ratio':15} median {statistics.median(ratios):8.3f} {'':{len(unit)}}  "
              f"{[round(ratio, 3) for ratio in ratios]}")


def print_table(made, unit, modes):
    """Of all cases."""
    (results.print_ratios if len(modes) > 1 else results.print_table)(made, unit)
