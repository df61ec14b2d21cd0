"""USL of Wang, Lian and Yu 2022 (arXiv:2110.03006): dense cases of every cluster, kept apart.

K-means with k = B clusters on features of unit length. Density is 1 / (mean squared distance to the
20 nearest cases, the case itself among them). From each cluster the case of the highest density
less λ times a regulariser is picked, 10 times over: the regulariser of a case, a moving average
over the passes, is the sum of 1 / (squared distance)^α to the picks of the other clusters that are
nearer than a horizon. So dense cases near the border between two clusters are not both picked.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.clusters import cluster_at_most, members_of
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.groups import copies, groups_of
from ActiveSeedLib.selection.herding import unit_features
from ActiveSeedLib.selection.neighbours import Distances, check_all_pairs, nearest_others
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

NEIGHBOURS = 20
PASSES = 10
WEIGHT = 0.5
MOMENTUM = 0.9
HORIZON = 4.0
ALPHA = 0.5
_LEAST = 1e-10  # what squared distances are held above: copies are not infinitely dense


def mean_squared_distance(features: ArrayLike, k: int = NEIGHBOURS) -> Floats:
    """Return the mean squared distance [N] of each case to its k nearest, itself among them.

    Args:
        features: [N, D].
        k: 1 or more; all cases where there are fewer.
    """
    distances = Distances(features)
    if k < 1:
        raise InputError(f"There must be at least 1 neighbour, not {k}.")
    near = min(k, len(distances))
    _, far = nearest_others(distances, near - 1)
    mean: Floats = (far**2).sum(axis=1) / near
    return mean


def usl(
    features: ArrayLike,
    labels: ArrayLike,
    spread: ArrayLike | None = None,
    *,
    passes: int = PASSES,
    weight: float = WEIGHT,
    momentum: float = MOMENTUM,
    horizon: float = HORIZON,
    alpha: float = ALPHA,
) -> Indices:
    """Return one case of each cluster, in label order.

    Args:
        features: [N, D].
        labels: [N] the cluster of each case.
        spread: [N] the mean squared distance of each case to its neighbours; by default to 20.
        passes: how often the picks are made; with 1 there is no regulariser.
        weight: λ of the regulariser.
        momentum: how much of the regulariser stays from pass to pass.
        horizon: squared distance beyond which a pick does not matter.
        alpha: how steeply the regulariser falls with squared distance.
    """
    distances = Distances(features)
    groups = members_of(labels, len(distances))
    wide = mean_squared_distance(features) if spread is None else np.asarray(spread, np.float64)
    if wide.shape != (len(distances),):
        raise InputError(f"There must be {len(distances)} mean distances, not {wide.size}.")
    density = 1 / np.maximum(wide, _LEAST)
    regulariser = np.zeros(len(distances))
    for turn in range(passes):
        score = density - weight * regulariser
        picks = np.array([members[np.argmax(score[members])] for members in groups])
        if turn + 1 < passes:
            near = _nearness(distances, picks, groups, horizon, alpha)
            regulariser = momentum * regulariser + (1 - momentum) * near
    return picks


def _nearness(
    distances: Distances, picks: Indices, groups: list[Indices], horizon: float, alpha: float
) -> Floats:
    """Return how near each case [N] is to the picks of the clusters that it does not belong to."""
    near = np.zeros(len(distances))
    place = {int(pick): members for pick, members in zip(picks, groups, strict=True)}
    for rows, block in distances.blocks(picks):
        for pick, squared in zip(rows.tolist(), block, strict=True):
            other = squared < horizon
            other[place[pick]] = False
            near[other] += np.maximum(squared[other], _LEAST) ** -alpha
    return near


@dataclass(frozen=True)
class UslParameters:
    """How far apart the picks are kept."""

    weight: float = field(
        default=WEIGHT,
        metadata={
            "help": "How much a case loses by being near the picks of other groups; 0 for nothing.",
            "minimum": 0.0,
        },
    )

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InputError(f"The weight must not be negative, as {self.weight} is.")


@strategies.register(
    "usl",
    summary="The case with the nearest neighbours in each group of similar cases, away from the "
    "picks of other groups.",
    citation="Wang et al. 2022, Unsupervised Selective Labeling for More Effective "
    "Semi-Supervised Learning, arXiv:2110.03006",
    parameters=UslParameters,
    stage="cold start",
    needs="features",
    unit="slice, case",
    cost="k-means with as many groups as picks, and N²·D once, little memory; up to 50,000 cases",
)
def usl_strategy(pool: Candidates, budget: int, parameters: UslParameters) -> Selection:
    """Cluster the candidates' features; cases labelled already take no part.

    With fewer distinct cases than the budget, farthest points, which are copies, fill it up.
    """
    check_all_pairs("usl", len(pool.candidates), "typiclust or kmeans")
    features = unit_features(np.asarray(pool.features)[pool.candidates])
    labels = cluster_at_most(features, budget, pool.seed)
    spread = mean_squared_distance(features)
    chosen = usl(features, labels, spread, weight=parameters.weight)
    groups = groups_of(pool.candidates, labels)
    picks = []
    for place in chosen.tolist():
        why = {"role": "density", "mean_squared_distance": float(spread[place])}
        why |= groups.why(place)
        size = groups.size(place)
        reason = f"It has near neighbours in a group of {size} similar cases, and no pick close by."
        if size == 1:
            reason = "A case so unlike the others that it is a group of its own."
        picks.append(Pick(int(pool.candidates[place]), reason, why))
    picks += copies(pool, features, chosen.tolist(), budget - len(picks))
    return Selection(picks, groups.facts(pool))
