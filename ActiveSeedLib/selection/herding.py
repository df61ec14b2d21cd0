"""MaxHerding and UHerding of Bae et al. 2024 and 2025: cases that resemble the pool.

On features of unit length, two cases resemble each other by the kernel k = exp(−(d/h)²). A case is
represented by the labelled or picked case that resembles it most. Each pick is the one that adds
most to the (weighted) sum of that over the pool: Σ u·max(0, k − current). MaxHerding weighs all
cases alike; UHerding weighs them by the model's uncertainty, and narrows h to the least distance
between two labelled cases, so that it turns from coverage to uncertainty by itself.

Where no case adds anything more all are equal, and the lowest indices follow. All pairs are
compared, but never kept.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.greedy import greedy
from ActiveSeedLib.selection.measures import needed
from ActiveSeedLib.selection.neighbours import Distances, check_all_pairs, checked_features
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

WIDTH = 1.0


def unit_features(features: ArrayLike) -> NDArray[np.floating]:
    """Return the features [N, D] at length 1; a vector of zeros stays as it is."""
    array = checked_features(features)
    lengths = np.sqrt(np.einsum("nd,nd->n", array, array, dtype=np.float64))
    unit: NDArray[np.floating] = array / np.where(lengths > 0, lengths, 1)[:, None].astype(
        array.dtype
    )
    return unit


def kernel(features: ArrayLike, width: float = WIDTH) -> NDArray[np.floating]:
    """Return how much each case resembles each other, exp(−(d/h)²) on unit features, [N, N]."""
    distances = Distances(unit_features(features))
    return _resemblance(distances.squared(np.arange(len(distances))), width)


def _resemblance(squared: NDArray[np.floating], width: float) -> NDArray[np.floating]:
    squared *= -1 / (width * width)
    resemblance: NDArray[np.floating] = np.exp(squared, out=squared)
    return resemblance


def adaptive_width(features: ArrayLike, labelled: ArrayLike, default: float = WIDTH) -> float:
    """Return the least distance between two labelled cases that differ, on unit features.

    Args:
        features: [N, D].
        labelled: rows that are labelled.
        default: the width where fewer than two labelled cases differ.
    """
    rows = np.unique(np.asarray(labelled, dtype=np.int64))
    if len(rows) < 2:
        return default
    distances = Distances(unit_features(np.asarray(features)[rows]))
    least = np.inf
    for _, block in distances.blocks():
        least = min(least, float(np.min(block, where=block > distances.slack, initial=np.inf)))
    return float(np.sqrt(least)) if np.isfinite(least) else default


@dataclass(frozen=True)
class Herding:
    """The picks of MaxHerding or UHerding, B of them.

    Attributes:
        picks: [B] rows, in the order picked.
        gains: [B] what each adds to the mean over all cases of u·(resemblance to the nearest
            labelled or picked case); 0 for those picked when nothing more could be added.
        represented: the (weighted) mean resemblance in the end, 0 to 1.
        width: h.
        levels: [B + 1] that mean resemblance before the first pick and after each.
    """

    picks: Indices
    gains: Floats
    represented: float
    width: float
    levels: Floats


class _Represented:
    """How well each case is represented so far, and what every other case would add.

    Attributes:
        distances: among the cases, on unit features.
        current: [N] resemblance of each to the labelled or picked case that it resembles most.
        gains: [N] what each case would add to the weighted mean of that.
        rounding: by so much the sums of a gain may be wrong.
        noise: so much a copy of what is represented may seem to gain.
    """

    def __init__(self, features: ArrayLike, weights: Floats, known: Indices, width: float) -> None:
        self.distances = Distances(unit_features(features))
        kind = self.distances.points.dtype
        self._weights: NDArray[np.floating] = (weights / len(weights)).astype(kind)
        self._width = width
        mean = float(weights.mean())
        self.rounding = 64 * float(np.finfo(kind).eps) * mean
        self.noise = max(self.rounding, self.distances.slack / width**2 * mean)
        self.current: NDArray[np.floating] = np.zeros(len(weights), dtype=kind)
        for row in known.tolist():
            np.maximum(self.current, self._to(row), out=self.current)
        self.gains = np.zeros(len(weights))
        self._lower(np.flatnonzero(self._weights), self.current, np.ones_like(self.current))
        self.gains *= -1
        self.gains[known] = -np.inf

    def add(self, row: int) -> None:
        """Let `row` represent others; what it does so well, the rest need not do any more."""
        new = self._to(row)
        better = np.flatnonzero((new > self.current) & (self._weights > 0))
        old, self.current = self.current, np.maximum(self.current, new)
        self._lower(better, old, self.current)

    def _lower(self, rows: Indices, old: NDArray[np.floating], new: NDArray[np.floating]) -> None:
        """Lower all gains by what lies between `old` and `new` of how `rows` are represented."""
        for some, block in self.distances.blocks(rows):
            resembles = _resemblance(block, self._width)
            np.clip(resembles, old[some, None], new[some, None], out=resembles)
            resembles -= old[some, None]
            self.gains -= self._weights[some] @ resembles

    def _to(self, row: int) -> NDArray[np.floating]:
        alone = _resemblance(self.distances.squared(np.array([row])), self._width)
        return alone.ravel()


def herding(
    features: ArrayLike,
    budget: int,
    labelled: ArrayLike = (),
    weights: ArrayLike | None = None,
    width: float = WIDTH,
) -> Herding:
    """Pick `budget` rows, each adding most to how well all cases are represented.

    Args:
        features: [N, D], the labelled cases among them; they are brought to unit length.
        budget: B, 1 to the number of cases that are not labelled.
        labelled: rows that are labelled.
        weights: [N] u, what each case counts, 0 or more (those of the labelled cases do not matter
            and may be NaN); by default all count 1, which is MaxHerding.
        width: h of the kernel.
    """
    known = np.unique(np.asarray(labelled, dtype=np.int64))
    count = len(checked_features(features))
    if budget > count - len(known):
        raise PoolTooSmallError(count - len(known), budget)
    if not width > 0:
        raise InputError(f"The width of the kernel must be above 0, not {width}.")
    counts = np.ones(count) if weights is None else np.array(weights, dtype=np.float64)
    if counts.shape == (count,):
        counts[known] = 0.0  # they are represented by themselves
    if counts.shape != (count,) or not (counts >= 0).all():
        raise InputError(f"There must be {count} weights, each a number of 0 or more.")
    state = _Represented(features, counts, known, width)
    tie = 1e-10 if state.distances.precise else 1e-5
    picks, gains = greedy(
        state.gains,
        state.add,
        budget,
        tolerance=tie,
        rounding=state.rounding,
        noise=state.noise,
    )
    represented = float(np.average(state.current, weights=counts if counts.any() else None))
    rest = budget - len(picks)
    picks += np.setdiff1d(np.arange(count), [*known.tolist(), *picks])[:rest].tolist()
    gains += [0.0] * rest
    added = np.cumsum([0.0, *gains]) / (counts.mean() or 1.0)
    levels = np.clip(represented - added[-1] + added, 0.0, 1.0)
    return Herding(np.array(picks), np.array(gains), represented, width, levels)


@dataclass(frozen=True)
class HerdingParameters:
    """How alike two cases must be."""

    width: float = field(
        default=WIDTH,
        metadata={
            "help": "Distance on unit features beyond which cases hardly resemble each other.",
            "minimum": 0.001,
        },
    )

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise InputError(f"The width of the kernel must be above 0, not {self.width}.")


Measure = Literal[
    "entropy", "foreground_entropy", "least_confidence", "margin", "bald", "tta", "ensemble"
]


@dataclass(frozen=True)
class UHerdingParameters(HerdingParameters):
    """What uncertainty is, and how alike two cases must be."""

    measure: Measure = field(
        default="entropy", metadata={"help": "The measure of the model's uncertainty."}
    )
    adaptive: bool = field(
        default=True,
        metadata={"help": "Narrow the width to the least distance between two labelled cases."},
    )


@strategies.register(
    "maxherding",
    summary="The cases that resemble most of what no labelled or chosen case resembles yet.",
    citation="Bae et al. 2024, Generalized Coverage for More Robust Low-Budget Active Learning, "
    "arXiv:2407.12212",
    parameters=HerdingParameters,
    stage="any",
    needs="features",
    unit="slice, case",
    cost="N²·D about three times, little memory; up to 50,000 cases",
)
def maxherding(pool: Candidates, budget: int, parameters: HerdingParameters) -> Selection:
    """Represent labelled cases and candidates alike."""
    rows = np.concatenate([pool.labelled, pool.candidates])
    check_all_pairs("maxherding", len(rows), "typiclust or coreset")
    features = np.asarray(pool.features)[rows]
    known = np.arange(len(pool.labelled))
    chosen = herding(features, budget, known, width=parameters.width)
    reason = "It resembles the most cases that no labelled or chosen case resembles yet"
    return Selection(_explained(chosen, rows, reason, "the pool"), _facts(chosen))


@strategies.register(
    "uherding",
    summary="The cases that resemble most of what the model is unsure about.",
    citation="Bae et al. 2025, Uncertainty Herding: One Active Learning Method for All Label "
    "Budgets, arXiv:2412.20644",
    parameters=UHerdingParameters,
    stage="active",
    needs="features,entropy",
    unit="slice, case",
    cost="N²·D about three times, little memory; up to 50,000 cases",
)
def uherding(pool: Candidates, budget: int, parameters: UHerdingParameters) -> Selection:
    """Weigh cases by the model's uncertainty; those without a prediction by the median."""
    values, predicted = needed(pool, parameters.measure, "uherding")
    weights = np.full(len(values), float(np.median(np.maximum(values[predicted], 0))))
    weights[predicted] = np.maximum(values[predicted], 0)
    rows = np.concatenate([pool.labelled, pool.candidates])
    check_all_pairs("uherding", len(rows), "levy-plus")
    features = np.asarray(pool.features)[rows]
    known = np.arange(len(pool.labelled))
    width = parameters.width
    if parameters.adaptive:
        width = adaptive_width(features, known, width)
    chosen = herding(features, budget, known, weights[rows], width)
    facts = _facts(chosen) | {"measure": parameters.measure}
    if missing := len(pool.candidates) - len(predicted):
        facts["note"] = (
            f"{missing} of {len(pool.candidates)} candidates have no prediction; each counts as "
            "much as the median case."
        )
    reason = "It resembles cases that the model is unsure about and no chosen case resembles yet"
    explained = _explained(chosen, rows, reason, "the model's doubt", weights)
    return Selection(explained, facts)


def _facts(chosen: Herding) -> dict[str, Any]:
    return {"width": chosen.width, "represented": chosen.represented}


def _explained(
    chosen: Herding, rows: Indices, reason: str, whole: str, weights: Floats | None = None
) -> list[Pick]:
    """Return the picks with their reasons; `whole` is what the cases stand for, in words."""
    picks = []
    beyond = "Every case that counts is represented; of those that are left it is the first."
    levels = [f"{100 * level:.3g}" for level in chosen.levels]
    for place, (index, gain) in enumerate(
        zip(rows[chosen.picks].tolist(), chosen.gains.tolist(), strict=True)
    ):
        why: dict[str, Any] = {"role": "represents" if gain else "adds nothing", "score": gain}
        if weights is not None:
            why["weight"] = float(weights[index])
        stands = (
            f"the chosen stand for {levels[place + 1]} % of {whole} instead of {levels[place]} %."
        )
        picks.append(Pick(index, f"{reason}; with it, {stands}" if gain else beyond, why))
    return picks
