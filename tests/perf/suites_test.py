#!/usr/bin/env python3
"""Which targets perf/suites.py calls met, on figures that were made up: suites_test.py
SOURCE_DIRECTORY."""

import argparse
import contextlib
import io
import json
import sys
import unittest

sys.path.insert(0, f"{sys.argv[1]}/perf")
import measure  # noqa: E402
import suite_parts  # noqa: E402
import suites  # noqa: E402


def figure(name, rounds, reference=None, **target):
    made = {"name": name, "unit": "Mpps", "better": "higher", "rounds": rounds,
            "setup": {"target": target}}
    if reference:
        made["reference"] = {"name": "testpmd 5tswap", "rounds": reference}
    return made


class SuitesTest(unittest.TestCase):
    def verdicts(self, *made):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            suites.print_verdicts(list(made))
        return [line.split("|")[-2].strip() for line in said.getvalue().splitlines()[2:]]

    def test_a_ratio_is_the_median_of_the_rounds_ratios(self):
        self.assertEqual(self.verdicts(
            figure("a", [60, 30, 62], [100, 100, 100], ratio=0.6),
            figure("b", [59, 99, 58], [100, 100, 100], ratio=0.6)), ["yes", "no"])

    def test_a_rate_and_a_cost_have_their_own_direction(self):
        self.assertEqual(self.verdicts(
            figure("few", [26, 26], rate=25), figure("slow", [24], rate=25),
            figure("many", [20], cost=1.3, against="few"),
            figure("very many", [19], cost=1.3, against="few")), ["yes", "no", "yes", "no"])

    def test_a_limit_and_the_cost_of_what_is_a_time_are_the_other_way_round(self):
        slow, fast = ({**figure(name, [value], cost=1.5, against="a"), "unit": "ns",
                       "better": "lower"} for name, value in (("slow", 16), ("fast", 14)))
        self.assertEqual(self.verdicts(
            figure("a", [10, 10], limit=10), figure("b", [11], limit=10), slow, fast),
            ["yes", "no", "no", "yes"])

    def test_how_much_of_a_target_is_reached_stands_beside_it(self):
        made = [figure("a", [12.5], rate=25), figure("b", [20], limit=10)]
        self.assertEqual([suites.reached(each, {})[2] for each in made], [0.5, 0.5])

    def test_parts_take_their_words_from_the_run_and_leave_yaml_alone(self):
        args = argparse.Namespace(binary="/b/controlplane/vipgated", rounds=7)
        words = [part.words(args, "/result.json") for part in suite_parts.PARTS]
        for each in words:
            self.assertIn("/result.json", " ".join(each))
            self.assertNotRegex(" ".join(each), "{(json|build|binary|rounds)}")
        self.assertIn(suite_parts.PROTECTION, [word for each in words for word in each])
        self.assertIn("/b/perf/bench/bench_maglev", [each[0] for each in words])

    def test_a_part_marks_its_targets_and_one_that_fails_is_told_of(self):
        result = json.dumps({"machine": {}, "results": [
            {"name": name, "unit": "ns", "better": "lower", "rounds": [1]} for name in "ab"]})
        writes = ("sh", "-c", f"echo '{result}' > {{json}}")
        args = argparse.Namespace(binary="/b/controlplane/vipgated", rounds=1)
        made = suite_parts.run_part(
            suite_parts.Part("good", writes, {"a": suites.Target({}, limit=5)}), args)
        self.assertEqual([each.get("setup") for each in made], [{"target": {"limit": 5}}, None])
        for argv, targets, why in ((writes, {"c": suites.Target({}, limit=5)}, "no figure of"),
                                   (("sh", "-c", "echo so; exit 3"), {}, "ended with 3: so")):
            with self.assertRaisesRegex(measure.Failure, why):
                suite_parts.run_part(suite_parts.Part("bad", argv, targets), args)

    def test_what_is_not_built_is_told_before_anything_is_measured(self):
        with self.assertRaisesRegex(measure.Failure, "--target .*bench_maglev"):
            suite_parts.check(argparse.Namespace(binary="/nowhere/controlplane/vipgated", rounds=1))

    def test_every_case_of_a_suite_has_one_target_and_its_own_setting(self):
        for name in suites.NAMES:
            cases = suites.suite(name)
            self.assertEqual(len({str(case.setting) for case in cases}), len(cases))
            for case in cases:
                kinds = {"ratio", "rate", "limit", "cost"} & set(case.told())
                self.assertEqual(len(kinds), name in suites.WITH_TARGETS, case)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
