"""Cold start and active selection of Levy et al. 2026 (arXiv:2601.18532), section 3.

Cold start: k-means on the 2-D map for every k, the k of the highest mean silhouette, the medoid of
each cluster, and the rest of the budget by farthest points, shared in proportion to cluster size.
Active selection: the highest entropy first, then greedily α·diversity + (1 − α)·entropy.

Where the paper leaves a choice open: k runs over 2..min(B, ⌊√N⌋); rounding is by largest remainder;
farthest points are measured from the picks of their own cluster; the labelled cases belong to S in
equation 8; D_max is taken over the current candidates at each step; ties go to the lowest index.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import cluster, medoids, members_of
from ActiveSeedLib.selection.geometry import (
    TIE,
    CandidateDiameter,
    Floats,
    Indices,
    NearestSelected,
    as_points,
    farthest_points,
    first_highest,
)
from ActiveSeedLib.selection.silhouette import silhouettes

EPSILON = 1e-8
# The number of clusters is chosen on all points up to this many, on a seeded sample of this many
# beyond: the silhouette needs all pairs of points.
EXACT_UP_TO = 20_000


@dataclass(frozen=True)
class KChoice:
    """The number of clusters and how it was chosen.

    Attributes:
        k: the chosen number; 1 where no clustering can be scored (fewer than four points, a budget
            of one, or fewer than two distinct points).
        ks: the numbers that were compared, ascending; empty when there was nothing to compare.
        silhouettes: [len(ks)] mean silhouette of each, NaN where it is not defined.
        labels: [N] cluster of each point for the chosen k.
        sampled: the number of points that the silhouettes were computed on.
    """

    k: int
    ks: tuple[int, ...]
    silhouettes: Floats
    labels: NDArray[np.int32]
    sampled: int


def choose_k(coords: ArrayLike, budget: int, seed: int, ks: Sequence[int] | None = None) -> KChoice:
    """Cluster by k-means for each k and keep the k of the highest mean silhouette (equation 1).

    Beyond 20,000 points the ks are compared on a seeded sample of 20,000 points, and the chosen k
    is then clustered on all of them.

    Args:
        coords: [N, D] coordinates of the pool.
        budget: B, the greatest useful k.
        seed: for k-means and the sample.
        ks: the numbers of clusters to compare; by default 2..min(B, ⌊√N⌋). Numbers above that of
            the distinct points are passed over. Ties go to the smallest k.
    """
    points = as_points(coords)
    count = len(points)
    chosen_from = range(2, min(budget, math.isqrt(count)) + 1) if ks is None else sorted(set(ks))
    if chosen_from and chosen_from[0] < 2:
        raise InputError(
            f"A number of clusters to compare must be at least 2, not {min(ks or ())}."
        )
    sample = points
    if count > EXACT_UP_TO:
        rows = np.random.default_rng(seed).choice(count, EXACT_UP_TO, replace=False)
        sample = points[np.sort(rows)]
    distinct = len(np.unique(sample, axis=0))
    candidates = tuple(k for k in chosen_from if k <= distinct)
    labelings = [cluster(sample, k, seed) for k in candidates]
    scores = silhouettes(sample, labelings) if candidates else np.empty(0)
    if not np.isfinite(scores).any():
        return KChoice(1, candidates, scores, np.zeros(count, dtype=np.int32), len(sample))
    best = first_highest(np.where(np.isnan(scores), -np.inf, scores), TIE)
    labels = labelings[best] if sample is points else cluster(points, candidates[best], seed)
    return KChoice(candidates[best], candidates, scores, labels, len(sample))


def proportional_allocation(sizes: ArrayLike, extra: int) -> Indices:
    """Share `extra` picks among clusters in proportion to their sizes (equations 3 and 4).

    Largest remainder: each cluster gets the whole part of extra·|C|/N, and what is left goes one by
    one to the largest fractional parts, ties to the lowest cluster. No cluster gets more than
    |C| − 1, since its medoid is already picked; what overflows goes on in the same order, round and
    round. Integer arithmetic, so that equal remainders are equal.

    Args:
        sizes: [k] number of members of each cluster.
        extra: R = B − k, at least 0.

    Returns:
        [k] picks beyond the medoid, adding up to `extra`.
    """
    members = np.asarray(sizes, dtype=np.int64)
    capacity = np.maximum(members - 1, 0)
    if extra < 0:
        raise InputError(f"The picks to share among clusters cannot be negative ({extra}).")
    if extra > capacity.sum():
        raise PoolTooSmallError(int(capacity.sum()), extra)
    if extra == 0:
        return np.zeros_like(members)
    whole, remainder = np.divmod(extra * members, members.sum())
    shares: Indices = np.minimum(whole, capacity)
    order = np.argsort(-remainder, kind="stable")
    while (left := extra - int(shares.sum())) > 0:
        takers = order[shares[order] < capacity[order]][:left]
        shares[takers] += 1
    return shares


@dataclass(frozen=True)
class ColdStart:
    """The first cases to label, B of them.

    Attributes:
        order: [B] indices: the medoids in label order, then the farthest points by cluster.
        cluster: [B] which cluster (its place in label order) each pick comes from.
        distance: [B] distance of a farthest point, when picked, from the nearest of those picked
            before it that it is measured from; NaN for a medoid.
        medoids: [k] indices.
        allocation: [k] farthest points per cluster, r_c of equation 4.
        labels: [N] cluster of every point.
        choice: how k was chosen; None when the labels were given.
    """

    order: Indices
    cluster: Indices
    distance: Floats
    medoids: Indices
    allocation: Indices
    labels: NDArray[np.integer]
    choice: KChoice | None


def cold_start(
    coords: ArrayLike,
    budget: int,
    *,
    seed: int,
    labels: ArrayLike | None = None,
    farthest_from: Literal["own", "all"] = "own",
) -> ColdStart:
    """Pick the first `budget` cases to label (section 3.1).

    Args:
        coords: [N, D] coordinates of the pool, the 2-D map in the paper.
        budget: B, 1 to N.
        seed: for k-means.
        labels: [N] clusters to use instead of choosing k by k-means.
        farthest_from: farthest points are measured from the picks of their "own" cluster, or from
            "all" picks made so far.

    Raises:
        PoolTooSmallError: the budget is larger than the pool.
        InputError: the budget is below 1 or below the number of given clusters; NaN coordinates.
    """
    points = as_points(coords)
    _check_budget(budget, len(points))
    if farthest_from not in ("own", "all"):
        raise InputError(f"farthest_from must be 'own' or 'all', not {farthest_from!r}.")
    choice = choose_k(points, budget, seed) if labels is None else None
    given = choice.labels if choice is not None else np.asarray(labels)
    clusters = members_of(given, len(points))
    if len(clusters) > budget:
        raise InputError(
            f"There are {len(clusters)} clusters but only {budget} cases to pick: "
            "raise the budget or merge clusters."
        )
    centres = medoids(points, given)
    shares = proportional_allocation([len(c) for c in clusters], budget - len(clusters))
    order, places = [*centres.tolist()], [*range(len(clusters))]
    distances = [math.nan] * len(clusters)
    for place, (members, share) in enumerate(zip(clusters, shares.tolist(), strict=True)):
        start = [order[place]] if farthest_from == "own" else order
        picks, reached = farthest_points(points, members, start, share)
        order += picks.tolist()
        places += [place] * share
        distances += reached.tolist()
    return ColdStart(
        np.array(order), np.array(places), np.array(distances), centres, shares, given, choice
    )


def mean_entropy(probabilities: ArrayLike) -> float:
    """Return the mean pixel entropy of one image, in nats (equations 5 and 6).

    Args:
        probabilities: [C, ...] predicted probability of each class, background included, at each
            pixel or voxel.

    Returns:
        Mean of −Σ p·log(p + 1e-8), from 0 to log C; NaN if a probability is NaN.
    """
    array = np.asarray(probabilities)
    if array.ndim < 2 or array.size == 0:
        raise InputError(
            f"Probabilities must be an array of classes × pixels, not of shape {array.shape}."
        )
    total = 0.0
    for one in array:
        exact = one.astype(np.float64)
        total -= float(np.sum(exact * np.log(exact + EPSILON)))
    return float(np.maximum(total / array[0].size, 0.0))


def normalise_entropy(entropy: ArrayLike) -> Floats:
    """Return entropies scaled to [0, 1) by the least and greatest of them (equation 7).

    Args:
        entropy: [N] mean entropies of the unlabelled pool; below 0 counts as 0. If all are equal,
            all become 0.
    """
    values = np.maximum(np.asarray(entropy, dtype=np.float64), 0.0)
    lowest = values.min()
    return np.asarray((values - lowest) / (values.max() - lowest + EPSILON))


@dataclass(frozen=True)
class ActiveSelection:
    """The next cases to label, A of them, with what decided each when it was picked.

    Attributes:
        picks: [A] indices in the order picked.
        scores: [A] normalised entropy of the first pick, S(i) of equation 10 of the others.
        entropy: [A] normalised entropy, equation 7.
        distance: [A] D(i|S), equation 8; NaN while nothing is selected.
        dtilde: [A] normalised distance, equation 9; NaN while nothing is selected.
        dmax: [A] diameter of the candidates, the pick included.
        nearest: [A] index of the nearest selected case; −1 while nothing is selected.
    """

    picks: Indices
    scores: Floats
    entropy: Floats
    distance: Floats
    dtilde: Floats
    dmax: Floats
    nearest: Indices


def diversity(coords: ArrayLike, selected: ArrayLike, candidates: ArrayLike) -> Floats:
    """Return D̃, the distance to the nearest selected case over D_max (equations 8 and 9), [N].

    With `normalise_entropy` and `acquisition` this scores all candidates at any step.

    Args:
        coords: [N, D] coordinates of the pool.
        selected: indices of the selected cases S, at least one.
        candidates: indices of the current candidates C, over which D_max is taken; NaN is returned
            for all other cases.
    """
    points = as_points(coords)
    rows: Indices = np.unique(np.asarray(candidates, dtype=np.int64))
    chosen: Indices = np.asarray(selected, dtype=np.int64)
    if not len(chosen) or not len(rows):
        raise InputError("Diversity needs at least one selected case and one candidate.")
    nearest = NearestSelected(points[rows])
    for index in chosen:
        nearest.add(points[index], int(index))
    result: Floats = np.full(len(points), math.nan)
    result[rows] = nearest.distance / (CandidateDiameter(points[rows]).value + EPSILON)
    return result


def acquisition(dtilde: ArrayLike, entropy: ArrayLike, alpha: float) -> Floats:
    """Return S = α·D̃ + (1 − α)·H̃ (equation 10) for candidates [N]."""
    score: Floats = alpha * np.asarray(dtilde) + (1 - alpha) * np.asarray(entropy)
    return score


def active_selection(
    coords: ArrayLike,
    entropy: ArrayLike,
    labelled: ArrayLike,
    budget: int,
    alpha: float = 0.3,
    candidates: ArrayLike | None = None,
    *,
    count_labelled: bool = True,
    first: Literal["entropy", "score"] = "entropy",
    dmax_over: Literal["step", "round"] = "step",
) -> ActiveSelection:
    """Pick the next `budget` cases to label, all after one training (section 3.2).

    The first pick has the highest entropy, whatever α; each further one the highest score. Entropy
    is normalised once, over the candidates; D and D_max follow every pick. The paper can be read
    otherwise in three points, to which the last three arguments belong.

    Args:
        coords: [N, D] coordinates of the pool.
        entropy: [N] mean entropy of each case; only the candidates' are read.
        labelled: indices of the labelled cases.
        budget: A, from 1 to the number of candidates.
        alpha: weight of diversity, 0 (entropy alone) to 1 (distance alone).
        candidates: indices that may be picked, the unlabelled pool; by default all not labelled.
        count_labelled: whether distances are measured from the labelled cases too, or only from the
            cases picked now.
        first: the first pick has the highest "entropy", or, where a case is selected already, the
            highest "score".
        dmax_over: D_max is taken over the candidates left at each "step", or over those at the
            start of the "round".
    """
    places = np.asarray(coords, dtype=np.float64)
    known: Indices = np.unique(np.asarray(labelled, dtype=np.int64))
    pool = np.arange(len(places)) if candidates is None else np.asarray(candidates, dtype=np.int64)
    pool = np.setdiff1d(pool, known)
    _check_budget(budget, len(pool))
    check_alpha(alpha)
    if first not in ("entropy", "score") or dmax_over not in ("step", "round"):
        raise InputError("first must be 'entropy' or 'score', and dmax_over 'step' or 'round'.")
    points = as_points(places[pool])
    uncertainty = np.asarray(entropy, dtype=np.float64)[pool]
    if not np.isfinite(uncertainty).all():
        raise InputError(
            f"{np.count_nonzero(~np.isfinite(uncertainty))} of {len(pool)} candidates have no "
            "finite entropy: predict them first or leave them out."
        )
    selected = NearestSelected(points)
    if count_labelled and len(known):
        for index, place in zip(known, as_points(places[known]), strict=True):
            selected.add(place, int(index))
    by_score = first == "score" and count_labelled and len(known) > 0
    widest = CandidateDiameter(points, fixed=dmax_over == "round")
    doubt = normalise_entropy(uncertainty)
    return _greedy(pool, points, doubt, selected, widest, budget, alpha, by_score=by_score)


def check_alpha(alpha: float) -> None:
    """Raise `InputError` if `alpha` is no weight."""
    if not 0.0 <= alpha <= 1.0:
        raise InputError(f"alpha must be between 0 and 1, not {alpha}.")


def _greedy(
    pool: Indices,
    points: Floats,
    entropy: Floats,
    selected: NearestSelected,
    widest: CandidateDiameter,
    budget: int,
    alpha: float,
    *,
    by_score: bool,
) -> ActiveSelection:
    """Pick one by one; `points` and `entropy` are those of `pool`, `selected` holds S."""
    picks, nearest = np.empty((2, budget), dtype=np.int64)
    scores, entropies, distances, dtildes, dmaxes = np.empty((5, budget))
    left = np.ones(len(pool), dtype=bool)
    for step in range(budget):
        dmax, distance = widest.value, selected.distance
        dtilde = distance / (dmax + EPSILON)
        scored = step > 0 or by_score
        score = acquisition(dtilde, entropy, alpha) if scored else entropy
        best = first_highest(np.where(left, score, -np.inf), TIE)
        alone = selected.nearest[best] < 0
        picks[step], nearest[step] = pool[best], selected.nearest[best]
        scores[step], entropies[step], dmaxes[step] = score[best], entropy[best], dmax
        distances[step] = math.nan if alone else distance[best]
        dtildes[step] = math.nan if alone else dtilde[best]
        left[best] = False
        widest.remove(best)
        selected.add(points[best], int(pool[best]))
    return ActiveSelection(picks, scores, entropies, distances, dtildes, dmaxes, nearest)


def _check_budget(budget: int, available: int) -> None:
    if budget < 1:
        raise InputError(f"The budget must be at least 1, not {budget}.")
    if budget > available:
        raise PoolTooSmallError(available, budget)
