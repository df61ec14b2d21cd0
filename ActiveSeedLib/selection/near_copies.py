"""Cases that are all but the same, and cases far from all others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.neighbours import (
    Distances,
    checked_features,
    distances_between,
    nearest_others,
)

NEIGHBOURS = 5
NEAR_COPY = 0.1  # of the typical distance to the fifth neighbour
FAR_OUT = 3.0  # interquartile ranges above the third quartile (Tukey's outer fence)


@dataclass(frozen=True)
class Neighbours:
    """Near-copies and outliers of a pool.

    Attributes:
        typical: median distance of a case to its fifth neighbour.
        copies: groups of cases (rows, ascending) that are near-copies of each other.
        outliers: rows, the farthest first.
        times: [outliers] their distance to the fifth neighbour over the typical one.
        exact: whether all features were compared, or 50 principal components of them.
    """

    typical: float
    copies: list[list[int]]
    outliers: Indices
    times: Floats
    exact: bool


def neighbours(features: ArrayLike, reduced: ArrayLike | None = None) -> Neighbours:
    """Return near-copies and outliers by the distances to the five nearest other cases.

    Cases are near-copies if they are ten times nearer to each other than a case usually is to its
    fifth neighbour. A case is an outlier if the logarithm of its distance to the fifth neighbour
    lies three interquartile ranges above the third quartile of the pool.

    Args:
        features: [N, D].
        reduced: [N, d] principal components to find the neighbours by, where all D would take too
            long; distances of near-copies are always of all D.
    """
    points = checked_features(features)
    compared = points if reduced is None else checked_features(reduced)
    k = min(NEIGHBOURS, len(points) - 1)
    if k < 1:
        return Neighbours(0.0, [], np.empty(0, dtype=np.int64), np.empty(0), exact=True)
    near, far = nearest_others(Distances(compared), k)
    fifth = far.max(axis=1)
    typical = float(np.median(fifth))
    if typical == 0:  # most cases are copies: those that are not say what is typical
        typical = float(np.median(fifth[fifth > 0])) if fifth.any() else 0.0
    exact = compared is points or compared.shape == points.shape
    rows, columns = np.nonzero(far <= NEAR_COPY * typical)
    if not exact and len(rows):
        whole = np.array(
            [
                distances_between(points, rows[i : i + 1], near[rows[i], columns[i]][None, None])
                for i in range(len(rows))
            ]
        ).reshape(-1)
        kept = whole <= NEAR_COPY * typical
        rows, columns = rows[kept], columns[kept]
    outliers = _far_out(fifth)
    return Neighbours(
        typical,
        _linked(len(points), rows, near[rows, columns]),
        outliers,
        fifth[outliers] / typical if typical else np.ones(len(outliers)),
        exact,
    )


def _far_out(distances: Floats) -> Indices:
    """Return where a distance is far beyond most, the farthest first."""
    logs = np.log(np.maximum(distances, 1e-300))
    first, third = np.percentile(logs, (25, 75))
    beyond = np.flatnonzero(logs > third + FAR_OUT * (third - first) + 1e-9)
    return beyond[np.argsort(-distances[beyond], kind="stable")]


def _linked(count: int, rows: Indices, others: Indices) -> list[list[int]]:
    """Return the groups of cases that pairs link, each ascending, by their first case."""
    if not len(rows):
        return []
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    links = csr_matrix((np.ones(len(rows)), (rows, others)), (count, count))
    labels = connected_components(links, directed=False)[1]
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels[rows])]
    return sorted(groups)
