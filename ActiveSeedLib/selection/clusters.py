"""Clusters of points, and the member that stands for each."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import (
    SLACK,
    TIE,
    Floats,
    Indices,
    as_points,
    distances_to,
    first_highest,
)

# Ten k-means starts up to this many points, one start beyond it.
TEN_INITS_UP_TO = 5_000
# Dimensions up to which tangents alone find a medoid sooner than products do.
_TANGENTS_UP_TO = 24
_BLOCK = 1 << 20  # distances held at a time


def cluster(coords: ArrayLike, k: int, seed: int) -> NDArray[np.int32]:
    """Return the k-means label [N] of each point, 0 to k − 1, the same for the same seed.

    Ten starts up to 5,000 points, one beyond. k-means runs on one thread: for points of few
    dimensions that is as fast, and the result does not depend on the number of cores. Points that
    only rounding parts may leave fewer clusters than k.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    points = as_points(coords)
    inits = 10 if len(points) <= TEN_INITS_UP_TO else 1
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(n_clusters=k, n_init=inits, random_state=seed)
        labels: NDArray[np.int32] = model.fit_predict(points)
    return labels


def cluster_at_most(coords: ArrayLike, k: int, seed: int) -> NDArray[np.int32]:
    """Return the k-means label [N] of each point for k clusters, or fewer.

    There are never more clusters than distinct points, and always at least one.
    """
    points = as_points(coords)
    distinct = len(points) if _all_differ(points) else len(np.unique(points, axis=0))
    return cluster(points, max(1, min(k, distinct)), seed)


def _all_differ(points: Floats) -> bool:
    """Return whether no two points have the same sum of coordinates, hence none are the same."""
    sums = np.sort(points.sum(axis=1))
    return bool((sums[1:] != sums[:-1]).all())


def members_of(labels: ArrayLike, count: int) -> list[Indices]:
    """Return the members of each cluster, ascending, in the order of the labels.

    Args:
        labels: [N] integers; gaps are fine.
        count: N, the number of points that there should be labels for.
    """
    array = np.asarray(labels)
    if array.shape != (count,):
        raise InputError(
            f"There must be one cluster label for each of the {count} points, "
            f"but the labels have the shape {array.shape}."
        )
    return [np.flatnonzero(array == label) for label in np.unique(array)]


def medoids(coords: ArrayLike, labels: ArrayLike) -> Indices:
    """Return the medoid of each cluster, in the order of the labels; ties to the lowest index.

    The medoid is the member with the least sum of Euclidean distances to the cluster's members
    (Levy et al. 2026, equation 2).

    Args:
        coords: [N, D] points.
        labels: [N] cluster labels.
    """
    points = as_points(coords)
    return np.array([medoid(points, members) for members in members_of(labels, len(points))])


def medoid(points: Floats, members: Indices) -> int:
    """Return the one of `members` (ascending) with the least summed distance to all members.

    Exact, though few sums are computed as they are to be compared. Each has a lower bound, and the
    member with the lowest is evaluated next, until no bound is below the best sum. The sum of
    distances is a convex function of the place, so the tangent plane at any member bounds it from
    below everywhere: on a map that leaves some tens of evaluations. In many dimensions all members
    are nearly as central, and the bounds to begin with come from matrix products instead.

    Args:
        points: [N, D].
        members: [n] rows of them, ascending.
    """
    own = points[members]
    lower = np.full(len(own), -np.inf)
    if own.shape[1] > _TANGENTS_UP_TO:
        lower = _least_sums(own)
    sums: dict[int, float] = {}
    best = np.inf
    current = int(np.argmin(distances_to(own, own.mean(axis=0))))
    while lower[current] <= best * (1 + SLACK):
        offset = own[current] - own
        distance = np.sqrt(np.einsum("nd,nd->n", offset, offset))
        total = float(distance.sum())
        copies = np.flatnonzero(distance == 0)
        sums[int(copies[0])] = total
        best = min(best, total)
        inverse = np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)
        # own · slope − own[current] · slope, taken as one product of differences.
        np.maximum(lower, total - offset @ (inverse @ offset), out=lower)
        lower[copies] = np.inf
        current = int(np.argmin(lower))
        if lower[current] == np.inf:
            break
    nearly = best * (1 + TIE)
    return int(members[min(index for index, total in sums.items() if total <= nearly)])


def _least_sums(points: Floats) -> Floats:
    """Return for each point a lower bound of its summed distance to all, [N], by matrix products.

    It lies below the sum by no more than the rounding of the products.
    """
    centred = points - points.mean(axis=0)
    squares = np.einsum("nd,nd->n", centred, centred)
    rounding = 64 * float(np.finfo(np.float64).eps) * float(squares.max())
    sums = np.empty(len(centred))
    step = max(1, _BLOCK // len(centred))
    for start in range(0, len(centred), step):
        part = slice(start, start + step)
        squared = centred[part] @ centred.T
        squared *= -2
        squared += squares
        squared += squares[part, None] - rounding
        np.maximum(squared, 0, out=squared)
        sums[part] = np.sqrt(squared, out=squared).sum(axis=1)
    return sums * (1 - SLACK)


def nearest_to_centroid(features: ArrayLike, labels: ArrayLike) -> Indices:
    """Return the member nearest to the mean of each cluster, in the order of the labels.

    Ties go to the lowest index, but in a pair, whose two members are always equally near: there
    rounding decides, as in the code of the SUGFW comparison. The mean is computed as scikit-learn's
    k-means does, about the mean of all points, so that given labels yield the same member.

    Args:
        features: [N, D] points.
        labels: [N] cluster labels.
    """
    points = as_points(features)
    middle = points.mean(axis=0)
    centred = points - middle
    nearest = []
    for members in members_of(labels, len(points)):
        centroid = centred[members].sum(axis=0) * (1 / len(members)) + middle
        squared = ((points[members] - centroid) ** 2).sum(axis=1)
        tie = TIE * float(squared.max()) if len(members) > 2 else 0.0
        nearest.append(int(members[first_highest(-squared, tie)]))
    return np.array(nearest)
