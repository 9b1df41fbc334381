#!/usr/bin/env python3
"""What perf/'s scripts say to command lines that cannot be, and to what goes wrong: nothing is
measured. arguments_test.py SOURCE_DIRECTORY."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PERF = pathlib.Path(sys.argv[1]).resolve() / "perf"
sys.path[:0] = [str(PERF), str(PERF / "pktgen")]
sys.dont_write_bytecode = True
import arguments  # noqa: E402
import measure  # noqa: E402
import results  # noqa: E402

LIMIT_S = 60  # of a script that has nothing to do but to refuse

# By script: command lines, each with a word of why it is refused.
MANY = "9" * 30
JSON = ("--json /nonexistent/x", "cannot write /nonexistent/x: No such file")
CPU = ("--cpu 99999", "none of the CPUs")
ROUNDS = ("--rounds 0", "--rounds")
REFUSED = {
    "run": [("--flows 0", "--flows"), ("--flows -5", "--flows"), ("--flows 16 16", "stands there twice"),
            ("--services 0", "--services"), ("--services 1000000000", "--services"),
            ("--seconds 0", "--seconds"), ("--seconds -1", "--seconds"), ("--seconds nan", "--seconds"),
            ("--size foo", "imix"), ("--size 59", "from 60 to 1514"), ("--size ²", "imix"),
            ("--burst 0", "--burst"), ("--descriptors 0", "--descriptors"), CPU,
            ("--control-cpu -1", "none of the CPUs"), ("--mbuf-bytes 10", "--mbuf-bytes"),
            ("--mode nothing", "--mode"), ("--family 5", "--family"), ROUNDS, JSON,
            (f"--rounds {MANY}", "--rounds"), ("--json /", "cannot write /"),
            ("--suite short --only vipgated", "--only: a suite"),
            ("--mode ipip --returns", "only answers of fullnat and nat"),
            ("--family 6 --size 60 74", "two of the cases are the same"),
            ("--traffic new --flows 16 32", "two of the cases are the same")],
    "dns": [ROUNDS, ("--names 0", "--names"), ("--names -1", "--names"), ("--seconds 0", "--seconds"),
            ("--mix a=", "KIND=SHARE"), ("--mix a=0", "no kind of question"), CPU, JSON,
            ("--queries 0", "--queries"), ("--mbuf-bytes 10", "--mbuf-bytes")],
    "scale": [ROUNDS, ("--seconds 0", "--seconds"), ("--flows 0", "--flows"), CPU, JSON],
    "start": [ROUNDS, ("--flows 100", "--flows"), CPU, JSON],
    "publish": [ROUNDS, ("--services 0", "--services"), ("--services 900000", "--services"),
                ("--only nonsense", "some of times,parts,storm"), ("--port 0", "--port"),
                ("--seconds inf", "--seconds"), ("--changes 0", "--changes"), CPU, JSON],
    "api_load": [("--rounds -1", "--rounds"), ("--batch -1", "--batch"), ("--seconds 0", "--seconds"),
                 ("--rounds 0 --batch 0", "nothing is left"), CPU, JSON],
    "dns_peers": [ROUNDS, ("--names 1", "--names"), ("--servers bind", "--servers"),
                  ("--servers nsd nsd", "twice"), ("--client-cpu x", "none of the CPUs"), CPU, JSON],
    "dns_afxdp": [ROUNDS, ("--names 1", "--names"), ("--max-rate 10", "--max-rate"),
                  ("--resolution 0", "--resolution"), ("--tolerance 1", "--tolerance"), CPU, JSON],
    "pktgen/rfc2544": [ROUNDS, ("--kind dns --names 0", "--names"), ("--sizes 63", "--sizes"),
                       ("--family 6 --sizes 64", "IPv6 are from 84"), ("--flows 0", "--flows"),
                       ("--trial-seconds 0", "--trial-seconds"), ("--tolerance nan", "--tolerance"),
                       ("--max-rate 1", "--max-rate"), ("--generator-cpu 99999", "none of the"), JSON],
    "mesos_convergence.py": [ROUNDS, ("--only nonsense", "some of start,"), ("--agents 2", "--agents"),
                             ("--tasks 10 --vips 2", "--vips"), ("--updates 0", "--updates"),
                             ("--control-cpus 0,99999", "none of the CPUs"), JSON],
    "instructions": [("--seconds 0", "--seconds"), ("--functions -1", "--functions"),
                     ("--dns --worker", "not allowed with"), JSON],
    "model.py": [("--workers 0 x", "--workers"), ("--scaling 2 x", "--scaling"),
                 ("--gbps nan x", "--gbps"), ("--nic-ns -1 x", "--nic-ns"), ("", "RESULTS.json")],
    "capture.py": [("", "command"), ("forward", "FILE"), ("forward --flows 0 x", "--flows"),
                   ("forward --size 5 x", "--size"), ("mix --packets 0 x", "--packets"),
                   ("forward --destination-mac 1:2 x", "--destination-mac")],
    "compare": [("a", "NEW.json"), ("a b --alpha 0", "--alpha"), ("a b --min-change x", "no share"),
                ("/nonexistent/a b", "No such file")],
    "show": [("", "RESULTS.json"), ("/nonexistent/a", "No such file")],
    "plot": [("a", "--out"), ("/nonexistent/a --out x", "No such file")],
    "put_figures.py": [("a b", "--model"), ("/nonexistent/a --model a --figures a /nonexistent/b",
                                            "No such file")],
    "pictures": [("--only flwos", "--only flwos: the parts are"), ("--only", "with commas"),
                 ("--only packets, /nonexistent", "no directory of a build"), ("--flows", "no such option"),
                 ("--only , nowhere", "the parts are"), ("/nonexistent", "no directory of a build"),
                 ("a b c", "more than two")],
    "short": [("--rounds", "no such option"), ("/nonexistent", "no directory of a build"),
              ("a b", "more than one")],
}
# What is not there is told before anything is measured, too.
NOT_BUILT = {
    "run": ("--only vipgated --binary /nonexistent/vipgated", "make build"),
    "start": ("--binary /nonexistent/vipgated", "make build"),
    "publish": ("--binary /nonexistent/vipgated", "make build"),
    "api_load": ("--binary /nonexistent/vipgated", "make build"),
    "pktgen/rfc2544": ("--binary /bin/true --generator /nonexistent/vipgen", "--target vipgen"),
}

# perf/api_load, which waits for a client of its own.
INTERRUPTED = """
import argparse, os, runpy, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
sys.path.insert(0, sys.argv[1])
import arguments
clients = runpy.run_path(sys.argv[1] + "/api_load")["clients"]

def main():
    setup = argparse.Namespace(control_cpu=min(os.sched_getaffinity(0)))
    with clients(setup, "spin", "0.1") as spinner:
        print(spinner.stdout.readline(), end="", flush=True)
        time.sleep(60)

arguments.run("perf/api_load", main)
"""


def run(script, *words):
    return subprocess.run([PERF / script, *words], capture_output=True, text=True, timeout=LIMIT_S,
                          cwd="/", stdin=subprocess.DEVNULL, check=False)


def run_here(script, *words):
    """The same in this process, which is ten times as fast, of what is Python of any kind."""
    if script in ("plot", "pictures", "short"):
        return run(script, *words)
    out, err, status, argv = io.StringIO(), io.StringIO(), 0, sys.argv
    sys.argv = [str(PERF / script), *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = argv
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def module(script):
    loader = importlib.machinery.SourceFileLoader(script, str(PERF / script))
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader(script, loader))
    loader.exec_module(made)
    return made


def scripts():
    return sorted(str(path.relative_to(PERF)) for place in (PERF, PERF / "pktgen")
                  for path in place.iterdir() if path.is_file() and os.access(path, os.X_OK))


class CommandLines(unittest.TestCase):
    def assert_told(self, done, script, status, why):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        self.assertRegex(done.stderr, rf"\Aperf/{re.escape(script)}( \w+)?: [^\n]*\n\Z")
        self.assertIn(why, done.stderr)

    def test_every_script_is_among_those_that_are_tried(self):
        self.assertEqual(scripts(), sorted(REFUSED))

    def test_what_cannot_be_is_refused_in_one_line_with_status_2(self):
        for script, lines in REFUSED.items():
            for words, why in lines:
                with self.subTest(f"{script} {words}"):
                    self.assert_told(run_here(script, *words.split()), script, 2, why)

    def test_every_script_says_what_it_is_for_and_how_it_ends(self):
        for script in scripts():
            with self.subTest(script):
                done = run(script, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(f"perf/{script}", done.stdout)
                self.assertIn("Exit status: 0", " ".join(done.stdout.split()))

    def test_a_program_that_is_not_there_is_told_with_how_it_is_made(self):
        for script, (words, why) in NOT_BUILT.items():
            with self.subTest(script):
                self.assert_told(run(script, *words.split()), script, 1, why)

    @unittest.skipIf(not pathlib.Path("/usr/bin/valgrind").exists(), "no valgrind")
    def test_a_program_that_is_no_benchmark_is_not_counted(self):
        for program in ("/bin/ls", "/bin/true"):
            self.assert_told(run("instructions", "--bench", program), "instructions", 1,
                             "lists no benchmarks")
        self.assert_told(run("instructions", "--bench", "/bin/echo", "none"), "instructions", 2,
                         "'none' is none of")

    def test_the_parts_of_the_pictures_are_those_that_can_be_named(self):
        parts = re.findall(r"^part (\S+) ", (PERF / "pictures").read_text(encoding="utf-8"), re.MULTILINE)
        self.assertIn("packets", parts)
        self.assertIn(f"the parts are {' '.join(parts)};", run("pictures", "--only", "?").stderr)

    def test_a_directory_that_is_no_build_keeps_what_it_has(self):
        with tempfile.TemporaryDirectory() as directory:
            kept = pathlib.Path(directory) / "bench/kept"
            kept.parent.mkdir()
            kept.touch()
            self.assertEqual(run("short", directory).returncode, 2)
            self.assertTrue(kept.exists())
            (pathlib.Path(directory) / "build.ninja").touch()
            done = run("pictures", "--only", "packets", directory)
            self.assertEqual(done.returncode, 2)
            self.assertIn("there is no part scale of a run before", done.stderr)


class Json(unittest.TestCase):
    def test_a_file_is_tried_and_left_as_it_was(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "result.json"
            self.assertEqual(arguments.writable(str(path)), str(path))
            self.assertFalse(path.exists())
            path.write_text("before", encoding="utf-8")
            arguments.writable(str(path))
            self.assertEqual(path.read_text(encoding="utf-8"), "before")
        arguments.writable("/dev/null")

    def test_results_are_printed_before_they_are_written(self):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), self.assertRaises(OSError):
            results.tell("/nonexistent/x", [results.result("a", "ns", "lower", [1])])
        self.assertEqual(json.loads(said.getvalue())["results"][0]["name"], "a")


class Ends(unittest.TestCase):
    def ended(self, error, status=1):
        def main():
            raise error
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
            arguments.run("perf/x", main, status, also=(LookupError,))
        return end.exception.code, said.getvalue()

    def test_what_is_expected_is_told_in_a_line_with_the_promised_status(self):
        for error in (measure.Failure("why"), results.BadResults("why"), OSError("why"),
                      LookupError("why")):
            self.assertEqual(self.ended(error), (1, "perf/x: why\n"))
            self.assertEqual(self.ended(error, 2), (2, "perf/x: why\n"))
        self.assertEqual(self.ended(arguments.WrongOptions("why")),
                         (2, "perf/x: why; see perf/x --help\n"))
        self.assertEqual(self.ended(KeyboardInterrupt()), (1, "perf/x: interrupted\n"))

    def test_logs_are_shown_as_their_directory_goes(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(measure.Failure):
            with measure.scratch() as directory:
                (pathlib.Path(directory) / "a.log").write_bytes(b"first\n\xff last\n")
                raise measure.Failure("why")
        self.assertRegex(said.getvalue(), r"\A--- end of a.log\nfirst\n. last\n\Z")
        self.assertFalse(os.path.exists(directory))

    def test_clients_of_the_api_do_not_see_an_interrupt(self):
        """It goes to all processes of the terminal, as here to a session of its own."""
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", INTERRUPTED, PERF], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.assertEqual(process.stdout.readline(), "spinning\n")
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
        self.assertEqual((process.returncode, said), (1, "perf/api_load: interrupted\n"))


class Cases(unittest.TestCase):
    """Of perf/run."""

    def cases(self, *words):
        script = module("run")
        argv, sys.argv = sys.argv, ["run", *words]
        try:
            return list(script.cases(script.parse_arguments()))
        finally:
            sys.argv = argv

    def test_there_is_one_for_each_combination(self):
        names = [case.name for case in self.cases("--mode", "ipip", "fullnat", "--flows", "16", "32",
                                                  "--services", "1", "10")]
        self.assertEqual(names, [f"{mode}, IPv4, {flows} flows{services}"
                                 for mode in ("ipip", "fullnat") for flows in (16, 32)
                                 for services in ("", ", 10 services")])

    def test_a_frame_has_the_size_that_is_told_of_it(self):
        found = [(case.name, case.size, case.mbuf_bytes) for case in
                 self.cases("--family", "4", "6", "--flows", "16", "--size", "60", "512", "imix")]
        self.assertEqual(found, [
            ("fullnat, IPv4, 16 flows", "60", 256), ("fullnat, IPv4, 16 flows, 512 bytes", "512", 2048),
            ("fullnat, IPv4, 16 flows, imix", "imix", 2048), ("fullnat, IPv6, 16 flows", "74", 512),
            ("fullnat, IPv6, 16 flows, 512 bytes", "512", 2048),
            ("fullnat, IPv6, 16 flows, imix", "imix", 2048)])

    def test_all_modes_are_those_that_have_answers_where_answers_are_measured(self):
        self.assertEqual([case.mode for case in self.cases("--mode", "all", "--returns")],
                         ["fullnat", "nat"])

    def test_new_flows_are_a_million_to_a_small_table(self):
        case, = self.cases("--traffic", "new")
        self.assertEqual((case.flows, case.packets, case.table), (1 << 20, 1 << 20, 4096))

    def test_cases_of_a_suite_have_targets(self):
        self.assertTrue(all(case.target for case in self.cases("--suite", "full")))


class Storm(unittest.TestCase):
    """Of perf/publish: the process that changes services meanwhile."""

    def setUp(self):
        self.publish = module("publish")
        cpu = min(os.sched_getaffinity(0))
        self.args = argparse.Namespace(control_cpu=cpu, port=1, storm_services=2, pause_ms=1)

    def test_tells_how_many_changes_there_were(self):
        class Client:
            def __init__(self, _port):
                pass

            def put_one(self, *_):
                pass

        self.publish.Client, changes = Client, []
        with self.publish.a_storm(self.args, changes):
            pass
        self.assertEqual(len(changes), 1)

    def test_tells_why_it_ended(self):
        # Nothing listens at that port.
        with self.assertRaisesRegex(measure.Failure, "PUT .*refused"):
            with self.publish.a_storm(self.args, []):
                time.sleep(0.3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
