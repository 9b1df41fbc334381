"""The command lines of perf/'s scripts: options that are checked before anything is measured, and
one line on stderr for whatever goes wrong."""

import argparse
import math
import os
import pathlib
import shutil
import subprocess
import sys

import measure
import results

MANY_ROUNDS = 1000
LONG_S = 3600  # that one measurement may take
MOST_FLOWS = 1 << 24
MOST_SERVICES = 1_000_000  # limits.services
MOST_NAMES = (1 << 24) - 1000  # limits.dns_names, with those that are beside the load's
WRONG = 2  # the exit status for a command line that cannot be


class Parser(argparse.ArgumentParser):
    """`prog`: the script, as the user knows it; `document`: its docstring."""

    def __init__(self, prog, document=None):
        super().__init__(prog=prog, description=document,
                         formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        """In one line, without the usage, which is longer than a screen."""
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        sys.exit(WRONG)

    def add_json(self, told="also write the result there"):
        self.add_argument("--json", metavar="FILE", type=writable, help=told)

    def add_rounds(self, default, least=1, told=None):
        self.add_argument("--rounds", type=whole(least, MANY_ROUNDS), default=default, help=told)

    def add_cpus(self, other="--control-cpu", told=None, worker="of the worker"):
        """`other`: the option for whoever is not what is measured."""
        self.add_argument(other, type=cpu, default=0, help=told)
        self.add_argument("--cpu", type=cpu, default=1, help=worker)

    def parse_args(self, args=None, namespace=None):
        """What stands there twice would be measured twice, and written under one name."""
        parsed = super().parse_args(args, namespace)
        for action in self._actions:
            given = getattr(parsed, action.dest, None)
            if action.option_strings and isinstance(given, list) and len(set(given)) < len(given):
                self.error(f"argument {action.option_strings[0]}: one of them stands there twice")
        return parsed


def bounded(convert, kind, least, most):
    """An argparse type: what `convert` makes of a text, within these bounds."""
    def read(text):
        try:
            value = convert(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # nor is what is no number
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is no {kind} from {least:,} to {most:,}")
        return value
    return read


def whole(least, most):
    return bounded(int, "whole number", least, most)


def number(least, most):
    return bounded(float, "number", least, most)


def some_of(names):
    """An argparse type: some of these, with commas, as a list."""
    def read(text):
        found = text.split(",")
        if not set(found) <= set(names):
            raise argparse.ArgumentTypeError(f"{text!r}: write some of {','.join(names)}")
        return list(dict.fromkeys(found))
    return read


flows = whole(1, MOST_FLOWS)
services = whole(1, MOST_SERVICES)
names = whole(2, MOST_NAMES)  # one has an address, one is a service
whole_seconds = whole(1, LONG_S)
seconds = number(0.01, LONG_S)
burst = whole(1, 512)  # testpmd's most
descriptors = whole(64, 32768)
mbuf_bytes = whole(256, 16384 + 128)  # dpdk.mbuf_bytes, with the headroom
port = whole(1, 65535)


def cpu(text):
    """An argparse type: a CPU that this process may have."""
    allowed = os.sched_getaffinity(0)
    if not text.isascii() or not text.isdigit() or int(text[:9]) not in allowed:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is none of the CPUs {','.join(map(str, sorted(allowed)))}")
    return int(text)


def cpus(text):
    """An argparse type: CPUs with commas, which stays text."""
    for each in text.split(","):
        cpu(each)
    return text


def writable(text):
    """An argparse type: a file that can be written, as is tried before an hour is spent for it."""
    path = pathlib.Path(text)
    was_there = path.exists()
    try:
        with open(path, "ab"):
            pass
        if not was_there:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}") from error
    return text


class WrongOptions(Exception):
    """Options that do not go together, as one sentence."""


def need_program(path, how="make build"):
    """Raises measure.Failure if the program is not there; `how` one gets it."""
    found = shutil.which(path)
    if found is None or os.path.isdir(found):
        raise measure.Failure(f"{os.path.normpath(path)}: no such program; {how}")


def need_testpmd():
    need_program("dpdk-testpmd", "apt-get install dpdk-dev")


def run(name, main, status=1, also=()):
    """Runs `main`. What is expected to go wrong (and what is `also`) is told in a sentence, and the
    process ends with the status that the script has promised for it."""
    try:
        main()
    except WrongOptions as error:
        print(f"{name}: {error}; see {name} --help", file=sys.stderr)
        sys.exit(WRONG)
    except (measure.Failure, results.BadResults, OSError, subprocess.CalledProcessError,
            *also) as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(status)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(status)
