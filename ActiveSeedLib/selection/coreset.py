"""K-centre greedy: each pick the case farthest from all labelled and picked ones.

CoreSet of Sener and Savarese 2018 (arXiv:1708.00489) in its greedy form, a 2-approximation of the
least radius within which every case has a labelled one. Before anything is labelled every case is
equally far: CoreSet then begins at the lowest index, as its public code does, and farthest-point
sampling (FPS) at the centre of the pool, the case nearest to the mean.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import PoolTooSmallError
from ActiveSeedLib.registry import NoParameters
from ActiveSeedLib.selection.clusters import cluster_at_most, members_of
from ActiveSeedLib.selection.geometry import TIE, Floats, Indices, diameter, first_highest
from ActiveSeedLib.selection.groups import groups_of
from ActiveSeedLib.selection.neighbours import checked_features, distances_from
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

FIRST = {"role": "first"}


@dataclass(frozen=True)
class KCentre:
    """The picks of k-centre greedy, B of them.

    Attributes:
        picks: [B] rows, in the order picked.
        radius: [B + 1] distance of each pick, when picked, from the nearest case labelled or picked
            before it (infinite where there was none); and at last the covering radius: the
            distance of the case that is farthest from all of them.
        nearest: [B] row of that nearest case, −1 where there was none.
    """

    picks: Indices
    radius: Floats
    nearest: Indices


def most_central(features: ArrayLike) -> int:
    """Return the row of `features` [N, D] that is nearest to their mean; ties to the lowest."""
    points = checked_features(features)
    distance = distances_from(points, points.mean(axis=0, dtype=np.float64))
    return first_highest(-distance, TIE * float(distance.max()))


class _Nearest:
    """How far each of `points` [N, D] is from the rows added so far, and which is the nearest."""

    def __init__(self, points: NDArray[np.floating]) -> None:
        self._points = points
        self.distance = np.full(len(points), np.inf)
        self.row = np.full(len(points), -1)
        self.free = np.ones(len(points), dtype=bool)

    def add(self, row: int) -> None:
        distance = distances_from(self._points, self._points[row])
        nearer = distance < self.distance
        self.distance[nearer], self.row[nearer] = distance[nearer], row
        self.free[row] = False

    def farthest(self) -> int:
        distance = np.where(self.free, self.distance, -1.0)
        greatest = float(distance.max())
        return first_highest(distance, TIE * greatest if np.isfinite(greatest) else 0.0)


def k_centre_greedy(
    features: ArrayLike,
    budget: int,
    labelled: ArrayLike = (),
    *,
    first: Literal["lowest", "central"] = "lowest",
) -> KCentre:
    """Pick `budget` rows, each the farthest from all labelled and picked ones; O(N·D) a pick.

    Args:
        features: [N, D], the labelled cases among them.
        budget: B, 1 to the number of cases that are not labelled.
        labelled: rows that are labelled.
        first: where to begin when nothing is labelled: at the lowest index or the most central row.
    """
    points = checked_features(features)
    known = np.unique(np.asarray(labelled, dtype=np.int64))
    if budget > len(points) - len(known):
        raise PoolTooSmallError(len(points) - len(known), budget)
    nearest = _Nearest(points)
    for row in known.tolist():
        nearest.add(row)
    picks: list[int] = []
    radius: list[float] = []
    beside: list[int] = []
    for _ in range(budget):
        begins = first == "central" and not picks and not len(known)
        best = most_central(points) if begins else nearest.farthest()
        picks.append(best)
        radius.append(float(nearest.distance[best]))
        beside.append(int(nearest.row[best]))
        nearest.add(best)
    radius.append(float(nearest.distance.max()))
    return KCentre(np.array(picks), np.array(radius), np.array(beside))


def farthest_pairs(features: ArrayLike, labels: ArrayLike) -> Indices:
    """Return the two mutually farthest members of each cluster, in label order.

    The lower row of each pair comes first; a cluster of one member, or of equal ones, has no pair
    and gives its lowest row alone.

    Args:
        features: [N, D].
        labels: [N] the cluster of each case.
    """
    array = np.asarray(features, dtype=np.float64)
    rows: list[int] = []
    for members in members_of(labels, len(array)):
        _, one, other = diameter(array[members])
        rows += [int(members[place]) for place in sorted({one, other})]
    return np.array(rows)


@strategies.register(
    "coreset",
    summary="The cases least like all labelled and chosen ones, so that no case is far from one.",
    citation="Sener and Savarese 2018, Active Learning for CNNs: A Core-Set Approach, "
    "arXiv:1708.00489",
    stage="any",
    needs="features",
    unit="slice, case",
    cost="N·D a pick",
)
def coreset(pool: Candidates, budget: int, _: NoParameters) -> Selection:
    """K-centre greedy from the labelled cases; without any, from the lowest index."""
    return _farthest(pool, budget, "lowest")


@dataclass(frozen=True)
class FarthestParameters:
    """Where farthest cases are looked for."""

    within: Literal["pool", "groups"] = field(
        default="pool",
        metadata={
            "help": "Look in the whole pool, or take the two farthest cases of each of B/2 groups."
        },
    )


@strategies.register(
    "fps",
    summary="The most central case, then those least like all labelled and chosen ones.",
    citation="Farthest-point sampling: Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5; "
    "in groups as in SUGFW (MICCAI 2025)",
    parameters=FarthestParameters,
    stage="any",
    needs="features",
    unit="slice, case",
    cost="N·D a pick",
)
def fps(pool: Candidates, budget: int, parameters: FarthestParameters) -> Selection:
    """Farthest points from the labelled cases; without any, from the centre of the pool.

    In groups: the two mutually farthest cases of each of ⌊B/2⌋ clusters of the candidates; what the
    budget leaves over is filled by farthest points.
    """
    if parameters.within == "pool":
        return _farthest(pool, budget, "central")
    return _in_groups(pool, budget)


def _farthest(pool: Candidates, budget: int, first: Literal["lowest", "central"]) -> Selection:
    picks, radius = _filled(pool, [], budget, first)
    return Selection(picks, {"covering_radius": radius})


def _filled(
    pool: Candidates, picks: list[Pick], count: int, first: Literal["lowest", "central"]
) -> tuple[list[Pick], float]:
    """Return `picks` and `count` farthest cases more, and the covering radius of them all."""
    rows = np.concatenate([pool.labelled, pool.candidates])
    before = [*pool.labelled.tolist(), *(pick.index for pick in picks)]
    known = np.flatnonzero(np.isin(rows, before))
    chosen = k_centre_greedy(np.asarray(pool.features)[rows], count, known, first=first)
    added = []
    for step, index in enumerate(rows[chosen.picks].tolist()):
        if chosen.nearest[step] < 0:
            begin = "its most central case" if first == "central" else "its first case"
            added.append(Pick(index, f"The choice begins in this pool with {begin}.", FIRST))
            continue
        why: dict[str, Any] = {
            "role": "farthest",
            "farthest_distance": float(chosen.radius[step]),
            "farthest_from": int(rows[chosen.nearest[step]]),
        }
        reason = "Of the cases left, the one least like all labelled and chosen ones."
        if chosen.radius[step] == 0:
            reason = "Equal to a labelled or chosen case, as are all that are left."
        added.append(Pick(index, reason, why))
    return picks + added, float(chosen.radius[-1])


def _in_groups(pool: Candidates, budget: int) -> Selection:
    features = np.asarray(pool.features)[pool.candidates]
    labels = cluster_at_most(features, max(1, budget // 2), pool.seed)
    groups = groups_of(pool.candidates, labels)
    picks = []
    for place in farthest_pairs(features, labels)[:budget].tolist():
        why = {"role": "farthest pair", **groups.why(place)}
        size = groups.size(place)
        reason = f"One of the two cases that differ most in a group of {size} similar ones."
        if size == 1:
            reason = "A case so unlike the others that it is a group of its own."
        picks.append(Pick(int(pool.candidates[place]), reason, why))
    picks, radius = _filled(pool, picks, budget - len(picks), "central")
    return Selection(picks, {"covering_radius": radius, **groups.facts(pool)})
