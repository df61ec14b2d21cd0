"""Array axes brought into one order and direction, so that flipped acquisitions agree."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry


def canonical_axes(
    geometry: Geometry,
) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Return which KJI array axes lie closest to S, P, L, and whether each runs against it.

    The assignment is the one of the six with the largest sum of |cosines|; ties, as at 45°, go to
    the first in lexicographic order of the array axes.
    """
    return _axes_along(tuple(geometry.direction))


@lru_cache(maxsize=1024)  # most images of a pool lie alike, and there may be many thousands
def _axes_along(
    direction: tuple[float, ...],
) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    cosines = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    rows = cosines[::-1, ::-1]  # from (L, P, S) × (I, J, K) to (S, P, L) × (K, J, I)
    totals = {
        axes: round(sum(abs(float(rows[w, a])) for w, a in enumerate(axes)), 6)
        for axes in permutations(range(3))
    }
    best = max(totals, key=lambda axes: totals[axes])
    flips = [bool(rows[w, a] < 0) for w, a in enumerate(best)]
    return (best[0], best[1], best[2]), (flips[0], flips[1], flips[2])


@dataclass(frozen=True)
class Orientation:
    """A reordering of array axes with flips, and its inverse; voxels are moved, never changed."""

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    @classmethod
    def canonical(cls, geometry: Geometry) -> "Orientation":
        """Return the reordering of a KJI array to S, P, L."""
        return cls(*canonical_axes(geometry))

    @classmethod
    def slices(cls, geometry: Geometry, axis: int) -> "Orientation":
        """Return the reordering of a KJI array that puts its slices first.

        Slices are cut across the axis of a single voxel where there is one, else across canonical
        `axis` (0, 1, 2 for S, P, L); the two axes within a slice keep their canonical order.
        """
        whole = cls.canonical(geometry)
        single = [i for i, a in enumerate(whole.axes) if geometry.shape[a] == 1]
        first = single[0] if single else axis
        order = (first, *(i for i in range(3) if i != first))
        axes, flips = ([x[i] for i in order] for x in (whole.axes, whole.flips))
        return cls((axes[0], axes[1], axes[2]), (bool(flips[0]), bool(flips[1]), bool(flips[2])))

    def forward(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return a view of the KJI `array` in the new order."""
        if array.ndim != 3:
            raise InputError(
                f"An image has {array.ndim} axes; 3 are needed (one channel, no time)."
            )
        return np.transpose(array, self.axes)[self._steps]

    def backward(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return a KJI view of an `array` that is in the new order."""
        return np.transpose(array[self._steps], np.argsort(self.axes))

    @property
    def _steps(self) -> tuple[slice, slice, slice]:
        first, second, third = (slice(None, None, -1 if flip else 1) for flip in self.flips)
        return (first, second, third)
