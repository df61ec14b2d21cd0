"""Distances among points: the diameter, the nearest selected point, farthest-point picks.

Points are rows of float64 arrays of any dimension D (the 2-D map, or the features themselves).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# Two distances (or sums of them) this near, relatively, are a tie: it is rounding that parts them.
TIE = 1e-12
# Bounds are trusted only beyond this relative margin, far above their rounding.
SLACK = 1e-9
_BLOCK = 1 << 20  # distances held at a time


def as_points(points: ArrayLike) -> Floats:
    """Return `points` as a float64 array [N, D] with N ≥ 1 and no NaN, or raise `InputError`."""
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] == 0:
        raise InputError(
            f"Coordinates must be an array of points × dimensions, not of shape {array.shape}."
        )
    broken = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
    if broken:
        raise InputError(
            f"{broken} of {len(array)} points have coordinates that are NaN or infinite; "
            "encode these cases again or leave them out."
        )
    return array


def first_highest(values: Floats, tolerance: float = 0.0) -> int:
    """Return the lowest index of `values` [N] that is within `tolerance` of the highest."""
    return int(np.argmax(values >= values.max() - tolerance))


def highest_first(values: ArrayLike, tolerance: float = 0.0) -> Indices:
    """Return the indices of `values` [N] from the highest to the lowest; ties by index.

    Values within `tolerance` of the one before them count as equal to it.
    """
    array = np.asarray(values, dtype=np.float64)
    order: Indices = np.argsort(-array, kind="stable")
    if not tolerance:
        return order
    level = np.cumsum(-np.diff(array[order], prepend=np.inf) > tolerance)
    return order[np.lexsort((order, level))]


def distances_to(points: Floats, point: Floats) -> Floats:
    """Return the Euclidean distances [N] from `points` [N, D] to `point` [D]."""
    difference = points - point
    distances: Floats = np.sqrt(np.einsum("nd,nd->n", difference, difference))
    return distances


def diameter(points: ArrayLike) -> tuple[float, int, int]:
    """Return the greatest distance between two of `points` [N, D] and the pair's indices i ≤ j.

    Exact, but not by N² distances: a point p can end a diameter of at least δ only if its distance
    to a centre c satisfies |p − c| ≥ δ − max|q − c|; of the few that remain in 2-D only the convex
    hull's vertices are compared. Collinear, repeated and single points are fine.
    """
    array = as_points(points)
    start = int(np.argmax(distances_to(array, array.mean(axis=0))))
    one = int(np.argmax(distances_to(array, array[start])))
    from_one = distances_to(array, array[one])
    other = int(np.argmax(from_one))
    if from_one[other] == 0.0:
        return 0.0, 0, 0
    radii = distances_to(array, (array[one] + array[other]) / 2)
    bound = (from_one[other] - radii.max()) * (1 - SLACK) - SLACK * radii.max()
    outer = _extreme(array, np.flatnonzero(radii >= bound))
    distance, i, j = _farthest_pair(array[outer])
    return distance, int(outer[i]), int(outer[j])


def _extreme(points: Floats, outer: Indices, few: int = 500) -> Indices:
    """Return those of the rows `outer` that may end the diameter, ascending."""
    if len(outer) <= few:
        return outer
    # Copies of one point would flatten the hull, or be compared with each other in vain.
    outer = np.sort(outer[np.unique(points[outer], axis=0, return_index=True)[1]])
    if len(outer) <= few or points.shape[1] != 2:
        return outer
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.sort(outer[ConvexHull(points[outer]).vertices])
    except QhullError:  # all on one line
        return outer


def _farthest_pair(points: Floats) -> tuple[float, int, int]:
    """Return the diameter by comparing all pairs, a block of rows at a time."""
    from scipy.spatial.distance import cdist

    best = (0.0, 0, 0)
    rows = max(1, _BLOCK // len(points))
    for start in range(0, len(points), rows):
        block = cdist(points[start : start + rows], points[start:])
        i, j = np.unravel_index(int(block.argmax()), block.shape)
        if block[i, j] > best[0]:
            best = (float(block[i, j]), start + int(i), start + int(j))
    return best


class NearestSelected:
    """For each of `points` [N, D] the distance to the nearest selected point, and which one it is.

    Adding a selected point costs O(N·D); D(i|S) of Levy et al. 2026, equation 8.

    Attributes:
        nearest: [N] name of the nearest selected point (the earliest added of equally near ones);
            −1 while nothing is selected.
    """

    def __init__(self, points: ArrayLike) -> None:
        # Column by column: adding a point then runs over contiguous memory.
        self._columns = np.ascontiguousarray(np.asarray(points, dtype=np.float64).T)
        count = self._columns.shape[1]
        self._squared = np.full(count, np.inf)
        self._sum = np.empty(count)
        self._term = np.empty(count)
        self.nearest: Indices = np.full(count, -1, dtype=np.int64)

    def add(self, point: ArrayLike, name: int) -> None:
        """Select `point` [D], from now on called `name`."""
        self._sum.fill(0.0)
        for column, value in zip(self._columns, np.asarray(point, dtype=np.float64), strict=True):
            np.subtract(column, value, out=self._term)
            np.multiply(self._term, self._term, out=self._term)
            np.add(self._sum, self._term, out=self._sum)
        nearer = self._sum < self._squared
        np.copyto(self._squared, self._sum, where=nearer)
        np.copyto(self.nearest, name, where=nearer)

    @property
    def distance(self) -> Floats:
        """Distances [N]; infinite while nothing is selected."""
        distances: Floats = np.sqrt(self._squared)
        return distances


class CandidateDiameter:
    """The diameter of the candidates that remain of `points` [N, D] (Levy et al. 2026, eq. 9).

    It is computed again only when one of the two points that span it has been removed; never where
    it is `fixed`, that is the diameter of all of `points`.
    """

    def __init__(self, points: ArrayLike, *, fixed: bool = False) -> None:
        self._points = as_points(points)
        self._fixed = fixed
        self._left = np.ones(len(self._points), dtype=bool)
        self._span: tuple[float, int, int] | None = None

    def remove(self, index: int) -> None:
        """Take the point `index` out of the candidates."""
        if self._fixed:
            return
        self._left[index] = False
        if self._span is not None and index in self._span[1:]:
            self._span = None

    @property
    def value(self) -> float:
        """The greatest distance between two remaining candidates; 0 when fewer than two remain."""
        if self._span is None:
            left = np.flatnonzero(self._left)
            if len(left) < 2:
                return 0.0
            distance, i, j = diameter(self._points[left])
            self._span = (distance, int(left[i]), int(left[j]))
        return self._span[0]


def farthest_points(
    coords: ArrayLike, members: ArrayLike, start: int | Sequence[int], count: int
) -> tuple[Indices, Floats]:
    """Pick `count` of `members`, each the farthest from all picked before it and from `start`.

    Args:
        coords: [N, D] coordinates of the pool.
        members: indices that may be picked; those in `start` are passed over.
        start: index or indices (at least one) picked already; they need not be members.
        count: how many to pick.

    Returns:
        The picks in order [count], and each one's distance when picked to the nearest point picked
        before it [count]. Ties go to the lowest index; a point that repeats another's coordinates
        may be picked, at distance 0, once all others are.

    Raises:
        PoolTooSmallError: fewer than `count` members are left to pick.
    """
    points = np.asarray(coords, dtype=np.float64)
    chosen = np.atleast_1d(np.asarray(start, dtype=np.int64))
    free: Indices = np.setdiff1d(np.asarray(members, dtype=np.int64), chosen)
    if count > len(free):
        raise PoolTooSmallError(len(free), count)
    if len(chosen) == 0:
        raise InputError("Farthest-point picks need at least one point to start from.")
    selected = NearestSelected(points[free])
    for index in chosen:
        selected.add(points[index], int(index))
    picks, distances = np.empty(count, dtype=np.int64), np.empty(count)
    left = np.ones(len(free), dtype=bool)
    for step in range(count):
        distance = np.where(left, selected.distance, -1.0)
        best = first_highest(distance, TIE * float(distance.max()))
        picks[step], distances[step] = free[best], distance[best]
        left[best] = False
        selected.add(points[free[best]], int(free[best]))
    return picks, distances
