#!/usr/bin/env python3
"""What perf/instructions reads of callgrind's profiles: instructions_test.py SOURCE_DIRECTORY."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

PERF = f"{sys.argv[1]}/perf"
sys.path.insert(0, PERF)
LOADER = importlib.machinery.SourceFileLoader("instructions", f"{PERF}/instructions")
INSTRUCTIONS = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("instructions", LOADER))
LOADER.exec_module(INSTRUCTIONS)

# Two bursts by process(), which calls parse() and something that is called in other ways, too.
PROFILE = """\
events: Ir
fn=(1) main
10 0
cfn=(2) vipgate::Bench::process(int)
calls=2 20
11 700

fn=(2)
20 100
cfn=(3) vipgate::parse(int)
calls=128 30
+1 600

fn=(3)
30 400
* 200

totals: 700
"""


class InstructionsTest(unittest.TestCase):
    def read(self, counted):
        with tempfile.NamedTemporaryFile("w", suffix=".profile") as file:
            file.write(PROFILE)
            file.flush()
            return INSTRUCTIONS.read(pathlib.Path(file.name), counted)

    def test_each_function_has_its_own_cost_and_calls_of_one_are_counted(self):
        costs, calls = self.read("::Bench::process(")
        self.assertEqual(costs, {"main": 0, "vipgate::Bench::process(int)": 100,
                                 "vipgate::parse(int)": 600})
        self.assertEqual(calls, 2)

    def test_what_was_never_called_has_no_calls(self):
        self.assertEqual(self.read("::Pipeline<")[1], 0)

    def test_functions_are_called_by_their_names(self):
        for name, short in (("vipgate::(anonymous namespace)::Task::parse(int)", "Task::parse"),
                            ("vipgate::Names::operator()(int) const", "Names::operator()")):
            self.assertEqual(INSTRUCTIONS.short_name(name), short)

    def test_a_benchmark_without_a_size_has_no_arguments(self):
        made = INSTRUCTIONS.result_of(INSTRUCTIONS.WORKER, "handed_over", 574.2)
        self.assertEqual((made["setup"]["benchmark"], made["setup"]["arguments"]),
                         ("handed_over", []))
        made = INSTRUCTIONS.result_of(INSTRUCTIONS.PIPELINE, "ipip_forward/64", 269.0)
        self.assertEqual((made["setup"]["benchmark"], made["setup"]["arguments"]),
                         ("ipip_forward", [64]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
