"""Curriculum-stratified cold start, CSCS (arXiv:2606.20765), and the later rounds of its follow-up.

One cluster for each case to pick; in each the case that is both typical, as measured by the
distance to its neighbours, and hard, as measured by the variance of its reconstructions. How much
difficulty counts, γ, follows from the Difficulty-Coverage Ratio of the whole pool and the budget.

Where the paper leaves a choice open: ranks are ordinal (of equal values the lower index has the
lower rank) and taken within each cluster; clusters under three members are filled from the ranking
of the whole pool, as in the authors' code; ties of the score go to the lowest index.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import cluster_at_most, members_of
from ActiveSeedLib.selection.geometry import Floats, Indices, as_points
from ActiveSeedLib.selection.neighbours import Distances, nearest_others
from ActiveSeedLib.selection.spearman import spearman

EPSILON = 1e-8
NEIGHBOURS = 20
# The authors take fewer neighbours for their pools of some tens of cases.
NEIGHBOURS_OF_A_SMALL_POOL = 15
SMALL_POOL = 100
LOWEST_RANK = 0.01
LOWEST_PACE, HIGHEST_PACE = 0.3, 0.7
THIN_BELOW = 3


def typicality(features: ArrayLike, k: int = NEIGHBOURS) -> Floats:
    """Return T = 1/(mean distance to the k nearest other cases + 1e-8) of each case, [N].

    Args:
        features: [N, D].
        k: neighbours; all others where there are fewer. A single case has the typicality 1.
    """
    if k < 1:
        raise InputError(f"Typicality needs at least 1 neighbour, not {k}.")
    distances = Distances(features)
    k = min(k, len(distances) - 1)
    if k == 0:
        return np.ones(1)
    _, far = nearest_others(distances, k)
    result: Floats = 1.0 / (far.mean(axis=1) + EPSILON)
    return result


def difficulty(reconstructions: ArrayLike) -> float:
    """Return U of a case: the variance of each voxel over its reconstructions, mean over voxels.

    Args:
        reconstructions: [R, ...] of one image, each with other parts of it masked; nine at
            publication, three of each of three rotations, turned back.
    """
    made = np.asarray(reconstructions)
    if made.ndim < 2 or made.size == 0:
        raise InputError(
            f"Reconstructions must be an array of R × voxels, not of shape {made.shape}."
        )
    return float(made.var(axis=0, dtype=np.float64).mean())


def neighbours_for(count: int) -> int:
    """Return how many neighbours typicality is measured by in a pool of `count` cases."""
    return NEIGHBOURS if count >= SMALL_POOL else NEIGHBOURS_OF_A_SMALL_POOL


def dcr(difficulty: ArrayLike, typicality: ArrayLike) -> float:
    """Return the Difficulty-Coverage Ratio: Spearman's correlation of difficulty and typicality.

    Positive: the hard cases are the typical ones. 0 below three cases, and where all are equal.
    """
    return spearman(*_pair(difficulty, typicality))


def alpha_eff(budget: int, n: int) -> float:
    """Return the effective budget B/√N of a pool of `n` cases."""
    if n < 1:
        raise InputError(f"The pool must have at least 1 case, not {n}.")
    return budget / math.sqrt(n)


def pacing(
    dcr: float, budget: int, n: int, low: float = LOWEST_PACE, high: float = HIGHEST_PACE
) -> float:
    """Return γ = clip(0.5 + (DCR/4)·α_eff/(1 + α_eff), low, high).

    Args:
        dcr: Difficulty-Coverage Ratio, −1 to 1.
        budget: B at the cold start; in later rounds |L|, the number of labelled cases, for which
            α_eff/(1 + α_eff) is the follow-up's |L|/(√N + |L|).
        n: N, the whole pool.
        low: least γ.
        high: greatest γ.
    """
    effective = alpha_eff(budget, n)
    return float(np.clip(0.5 + dcr / 4 * effective / (1 + effective), low, high))


def ranks(values: ArrayLike) -> Floats:
    """Return argsort(argsort)/(n − 1), from 0.01 for the least to 1 for the greatest; [n].

    The rank of a single value is 1; of equal values the lower index has the lower rank.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) == 1:
        return np.ones(1)
    order = np.argsort(array, kind="stable")
    places = np.empty(len(array))
    places[order] = np.arange(len(array))
    result: Floats = np.clip(places / (len(array) - 1), LOWEST_RANK, 1.0)
    return result


def score(typicality: ArrayLike, difficulty: ArrayLike, gamma: float) -> Floats:
    """Return S = T_rank^(1 − γ) · U_rank^γ of cases that are ranked among each other, [n]."""
    if not 0.0 <= gamma <= 1.0:
        raise InputError(f"gamma must be between 0 and 1, not {gamma}.")
    typical, hard = _pair(typicality, difficulty)
    result: Floats = ranks(typical) ** (1 - gamma) * ranks(hard) ** gamma
    return result


def percentile_score(typicality: ArrayLike, uncertainty: ArrayLike, gamma: float) -> Floats:
    """Return the follow-up's score: the same, but of ranks/n with equal ranks for equal values."""
    from scipy.stats import rankdata

    if not 0.0 <= gamma <= 1.0:
        raise InputError(f"gamma must be between 0 and 1, not {gamma}.")
    typical, unsure = (rankdata(v) / len(v) for v in _pair(typicality, uncertainty))
    result: Floats = typical ** (1 - gamma) * unsure**gamma
    return result


def strata(features: ArrayLike, k: int, seed: int) -> NDArray[np.int32]:
    """Return the k-means label [N] of each case on standardised features, 0 to k − 1.

    Each feature has mean 0 and variance 1 over the pool; one that does not vary stays 0. Ten starts
    up to 5,000 cases, one beyond. There are never more clusters than distinct cases.
    """
    # One copy, changed in place: at 100,000 cases of 2,048 numbers each would be 1.6 GB.
    points = as_points(np.array(features, dtype=np.float64))
    size = np.maximum(np.abs(points.min(axis=0)), np.abs(points.max(axis=0)))
    points -= points.mean(axis=0)
    spread = np.sqrt(np.einsum("nd,nd->d", points, points) / len(points))
    # A feature that is constant but for rounding would otherwise become noise of variance 1.
    still = spread <= 10 * np.finfo(np.float64).eps * size
    points[:, still] = 0.0
    points /= np.where(still, 1.0, spread)
    return cluster_at_most(points, k, seed)


@dataclass(frozen=True)
class StratifiedPicks:
    """One case of each cluster, and those that fill the places of thin clusters.

    Attributes:
        picks: [B] indices in the order picked: clusters in label order, then the filled places.
        clusters: [B] label of the cluster that each pick belongs to.
        scores: [B] score of each: among its cluster, or among the pool where `filled` says so.
        filled: [B] whether the pick fills the place of a thin or missing cluster.
        thin: labels of the clusters that were too thin to be ranked.
    """

    picks: Indices
    clusters: Indices
    scores: Floats
    filled: NDArray[np.bool_]
    thin: tuple[int, ...]


def stratified_picks(
    typicality: ArrayLike,
    difficulty: ArrayLike,
    labels: ArrayLike,
    budget: int,
    gamma: float,
    *,
    thin_below: int = THIN_BELOW,
    fill: Literal["ranking", "thin clusters"] = "ranking",
) -> StratifiedPicks:
    """Pick the case of the highest score in each cluster, `budget` in all.

    Args:
        typicality: [N].
        difficulty: [N] or, in later rounds, uncertainty.
        labels: [N] clusters, at most `budget` of them.
        budget: B, 1 to N.
        gamma: weight of difficulty.
        thin_below: clusters of fewer members are skipped.
        fill: the places of skipped clusters go to the best cases of the whole pool's "ranking" (the
            authors' code), or first to the best case of each of the "thin clusters", which keeps
            the picks diverse where nearly all clusters are thin.
    """
    typical, hard = _pair(typicality, difficulty)
    _check_budget(budget, len(typical))
    groups = members_of(labels, len(typical))
    if len(groups) > budget:
        raise InputError(
            f"There are {len(groups)} clusters but only {budget} cases to pick: "
            "raise the budget or merge clusters."
        )
    if fill not in ("ranking", "thin clusters"):
        raise InputError(f"fill must be 'ranking' or 'thin clusters', not {fill!r}.")
    names = np.asarray(labels)
    thick = [members for members in groups if len(members) >= thin_below]
    thin = [members for members in groups if len(members) < thin_below]
    best = [_best(members, typical, hard, gamma) for members in thick]
    overall = score(typical, hard, gamma)
    order = np.argsort(-overall, kind="stable")
    first = [index for index, _ in best]
    if fill == "thin clusters":
        of_thin = [_best(members, typical, hard, gamma)[0] for members in thin]
        first += sorted(of_thin, key=lambda index: (-overall[index], index))
    chosen = first + order[~np.isin(order, first)].tolist()
    picks = np.array(chosen[:budget], dtype=np.int64)
    scores = overall[picks]
    scores[: len(best)] = [value for _, value in best]
    return StratifiedPicks(
        picks,
        names[picks].astype(np.int64),
        scores,
        np.arange(budget) >= len(best),
        tuple(int(names[members[0]]) for members in thin),
    )


def _best(members: Indices, typical: Floats, hard: Floats, gamma: float) -> tuple[int, float]:
    """Return the member of the highest score among `members`, and that score."""
    scores = score(typical[members], hard[members], gamma)
    place = int(np.argmax(scores))
    return int(members[place]), float(scores[place])


@dataclass(frozen=True)
class Plateau:
    """Whether the loop has come to rest.

    Attributes:
        reached: whether to advise stopping.
        flat: how many of the latest rounds in a row changed too little.
        change: the latest change, NaN before there are two rounds.
    """

    reached: bool
    flat: int
    change: float


# What counts as no change any more: half a Dice point; predictions of two rounds that agree to half
# a Dice point; mean uncertainty that changes by less than two per cent.
STILL = {"dice": 0.005, "agreement": 0.005, "uncertainty": 0.02}


def plateau(
    values: ArrayLike,
    measure: Literal["dice", "agreement", "uncertainty"] = "dice",
    *,
    threshold: float | None = None,
    patience: int = 2,
) -> Plateau:
    """Return whether the rounds have come to a plateau, by the follow-up's rule.

    It is reached when the latest `patience` rounds in a row changed by less than the threshold
    against the round before, whether up or down.

    Args:
        values: one number a round, the latest last; NaN for a round without one, which is passed
            over. Mean "dice" of held-out cases (0 to 1); or, where no case is held out, the mean
            "agreement" (Dice, 0 to 1) of a round's predictions with those of the round before, or
            the mean "uncertainty" over the pool.
        measure: what the values are.
        threshold: by default 0.005 for Dice and for agreement (below 1 by at most so much), and
            0.02 of the value before for uncertainty.
        patience: rounds in a row.
    """
    if measure not in STILL:
        raise InputError(f"measure must be one of {', '.join(STILL)}, not {measure!r}.")
    if patience < 1:
        raise InputError(f"patience must be at least 1, not {patience}.")
    limit = STILL[measure] if threshold is None else threshold
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    if measure == "agreement":
        changes = 1.0 - array
        # "At least" here, "less than" for the others; the margin is for the rounding of 1 − x.
        still = changes <= limit + EPSILON
    else:
        changes = np.abs(np.diff(array))
        if measure == "uncertainty":
            changes = changes / np.maximum(np.abs(array[:-1]), EPSILON)
        still = changes < limit - EPSILON
    moved = np.flatnonzero(~still)
    flat = len(still) - (int(moved[-1]) + 1 if len(moved) else 0)
    return Plateau(flat >= patience, flat, float(changes[-1]) if len(changes) else math.nan)


def _pair(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    """Return two measures of the same cases as float64 arrays, or raise `InputError`."""
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise InputError(
            "Typicality and difficulty must be one number a case each, "
            f"but their shapes are {first.shape} and {second.shape}."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        broken = np.count_nonzero(~(np.isfinite(first) & np.isfinite(second)))
        raise InputError(
            f"{broken} of {len(first)} cases have a typicality or difficulty that is NaN or "
            "infinite; measure these cases again or leave them out."
        )
    return first, second


def _check_budget(budget: int, available: int) -> None:
    if budget < 1:
        raise InputError(f"The budget must be at least 1, not {budget}.")
    if budget > available:
        raise PoolTooSmallError(available, budget)
