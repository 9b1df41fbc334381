#!/usr/bin/env python3
"""`perf/compare` as users run it, on made-up figures: compare_test.py SOURCE_DIRECTORY."""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
COMPARE = f"{SOURCE}/perf/compare"
ROUNDS = 7


def figure(name, rounds, unit="Mpps", better="higher", **more):
    return {"name": name, "unit": unit, "better": better, "rounds": rounds, **more}


def around(draw, mean, spread, rounds=ROUNDS):
    """Rounds of a normal distribution; `spread` is its deviation as a share of the mean."""
    return [mean * (1 + spread * draw.gauss(0, 1)) for _ in range(rounds)]


class Compared(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def write(self, name, tree):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(tree if isinstance(tree, str) else json.dumps(tree))
        return path

    def run_compare(self, *arguments):
        done = subprocess.run([sys.executable, COMPARE, *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def compare(self, old, new, *arguments, said=""):
        """(exit status, what was printed) for two lists of figures; `said`: on stderr."""
        files = [self.write(name, {"results": figures, "machine": {"cpus": 2}})
                 for name, figures in (("old.json", old), ("new.json", new))]
        status, out, err = self.run_compare(*files, *arguments)
        if not said:
            self.assertEqual(err, "")
        self.assertIn(said, err)
        return status, out

    def fails(self, text, *expected):
        """`text` as one of the files is refused, with all of `expected` in what is said."""
        good = self.write("good.json", {"results": [figure("a", [1])], "machine": {}})
        status, out, err = self.run_compare(good, self.write("bad.json", text))
        self.assertEqual((status, out), (2, ""))
        for each in ("bad.json", *expected):
            self.assertIn(each, err)
        self.assertNotIn("Traceback", err)


class Verdicts(Compared):
    def test_the_same_distribution_gives_regressions_in_at_most_alpha_of_the_files(self):
        draw, alarms, files = random.Random(1), 0, 40
        for _ in range(files):
            old, new = ([figure(f"f{i}", around(draw, 30, 0.1)) for i in range(10)]
                        for _ in range(2))
            status, out = self.compare(old, new)
            self.assertEqual(out.count("same, within noise") + out.count("REGRESSION")
                             + out.count("better"), 10, out)
            alarms += status
        self.assertLessEqual(alarms, 0.05 * files)

    def test_ten_per_cent_slower_with_a_small_spread_is_found_among_twenty_figures(self):
        draw = random.Random(2)
        old, new = ([figure(f"f{i}", around(draw, 30, 0.01)) for i in range(20)] for _ in range(2))
        new[7]["rounds"] = around(draw, 27, 0.01)
        status, out = self.compare(old, new)
        self.assertEqual(status, 1, out)
        self.assertEqual(out.count("REGRESSION"), 1, out)
        line = next(line for line in out.splitlines() if line.startswith("f7 "))
        self.assertIn("REGRESSION", line)
        self.assertRegex(line, r"-(9|10)\.\d %")

    def test_the_same_loss_in_a_noise_of_thirty_per_cent_is_not(self):
        draw = random.Random(3)
        status, out = self.compare([figure("a", around(draw, 30, 0.3))],
                                   [figure("a", around(draw, 27, 0.3))])
        self.assertEqual(status, 0, out)
        self.assertIn("same, within noise", out)

    def test_one_disturbed_round_changes_nothing(self):
        old = [30.1, 30.2, 29.9, 30.0, 30.3, 29.8, 30.05]
        status, out = self.compare([figure("a", old)], [figure("a", [*old[:-1], 3.0])])
        self.assertEqual(status, 0, out)
        self.assertIn("same, within noise", out)

    def test_more_is_better_or_worse_as_the_figure_says(self):
        low, high = [10.0 + i / 100 for i in range(ROUNDS)], [12.0 + i / 100 for i in range(ROUNDS)]
        for better, old, new, status, verdict in (
                ("higher", low, high, 0, "better"), ("higher", high, low, 1, "REGRESSION"),
                ("lower", low, high, 1, "REGRESSION"), ("lower", high, low, 0, "better")):
            with self.subTest(better=better, old=old[0]):
                got, out = self.compare([figure("a", old, "ns", better)],
                                        [figure("a", new, "ns", better)])
                self.assertEqual(got, status, out)
                self.assertIn(verdict, out)

    def test_from_nothing_to_something_is_a_change(self):
        status, out = self.compare([figure("lost", [0] * ROUNDS, "packets", "lower")],
                                   [figure("lost", [5] * ROUNDS, "packets", "lower")])
        self.assertEqual(status, 1, out)

    def test_nothing_both_times_is_the_same(self):
        status, out = self.compare([figure("lost", [0] * ROUNDS, "packets", "lower")],
                                   [figure("lost", [0] * ROUNDS, "packets", "lower")])
        self.assertEqual(status, 0, out)
        self.assertIn("same, within noise", out)

    def test_less_than_min_change_is_left_alone(self):
        old = [figure("a", [30 + i / 1000 for i in range(ROUNDS)])]
        new = [figure("a", [29.7 + i / 1000 for i in range(ROUNDS)])]
        self.assertEqual(self.compare(old, new)[0], 1)
        status, out = self.compare(old, new, "--min-change", "2%")
        self.assertEqual(status, 0, out)
        self.assertIn("changed by less than asked", out)
        self.assertEqual(self.compare(old, new, "--min-change", "0.005")[0], 1)


class TooFewRounds(Compared):
    def test_three_rounds_are_never_a_regression_and_say_how_many_are_needed(self):
        status, out = self.compare([figure("a", [30, 30.1, 30.2])], [figure("a", [3, 3.1, 3.2])])
        self.assertEqual(status, 0, out)
        self.assertIn("too few rounds to tell: 4 of each are needed", out)

    def test_more_figures_need_more_rounds_as_one_false_alarm_in_all_counts(self):
        old, new = ([figure(f"f{i}", [mean + k / 100 for k in range(5)]) for i in range(20)]
                    for mean in (30, 30.001))
        new[0]["rounds"] = [3.0, 3.1, 3.2, 3.3, 3.4]
        status, out = self.compare(old, new)
        self.assertEqual(status, 0, out)
        self.assertIn("too few rounds to tell: 6 of each are needed", out)

    def test_a_figure_that_cannot_be_told_does_not_make_others_harder_to_tell(self):
        old, new = ([figure(f"f{i}", [30 + i]) for i in range(50)] for _ in range(2))
        old.append(figure("a", [30, 30.1, 30.2, 30.3]))
        new.append(figure("a", [20, 20.1, 20.2, 20.3]))
        status, out = self.compare(old, new)
        self.assertEqual(status, 1, out)


class References(Compared):
    def test_a_machine_that_is_slower_for_both_tells_nothing(self):
        draw = random.Random(4)
        reference, ours = around(draw, 60, 0.01), around(draw, 40, 0.01)
        old = [figure("a", ours, reference={"name": "testpmd 5tswap", "rounds": reference})]
        new = [figure("a", [each / 2 for each in ours[::-1]],
                      reference={"name": "testpmd 5tswap",
                                 "rounds": [each / 2 for each in reference[::-1]]})]
        status, out = self.compare(old, new)
        self.assertEqual(status, 0, out)
        self.assertIn("× testpmd 5tswap", out)
        self.assertIn("same, within noise", out)

    def test_rounds_that_were_disturbed_together_are_compared_with_each_other(self):
        load = [1, 0.5, 0.8, 0.3, 0.9, 0.6, 0.7]  # noise of both is far above what is looked for
        reference = {"name": "testpmd io", "rounds": [60 * each for each in load]}
        old = [figure("a", [40 * (1 + i / 1000) * each for i, each in enumerate(load)],
                      reference=reference)]
        new = [figure("a", [38 * (1 + i / 1000) * each for i, each in enumerate(load)],
                      reference=reference)]
        status, out = self.compare(old, new)
        self.assertEqual(status, 1, out)
        self.assertIn("-5.0 %", out)

    def test_another_reference_unit_or_direction_is_not_compared(self):
        rounds = [10.0 + i for i in range(ROUNDS)]
        old = figure("a", rounds, reference={"name": "testpmd io", "rounds": rounds})
        for new, expected in (
                (figure("a", [1] * ROUNDS), "reference was testpmd io, is None"),
                ({**old, "unit": "kpps"}, "unit was 'Mpps', is 'kpps'"),
                ({**old, "better": "lower"}, "better was 'higher', is 'lower'"),
                ({**old, "resolution": 0.1}, "only one of them is counted")):
            with self.subTest(expected):
                status, out = self.compare([old], [new], said="cannot be compared, 'a' for one")
                self.assertEqual(status, 2, out)
                self.assertIn(f"not comparable: {expected}", out)
                self.assertEqual(self.compare([old], [new], "--allow-missing"), (0, out))


class Counted(Compared):
    def test_a_count_needs_one_round_and_has_changed_beyond_its_resolution(self):
        old = [figure("a", [264.0], "instructions", "lower", resolution=0.005)]
        for count, status, verdict in ((265.0, 0, "same, within noise"), (266.0, 1, "REGRESSION"),
                                       (262.0, 0, "better")):
            with self.subTest(count):
                new = [figure("a", [count], "instructions", "lower", resolution=0.005)]
                got, out = self.compare(old, new)
                self.assertEqual(got, status, out)
                self.assertIn(verdict, out)


class Files(Compared):
    def test_names_of_one_file_alone_are_listed_and_one_that_is_gone_does_not_pass(self):
        old = [figure("gone", [1]), figure("both", [1])]
        new = [figure("both", [1]), figure("new", [1])]
        status, out = self.compare(old, new, said="1 of OLD's figures cannot be compared, 'gone'")
        self.assertEqual(status, 2, out)
        self.assertRegex(out, r"only in .*old\.json: gone")
        self.assertRegex(out, r"only in .*new\.json: new")
        self.assertEqual(self.compare(old, new, "--allow-missing"), (0, out))
        self.assertEqual(self.compare(old[1:], new)[0], 0)

    def test_a_regression_is_told_before_what_is_gone(self):
        counted = {"unit": "instructions", "better": "lower", "resolution": 0.002}
        status, out = self.compare([figure("gone", [1]), figure("both", [1], **counted)],
                                   [figure("both", [2], **counted)])
        self.assertEqual(status, 1, out)

    def test_another_machine_is_told(self):
        files = [self.write(f"{cpu}.json", {"results": [figure("a", [1])], "machine": {"cpu": cpu}})
                 for cpu in ("Xeon", "EPYC")]
        self.assertIn("Not the same machine: cpu was Xeon, is EPYC", self.run_compare(*files)[1])

    def test_a_busy_machine_is_told(self):
        files = [self.write(f"{load}.json", {"results": [figure("a", [1])],
                                             "machine": {"load_average": load, "cpus": 2}})
                 for load in (1.5, 14.5)]
        out = self.run_compare(*files)[1]
        self.assertIn("14.5.json was measured at a load average of 14.5 on 2 CPUs", out)
        self.assertNotIn("1.5 on 2 CPUs", out.replace("14.5", ""))

    def test_files_without_a_common_figure_are_bad_input(self):
        files = [self.write(f"{name}.json", {"results": [figure(name, [1])], "machine": {}})
                 for name in "ab"]
        status, _, err = self.run_compare(*files)
        self.assertEqual(status, 2)
        self.assertIn("have no figure in common", err)

    def test_bad_input_is_told_with_its_place(self):
        def with_(each):
            return json.dumps({"results": [each], "machine": {}})
        good = figure("a", [1, 2])
        self.fails("rate 3", "not JSON")
        self.fails('{"vipgated": {"median_mpps": 3}}', 'no list "results"')
        self.fails(json.dumps({"results": []}), 'no object "machine"')
        self.fails(with_({key: good[key] for key in ("name", "unit", "better")}),
                   "results[0]", "has no 'rounds'")
        self.fails(with_({**good, "rounds": []}), "'rounds' is no list of numbers")
        self.fails(with_({**good, "rounds": [1, "2"]}), "'rounds': \"2\" is no number")
        self.fails(with_({**good, "rounds": [1, -2]}), "'rounds': -2 is no number from 0 up")
        self.fails(with_({**good, "rounds": [float("nan")]}), "NaN is no number")
        self.fails(with_({**good, "better": "more"}), "'better' is \"higher\" or \"lower\"")
        self.fails(with_({**good, "reference": {"name": "io", "rounds": [1]}}),
                   "2 rounds, but 1 of the reference")
        self.fails(with_({**good, "reference": {"name": "io", "rounds": [1, 0]}}),
                   "not above 0")
        self.fails(json.dumps({"results": [good, good], "machine": {}}), "'a' is there twice")
        self.fails(with_({**good, "rounds": [10**400]}), "'rounds': 1000", "is no number")
        self.fails(with_({**good, "resolution": 10**400}), "'resolution' cannot be 1000")
        self.fails(with_({**good, "setup": {"flows": float("inf")}}), "'flows' cannot be Infinity")
        self.fails(with_({**good, "setup": {"mode": "\ud800"}}), "'mode' cannot be")
        self.fails(with_({**good, "name": "\ud800"}), "'name' cannot be \"\\ud800\"")
        self.fails("[" * 100_000, "lists within lists")
        for machine, why in (({"load_average": [1], "cpus": {}}, "'cpus' cannot be {}"),
                             ({"load_average": [1]}, "'load_average' cannot be [1]"),
                             ({"cpus": 10**400}, "'cpus' cannot be 1000"),
                             ({"cpu": 5}, "'cpu' cannot be 5")):
            self.fails(json.dumps({"results": [good], "machine": machine}), "'machine'", why)

    def test_other_readers_of_results_refuse_the_same(self):
        bad = self.write("bad.json", {"results": [figure("a", [10**400])], "machine": {}})
        for script, status in (("show", 2), ("model.py", 1)):
            done = subprocess.run([sys.executable, f"{SOURCE}/perf/{script}", bad], check=False,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (status, ""))
            self.assertIn("bad.json: results[0]: 'rounds'", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_file_that_is_not_there_is_bad_input(self):
        good = self.write("good.json", {"results": [figure("a", [1])], "machine": {}})
        status, _, err = self.run_compare(good, f"{self.directory}/missing.json")
        self.assertEqual(status, 2)
        self.assertIn("missing.json: No such file", err)

    def test_a_share_that_is_none_is_refused(self):
        status, _, err = self.run_compare("a", "b", "--min-change", "2 per cent")
        self.assertEqual(status, 2)
        self.assertIn("no share from 0% to 100%", err)


class GoogleBenchmark(Compared):
    @staticmethod
    def output(nanoseconds, **more):
        runs = [{"name": "forward/16384", "run_name": "forward/16384", "run_type": "iteration",
                 "cpu_time": each, "real_time": 99 * each, "time_unit": "us", **more}
                for each in nanoseconds]
        mean = {**runs[0], "run_type": "aggregate", "cpu_time": 1e9}
        return {"context": {"executable": "./build/bench_pipeline", "num_cpus": 2},
                "benchmarks": [*runs, mean]}

    def test_its_repetitions_are_rounds_of_processor_time(self):
        files = [self.write(f"{mean}.json", self.output([mean + i / 100 for i in range(ROUNDS)]))
                 for mean in (20, 24)]
        status, out, err = self.run_compare(*files)
        self.assertEqual((status, err), (1, ""))
        self.assertRegex(out, r"bench_pipeline forward/16384 +ns +2\.003e\+04 .*REGRESSION")

    def test_time_of_an_item_is_taken_where_it_says_how_many_there_are(self):
        files = [self.write(f"{name}.json", self.output([20] * ROUNDS, items_per_second=5e7))
                 for name in "ab"]
        self.assertRegex(self.run_compare(*files)[1], r"bench_pipeline forward/16384 +ns +20 ")

    def test_one_that_had_nothing_to_do_is_taken_as_it_is(self):
        files = [self.write(f"{name}.json", self.output([20] * ROUNDS, items_per_second=0.0))
                 for name in "ab"]
        self.assertRegex(self.run_compare(*files)[1],
                         r"bench_pipeline forward/16384 +ns +2e\+04 ")

    def test_a_benchmark_that_failed_is_bad_input(self):
        tree = self.output([20], error_occurred=True,
                           error_message="not every packet was forwarded")
        self.fails(json.dumps(tree), "forward/16384: not every packet was forwarded")

    def test_what_is_not_its_output_is_bad_input(self):
        self.fails('{"context": {}, "benchmarks": []}', "not what Google Benchmark writes")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
