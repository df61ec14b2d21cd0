"""Distances among all points of a pool, some rows at a time, by matrix products.

What compares every case with every other goes through here. The N² distances are kept for up to
4,000 cases (128 MB), and never beyond. In double precision up to 17 million numbers (8,000 cases
of 2,048), in single precision beyond: half the memory and half the time.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, Indices

# Cases of which all pairs are compared: of 2,048 numbers each they take up to ten minutes of one
# processor core (Testing/benchmarks/bench_strategies.py).
ALL_PAIRS_UP_TO = 50_000
_DOUBLE_UP_TO = 1 << 24  # numbers in the features
_KEPT_UP_TO = 4_000  # cases whose distances are kept
_BLOCK = 1 << 23  # distances held at a time
_EXACT_BLOCK = 1 << 22  # differences held at a time
_CACHED = 1 << 17  # differences that stay in the processor's cache


def check_all_pairs(strategy: str, count: int, instead: str, most: int = ALL_PAIRS_UP_TO) -> None:
    """Raise `InputError` where a strategy that compares all pairs of cases would take too long.

    Args:
        strategy: its name.
        count: N, the cases that it compares.
        instead: what to choose in a larger pool, in words.
        most: the most cases that it compares.
    """
    if count > most:
        raise InputError(
            f"{strategy} compares all pairs of cases, which is possible up to {most:,} cases, but "
            f"this pool has {count:,}: choose {instead}."
        )


def checked_features(features: ArrayLike) -> NDArray[np.floating]:
    """Return `features` as a float array [N, D] without NaN, or raise `InputError`."""
    array = np.asarray(features)
    if array.ndim != 2 or array.size == 0:
        raise InputError(
            f"Features must be an array of cases × numbers, not of shape {array.shape}."
        )
    if not np.isfinite(array).all():
        broken = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
        raise InputError(
            f"{broken} of {len(array)} cases have features that are NaN or infinite; "
            "encode these cases again or leave them out."
        )
    kind = array.dtype if np.issubdtype(array.dtype, np.floating) else np.float64
    return np.asarray(array, dtype=kind)


def distances_from(points: NDArray[np.floating], point: ArrayLike) -> Floats:
    """Return the Euclidean distances [N] from `points` [N, D] to `point` [D].

    From differences in double precision: equal points are at distance 0, near copies near it.
    """
    place = np.asarray(point, dtype=np.float64)
    distances = np.empty(len(points))
    step = max(1, _CACHED // points.shape[1])
    for start in range(0, len(points), step):
        difference = points[start : start + step] - place
        distances[start : start + step] = np.einsum("nd,nd->n", difference, difference)
    return np.sqrt(distances, out=distances)


class Distances:
    """Squared Euclidean distances among the rows of features [N, D].

    Attributes:
        points: [N, D] the features about their mean, which keeps the rounding small.
        precise: whether it is double precision that they are compared in.
        slack: squared distances this near to each other may be equal: it is rounding that parts
            them.
    """

    def __init__(self, features: ArrayLike) -> None:
        array = checked_features(features)
        kind = np.float64 if array.size <= _DOUBLE_UP_TO else np.float32
        middle = array.mean(axis=0, dtype=np.float64)
        self.points: NDArray[np.floating] = array.astype(kind) - middle.astype(kind)
        self.precise = kind is np.float64
        self._kept: NDArray[np.floating] | None = None
        self._squares: NDArray[np.floating] = np.einsum("nd,nd->n", self.points, self.points)
        scale = float(self._squares.max())
        self.slack = scale * float(np.finfo(kind).eps) * 64

    def __len__(self) -> int:
        return len(self.points)

    def squared(self, rows: Indices) -> NDArray[np.floating]:
        """Return the squared distances [M, N] from each of `rows` to all, an array of one's own."""
        if len(self) > _KEPT_UP_TO:
            return self._computed(rows)
        if self._kept is None:
            self._kept = self._computed(np.arange(len(self)))
        return self._kept[rows]

    def _computed(self, rows: Indices) -> NDArray[np.floating]:
        product: NDArray[np.floating] = self.points[rows] @ self.points.T
        product *= -2
        product += self._squares
        product += self._squares[rows][:, None]
        np.maximum(product, 0, out=product)
        product[np.arange(len(rows)), rows] = 0
        return product

    def blocks(self, rows: Indices | None = None) -> Iterator[tuple[Indices, NDArray[np.floating]]]:
        """Yield some of `rows` (by default all) at a time, and their squared distances to all."""
        wanted = np.arange(len(self)) if rows is None else rows
        step = max(1, _BLOCK // len(self))
        for start in range(0, len(wanted), step):
            some = wanted[start : start + step]
            yield some, self.squared(some)


def nearest_others(
    distances: Distances,
    k: int,
    rows: Indices | None = None,
    among: NDArray[np.bool_] | None = None,
) -> tuple[Indices, Floats]:
    """Return the k nearest other points of each of `rows`, in no order, and how far they are.

    The neighbours are found by matrix products; their distances are then computed from differences,
    so that those of near copies are not lost in rounding.

    Args:
        distances: of N points.
        k: 0 to the number of the others.
        rows: [M] whose neighbours are wanted; by default all.
        among: [N] which points may be neighbours; by default all.

    Returns:
        Indices and Euclidean distances, both [M, k].
    """
    count = len(distances) if rows is None else len(rows)
    near, far = np.empty((count, k), dtype=np.int64), np.empty((count, k))
    if k == 0:
        return near, far
    done = 0
    for some, block in distances.blocks(rows):
        block[np.arange(len(some)), some] = np.inf
        if among is not None:
            block[:, ~among] = np.inf
        part = slice(done, done + len(some))
        near[part] = np.argpartition(block, k - 1, axis=1)[:, :k]
        far[part] = distances_between(distances.points, some, near[part])
        done += len(some)
    return near, far


def distances_between(points: NDArray[np.floating], rows: Indices, near: Indices) -> Floats:
    """Return the distances [M, k] from each of `rows` to the points `near` [M, k]."""
    far = np.empty(near.shape)
    step = max(1, _EXACT_BLOCK // (near.shape[1] * points.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        difference = points[near[part]] - points[rows[part], None]
        far[part] = np.sqrt(np.einsum("mkd,mkd->mk", difference, difference))
    return far
