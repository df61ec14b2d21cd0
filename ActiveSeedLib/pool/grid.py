"""Whether a geometry is one of an image: a regular grid, of a size that can be meant."""

import math
from dataclasses import replace

import numpy as np

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.case import Geometry

NO_VOXEL_SIZE = "Its header gives no voxel size along some axis; 1 mm is assumed there."
NO_ORIENTATION = "Its header gives no orientation; its axes are taken as they lie (LPS)."
_SMALLEST, _LARGEST = 1e-6, 1e5  # millimetres: a nanometre, a hundred metres
_LONGEST = 2**31 - 1  # voxels along a side
_FARTHEST = 1e7  # millimetres from the origin; beyond it single precision loses the voxel
_SHEAR = 5e-4  # cosine between two axes that rounded headers still have
_ROUNDING = 1e-6
_IDENTITY = np.eye(3)


def regular(geometry: Geometry) -> Geometry:
    """Return `geometry` with its axes at right angles to the last digit.

    Headers round their directions, and every format that a label map is written to wants exact
    ones. Raises UnreadableImageError, with a sentence that does not name the file, if the axes are
    sheared, or size, spacing or origin cannot be meant.
    """
    if not all(1 <= extent <= _LONGEST for extent in geometry.size):
        size = " × ".join(str(extent) for extent in geometry.size)
        raise UnreadableImageError(
            f"The header is damaged: it gives the size {size}; copy the file again."
        )
    if not all(_SMALLEST <= step <= _LARGEST for step in geometry.spacing):
        steps = " × ".join(f"{step:g}" for step in geometry.spacing)
        raise UnreadableImageError(
            f"The header gives a voxel size of {steps} mm, which cannot be meant; save the image "
            "anew."
        )
    if not all(abs(place) <= _FARTHEST for place in geometry.origin):
        raise UnreadableImageError(
            "The header puts the image where nothing can be (its origin is "
            f"{', '.join(f'{place:g}' for place in geometry.origin)} mm); save the image anew."
        )
    if not all(math.isfinite(value) for value in geometry.direction):
        raise UnreadableImageError(
            "The header is damaged: its orientation is not a number; save the image anew."
        )
    axes = np.array(geometry.direction).reshape(3, 3)
    away = float(np.abs(axes.T @ axes - _IDENTITY).max())
    if away > _SHEAR:
        raise UnreadableImageError(
            "The axes of the image are not at right angles; resample it to a regular grid."
        )
    if away <= _ROUNDING:
        return geometry
    left, _, right = np.linalg.svd(axes)  # the nearest axes at right angles
    return replace(geometry, direction=tuple(float(v) + 0.0 for v in (left @ right).ravel()))
