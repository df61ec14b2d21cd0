"""TypiClust of Hacohen, Dekel and Weinshall 2022 (arXiv:2202.02794): the typical case of a cluster.

K-means with min(|L| + B, 500) clusters; those of 5 cases or fewer are left out; the clusters with
the fewest labelled cases come first, the largest of them before the others; from each in turn the
case of the highest typicality, 1 / (mean distance to its k nearest neighbours + 1e-5), where
k = min(20, n // 2) for the n cases of the cluster that are left.

The paper's distance is Euclidean, its authors' code has the square: an option. Labelled and picked
cases are no neighbours. Where every cluster is small or picked empty, the small ones follow in the
same order. The SUGFW repository's TypiClust, with the mean distance to all members of k = B
clusters, is the medoid of each: the strategy `kmeans`.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import cluster_at_most, members_of
from ActiveSeedLib.selection.geometry import TIE, Floats, Indices, first_highest
from ActiveSeedLib.selection.groups import Groups, groups_of
from ActiveSeedLib.selection.neighbours import Distances, nearest_others
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

EPSILON = 1e-5
NEIGHBOURS = 20
MOST_CLUSTERS = 500
SMALLEST = 6


def cluster_count(labelled: int, budget: int, most: int = MOST_CLUSTERS) -> int:
    """Return the number of clusters for so many labelled cases and a budget."""
    return min(labelled + budget, most)


def neighbour_count(members: int, most: int = NEIGHBOURS) -> int:
    """Return k for a cluster of so many members: at most half of them."""
    return min(most, members // 2)


def typicality(features: ArrayLike, k: int = NEIGHBOURS, *, squared: bool = False) -> Floats:
    """Return the typicality [N] of each case among all: 1 / (mean distance to k others + 1e-5).

    Args:
        features: [N, D].
        k: number of nearest neighbours, at most N − 1; for a lone case 0, which makes it 1e5.
        squared: take squared distances, as the authors' code does.
    """
    distances = Distances(features)
    if not min(1, len(distances) - 1) <= k < len(distances):
        raise InputError(f"A case has {len(distances) - 1} neighbours here, not {k}.")
    return _inverse(nearest_others(distances, k)[1], squared)


def _inverse(distances: Floats, squared: bool) -> Floats:
    if not distances.shape[1]:
        return np.full(len(distances), 1 / EPSILON)
    typical: Floats = 1 / ((distances**2 if squared else distances).mean(axis=1) + EPSILON)
    return typical


def cluster_order(sizes: ArrayLike, labelled: ArrayLike, smallest: int = SMALLEST) -> Indices:
    """Return the clusters in the order in which they are visited.

    Fewest labelled first, then largest first, then by number; those with fewer than `smallest`
    members are left out.

    Args:
        sizes: [k] members of each cluster, the labelled among them.
        labelled: [k] how many of them are labelled.
        smallest: the least number of members.
    """
    members = np.asarray(sizes)
    order: Indices = np.lexsort((-members, np.asarray(labelled)))
    return order[members[order] >= smallest]


class ClusterTypicality:
    """The typicality of the members of one cluster that are left, while they are picked one by one.

    A pick changes the neighbours of few: only those are looked for again.

    Attributes:
        members: [n] rows of the pool that were in the cluster to begin with.
        k: the number of neighbours at present.
    """

    def __init__(self, features: ArrayLike, members: Indices, *, squared: bool = False) -> None:
        self.members = members
        self._distances = Distances(np.asarray(features)[members])
        self._squared = squared
        self._left = np.ones(len(members), dtype=bool)
        self.k = -1
        self._look_at_all()

    def __len__(self) -> int:
        return int(self._left.sum())

    def best(self) -> tuple[int, float]:
        """Return the most typical member that is left and its typicality; ties to the lowest."""
        left = np.flatnonzero(self._left)
        values = _inverse(self._far[left], self._squared)
        best = first_highest(values, TIE * float(values.max()))
        return int(self.members[left[best]]), float(values[best])

    def remove(self, member: int) -> None:
        """Take `member` out: it is picked."""
        gone = int(np.searchsorted(self.members, member))
        self._left[gone] = False
        if neighbour_count(len(self)) != self.k:
            self._look_at_all()
            return
        lost = np.flatnonzero((self._near == gone).any(axis=1) & self._left)
        self._near[lost], self._far[lost] = self._look(lost)

    def _look_at_all(self) -> None:
        self.k = neighbour_count(len(self))
        self._near = np.full((len(self.members), self.k), -1)
        self._far = np.full((len(self.members), self.k), np.inf)
        left = np.flatnonzero(self._left)
        self._near[left], self._far[left] = self._look(left)

    def _look(self, rows: Indices) -> tuple[Indices, Floats]:
        return nearest_others(self._distances, self.k, rows, self._left)


@dataclass(frozen=True)
class TypiClust:
    """The picks of TypiClust, B of them.

    Attributes:
        picks: [B] rows, in the order picked.
        cluster: [B] which cluster (its place in label order) each comes from.
        typicality: [B] of each when it was picked.
        neighbours: [B] how many neighbours that was measured by.
        sizes: [k] members of each cluster, the labelled among them.
        labelled: [k] labelled members of each.
    """

    picks: Indices
    cluster: Indices
    typicality: Floats
    neighbours: Indices
    sizes: Indices
    labelled: Indices


def typiclust(
    features: ArrayLike,
    labels: ArrayLike,
    budget: int,
    labelled: ArrayLike = (),
    *,
    squared: bool = False,
    smallest: int = SMALLEST,
) -> TypiClust:
    """Pick `budget` cases, the most typical of each cluster, cluster by cluster and round by round.

    Args:
        features: [N, D], the labelled cases among them.
        labels: [N] the cluster of each case, whatever made them.
        budget: B, 1 to the number of cases that are not labelled.
        labelled: rows that are labelled.
        squared: take squared distances, as the authors' code does.
        smallest: clusters of fewer members come only when the others are picked empty.
    """
    array = np.asarray(features)
    taken = np.zeros(len(array), dtype=bool)
    taken[np.asarray(labelled, dtype=np.int64)] = True
    if budget > (free := int((~taken).sum())):
        raise PoolTooSmallError(free, budget)
    groups = members_of(labels, len(array))
    sizes = np.array([len(group) for group in groups])
    known = np.array([int(taken[group].sum()) for group in groups])
    order = cluster_order(sizes, known, 1)
    large = deque(order[sizes[order] >= smallest].tolist())
    queue, reserve = (large, deque(order[sizes[order] < smallest].tolist()))
    open_clusters: dict[int, ClusterTypicality] = {}
    rows: list[tuple[int, int, float, int]] = []
    while len(rows) < budget:
        if not queue:
            queue = reserve
        at = queue.popleft()
        if at not in open_clusters:
            free_members = groups[at][~taken[groups[at]]]
            if not len(free_members):
                continue
            open_clusters[at] = ClusterTypicality(array, free_members, squared=squared)
        here = open_clusters[at]
        pick, value = here.best()
        rows.append((pick, at, value, here.k))
        if len(here) > 1:
            here.remove(pick)
            queue.append(at)
        else:
            del open_clusters[at]
    picks, cluster, values, neighbours = (np.array(column) for column in zip(*rows, strict=True))
    return TypiClust(picks, cluster, values, neighbours, sizes, known)


@dataclass(frozen=True)
class TypiClustParameters:
    """How typicality is measured."""

    distance: Literal["euclidean", "squared"] = field(
        default="euclidean",
        metadata={"help": "Distance to the neighbours: Euclidean, as in the paper, or squared."},
    )


@strategies.register(
    "typiclust",
    summary="The most typical case of each group of similar cases that has no labelled case yet.",
    citation="Hacohen et al. 2022, Active Learning on a Budget (TypiClust), arXiv:2202.02794",
    parameters=TypiClustParameters,
    stage="any",
    needs="features",
    unit="slice, case",
    cost="k-means with as many groups as labelled cases and picks; all pairs within a group",
)
def typiclust_strategy(pool: Candidates, budget: int, parameters: TypiClustParameters) -> Selection:
    """Cluster labelled cases and candidates together, so that what is labelled counts."""
    rows = np.concatenate([pool.labelled, pool.candidates])
    known = len(pool.labelled)
    features = np.asarray(pool.features)[rows]
    labels = cluster_at_most(features, cluster_count(known, budget), pool.seed)
    squared = parameters.distance == "squared"
    chosen = typiclust(features, labels, budget, np.arange(known), squared=squared)
    groups = groups_of(rows, labels)
    picks = [_explained(chosen, step, groups) for step in range(budget)]
    facts = {**groups.facts(pool), "labelled_by_cluster": chosen.labelled.tolist()}
    return Selection(picks, facts)


def _explained(chosen: TypiClust, step: int, groups: Groups) -> Pick:
    place, group = int(chosen.picks[step]), int(chosen.cluster[step])
    size, known = groups.size(place), int(chosen.labelled[group])
    before = int((chosen.cluster[:step] == group).sum())
    why: dict[str, Any] = {
        "role": "typical",
        **groups.why(place),
        "cluster_labelled": known,
        "typicality": float(chosen.typicality[step]),
        "neighbours": int(chosen.neighbours[step]),
    }
    which = "The most typical case" if not before else "The most typical case that is left"
    cases = "1 case" if size == 1 else f"{size} similar cases"
    labelled = "none of them labelled so far" if not known else f"{known} of them labelled so far"
    reason = f"{which} of a group of {cases}, {labelled}."
    if size == 1:
        reason = "A case like no other, taken because the larger groups gave no more."
    return Pick(int(groups.rows[place]), reason, why)
