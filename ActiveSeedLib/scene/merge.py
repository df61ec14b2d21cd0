"""Label maps of several layers as one: who overlaps whom, and who wins."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.project.schema import LARGEST_VALUE
from ActiveSeedLib.scene.layers import Placed


def translated(array: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return table[array]; what lies beyond the table becomes its last entry, 0."""
    result = np.empty(array.shape, table.dtype)
    for part, target in zip(array, result, strict=True):  # the indices are widened to 64 bits
        np.take(table, part.astype(np.intp), out=target, mode="clip")
    return result


def overlapping(parts: Sequence[Placed], order: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return how many voxels each pair of values shares, in the order given."""
    size = len(order)
    rank = _ranks(order)
    counts = np.zeros(size * size, np.int64)
    for one, other in combinations(parts, 2):
        for a, b in zip(*_common(one, other), strict=True):  # slice by slice, to stay in the cache
            both = (a != 0) & (b != 0) & (a != b)
            if both.any():
                pairs = rank[[a[both], b[both]]]
                codes = pairs.min(axis=0) * size + pairs.max(axis=0)
                counts += np.bincount(codes, minlength=size * size)
    found = np.flatnonzero(counts).tolist()
    return {(order[code // size], order[code % size]): int(counts[code]) for code in found}


def merged(
    parts: Sequence[Placed], precedence: Sequence[int], geometry: Geometry, dtype: Any
) -> NDArray[Any]:
    """Return one array of all parts; where they differ the value earlier in `precedence` stays."""
    if len(parts) == 1 and parts[0].array.shape == geometry.shape:
        return parts[0].array
    rank = _ranks(precedence)
    result = np.zeros(geometry.shape, dtype)
    for number, part in enumerate(parts):
        target = result[part.box]
        if number == 0:
            target[...] = part.array
            continue
        for old, new in zip(target, part.array, strict=True):
            wins = new != 0
            contested = wins & (old != 0) & (old != new)
            if contested.any():
                wins[contested] = rank[new[contested]] < rank[old[contested]]
            np.copyto(old, new, where=wins)
    return result


def _ranks(order: Sequence[int]) -> NDArray[np.intp]:
    """Return value → its first position in `order`."""
    rank = np.full(LARGEST_VALUE + 1, len(order))
    for position, value in reversed(list(enumerate(order))):
        rank[value] = position
    return rank


def _common(one: Placed, other: Placed) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values of both where their boxes meet; arrays of no slices if they do not."""
    shared = [
        (max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one.box, other.box, strict=True)
    ]
    if any(stop <= start for start, stop in shared):
        return one.array[:0], other.array[:0]

    def part(of: Placed) -> NDArray[Any]:
        return of.array[
            tuple(
                slice(start - side.start, stop - side.start)
                for (start, stop), side in zip(shared, of.box, strict=True)
            )
        ]

    return part(one), part(other)
