"""What Levy et al. 2026 leave open, built: the steps of the strategy levy-plus.

The weight of diversity falls from round to round; uncertainty is taken around the predicted
foreground; distances are those of the features, the map explains only; and a gate
(`trust.measured_trust`) stays with diversity while the model's uncertainty is noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import (
    TIE,
    Floats,
    Indices,
    NearestSelected,
    as_points,
    first_highest,
)
from ActiveSeedLib.selection.levy import EPSILON, acquisition, check_alpha, normalise_entropy

FIRST_ALPHA, LAST_ALPHA, ROUNDS = 0.9, 0.3, 5


def scheduled_alpha(
    round_: int, first: float = FIRST_ALPHA, last: float = LAST_ALPHA, rounds: int = ROUNDS
) -> float:
    """Return the weight of diversity in an active round: from coverage to uncertainty, evenly.

    Args:
        round_: 1 for the first selection after the cold start; earlier ones count as the first.
        first: α of the first active round.
        last: α from round `rounds` on.
        rounds: how many active rounds the way takes; with 1 it is `last` at once.
    """
    check_alpha(first)
    check_alpha(last)
    if rounds < 1:
        raise InputError(f"The schedule must last at least 1 round, not {rounds}.")
    way = 1.0 if rounds == 1 else float(np.clip((round_ - 1) / (rounds - 1), 0.0, 1.0))
    return first + (last - first) * way


@dataclass(frozen=True)
class BalancedPicks:
    """The next cases, with what decided each when it was picked.

    Attributes:
        picks: [B] indices in the order picked.
        scores: [B] α·D̃ + (1 − α)·H̃.
        uncertainty: [B] H̃, 0 to 1 over the candidates.
        dtilde: [B] D̃, the distance to the nearest selected case as a share of the candidates'
            greatest; NaN while nothing is selected.
        nearest: [B] index of the nearest selected case; −1 while nothing is selected.
    """

    picks: Indices
    scores: Floats
    uncertainty: Floats
    dtilde: Floats
    nearest: Indices


def balanced_picks(
    points: ArrayLike,
    uncertainty: ArrayLike,
    labelled: ArrayLike,
    budget: int,
    alpha: float,
    candidates: ArrayLike,
) -> BalancedPicks:
    """Pick greedily by α·D̃ + (1 − α)·H̃, from the first case on, in a space of any dimension.

    It differs from `levy.active_selection` in two points. The first pick goes by the score too,
    else one case of pure uncertainty would come even where that is noise. And D is divided by the
    greatest D among the candidates left, not by their diameter: in many dimensions all distances
    are nearly equal, D over the diameter hardly varies, and α would have nothing to weigh; besides,
    the diameter would need all pairs.

    Args:
        points: [N, D]; only the rows of labelled cases and candidates are read.
        uncertainty: [N]; only the candidates' is read.
        labelled: indices of the labelled cases.
        budget: B, 1 to the number of candidates.
        alpha: weight of diversity, 0 to 1.
        candidates: indices that may be picked.
    """
    check_alpha(alpha)
    places = np.asarray(points)
    known: Indices = np.unique(np.asarray(labelled, dtype=np.int64))
    pool: Indices = np.setdiff1d(np.asarray(candidates, dtype=np.int64), known)
    if budget < 1:
        raise InputError(f"The budget must be at least 1, not {budget}.")
    if budget > len(pool):
        raise PoolTooSmallError(len(pool), budget)
    own = as_points(places[pool])
    values = np.asarray(uncertainty, dtype=np.float64)[pool]
    if not np.isfinite(values).all():
        raise InputError(
            f"{np.count_nonzero(~np.isfinite(values))} of {len(pool)} candidates have no finite "
            "uncertainty: predict them first or leave them out."
        )
    doubt = normalise_entropy(values)
    selected = NearestSelected(own)
    if len(known):
        for index, place in zip(known, as_points(places[known]), strict=True):
            selected.add(place, int(index))
    picks, nearest = np.empty((2, budget), dtype=np.int64)
    scores, doubts, dtildes = np.empty((3, budget))
    left = np.ones(len(pool), dtype=bool)
    for step in range(budget):
        alone = not len(known) and step == 0
        distance = np.zeros(len(pool)) if alone else selected.distance
        dtilde = distance / (distance[left].max() + EPSILON)
        score = acquisition(dtilde, doubt, alpha)
        best = first_highest(np.where(left, score, -np.inf), TIE)
        picks[step], nearest[step] = pool[best], selected.nearest[best]
        scores[step], doubts[step] = score[best], doubt[best]
        dtildes[step] = np.nan if alone else dtilde[best]
        left[best] = False
        selected.add(own[best], int(pool[best]))
    return BalancedPicks(picks, scores, doubts, dtildes, nearest)
