#!/usr/bin/env python3
"""perf/rank_test.py beside the plain way, which looks at every deal: rank_test_test.py
SOURCE_DIRECTORY."""

import itertools
import math
import random
import sys
import unittest

sys.path.insert(0, f"{sys.argv[1]}/perf")
import rank_test  # noqa: E402


def plain_p(first, second):
    """By counting pairs, in every way to choose which values belong to the first."""
    def u(chosen, others):
        return sum((a > b) + (a == b) / 2 for a in chosen for b in others)

    everything = [*first, *second]
    seen = u(first, second)
    dealt = []
    for places in itertools.combinations(range(len(everything)), len(first)):
        chosen = [everything[place] for place in places]
        others = [each for place, each in enumerate(everything) if place not in places]
        dealt.append(u(chosen, others))
    low, high = (sum(test(each) for each in dealt) / len(dealt)
                 for test in (lambda each: each <= seen, lambda each: each >= seen))
    return min(1, 2 * min(low, high))


class RankTest(unittest.TestCase):
    def test_it_is_what_looking_at_every_deal_gives_also_with_ties(self):
        draw = random.Random(1)
        for different in (3, 5, 1000):
            for _ in range(20):
                first, second = ([draw.randint(0, different) for _ in range(draw.randint(1, 5))]
                                 for _ in range(2))
                with self.subTest(first=first, second=second):
                    self.assertAlmostEqual(rank_test.p_value(first, second),
                                           plain_p(first, second))

    def test_it_is_what_the_table_of_mann_and_whitney_says(self):
        # n = m = 4, U = 1: .029; U = 0: .014, of one side.
        self.assertAlmostEqual(rank_test.p_value([1, 2, 3, 4], [5, 6, 7, 8]) / 2, 1 / 70)
        self.assertAlmostEqual(rank_test.p_value([1, 2, 3, 5], [4, 6, 7, 8]) / 2, 2 / 70)

    def test_the_normal_limit_is_close_to_the_exact_distribution(self):
        draw = random.Random(2)
        first, second = [[draw.gauss(mean, 1) for _ in range(25)] for mean in (0, 0.5)]
        exact = rank_test.p_value(first, second)
        ranks = rank_test.doubled_ranks([*first, *second])
        self.assertAlmostEqual(rank_test.normal_p(ranks, 25, 25, sum(ranks[:25])), exact, 2)

    def test_many_equal_values_show_no_difference(self):
        self.assertEqual(rank_test.p_value([1] * 50, [1] * 50), 1)

    def test_no_p_is_below_the_least_one(self):
        for rounds in range(1, 8):
            first = list(range(rounds))
            second = [each + rounds for each in first]
            self.assertAlmostEqual(rank_test.p_value(first, second),
                                   rank_test.least_p(rounds, rounds))
        self.assertEqual(rank_test.rounds_needed(0.05), 4)

    def test_the_ratio_is_the_median_of_all_quotients(self):
        self.assertEqual(rank_test.ratio([1, 2], [3, 8]), (3 + 4) / 2)
        self.assertEqual(rank_test.ratio([0], [0]), 1)
        self.assertEqual(rank_test.ratio([0], [1]), math.inf)

    def test_holm_goes_on_until_one_may_be_chance(self):
        self.assertEqual(rank_test.holm([0.04, 0.001, 0.02, 0.5], 0.05), {1})
        self.assertEqual(rank_test.holm([0.02, 0.001, 0.012, 0.5], 0.05), {0, 1, 2})
        self.assertEqual(rank_test.holm([], 0.05), set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
