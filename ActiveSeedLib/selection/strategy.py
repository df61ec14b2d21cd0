"""What a strategy is, the strategies one can choose by name, and the door through which all go.

A strategy gets the pool as arrays and returns its picks in order, each with a reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.registry import Registry, check_seed
from ActiveSeedLib.selection.geometry import Indices, distances_to


@dataclass(frozen=True)
class Candidates:
    """The pool as a strategy sees it. Rows that are neither candidates nor labelled are not read.

    Attributes:
        features: [N, D] one vector a case.
        coords: [N, 2] place of each case on the map.
        candidates: indices of the cases that may be picked, or a mask [N].
        labelled: indices of the cases already labelled (or in the queue), or a mask [N].
        entropy: [N] mean entropy of the current model's prediction, NaN where there is none; None
            before a model exists.
        seed: for everything random.
        scores: further measures by name, each [N], NaN where a case has none: what a model says of
            its predictions ("foreground_entropy", "least_confidence", "margin", "bald", …; the
            higher the less sure, "margin" being 1 − margin), or what is known before any model
            ("difficulty", "sam_uncertainty", …).
        class_scores: [N, C] the same for each class, NaN where a class was not predicted; or None.
        gradients: [N, G] gradient embedding of each case (BADGE); or None.
        patients: [N] number of the patient that a case belongs to, −1 where unknown; or None.
        minutes: [N] predicted minutes of annotation; or None.
        round: how many selections were made before this one.
    """

    features: NDArray[np.floating]
    coords: NDArray[np.floating]
    candidates: NDArray[np.integer] | NDArray[np.bool_]
    labelled: NDArray[np.integer] | NDArray[np.bool_]
    entropy: NDArray[np.floating] | None = None
    seed: int = 0
    scores: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    class_scores: NDArray[np.floating] | None = None
    gradients: NDArray[np.floating] | None = None
    patients: NDArray[np.integer] | None = None
    minutes: NDArray[np.floating] | None = None
    round: int = 0

    def score(self, name: str) -> NDArray[np.floating] | None:
        """Return the measure called `name` ("entropy" among them), [N]; None if there is none."""
        return self.entropy if name == "entropy" else self.scores.get(name)


@dataclass(frozen=True)
class Pick:
    """One picked case.

    Attributes:
        index: its row.
        reason: one sentence for the person who will label it.
        why: the numbers behind it, plain JSON values. Every strategy's picks have `nearest` (row of
            the nearest case that was labelled or picked before; None for the very first) and
            `nearest_distance` on the map; and `entropy`, `entropy_rank` (1 is the highest of
            `entropy_of` candidates) where a model has predicted the case. A strategy adds `role`
            and, as it applies, `cluster`, `cluster_size`, `cluster_share`, `score`, and more.
    """

    index: int
    reason: str
    why: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """The picks in order, and facts about the selection as a whole (plain JSON values).

    `facts["note"]`, where present, is a sentence for the user. `facts["labels"]`, where a strategy
    clusters, is the cluster of every row, −1 for rows that were not candidates.
    """

    picks: list[Pick]
    facts: dict[str, Any] = field(default_factory=dict)


_NUMBERS = 1 << 20  # numbers looked at together

Strategy = Callable[[Candidates, int, Any], Selection]
DEFAULT_STRATEGY = "auto"
"""For those who do not choose; what it rests on is said in `auto`."""
strategies: Registry[Strategy] = Registry("strategy", first=DEFAULT_STRATEGY)


def select(
    name: str,
    request: Candidates,
    budget: int,
    parameters: Mapping[str, Any] | None = None,
) -> Selection:
    """Pick exactly `budget` of the candidates by the strategy called `name`.

    The same request, budget and parameters yield the same picks. No case is picked twice, none that
    is labelled.

    Raises:
        InputError: unknown strategy or parameter, a budget below 1, NaN features or coordinates,
            arrays that do not fit together, or something that the strategy needs is missing.
        PoolTooSmallError: there are fewer candidates than the budget.
    """
    entry = strategies.get(name)
    values = entry.parse(parameters or {})
    pool = _checked(request)
    if budget < 1:
        raise InputError(f"The budget must be at least 1, not {budget}.")
    if budget > len(pool.candidates):
        raise PoolTooSmallError(len(pool.candidates), budget)
    selection = entry.make(pool, int(budget), values)
    _check_contract(name, selection, pool, budget)
    return Selection(_with_common_facts(selection.picks, pool), selection.facts)


def _checked(request: Candidates) -> Candidates:
    """Return `request` with ascending indices in place of masks, or say what is wrong with it."""
    count = len(request.features)
    if np.ndim(request.features) != 2 or np.ndim(request.coords) != 2:
        raise InputError("Features and coordinates must be arrays of cases × numbers.")
    entropies = count if request.entropy is None else len(request.entropy)
    if not count == len(request.coords) == entropies:
        raise InputError(
            f"There are {count} rows of features, {len(request.coords)} of coordinates and "
            f"{entropies} of entropy; they must be as many."
        )
    check_seed(request.seed)
    candidates = _indices(request.candidates, count, "candidate")
    labelled = _indices(request.labelled, count, "labelled")
    if both := len(np.intersect1d(candidates, labelled)):
        raise InputError(f"{both} cases are both labelled and candidates; they must be one.")
    rows = np.concatenate([candidates, labelled])
    for what, array in (("features", request.features), ("coordinates", request.coords)):
        if broken := _not_finite(array, rows):
            raise InputError(
                f"{broken} of {len(rows)} cases have {what} that are NaN or infinite; "
                "encode these cases again or exclude them."
            )
    return replace(request, candidates=candidates, labelled=labelled)


def _not_finite(array: NDArray[np.floating], rows: Indices) -> int:
    """Return how many of `rows` of `array` [N, D] hold NaN or infinity, without a copy of all."""
    step = max(1, _NUMBERS // max(1, np.shape(array)[1]))
    return sum(
        int(np.count_nonzero(~np.isfinite(array[rows[start : start + step]]).all(axis=1)))
        for start in range(0, len(rows), step)
    )


def _indices(given: ArrayLike, count: int, what: str) -> Indices:
    array = np.asarray(given)
    if array.dtype == np.bool_:
        if array.shape != (count,):
            raise InputError(f"The mask of {what} cases must have {count} entries.")
        return np.flatnonzero(array)
    indices: Indices = np.unique(array.astype(np.int64))
    if len(indices) and not 0 <= indices[0] <= indices[-1] < count:
        raise InputError(f"The indices of {what} cases must lie between 0 and {count - 1}.")
    return indices


def _check_contract(name: str, selection: Selection, pool: Candidates, budget: int) -> None:
    """Stop a strategy that breaks its promise; a user never causes this."""
    picked = [pick.index for pick in selection.picks]
    if len(picked) != budget or len(set(picked)) != budget or set(picked) - {*pool.candidates}:
        raise RuntimeError(f"The strategy {name!r} broke its contract: {picked} for {budget}.")


def _with_common_facts(picks: list[Pick], pool: Candidates) -> list[Pick]:
    """Add to each pick's `why` what is known whatever the strategy: neighbour and entropy."""
    ranks = entropy_ranks(pool)
    before = [int(index) for index in pool.labelled]
    coords = np.asarray(pool.coords, dtype=np.float64)
    completed = []
    for pick in picks:
        common: dict[str, Any] = {"nearest": None, "nearest_distance": None}
        if before:
            distance = distances_to(coords[before], coords[pick.index])
            closest = int(np.argmin(distance))
            common = {
                "nearest": before[closest],
                "nearest_distance": float(distance[closest]),
            }
        if pool.entropy is not None and pick.index in ranks:
            common["entropy"] = float(pool.entropy[pick.index])
            common["entropy_rank"] = ranks[pick.index]
            common["entropy_of"] = len(ranks)
        completed.append(replace(pick, why={**pick.why, **common}))
        before.append(pick.index)
    return completed


def entropy_ranks(pool: Candidates) -> dict[int, int]:
    """Return the rank of each candidate that has an entropy; 1 is the highest, ties by index."""
    known = with_entropy(pool)
    if pool.entropy is None or not len(known):
        return {}
    order = known[np.argsort(-pool.entropy[known], kind="stable")]
    return {int(index): rank for rank, index in enumerate(order, start=1)}


def with_entropy(pool: Candidates) -> Indices:
    """Return the candidates that a model has predicted, ascending."""
    candidates: Indices = np.asarray(pool.candidates, dtype=np.int64)
    if pool.entropy is None:
        return candidates[:0]
    return candidates[np.isfinite(np.asarray(pool.entropy)[candidates])]
