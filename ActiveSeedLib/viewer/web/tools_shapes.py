"""Which voxels a stroke of the brush or a drawn outline takes in: exactly, in arrays.

A brush or an outline takes in the voxels whose centres lie within it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.scene.layers import Placed

Array = NDArray[np.float64]
_EPS = 1e-6


@dataclass(frozen=True)
class Lattice:
    """Where the voxels are.

    Attributes:
        shape: of the array, KJI.
        to_ras: IJK index → R, A, S in mm, [4, 4].
    """

    shape: tuple[int, int, int]
    to_ras: Array

    def indices(self, points: Array) -> Array:
        """Return points [N, 3] in RAS as indices I, J, K, which need not be whole."""
        shifted = (points - self.to_ras[:3, 3]).T
        return np.asarray(np.linalg.solve(self.to_ras[:3, :3], shifted).T)


@dataclass(frozen=True)
class Brush:
    """A round brush.

    Attributes:
        radius: in mm.
        normal: of the slice that it paints on, a unit vector in RAS; None for a sphere.
        thickness: of that slice in mm: one layer of voxels, whichever way it is cut.
    """

    radius: float
    normal: Array | None = None
    thickness: float = 0.0

    def reach(self, lattice: Lattice) -> Array:
        """Return how far the brush reaches from its centre along I, J and K, in voxels."""
        rows = np.linalg.inv(lattice.to_ras[:3, :3])
        if self.normal is None:
            return np.asarray(self.radius * np.linalg.norm(rows, axis=1))
        across = rows @ self.normal
        along = np.linalg.norm(rows - np.outer(across, self.normal), axis=1)
        return np.asarray(self.radius * along + self.thickness / 2 * np.abs(across))


def stroke(start: Array, end: Array, brush: Brush, lattice: Lattice) -> Placed | None:
    """Return the voxels that a brush takes in on its way from one point to another.

    The voxels under the way itself always belong to it, however small the brush.

    Args:
        start: R, A, S in mm.
        end: where the brush stops; may be `start`.
        brush: its size and shape.
        lattice: the voxels.

    Returns:
        A mask and where it lies; None if it is all outside the image.
    """
    ends = lattice.indices(np.stack([start, end]))
    reach = brush.reach(lattice) + _EPS
    low = np.ceil(np.minimum(ends.min(axis=0) - reach, np.rint(ends).min(axis=0))).astype(int)
    high = np.floor(np.maximum(ends.max(axis=0) + reach, np.rint(ends).max(axis=0))).astype(int)
    low = np.maximum(low, 0)
    high = np.minimum(high, np.array(lattice.shape[::-1]) - 1)
    if (high < low).any():
        return None
    i, j, k = (np.arange(a, b + 1) for a, b in zip(low, high, strict=True))
    mask = _within(_centres(i, j, k, lattice) - start, end - start, brush)
    way = _voxels_between(*ends) - low
    way = way[((way >= 0) & (way <= high - low)).all(axis=1)]
    mask[way[:, 2], way[:, 1], way[:, 0]] = True
    if not mask.any():
        return None
    corners = [slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)]
    return Placed(mask, (corners[2], corners[1], corners[0]))


def outlined(corners: Array, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which points of a grid lie within a closed outline, by the even-odd rule.

    Args:
        corners: row and column of each corner, [N, 2]; need not be whole.
        shape: rows and columns of the grid.
    """
    rows, columns = shape
    flips = np.zeros((rows, columns + 1), np.int32)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 > y1:
            y0, x0, y1, x1 = y1, x1, y0, x0
        # Half open, so that a row through a corner is crossed once.
        first, last = max(math.ceil(y0), 0), min(math.ceil(y1), rows)
        if first < last:
            y = np.arange(first, last)
            crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
            at = np.clip(np.ceil(crossing), 0, columns).astype(int)
            flips[y, at] += 1
    inside = np.cumsum(flips, axis=1)[:, :columns] % 2
    return np.asarray(inside, bool)


def _centres(i: NDArray[np.int_], j: NDArray[np.int_], k: NDArray[np.int_], to: Lattice) -> Array:
    """Return R, A, S of all voxels of a box, [K, J, I, 3]."""
    axes, origin = to.to_ras[:3, :3], to.to_ras[:3, 3]
    return np.asarray(
        k[:, None, None, None] * axes[:, 2]
        + j[None, :, None, None] * axes[:, 1]
        + i[None, None, :, None] * axes[:, 0]
        + origin
    )


def _within(places: Array, way: Array, brush: Brush) -> NDArray[np.bool_]:
    """Return which places, relative to the beginning of the way, the brush comes over."""
    layer = None
    if brush.normal is not None:
        height = places @ brush.normal
        # Half open: a slice in the middle between two layers of voxels takes one of them.
        layer = np.floor(height / brush.thickness + 0.5 - _EPS) == 0
        places = places - height[..., None] * brush.normal
        way = way - (way @ brush.normal) * brush.normal
    length = float(way @ way)
    if length > 0:
        along = np.clip(places @ way / length, 0.0, 1.0)
        places = places - along[..., None] * way
    near = (places**2).sum(axis=-1) <= (brush.radius * (1 + _EPS)) ** 2
    return np.asarray(near if layer is None else near & layer)


def _voxels_between(start: Array, end: Array) -> NDArray[np.int_]:
    """Return the indices I, J, K of the voxels along a line, [N, 3]."""
    steps = max(1, math.ceil(2 * float(np.abs(end - start).max())))
    points = start + np.linspace(0, 1, steps + 1)[:, None] * (end - start)
    return np.floor(points + 0.5 - _EPS).astype(int)
