"""The encoder `descriptor`: fixed measurements of an image; no weights, no download, no GPU.

Volumes are seen natively, from three sides: five slices along each axis, described and averaged.
The parts and their weights are those of several candidates whose nearest neighbours agree best in
finding, orientation, contrast, size and subject (Testing/benchmarks/bench_encoders.py).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ActiveSeedLib.features.encoder import Encoder, encoders, identity
from ActiveSeedLib.features.slices import (
    intensity_window,
    normalised,
    sample,
    slices_of,
    squares,
)
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.registry import NoParameters

_VERSION = 1
"""Raise when the same image would give another vector."""

_SIDE = 64
_SLICES = 5
_CELLS = 8
_DIRECTIONS = 8
_THUMBNAIL = 16
_BINS = 32
_THUMBNAIL_WEIGHT = 2.0
_HISTOGRAM_WEIGHT = 0.5

_VIEW = _CELLS**2 * _DIRECTIONS + _THUMBNAIL**2

Floats = NDArray[np.float64]


class Descriptor:
    """Oriented gradients, thumbnail, grey values and physical size, as one vector."""

    def __init__(self) -> None:
        self.name = "descriptor"
        self.dimension = 3 * _VIEW + _BINS + 3
        self.hash = identity(encoder=self.name, version=_VERSION)
        self.provenance: dict[str, Any] = {
            "encoder": self.name,
            "hash": self.hash,
            "dimension": self.dimension,
            "version": _VERSION,
            "slices_per_axis": _SLICES,
        }

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return one vector an image, [n, 2339]."""
        vectors = [describe(image) for image in images]
        return np.asarray(vectors, dtype=np.float32).reshape(len(images), self.dimension)


@encoders.register(
    "descriptor",
    summary="Oriented gradients, thumbnail, grey values and size; needs no weights and no GPU.",
    citation="Gradients: Dalal and Triggs, CVPR 2005, doi:10.1109/CVPR.2005.177",
)
def make_descriptor(parameters: NoParameters) -> Encoder:  # noqa: ARG001 - it has none
    """Return the encoder."""
    return Descriptor()


def describe(image: Image) -> Floats:
    """Return the vector of one image, [2339]: the views along K, J, I, grey values, size.

    A single slice has one view; those along J and I are 0. Size is the logarithm of the extent
    along I, J, K in millimetres.
    """
    values = sample(image.array)
    window = intensity_window(values)
    flat = image.array.shape[0] == 1
    views = np.zeros((3, _VIEW))
    for axis in (0,) if flat else (0, 1, 2):
        pages = squares(slices_of(image, axis, _SLICES, window), _SIDE)
        views[axis] = np.mean([_page(page.astype(np.float64)) for page in pages], axis=0)
    geometry = image.geometry
    extent = np.array(geometry.size) * np.array(geometry.spacing)
    return np.concatenate(
        [
            views.ravel() / np.sqrt(1 if flat else 3),
            _HISTOGRAM_WEIGHT * grey_values(normalised(values, window)),
            np.log(np.maximum(extent, 1e-3)),
        ]
    )


def oriented_gradients(page: Floats) -> Floats:
    """Return gradient strength by cell and direction, [8·8·8], square root of shares, norm 1.

    Directions are told from their opposites (dark to bright is not bright to dark), and a gradient
    between two directions counts for both in proportion.
    """
    smooth = ndimage.gaussian_filter(page, 1.0)
    down, right = ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1)
    turn = np.arctan2(down, right) % (2 * np.pi) / (2 * np.pi) * _DIRECTIONS
    strength = np.hypot(down, right)
    first = np.floor(turn).astype(np.intp)
    share = turn - first
    place = np.arange(len(page)) * _CELLS // len(page)
    cell = place[:, None] * _CELLS + place[None, :]
    result = np.zeros(_CELLS**2 * _DIRECTIONS)
    for direction, weight in ((first, 1 - share), (first + 1, share)):
        where = cell * _DIRECTIONS + direction % _DIRECTIONS
        result += np.bincount(where.ravel(), (strength * weight).ravel(), minlength=result.size)
    return _unit_root(result)


def grey_values(values: NDArray[np.float32]) -> Floats:
    """Return the histogram of values in [0, 1], [32], square root of shares, norm 1."""
    return _unit_root(np.histogram(values, bins=_BINS, range=(0, 1))[0].astype(np.float64))


def _page(page: Floats) -> Floats:
    """Return gradients and thumbnail (its distance is the root mean square of grey values)."""
    step = len(page) // _THUMBNAIL
    thumbnail = page.reshape(_THUMBNAIL, step, _THUMBNAIL, step).mean(axis=(1, 3)).ravel()
    return np.concatenate([oriented_gradients(page), _THUMBNAIL_WEIGHT * thumbnail / _THUMBNAIL])


def _unit_root(amounts: Floats) -> Floats:
    """Return √amounts, scaled to norm 1 (the Hellinger mapping); zeros stay zeros."""
    total = amounts.sum()
    return np.sqrt(amounts / total) if total > 0 else amounts
