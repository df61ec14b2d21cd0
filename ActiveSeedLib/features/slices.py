"""From a volume to a few normalised, square slices, as a two-dimensional encoder needs them.

Arrays are KJI, spacings of a `Geometry` IJK in millimetres.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from ActiveSeedLib.pool.case import Geometry, Image

_SAMPLE = 1_000_000
"""Voxels that the intensity percentiles are taken from at most (evenly spaced)."""


@dataclass(frozen=True)
class Slices:
    """Slices of one image: `pixels` [S, H, W] in [0, 1] and `spacing` (H, W) in millimetres."""

    pixels: NDArray[np.float32]
    spacing: tuple[float, float]


def coarsest_axis(geometry: Geometry) -> int:
    """Return the KJI axis to slice along: the largest spacing, then fewest voxels, then K."""
    if geometry.size[2] == 1:
        return 0
    spacing, size = geometry.spacing[::-1], geometry.shape
    widest = max(spacing)
    # Headers carry rounded spacings: a difference of a thousandth is none.
    coarse = [axis for axis in range(3) if spacing[axis] >= widest * (1 - 1e-3)]
    return min(coarse, key=lambda axis: (size[axis], axis))


def evenly_spaced(total: int, count: int) -> NDArray[np.intp]:
    """Return the middle index of each of `count` equal parts of range(`total`); all if fewer."""
    count = min(total, count)
    return np.floor((np.arange(count) + 0.5) * total / count).astype(np.intp)


def intensity_window(array: NDArray[np.generic]) -> tuple[float, float]:
    """Return percentiles 1 and 99 of the finite values, or their range where those coincide."""
    flat = array.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLE)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(sample, (1, 99))
    if low == high:
        low, high = sample.min(), sample.max()
    return float(low), float(high)


def normalised(array: NDArray[np.generic], window: tuple[float, float]) -> NDArray[np.float32]:
    """Return `array` with `window` stretched to [0, 1] and clipped; not finite becomes 0."""
    low, high = window
    width = high - low if high > low else 1.0
    scaled = (array.astype(np.float64) - low) / width
    return np.clip(np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).astype(np.float32)


def slices_of(image: Image, count: int) -> Slices:
    """Return up to `count` evenly spaced slices along the coarsest axis, in [0, 1] together."""
    axis = coarsest_axis(image.geometry)
    chosen = evenly_spaced(image.array.shape[axis], count)
    picked = np.moveaxis(np.take(image.array, chosen, axis=axis), axis, 0)
    height, width = (s for a, s in enumerate(image.geometry.spacing[::-1]) if a != axis)
    return Slices(normalised(picked, intensity_window(image.array)), (height, width))


def resized(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return [S, H, W] resampled to [S, height, width], linear, with antialiasing."""
    if pixels.shape[1:] == (height, width):
        return pixels
    result = np.empty((len(pixels), height, width), dtype=np.float32)
    for index, page in enumerate(pixels):
        picture = PillowImage.fromarray(np.ascontiguousarray(page))
        result[index] = np.asarray(picture.resize((width, height), PillowImage.Resampling.BILINEAR))
    return result


def squares(slices: Slices, side: int) -> NDArray[np.float32]:
    """Return [S, side, side]: the longer physical edge fills the square, the rest is 0 (black).

    So the shape of what is shown is kept, whatever the spacing.
    """
    extent = [n * s for n, s in zip(slices.pixels.shape[1:], slices.spacing, strict=True)]
    height, width = (max(1, round(side * e / max(extent))) for e in extent)
    result = np.zeros((len(slices.pixels), side, side), dtype=np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    result[:, top : top + height, left : left + width] = resized(slices.pixels, height, width)
    return result
