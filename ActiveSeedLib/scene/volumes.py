"""Images as volume nodes.

Slicer counts millimetres towards R, A and S, a `Geometry` towards L, P and S.
"""

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.scene.nodes import add_node

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
SOFT_TISSUE = (400.0, 40.0)
"""Window and level, in Hounsfield units, that shows the organs of trunk and head."""
AIR = -300.0
"""An image with values below this holds CT numbers (Hounsfield units)."""

# The types that Slicer's volumes, their displays and their file formats all know.
_KEPT = {np.dtype(name) for name in ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")}
_SAMPLES = 1_000_000


def add_volume(scene: Any, image: Image, name: str, key: str) -> Any:
    """Add the image as a vtkMRMLScalarVolumeNode in exactly its place, windowed by percentiles.

    Types that Slicer does not know become the next one that holds all values: whole numbers of
    64 bits turn into 32 bits where they fit and else into float64, float16 into float32, truth
    values into uint8.

    Raises:
        InputError: the array is not of the geometry's shape, or holds no real numbers.
    """
    if image.array.shape != image.geometry.shape:
        raise InputError(
            f"The image {name} has an array of shape {image.array.shape}, but its geometry says "
            f"{image.geometry.shape}."
        )
    array = _displayable(image.array, name)
    node = add_node(scene, "vtkMRMLScalarVolumeNode", name, key)
    # Before the voxels come: with them Slicer counts a histogram for a window that is not used.
    node.CreateDefaultDisplayNodes()
    node.GetScalarVolumeDisplayNode().AutoWindowLevelOff()
    with slicer.util.NodeModify(node):
        node.SetAndObserveImageData(_image_data(array))
        node.SetOrigin(*(float(value) for value in LPS_TO_RAS @ image.geometry.origin))
        node.SetSpacing(*image.geometry.spacing)
        node.SetIJKToRASDirections(directions_ras(image.geometry).tolist())
    set_sensible_window(node, None)
    return node


def geometry_of(volume_node: Any) -> Geometry:
    """Return where the voxels of a volume node lie, without its transform."""
    data = volume_node.GetImageData()
    if data is None:
        raise InputError(f"The volume {volume_node.GetName()} holds no image.")
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(matrix)
    directions = LPS_TO_RAS @ matrix_array(matrix)[:3, :3]
    i, j, k = data.GetDimensions()
    # Adding zero turns -0.0 into 0.0.
    x, y, z = (float(value) + 0.0 for value in LPS_TO_RAS @ volume_node.GetOrigin())
    spacing = volume_node.GetSpacing()
    return Geometry(
        (i, j, k),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        (x, y, z),
        tuple(float(value) + 0.0 for value in directions.ravel()),
    )


def set_sensible_window(volume_node: Any, modality: str | None) -> None:
    """Choose window and level: soft tissue for CT, else percentiles 0.5 to 99.5 of what is seen.

    Voxels at the lowest value are background and do not count, if there are others.
    """
    display = volume_node.GetScalarVolumeDisplayNode()
    if display is None:
        return
    array = slicer.util.arrayFromVolume(volume_node)
    step = max(1, round((array.size / _SAMPLES) ** (1 / 3)))
    values = array[:: min(step, max(1, array.shape[0] // 8)), ::step, ::step]
    lowest = values.min()
    if modality == "CT" and lowest < AIR:
        window, level = SOFT_TISSUE
    else:
        seen = values[values > lowest]
        low, high = np.percentile(seen if seen.size else values, (0.5, 99.5)).tolist()
        if high <= low:
            low, high = float(lowest), max(float(values.max()), float(lowest) + 1)
        window, level = high - low, (high + low) / 2
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevel(window, level)


def directions_ras(geometry: Geometry) -> NDArray[np.float64]:
    """Return the 3×3 matrix whose columns are the RAS directions of I, J, K."""
    return np.asarray(LPS_TO_RAS @ np.reshape(geometry.direction, (3, 3)) + 0.0)


def ijk_to_ras(geometry: Geometry) -> NDArray[np.float64]:
    """Return the 4×4 matrix from voxel index I, J, K to millimetres R, A, S."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions_ras(geometry) * geometry.spacing
    matrix[:3, 3] = LPS_TO_RAS @ geometry.origin
    return matrix


def matrix_array(matrix: Any) -> NDArray[np.float64]:
    """Return a vtkMatrix4x4 as an array."""
    return np.array([[matrix.GetElement(row, col) for col in range(4)] for row in range(4)])


def _image_data(array: NDArray[Any]) -> Any:
    """Return a vtkImageData with a copy of a KJI array."""
    data = vtk.vtkImageData()
    data.SetDimensions(array.shape[::-1])
    data.GetPointData().SetScalars(scalars(array))
    return data


def scalars(array: NDArray[Any]) -> Any:
    """Return a copy of a KJI array as the scalars of image data."""
    from vtk.util.numpy_support import numpy_to_vtk

    values = numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True)
    values.SetName("ImageScalars")
    return values


def _displayable(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind not in "buif":
        raise InputError(
            f"The image {name} holds values of the type {array.dtype}: only grey values can be "
            "shown."
        )
    kind = array.dtype.newbyteorder("=")
    if kind in _KEPT:
        return array.astype(kind, copy=False)
    if kind.kind == "b":
        return array.astype(np.uint8)
    if kind == np.float16:
        return array.astype(np.float32)
    if kind.kind in "ui" and array.size:
        limits = np.iinfo(np.int32)
        if array.min() >= limits.min and array.max() <= limits.max:
            return array.astype(np.int32)
    return array.astype(np.float64)
