"""The pieces that a mask consists of."""

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.scene.layers import occupied


def islands(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int_]]:
    """Return the pieces of a mask, numbered; voxels are of one piece if they share a face.

    Returns:
        The number of each voxel's piece from 1, 0 where there is none, and the size in voxels of
        the pieces, in the order of their numbers.
    """
    from scipy import ndimage  # a hundred times as fast as Slicer's where there are many pieces

    numbers = np.zeros(mask.shape, np.int32)
    box = occupied(mask)
    if box is None:
        return numbers, np.zeros(0, int)
    ndimage.label(mask[box], output=numbers[box])
    return numbers, np.bincount(numbers[box].ravel())[1:]
