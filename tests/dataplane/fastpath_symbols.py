#!/usr/bin/env python3
"""Checks that the fast path refers to nothing but what an allow-list names.

usage: fastpath_symbols.py FASTPATH.a ALLOWED.txt [LIBRARY.a ...]

Every symbol that FASTPATH.a leaves undefined must be on the list, or be a function of a LIBRARY.a
that in turn refers (function by function, by its relocations) only to such symbols. So the fast
path can't allocate, lock, throw, log or make a system call without this test saying so.
Exit status: 0 all allowed, 1 something is not, 2 the check itself could not be made.
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
RELOCATION = re.compile(r"^\s+[0-9a-f]+: R_X86_64_(\w+)\s+(\S+?)([+-]0x[0-9a-f]+)?$")


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        print(f"{' '.join(command)}: {result.stderr.strip()}", file=sys.stderr)
        sys.exit(2)
    return result.stdout


def symbols(archive, kinds):
    found = set()
    for line in run("nm", archive).splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[-2]) == 1 and fields[-2] in kinds:
            found.add(fields[-1])
    return found


def references_of_functions(archive):
    """What each function refers to, by name. Parts of a function that the compiler split off
    (name.cold, name.part.0) and local functions are reached through their section, so a reference
    into .text counts as one to all functions of that section of the object file."""
    references = {}
    section, section_functions, current = None, {}, None
    for line in run("objdump", "-dr", "--no-show-raw-insn", archive).splitlines():
        if "file format" in line:
            section_functions, current = {}, None
            member = line.split(":")[0]
        elif line.startswith("Disassembly of section "):
            section = line[len("Disassembly of section "):].rstrip(":")
        elif match := FUNCTION.match(line):
            current = match.group(1)
            references.setdefault(current, set())
            node = f"{member}:{section}"
            references.setdefault(node, set()).add(current)
        elif (match := RELOCATION.match(line)) and current is not None:
            target = match.group(2)
            if target.startswith(".text"):
                target = f"{member}:{target}"
            if not target.startswith((".rodata", ".data", ".bss", ".LC")):
                references[current].add(target)
    return references


def demangle(name):
    return run("c++filt", name).strip()


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    fastpath, allowed_file, libraries = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(allowed_file, encoding="ascii") as lines:
        allowed = {line.split("#")[0].strip() for line in lines} - {""}
    if not symbols(fastpath, "TtWV"):
        print(f"{fastpath} defines no function", file=sys.stderr)
        return 2
    functions = {}
    for library in libraries:
        functions.update(references_of_functions(library))

    # Symbol → who refers to it.
    queue = {name: fastpath for name in symbols(fastpath, "U")}
    queue = {n: by for n, by in queue.items() if n not in symbols(fastpath, "TtWVBDRbdru")}
    seen, bad = set(), []
    while queue:
        name, by = queue.popitem()
        if name in seen or name in allowed:
            continue
        seen.add(name)
        if name in functions:
            for reference in functions[name]:
                queue.setdefault(reference, demangle(name))
        else:
            bad.append(f"{demangle(name)}, referred to by {by}")
    for line in sorted(bad):
        print(f"not on the allow-list: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
