"""What the rows of a benchmark's table amount to: means, paired differences, areas.

Rows of one data set, seed and budget are paired: same test cases, initial weights and order of
batches. A positive difference in Dice and a negative one in HD95 favour a strategy. The seeds draw
their splits from the same images, so that intervals and tests speak of further seeds on these
images, not of further images (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.benchmark.table import FULL, Row

LEVEL = 0.05
FAR_BELOW = 5.0
"""A failed run lies so many robust standard deviations below the others, and `A_LOT` of Dice."""
A_LOT = 0.05

Floats = NDArray[np.float64]
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
B = TypeVar("B", int, None)


@dataclass(frozen=True)
class Summary:
    """One strategy at one budget, over the seeds; the standard deviation is the sample's (n − 1).

    `failed` counts `failed_runs`, which are in all figures.
    """

    data: str
    strategy: str
    budget: int
    seeds: int
    failed: int
    dice_mean: float
    dice_std: float | None
    dice_median: float
    hd95_mean: float
    hd95_std: float | None
    hd95_median: float


@dataclass(frozen=True)
class Paired:
    """The differences of one strategy to the reference, seed by seed.

    Attributes:
        data: set.
        strategy: whose.
        measure: "dice", "hd95", or "area" (`areas`).
        budget: labelled cases; None for an area.
        pairs: seeds that both have.
        mean: of the differences; `median` likewise.
        low: lower end of the mean's 95 % confidence interval (Student's t); None for one pair.
        high: the upper end.
        better: pairs in which the strategy is better.
        p: of Wilcoxon's signed-rank test, two-sided; None where all differences are 0 or there is
            one pair.
        p_corrected: by Holm, over the comparisons with the same data set and measure.
        ties: pairs without a difference, of which the test knows nothing.
    """

    data: str
    strategy: str
    measure: str
    budget: int | None
    pairs: int
    mean: float
    median: float
    low: float | None
    high: float | None
    better: int
    p: float | None
    p_corrected: float | None = None
    ties: int = 0


@dataclass(frozen=True)
class Area:
    """The area under a strategy's budget curve, a Dice; over the seeds that have every budget."""

    data: str
    strategy: str
    seeds: int
    mean: float
    std: float | None
    median: float


@dataclass(frozen=True)
class Failed:
    """A run whose training collapsed, and by which figures that was told."""

    row: Row
    because: str


@dataclass(frozen=True)
class Spread:
    """How a strategy's Dice varies over the seeds, beside the reference's.

    `p` is that of Pitman and Morgan's test for paired samples; None below four seeds.
    """

    data: str
    strategy: str
    budget: int
    seeds: int
    std: float
    reference_std: float
    p: float | None

    @property
    def ratio(self) -> float:
        """The standard deviation as a share of the reference's."""
        return self.std / self.reference_std if self.reference_std else float("nan")


def summarise_rows(rows: Sequence[Row]) -> list[Summary]:
    """Return one summary a (data set, strategy, budget), in the order of the rows."""
    failed = {one.row.key for one in failed_runs(rows)}
    found = []
    # the pool of full supervision varies by a few cases between the seeds
    groups = _grouped(
        rows, lambda row: (row.data, row.strategy, 0 if row.strategy == FULL else row.budget)
    )
    for (data, strategy, _), group in groups.items():
        dice, hd95 = (np.array([getattr(row, m) for row in group]) for m in ("dice", "hd95"))
        found.append(
            Summary(
                data,
                strategy,
                round(float(np.mean([row.budget for row in group]))),
                len(group),
                sum(row.key in failed for row in group),
                float(dice.mean()),
                _std(dice),
                float(np.median(dice)),
                float(hd95.mean()),
                _std(hd95),
                float(np.median(hd95)),
            )
        )
    return found


def compare_rows(
    rows: Sequence[Row], reference: str = "random", measure: str = "dice"
) -> list[Paired]:
    """Return the paired differences to `reference` for each strategy and budget; `full` has none.

    Args:
        rows: of the table.
        reference: a strategy in it.
        measure: "dice" or "hd95".
    """
    values = {row.key: float(getattr(row, measure)) for row in rows if row.strategy != FULL}
    return _compared(values, reference, measure)


def areas(rows: Sequence[Row]) -> list[Area]:
    """Return the area under the budget curve of each strategy (nnActive's AUBC).

    Dice by the trapezoidal rule over the budgets as they are, divided by their span.
    """
    found = []
    of_strategy = _grouped(area_values(rows).items(), lambda item: item[0][:2])
    for (data, strategy), items in of_strategy.items():
        values = np.array([value for _, value in items])
        mean, median = float(values.mean()), float(np.median(values))
        found.append(Area(data, strategy, len(values), mean, _std(values), median))
    return found


def area_values(rows: Iterable[Row]) -> dict[tuple[str, str, int], float]:
    """Return the area of every (data set, strategy, seed) that has all budgets of its data set."""
    rows = [row for row in rows if row.strategy != FULL]
    budgets = {
        data: sorted({row.budget for row in group})
        for data, group in _grouped(rows, lambda row: row.data).items()
    }
    found = {}
    for key, group in _grouped(rows, lambda row: (row.data, row.strategy, row.seed)).items():
        dice = {row.budget: row.dice for row in group}
        wanted = budgets[key[0]]
        if set(dice) == set(wanted):
            found[key] = _area(dice, wanted)
    return found


def compare_areas(rows: Sequence[Row], reference: str = "random") -> list[Paired]:
    """Return the paired differences in area to `reference`, a strategy each."""
    values = {(*key, None): value for key, value in area_values(rows).items()}
    return _compared(values, reference, "area")


def failed_runs(rows: Sequence[Row]) -> list[Failed]:
    """Return the runs whose training collapsed.

    Of the runs of one data set and budget, those with a Dice that is no number, or more than 5
    robust standard deviations (1.4826 times the median absolute deviation) and more than 0.05
    below the median. They are told, and left in all figures: a mean that they drag down (as in
    table 2 of Levy et al. 2026) has its median beside it.
    """
    found = []
    for group in _grouped(
        rows, lambda row: (row.data, row.strategy == FULL or row.budget)
    ).values():
        dice = np.array([row.dice for row in group])
        finite = dice[np.isfinite(dice)]
        median = float(np.median(finite)) if len(finite) else 0.0
        scale = 1.4826 * float(np.median(np.abs(finite - median))) if len(finite) else 0.0
        limit = median - max(FAR_BELOW * scale, A_LOT)
        for row in group:
            if not np.isfinite(row.dice):
                found.append(Failed(row, "its Dice is no number"))
            elif row.dice < limit:
                found.append(Failed(row, f"Dice {row.dice:.3f}, the median of all {median:.3f}"))
    return found


def spreads(rows: Sequence[Row], reference: str = "random") -> list[Spread]:
    """Return the standard deviation over the seeds beside the reference's, on the same seeds."""
    values = {row.key: row.dice for row in rows if row.strategy != FULL}
    found = []
    for (data, strategy, budget), pairs in _pairs(values, reference).items():
        if len(pairs) > 1:
            ours, theirs = np.array(pairs).T
            std = float(ours.std(ddof=1)), float(theirs.std(ddof=1))
            found.append(Spread(data, strategy, budget, len(pairs), *std, _morgan(ours, theirs)))
    return found


def corrected(comparisons: Sequence[Paired]) -> list[Paired]:
    """Return them with p corrected by Holm, over those with the same data set and measure."""
    found = list(comparisons)
    families = _grouped(enumerate(found), lambda item: (item[1].data, item[1].measure))
    for family in families.values():
        known = [(index, one.p) for index, one in family if one.p is not None]
        known.sort(key=lambda item: item[1])
        highest = 0.0
        for rank, (index, p) in enumerate(known):
            highest = max(highest, min(1.0, p * (len(known) - rank)))
            found[index] = replace(found[index], p_corrected=highest)
    return found


def smallest_p(pairs: int) -> float:
    """Return the smallest p that the signed-rank test can give with so many pairs."""
    return min(1.0, 2.0 ** (1 - pairs))


def _pairs(
    values: Mapping[tuple[str, str, int, B], float], reference: str
) -> dict[tuple[str, str, B], list[tuple[float, float]]]:
    """Return by (data set, strategy, budget) its value and the reference's of each seed."""
    groups: dict[tuple[str, str, B], list[tuple[float, float]]] = defaultdict(list)
    for (data, strategy, seed, budget), value in values.items():
        partner = values.get((data, reference, seed, budget))
        if strategy != reference and partner is not None:
            groups[data, strategy, budget].append((value, partner))
    return groups


def _compared(
    values: Mapping[tuple[str, str, int, B], float], reference: str, measure: str
) -> list[Paired]:
    return corrected(
        [
            _paired(data, strategy, measure, budget, pairs)
            for (data, strategy, budget), pairs in _pairs(values, reference).items()
        ]
    )


def _paired(
    data: str, strategy: str, measure: str, budget: int | None, pairs: Sequence[tuple[float, float]]
) -> Paired:
    from scipy.stats import t

    ours, theirs = np.array(pairs).T
    gain = ours - theirs
    low = high = None
    if len(gain) > 1:
        half = float(t.ppf(1 - LEVEL / 2, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5)
        low, high = float(gain.mean()) - half, float(gain.mean()) + half
    return Paired(
        data=data,
        strategy=strategy,
        measure=measure,
        budget=budget,
        pairs=len(gain),
        mean=float(gain.mean()),
        median=float(np.median(gain)),
        low=low,
        high=high,
        better=int(np.count_nonzero(gain < 0 if measure == "hd95" else gain > 0)),
        p=_wilcoxon(gain),
        ties=int(np.count_nonzero(gain == 0)),
    )


def _wilcoxon(gain: Floats) -> float | None:
    """Return the two-sided p; differences of 0 (strategies that chose the same) take no part."""
    from scipy.stats import wilcoxon

    gain = gain[gain != 0]
    if len(gain) < 2 or not np.isfinite(gain).all():
        return None
    return float(wilcoxon(gain).pvalue)  # exact up to 50 pairs, up to 13 if some tie


def _morgan(ours: Floats, theirs: Floats) -> float | None:
    """Return p of equal variances of paired samples: sum and difference are then uncorrelated."""
    from scipy.stats import pearsonr

    total, gain = ours + theirs, ours - theirs
    if len(ours) < 4 or np.ptp(total) == 0 or np.ptp(gain) == 0:
        return None
    return float(pearsonr(total, gain).pvalue)


def _area(dice: Mapping[int, float], budgets: Sequence[int]) -> float:
    if len(budgets) == 1:
        return dice[budgets[0]]
    total = sum((b - a) * (dice[a] + dice[b]) / 2 for a, b in pairwise(budgets))
    return total / (budgets[-1] - budgets[0])


def _std(values: Floats) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[Any, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
