"""Whether one of two samples is larger than the other, by their ranks alone: no distribution is
assumed, and one round that the machine disturbed counts no more than its rank.

H. B. Mann, D. R. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically
Larger than the Other", Annals of Mathematical Statistics 18 (1947), 50-60: the statistic U and its
exact distribution. With ties, the distribution given these ties: J. H. Klotz, "The Wilcoxon, Ties,
and the Computer", Journal of the American Statistical Association 61 (1966), 772-787.
"""

import math
import statistics

# Above this many values the normal limit takes over: Mann and Whitney find it close from 8 + 8 on.
EXACT = 60


def doubled_ranks(values):
    """Twice the rank of each, which is whole: equal values share the middle of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, first = [0] * len(values), 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in order[first:last + 1]:
            ranks[place] = first + last + 2
        first = last + 1
    return ranks


def ways(ranks, size):
    """{sum: how many choices of `size` of the ranks have it}."""
    counts = [{} for _ in range(size + 1)]
    counts[0][0] = 1
    for rank in ranks:
        for chosen in range(size, 0, -1):
            now = counts[chosen]
            for total, many in counts[chosen - 1].items():
                now[total + rank] = now.get(total + rank, 0) + many
    return counts[size]


def p_value(first, second):
    """Two-sided: how often chance alone deals the values so unequally, or more so."""
    ranks = doubled_ranks([*first, *second])
    n, m = len(first), len(second)
    total = sum(ranks[:n])
    if n + m > EXACT:
        return normal_p(ranks, n, m, total)
    counts = ways(ranks, n)
    low = sum(many for each, many in counts.items() if each <= total)
    high = sum(many for each, many in counts.items() if each >= total)
    return min(1.0, 2 * min(low, high) / math.comb(n + m, n))


def normal_p(ranks, n, m, total):
    """By the normal limit with the variance of these ranks, and the correction for continuity."""
    variance = n * m * statistics.variance(ranks) / (n + m)
    if variance == 0:
        return 1.0
    away = max(0.0, abs(total - n * statistics.fmean(ranks)) - 1)
    return math.erfc(away / math.sqrt(2 * variance))


def least_p(n, m):
    """What no p_value of so many values is below."""
    return min(1.0, 2 / math.comb(n + m, n))


def rounds_needed(alpha):
    """Of each of two samples, so that a difference can be told at all."""
    rounds = 1
    while least_p(rounds, rounds) > alpha:
        rounds += 1
    return rounds


def ratio(old, new):
    """By what the second is larger: the median of all quotients, which is the estimate that belongs
    to this test (J. L. Hodges, E. L. Lehmann, "Estimates of Location Based on Rank Tests", Annals
    of Mathematical Statistics 34 (1963), 598-611, of the logarithms)."""
    return statistics.median(quotient(after, before) for before in old for after in new)


def quotient(after, before):
    if before == 0:
        return 1.0 if after == 0 else math.inf
    return after / before


def holm(p_values, alpha):
    """Which of several differences are not chance, if even one false alarm in all of them may come
    up with `alpha` at most: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
    Scandinavian Journal of Statistics 6 (1979), 65-70."""
    rejected = set()
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for step, place in enumerate(order):
        if p_values[place] > alpha / (len(order) - step):
            break
        rejected.add(place)
    return rejected
