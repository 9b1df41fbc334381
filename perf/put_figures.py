#!/usr/bin/env python3
"""Puts figures into a file of Markdown: between the lines that perf/pictures owns there.

  perf/put_figures.py perf/README.md --model model.md --figures DIRECTORY RESULTS.json…

The plots are copied to the directory figures beside the file, and those of before go. What there is
is decided by SHOWN; the rest is in the results alone. Exit status: 0 done, 2 the input is bad.
"""

import pathlib
import re
import shutil
import statistics

import arguments
import results

BEGIN = "<!-- What follows is written by perf/pictures; edits get lost. -->"
END = "<!-- The end of what perf/pictures writes. -->"
# A benchmark's counters by what they are.
PARTS = re.compile(r"bench_publish rest_batch_parts/(\d+)/.*: \d_(\w+)_us")
READABLE = {"pps": (1e-6, "Mpps"), "ns": (1e-3, "us"), "us": (1e-3, "ms")}
LARGEST_PLOT = 60_000  # octets: the tree keeps them
# Figures without a reference that the table has.
SHOWN = re.compile(r"memif .* (throughput|round trip p(50|99) at (50|90) %)"
                   r"|start fullnat, .* flows, .*|start fullnat: octets of a flow"
                   r"|publish (rest_(one|batch_made)_ms|resident_mb_for_services), .*"
                   rf"|{PARTS.pattern}"
                   r"|mesos first state of .*: (to served|memory at most)")


def parse_arguments():
    parser = arguments.Parser("perf/put_figures.py", __doc__)
    parser.add_argument("markdown", type=pathlib.Path, metavar="FILE.md")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="what perf/model.py says")
    parser.add_argument("--figures", type=pathlib.Path, required=True, metavar="DIRECTORY",
                        help="of plots")
    parser.add_argument("files", nargs="+", metavar="RESULTS.json")
    return parser.parse_args()


def row(each):
    rounds, beside, ratio = each["rounds"], "", ""
    if "reference" in each:
        reference = each["reference"]
        quotients = [ours / theirs for ours, theirs in zip(rounds, reference["rounds"])]
        beside = f"{reference['name']}: {results.readable(statistics.median(reference['rounds']))}"
        ratio = f"{statistics.median(quotients):.3f}"
    scale, unit = READABLE.get(each["unit"], (1, each["unit"]))
    value = f"{results.readable(scale * statistics.median(rounds))} {unit}"
    name = PARTS.sub(r"publish of a batch of \1 services, CPU: \2", each["name"])
    return f"| {name} | {value} | {beside} | {ratio} |"


def block(paths, documents, model, plots, folder):
    """The text between the two lines."""
    for path, each in zip(paths, documents):
        if unknown := [key for key in results.MACHINE if each["machine"].get(key) is None]:
            raise results.BadResults(f"{path}: 'machine': has no {unknown[0]!r}")
    machine = documents[0]["machine"]
    version = ".".join(machine["kernel"].split(".")[:2])
    loads = [each["machine"]["load_average"] for each in documents]
    shown = [each for document in documents for each in document["results"]
             if "reference" in each or SHOWN.fullmatch(each["name"])]
    return "\n".join([
        f"{machine['time'][:10]}, {machine['cpus']} CPUs ({machine['cpu']}), Linux {version}, "
        f"commit {machine['commit']}; load average after each part "
        f"{min(loads):.1f}-{max(loads):.1f}, of which the measurement is at least one. Medians of "
        "the rounds.", "",
        *(f"![{plot.stem}]({folder}/{plot.name})" for plot in plots), "",
        "| | vipgated | beside it | ratio |", "|---|---|---|---|", *map(row, shown), "",
        "A gateway of 2 x 100 Gbit/s with 16 workers, as `perf/model.py` reckons it:", "",
        model.strip().replace("\n|", "\n\n|", 1)])


def replaced(text, made):
    """Raises BadResults if the place is not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise results.BadResults(f"the file has not the lines {BEGIN!r} and {END!r}, one after the other")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def main():
    args = parse_arguments()
    documents = [results.read(path) for path in args.files]
    plots = sorted(args.figures.glob("*.svg"))
    large = [plot.name for plot in plots if plot.stat().st_size > LARGEST_PLOT]
    if not plots or large:
        raise results.BadResults(f"{args.figures}: too large to keep: {large}" if large else
                                 f"{args.figures}: no plot is there; perf/plot makes them")
    folder = args.markdown.parent / "figures"
    try:
        text, model = (path.read_text(encoding="utf-8") for path in (args.markdown, args.model))
    except UnicodeDecodeError as error:
        raise results.BadResults(f"{args.markdown} or {args.model}: {error}") from error
    text = replaced(text, block(args.files, documents, model, plots, folder.name))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for plot in plots:
        shutil.copyfile(plot, folder / plot.name)
    args.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    arguments.run("perf/put_figures.py", main, arguments.WRONG)
