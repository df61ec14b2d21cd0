"""CALR: hierarchical clusters, and the case of the highest information density in each.

Jin et al. 2022 (Information Sciences 616:16-36): cold-start active learning by bottom-up
hierarchical clustering (Birch, then Ward's merging down to as many clusters as cases to pick);
information density is the mean cosine similarity of a case to all members of its cluster, itself
among them.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import members_of
from ActiveSeedLib.selection.geometry import TIE, Floats, Indices, as_points, highest_first
from ActiveSeedLib.selection.groups import groups_of
from ActiveSeedLib.selection.neighbours import check_all_pairs
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, strategies

THRESHOLD = 0.5
# Ward's merging holds the distances of all pairs, which with the tree is some 4 GB for so many.
MOST_CASES = 20_000
_BLOCK = 1 << 22  # similarities held at a time
_LEAST = float(np.finfo(np.float64).tiny)  # Birch takes no radius of 0, by which copies are merged


def birch_labels(
    features: ArrayLike, clusters: int, threshold: float = THRESHOLD
) -> NDArray[np.int64]:
    """Return the label [N] of each case after hierarchical clustering; it needs no seed.

    Args:
        features: [N, D], N up to 20,000.
        clusters: how many are wanted; there are fewer where the tree has fewer leaves, as among
            equal cases.
        threshold: radius of a leaf of Birch's tree; cases that near are merged first. With 0 only
            copies are, and the clusters are those of Ward's merging.
    """
    points = as_points(features)
    check_all_pairs("calr", len(points), "typiclust or kmeans", MOST_CASES)
    if len(points) == 1 or clusters == 1:
        return np.zeros(len(points), dtype=np.int64)
    from sklearn.cluster import Birch
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        radius = max(threshold, _LEAST)
        labels = Birch(n_clusters=clusters, threshold=radius).fit_predict(points)
    return np.asarray(labels, dtype=np.int64)


def information_density(features: ArrayLike, labels: ArrayLike) -> Floats:
    """Return the mean cosine similarity [N] of each case to the members of its cluster.

    Args:
        features: [N, D]; a vector of zeros resembles nothing.
        labels: [N] the cluster of each case.
    """
    points = as_points(features)
    lengths = np.sqrt(np.einsum("nd,nd->n", points, points))
    unit = points / np.where(lengths > 0, lengths, 1)[:, None]
    density = np.empty(len(points))
    for members in members_of(labels, len(points)):
        own = unit[members]
        step = max(1, _BLOCK // len(own))
        for start in range(0, len(own), step):
            part = slice(start, start + step)
            density[members[part]] = (own[part] @ own.T).mean(axis=1)
    return density


def calr(features: ArrayLike, labels: ArrayLike, budget: int) -> Indices:
    """Return the densest member of each cluster, in label order, then the second densest, and on.

    Ties go to the lowest index, but in a pair, whose two members are always equally dense: there
    rounding decides, as in the code of the SUGFW comparison.

    Args:
        features: [N, D].
        labels: [N] the cluster of each case.
        budget: B, 1 to N; where there are more clusters, the last go without.
    """
    density = information_density(features, labels)
    if budget > len(density):
        raise PoolTooSmallError(len(density), budget)
    ranked = [
        members[highest_first(density[members], TIE if len(members) > 2 else 0.0)]
        for members in members_of(labels, len(density))
    ]
    rounds = range(max(len(members) for members in ranked))
    order = [members[turn] for turn in rounds for members in ranked if turn < len(members)]
    return np.array(order[:budget])


@dataclass(frozen=True)
class CalrParameters:
    """How near cases are merged first."""

    threshold: float = field(
        default=THRESHOLD,
        metadata={
            "help": "Radius within which similar cases are merged before the groups are formed.",
            "minimum": 0.0,
        },
    )

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise InputError(f"The radius must not be negative, as {self.threshold} is.")


@strategies.register(
    "calr",
    summary="As many groups of similar cases as cases to pick, built bottom up; the case of each "
    "that resembles the others most.",
    citation="Jin et al. 2022, Cold-start active learning for image classification, Information "
    "Sciences 616",
    parameters=CalrParameters,
    stage="cold start",
    needs="features",
    unit="slice, case",
    cost="N² time and memory: up to 20,000 cases, which take minutes and 4 GB",
)
def calr_strategy(pool: Candidates, budget: int, parameters: CalrParameters) -> Selection:
    """Cluster the candidates' features; cases labelled already take no part."""
    features = np.asarray(pool.features)[pool.candidates]
    labels = birch_labels(features, budget, parameters.threshold)
    groups = groups_of(pool.candidates, labels)
    density = information_density(features, labels)
    picks: list[Pick] = []
    seen: set[int] = set()
    for place in calr(features, labels, budget).tolist():
        why = {"role": "density", "density": float(density[place]), **groups.why(place)}
        group, size = why["cluster"], groups.size(place)
        which = "Of those left, the case" if group in seen else "The case"
        reason = f"{which} that resembles the others most in a group of {size} similar ones."
        if size == 1:
            reason = "A case so unlike the others that it is a group of its own."
        picks.append(Pick(int(pool.candidates[place]), reason, why))
        seen.add(group)
    return Selection(picks, groups.facts(pool))
