#!/usr/bin/env python3
"""Checks that the pipeline of production is compiled once, and inlined where it says so: GCC leaves
out [[gnu::always_inline]] of a member function, without a word, if the class was used before.

usage: fastpath_inlining.py SOURCES FASTPATH.a [LIBRARY.a ...]

No function that the headers in SOURCES define as always inline may be called in FASTPATH.a, and no
LIBRARY.a may have that pipeline, too, which the linker could take instead.
Exit status: 0 all is well, 1 something is not, 2 the check itself could not be made.
"""

import pathlib
import re
import subprocess
import sys

PIPELINE = r".*\bvipgate::Pipeline<vipgate::NoObserver>::(\w+)"
DEFINED = re.compile(r"[0-9a-f]+ [tTwW] " + PIPELINE)
CALLED = re.compile(r"R_X86_64_P\w+\s+" + PIPELINE)
INLINED = re.compile(r"\[\[gnu::always_inline\]\][^;{]*?Pipeline<Observer>::(\w+)\(")


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        print(f"{' '.join(command)}: {result.stderr.strip()}", file=sys.stderr)
        sys.exit(2)
    return result.stdout


def matches(pattern, text):
    """Names of functions of the pipeline in the lines that have the pattern."""
    return {match.group(1) for match in map(pattern.search, text.splitlines()) if match}


def defined(archive):
    return matches(DEFINED, run("nm", "-C", "--defined-only", archive))


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    sources, fastpath, libraries = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    inlined = set()
    for header in sources.glob("*.h"):
        inlined.update(INLINED.findall(header.read_text(encoding="utf-8")))
    if not inlined or "process" not in defined(fastpath):
        print(f"{sources} or {fastpath} has nothing to look at", file=sys.stderr)
        return 2
    called = matches(CALLED, run("objdump", "-C", "-dr", "--no-show-raw-insn", fastpath))
    bad = [f"{fastpath}: {name}() is not inlined" for name in sorted(inlined & called)]
    bad += [f"{library}: has the pipeline, too" for library in libraries
            if "process" in defined(library)]
    print(*bad, sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
