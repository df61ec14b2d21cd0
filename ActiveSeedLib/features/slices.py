"""From a volume to a few normalised, square slices, as a two-dimensional encoder needs them.

Arrays are KJI, spacings of a `Geometry` IJK in millimetres.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Image

_SAMPLE = 1_000_000
"""Voxels that intensities are judged by at most (evenly spaced)."""

Window = tuple[float, float]


def evenly_spaced(total: int, count: int) -> NDArray[np.intp]:
    """Return the middle index of each of `count` equal parts of range(`total`); all if fewer."""
    count = min(total, count)
    return np.floor((np.arange(count) + 0.5) * total / count).astype(np.intp)


def sample(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return about a million evenly spaced finite values of `array`, or all of fewer, [n]."""
    flat = array.reshape(-1)
    step = max(1, flat.size // _SAMPLE)
    # A step that shares a factor with the row length would see only some of the columns.
    while math.gcd(step, array.shape[-1]) > 1:
        step += 1
    values = flat[::step].astype(np.float64)
    return values[np.isfinite(values)]


def intensity_window(values: NDArray[np.float64]) -> Window:
    """Return percentiles 1 and 99 of `values` [n], or their range where those coincide."""
    if values.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(values, (1, 99))
    if low == high:
        low, high = values.min(), values.max()
    return float(low), float(high)


def normalised(array: NDArray[np.generic], window: Window) -> NDArray[np.float32]:
    """Return `array` with `window` stretched to [0, 1] and clipped; not a number becomes 0."""
    low, high = window
    width = high - low if high > low else 1.0
    scaled = np.clip((array.astype(np.float64) - low) / width, 0, 1)
    return np.nan_to_num(scaled, nan=0.0).astype(np.float32)


def slices_of(image: Image, axis: int, count: int, window: Window) -> NDArray[np.float32]:
    """Return up to `count` evenly spaced slices along KJI `axis`, in [0, 1]: [S, H, W]."""
    chosen = evenly_spaced(image.array.shape[axis], count)
    return normalised(np.moveaxis(np.take(image.array, chosen, axis=axis), axis, 0), window)


def squares(slices: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return [S, H, W] resampled to [S, side, side], linear, with antialiasing.

    The whole slice fills the square. Keeping its physical shape by a black margin was measured
    (hippocampus volumes) and is worse: the margin then says more than the anatomy.
    """
    if slices.shape[1:] == (side, side):
        return slices
    from PIL import Image as PillowImage

    result = np.empty((len(slices), side, side), dtype=np.float32)
    for index, page in enumerate(slices):
        picture = PillowImage.fromarray(np.ascontiguousarray(page))
        result[index] = np.asarray(picture.resize((side, side), PillowImage.Resampling.BILINEAR))
    return result
