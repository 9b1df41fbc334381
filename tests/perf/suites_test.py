#!/usr/bin/env python3
"""Which targets perf/suites.py calls met, on figures that were made up: suites_test.py
SOURCE_DIRECTORY."""

import contextlib
import io
import sys
import unittest

sys.path.insert(0, f"{sys.argv[1]}/perf")
import suites  # noqa: E402


def figure(name, rounds, reference=None, **target):
    made = {"name": name, "rounds": rounds, "setup": {"target": target}}
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

    def test_every_case_of_a_suite_has_one_target_and_its_own_setting(self):
        for name in suites.NAMES:
            cases = suites.suite(name)
            self.assertEqual(len({str(case.setting) for case in cases}), len(cases))
            for case in cases:
                kinds = [kind for kind in ("ratio", "rate", "cost") if case.told().get(kind)]
                self.assertEqual(len(kinds), 1, case)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
