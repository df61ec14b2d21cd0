"""Label maps as Slicer keeps them within a segmentation: oriented image data shared by segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.scene.volumes import (
    LPS_TO_RAS,
    directions_ras,
    ijk_to_ras,
    matrix_array,
    scalars,
)

Box = tuple[slice, slice, slice]
# Two lattices are one if no voxel lies further than this from its partner, in voxels.
_SAME_LATTICE = 0.05


@dataclass(frozen=True)
class Placed:
    """Values on part of an image: `array` is KJI, `box` says where it lies in the image's array."""

    array: NDArray[Any]
    box: Box


def representation_name() -> str:
    """Return Slicer's name of label maps within a segmentation."""
    return str(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())


def make_layer(array: NDArray[Any], geometry: Geometry) -> Any:
    """Return vtkOrientedImageData with the part of a KJI label map that is not 0."""
    layer = slicer.vtkOrientedImageData()
    layer.SetOrigin(*(float(value) for value in LPS_TO_RAS @ geometry.origin))
    layer.SetSpacing(*geometry.spacing)
    layer.SetDirections(directions_ras(geometry).tolist())
    box = occupied(array)
    if box is None:
        layer.SetExtent(0, -1, 0, -1, 0, -1)
        layer.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        return layer
    k, j, i = box
    layer.SetExtent(i.start, i.stop - 1, j.start, j.stop - 1, k.start, k.stop - 1)
    layer.GetPointData().SetScalars(scalars(array[box]))
    return layer


def read_layer(layer: Any, geometry: Geometry) -> Placed | None:
    """Return the values of a layer on the voxels of an image; None if there are none.

    Where both have the same lattice the values are a view of the layer, whatever their extents;
    otherwise each voxel of the image takes the value of the layer's nearest one.
    """
    placed = _as_placed(layer)
    if placed is None:
        return None
    shift = _shift(layer, geometry)
    if shift is None:
        placed, shift = _as_placed(_resampled(layer, geometry)), (0, 0, 0)
        if placed is None:
            return None
    inner, outer = [], []
    for part, by, length in zip(placed.box, shift, geometry.shape, strict=True):
        start, stop = part.start + by, part.stop + by
        first, last = max(start, 0), min(stop, length)
        if last <= first:
            return None
        inner.append(slice(first - start, last - start))
        outer.append(slice(first, last))
    return Placed(placed.array[tuple(inner)], (outer[0], outer[1], outer[2]))


def common_lattice(layers: Sequence[Any]) -> tuple[Geometry, tuple[int, int, int]]:
    """Return the voxels that cover all of some layers, on the lattice of the first one.

    Returns:
        The geometry, of two voxels or more, and which index I, J, K of the first layer's lattice
        its voxel (0, 0, 0) is.
    """
    to_ras = _image_to_world(layers[0])
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for layer in layers:
        to_lattice = np.linalg.solve(to_ras, _image_to_world(layer))
        places = (_corners(layer) @ to_lattice.T)[:, :3]
        low = np.minimum(low, np.floor(places.min(axis=0) + _SAME_LATTICE))
        high = np.maximum(high, np.ceil(places.max(axis=0) - _SAME_LATTICE))
    i, j, k = (int(value) for value in low)
    size = [int(value) for value in high - low + 1]
    size[0] += size == [1, 1, 1]
    axes = LPS_TO_RAS @ to_ras[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    x, y, z = LPS_TO_RAS @ (to_ras @ (i, j, k, 1.0))[:3]
    geometry = Geometry(
        (size[0], size[1], size[2]),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        (float(x), float(y), float(z)),
        tuple(float(value) for value in (axes / spacing).ravel()),
    )
    return geometry, (i, j, k)


def occupied(array: NDArray[Any]) -> Box | None:
    """Return the smallest box of a KJI array that holds all values but 0; None if all are 0."""
    box: list[slice] = []
    for axis in range(3):
        part = array[tuple(box)]
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(part.any(axis=others))
        if not found.size:
            return None
        box.append(slice(int(found[0]), int(found[-1]) + 1))
    return (box[0], box[1], box[2])


def _as_placed(layer: Any) -> Placed | None:
    """Return all values of a layer, placed by its own extent; None if it is empty."""
    from vtk.util.numpy_support import vtk_to_numpy

    i0, i1, j0, j1, k0, k1 = layer.GetExtent()
    values = layer.GetPointData().GetScalars()
    if values is None or i1 < i0 or j1 < j0 or k1 < k0:
        return None
    array = vtk_to_numpy(values).reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)
    return Placed(array, (slice(k0, k1 + 1), slice(j0, j1 + 1), slice(i0, i1 + 1)))


def _shift(layer: Any, geometry: Geometry) -> tuple[int, int, int] | None:
    """Return the whole K, J, I to add to a layer's indices to get the image's; None if none do."""
    to_image = np.linalg.solve(ijk_to_ras(geometry), _image_to_world(layer))
    corners = _corners(layer)
    offsets = (corners @ to_image.T - corners)[:, :3]
    shift = np.rint(offsets[0])
    if np.abs(offsets - shift).max() > _SAME_LATTICE:
        return None
    i, j, k = (int(value) for value in shift)
    return (k, j, i)


def _image_to_world(layer: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    layer.GetImageToWorldMatrix(matrix)
    return matrix_array(matrix)


def _corners(layer: Any) -> NDArray[np.float64]:
    """Return the indices I, J, K, 1 of a layer's outermost voxels, [8, 4]."""
    i0, i1, j0, j1, k0, k1 = layer.GetExtent()
    return np.array([(i, j, k, 1.0) for i in (i0, i1) for j in (j0, j1) for k in (k0, k1)])


def _resampled(layer: Any, geometry: Geometry) -> Any:
    """Return the layer on the voxels of the image, by nearest neighbour."""
    reference = slicer.vtkOrientedImageData()
    reference.SetOrigin(*(float(value) for value in LPS_TO_RAS @ geometry.origin))
    reference.SetSpacing(*geometry.spacing)
    reference.SetDirections(directions_ras(geometry).tolist())
    i, j, k = geometry.size
    reference.SetExtent(0, i - 1, 0, j - 1, 0, k - 1)
    result = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        layer, reference, result
    )
    return result
