"""Mean ranks of the strategies over data sets and seeds, and whether they differ."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ActiveSeedLib.benchmark.statistics import LEVEL, area_values
from ActiveSeedLib.benchmark.table import Row

ALL = "all"


@dataclass(frozen=True)
class Ranks:
    """Mean ranks (1 is best) of the strategies that all blocks hold, ascending.

    `p` is Friedman's; two strategies differ where their mean ranks differ by more than
    `critical_difference` (Nemenyi at 0.05; Demšar 2006, JMLR 7). Both None below two blocks.
    `left_out` are the strategies that some of the blocks lack. Seeds of one data set share its
    images, so that both tests speak of these data sets, not of others.
    """

    data: str
    blocks: int
    strategies: tuple[str, ...]
    ranks: tuple[float, ...]
    p: float | None
    critical_difference: float | None
    left_out: tuple[str, ...] = ()


def mean_ranks(rows: Sequence[Row]) -> list[Ranks]:
    """Return the ranks by area on each data set, and over all ("all") where there are several.

    A block is one data set and seed. Of a table that is not done, the strategies and blocks that
    make the largest part without gaps are ranked; over all, it holds every data set, or there are
    no such ranks.
    """
    values = area_values(rows)
    sets = list(dict.fromkeys(data for data, _, _ in values))
    found = [_ranks(data, {k: v for k, v in values.items() if k[0] == data}) for data in sets]
    if len(sets) > 1:
        found.append(_ranks(ALL, values))
    return [one for one in found if one.strategies]


def _ranks(name: str, values: Mapping[tuple[str, str, int], float]) -> Ranks:
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    strategies, blocks = _without_gaps(values)
    table = np.array([[values[data, s, seed] for s in strategies] for data, seed in blocks])
    ranked = rankdata(-table.reshape(len(blocks), len(strategies)), axis=1)
    ranks = ranked.sum(axis=0) / max(1, len(blocks))
    order = np.argsort(ranks, kind="stable")
    p = difference = None
    count = len(strategies)
    if len(blocks) > 1 and count > 1:
        quantile = float(studentized_range.ppf(1 - LEVEL, count, np.inf)) / 2**0.5
        difference = quantile * (count * (count + 1) / (6 * len(blocks))) ** 0.5
        if count > 2 and np.ptp(ranked) > 0:
            p = float(friedmanchisquare(*table.T).pvalue)
    names = tuple(strategies[index] for index in order)
    missing = tuple(dict.fromkeys(s for _, s, _ in values if s not in strategies))
    return Ranks(name, len(blocks), names, tuple(ranks[order].tolist()), p, difference, missing)


def _without_gaps(
    values: Mapping[tuple[str, str, int], float],
) -> tuple[list[str], list[tuple[str, int]]]:
    """Return strategies, and blocks of every data set that hold them all, as many as can be."""
    held: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for data, strategy, seed in values:
        held[strategy].add((data, seed))
    order = sorted(held, key=lambda strategy: -len(held[strategy]))
    sets = {data for data, _, _ in values}
    kept, blocks = 0, set[tuple[str, int]]()
    for count in range(1, len(order) + 1):
        shared = set.intersection(*(held[strategy] for strategy in order[:count]))
        if {data for data, _ in shared} == sets and count * len(shared) >= kept * len(blocks):
            kept, blocks = count, shared
    names = [strategy for strategy in held if strategy in order[:kept]]
    return names, sorted(blocks)
