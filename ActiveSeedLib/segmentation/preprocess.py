"""From an image's own voxels to the network's grid, and back."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.orientation import Orientation
from ActiveSeedLib.segmentation.plan import Plan, grid_shape

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Frame:
    """How one image's voxels relate to the network's grid.

    In 2-D the grid is (slices, rows, columns) with rows and columns resized; in 3-D it is the
    volume along S, P, L, resampled to the plan's spacing. Voxel edges of both grids coincide.
    """

    orientation: Orientation
    shape: Shape
    grid: Shape

    @classmethod
    def of(cls, geometry: Geometry, plan: Plan) -> "Frame":
        """Return the frame of an image with this `geometry`."""
        if plan.spacing is None:
            assert plan.size_2d is not None
            orientation = Orientation.slices(geometry, plan.slice_axis)
            grid = (geometry.shape[orientation.axes[0]], *plan.size_2d)
        else:
            orientation = Orientation.canonical(geometry)
            grid = grid_shape(geometry, plan.spacing)
        first, second, third = (geometry.shape[a] for a in orientation.axes)
        return cls(orientation, (first, second, third), grid)

    def image_to_grid(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the KJI `array` as z-scores on the grid, resampled linearly."""
        return self.to_grid(normalise(array))

    def to_grid(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return KJI `values` on the grid, resampled linearly."""
        oriented = self.orientation.forward(values)
        return resize_linear(oriented.astype(np.float32, copy=False), self.grid)

    def labels_to_grid(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the KJI label map on the grid, each voxel taking the nearest one's value."""
        return resize_nearest(self.orientation.forward(array), self.grid)

    def from_grid(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values on the grid, such as probabilities, as KJI in the image's own geometry."""
        back = self.orientation.backward(resize_linear(array, self.shape))
        return np.ascontiguousarray(back, dtype=np.float32)


def image_on_grid(image: Image, plan: Plan) -> tuple[Frame, NDArray[np.float32]]:
    """Return the frame of `image` and its z-scores on the network's grid."""
    frame = Frame.of(image.geometry, plan)
    return frame, frame.image_to_grid(image.array)


def normalise(array: NDArray[np.generic], epsilon: float = 1e-8) -> NDArray[np.float32]:
    """Return (I − μ) / (σ + ε) over the whole image (Levy et al. 2026, eq. 11).

    Voxels that are not finite are left out of μ and σ and become 0.
    """
    values = np.asarray(array, dtype=np.float32)
    finite = np.isfinite(values)
    known = values if finite.all() else values[finite]
    if known.size == 0:
        return np.zeros(values.shape, dtype=np.float32)
    mean = np.float32(known.mean(dtype=np.float64))
    deviation = np.float32(known.std(dtype=np.float64) + epsilon)
    scores = (values - mean) / deviation
    return scores if known.size == values.size else np.where(finite, scores, np.float32(0))


def resize_linear(array: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """Return the 3-D `array` at `shape`, linearly, averaging where it shrinks (no aliasing)."""
    if array.shape == shape:
        return np.ascontiguousarray(array)
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if array.shape[1:] != shape[1:]:
        tensor = _resize_2d(tensor[None], shape[1:])[0]
    if array.shape[0] != shape[0]:
        flat = tensor.reshape(1, 1, array.shape[0], -1)
        tensor = _resize_2d(flat, (shape[0], flat.shape[-1])).reshape(shape)
    return np.asarray(tensor.numpy())


def resize_nearest(array: NDArray[np.generic], shape: Shape) -> NDArray[np.generic]:
    """Return the 3-D `array` at `shape`, each voxel from the one that holds its centre."""
    for axis, (old, new) in enumerate(zip(array.shape, shape, strict=True)):
        if old != new:
            centres = ((np.arange(new) + 0.5) * old / new).astype(np.int64)
            array = np.take(array, np.minimum(centres, old - 1), axis=axis)
    return np.ascontiguousarray(array)


def _resize_2d(tensor: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    return torch.nn.functional.interpolate(
        tensor, size=size, mode="bilinear", align_corners=False, antialias=True
    )
