"""The pieces that a mask consists of."""

import numpy as np
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.scene.layers import occupied
from ActiveSeedLib.scene.volumes import scalars


def islands(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int_]]:
    """Return the pieces of a mask, numbered; voxels are of one piece if they share a face.

    Returns:
        The number of each voxel's piece from 1, 0 where there is none, and the size in voxels of
        the pieces, in the order of their numbers.
    """
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    numbers = np.zeros(mask.shape, np.int32)
    box = occupied(mask)
    if box is None:
        return numbers, np.zeros(0, int)
    part = mask[box]
    image = vtk.vtkImageData()
    image.SetDimensions(*part.shape[::-1])
    image.GetPointData().SetScalars(scalars(part.astype(np.uint32)))
    finder = slicer.vtkITKIslandMath()
    finder.SetInputData(image)
    finder.SetFullyConnected(False)
    finder.Update()
    found = vtk_to_numpy(finder.GetOutput().GetPointData().GetScalars())
    numbers[box] = found.reshape(part.shape)
    return numbers, np.bincount(numbers[box].ravel())[1:]
