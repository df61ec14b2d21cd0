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
    rank = {value: position for position, value in enumerate(order)}
    counts: dict[tuple[int, int], int] = {}
    for one, other in combinations(parts, 2):
        common = _common(one, other)
        if common is None:
            continue
        a, b = common
        both = (a != 0) & (b != 0) & (a != b)
        pairs, voxels = np.unique(np.stack([a[both], b[both]]), axis=1, return_counts=True)
        for (first, second), count in zip(pairs.T.tolist(), voxels.tolist(), strict=True):
            pair = (first, second) if rank[first] < rank[second] else (second, first)
            counts[pair] = counts.get(pair, 0) + count
    return dict(sorted(counts.items(), key=lambda item: [rank[value] for value in item[0]]))


def merged(
    parts: Sequence[Placed], precedence: Sequence[int], geometry: Geometry, dtype: Any
) -> NDArray[Any]:
    """Return one array of all parts; where they differ the value earlier in `precedence` stays."""
    if len(parts) == 1 and parts[0].array.shape == geometry.shape:
        return parts[0].array
    rank = np.full(LARGEST_VALUE + 1, len(precedence))
    for position, value in reversed(list(enumerate(precedence))):
        rank[value] = position
    result = np.zeros(geometry.shape, dtype)
    for number, part in enumerate(parts):
        target = result[part.box]
        if number == 0:
            target[...] = part.array
            continue
        contested = (target != 0) & (part.array != 0)
        wins = part.array != 0
        wins[contested] = rank[part.array[contested]] < rank[target[contested]]
        np.copyto(target, part.array, where=wins)
    return result


def _common(one: Placed, other: Placed) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the values of both where their boxes meet."""
    shared = [
        (max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one.box, other.box, strict=True)
    ]
    if any(stop <= start for start, stop in shared):
        return None

    def part(of: Placed) -> NDArray[Any]:
        return of.array[
            tuple(
                slice(start - side.start, stop - side.start)
                for (start, stop), side in zip(shared, of.box, strict=True)
            )
        ]

    return part(one), part(other)
