"""What a masked autoencoder sees of an image: its grid, its crops and its masks.

Arrays have two axes (J, I) where the whole pool is single slices, else three (K, J, I).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.slices import intensity_window, normalised, sample
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.registry import parse_parameters

Floats = NDArray[np.float32]

FILE = "autoencoder.pt"
"""The name of the file of a trained autoencoder."""
FORMAT = 1
"""Raise when the same pool and settings would give other weights, or the file changes."""


@dataclass(frozen=True)
class AutoencoderSettings:
    """How a masked autoencoder is built and trained.

    The share of hidden patches, the views and the longest side are those of CSCS
    (arXiv:2606.20765); network, steps and batch are small enough for a CPU.
    """

    steps: int = field(default=1500, metadata={"help": "training steps", "minimum": 1})
    batch: int = field(default=4, metadata={"help": "crops a step", "minimum": 1})
    learning_rate: float = field(default=1e-3, metadata={"help": "of AdamW; ends at 0"})
    channels: tuple[int, ...] = field(
        default=(16, 32, 128), metadata={"help": "feature channels, each at half the resolution"}
    )
    hidden: float = field(default=0.45, metadata={"help": "share of the patches that is masked"})
    side_3d: int = field(default=96, metadata={"help": "voxels of a volume's side at most"})
    side_2d: int = field(default=256, metadata={"help": "pixels of a slice's side at most"})
    images: int = field(default=2000, metadata={"help": "images of the pool trained on at most"})
    rotations: int = field(default=3, metadata={"help": "quarter turns seen for the difficulty"})
    views: int = field(default=3, metadata={"help": "maskings of each turn for the difficulty"})
    checkpoint_seconds: float = field(
        default=30.0, metadata={"help": "between two checkpoints; of no influence on the result"}
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        whole = (*self.channels, self.steps, self.batch, self.images, self.rotations, self.views)
        if not self.channels or min(whole) < 1:
            raise InputError(
                "Channels, steps, batch, images, rotations and views of the autoencoder must each "
                "be at least 1."
            )
        if self.rotations > 4:
            raise InputError(f"There are 4 quarter turns, not {self.rotations}.")
        if min(self.side_3d, self.side_2d) < self.multiple:
            raise InputError(f"The sides of the crops must be at least {self.multiple} voxels.")
        if not 0 < self.hidden < 1 or not self.learning_rate > 0:
            raise InputError("The masked share must lie between 0 and 1, the learning rate above.")

    @property
    def multiple(self) -> int:
        """What the sides of the network's input must be multiples of."""
        return int(2 ** len(self.channels))

    def side(self, axes: int) -> int:
        """Return the longest side of the grid of an image with `axes` axes."""
        return self.side_3d if axes == 3 else self.side_2d

    def patch(self, axes: int) -> int:
        """Return the side of what is masked as one: 8 voxels, in slices 16 pixels."""
        return 8 if axes == 3 else 16

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {**asdict(self), "channels": list(self.channels)}

    def deciding(self) -> dict[str, Any]:
        """Return the settings that the weights depend on."""
        without = ("checkpoint_seconds", "rotations", "views")
        return {name: value for name, value in self.to_json().items() if name not in without}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "AutoencoderSettings":
        """Return settings with `values` in place of defaults; `InputError` if one is wrong."""
        return parse_parameters("the autoencoder", cls, values)


def fingerprint(keys: Sequence[str], settings: AutoencoderSettings, seed: int, axes: int) -> str:
    """Return 32 hexadecimal digits for all that decides the weights.

    Args:
        keys: of the pool's cases, which stand for their content; their order is of no influence.
        settings: see there; what the weights do not depend on is left out.
        seed: of weights, order, crops and masks.
        axes: 2 or 3.
    """
    facts = [FORMAT, sorted(keys), settings.deciding(), seed, axes]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def axes_of(cases: Sequence[Case]) -> int:
    """Return 2 where every case is a single slice, else 3."""
    return 2 if all(case.is_2d for case in cases) else 3


def on_grid(image: Image, axes: int, side: int) -> Floats:
    """Return `image` as z-scores with `axes` axes, no side longer than `side`.

    A longer side is averaged down, each axis by itself, so that what is learnt and judged is the
    whole image and not a piece of it; shorter ones stay as they are. Grey values are clipped to
    percentiles 1 and 99 before.
    """
    window = intensity_window(sample(image.array))
    small = normalised(_averaged(image.array, side), window)
    grid = small[0] if axes == 2 else small
    deviation = float(grid.std())
    centred: Floats = ((grid - grid.mean()) / (deviation if deviation > 0 else 1.0)).astype(
        np.float32
    )
    return centred


def padded(grid: Floats, multiple: int) -> Floats:
    """Return `grid` continued by its last voxels until every side is a multiple of `multiple`."""
    more = [(0, -size % multiple) for size in grid.shape]
    return np.pad(grid, more, mode="edge")


def crop(grid: Floats, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """Return a piece of `grid` of the given shape at a place by chance, continued where smaller."""
    corner = [
        int(generator.integers(max(size - wanted, 0) + 1))
        for size, wanted in zip(grid.shape, shape, strict=True)
    ]
    piece = grid[tuple(slice(at, at + w) for at, w in zip(corner, shape, strict=True))]
    more = [(0, wanted - size) for size, wanted in zip(piece.shape, shape, strict=True)]
    return np.pad(piece, more, mode="edge")


def visible(
    shape: tuple[int, ...], patch: int, hidden: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which voxels of a crop of `shape` are seen: all but a share of its patches.

    Args:
        shape: of the crop.
        patch: the side of a patch in voxels; those at the far ends may be smaller.
        hidden: the share of the patches that is masked; rounded, but never none and never all.
        generator: chooses them.
    """
    cells = [-(-size // patch) for size in shape]
    count = int(np.prod(cells))
    masked = min(max(round(hidden * count), 1), max(count - 1, 1))
    seen = np.ones(count, dtype=np.bool_)
    seen[generator.permutation(count)[:masked]] = False
    result = seen.reshape(cells)
    for axis, size in enumerate(shape):
        result = np.repeat(result, patch, axis=axis)[
            tuple(slice(size) if a == axis else slice(None) for a in range(len(shape)))
        ]
    return result


def common_shape(shapes: list[tuple[int, ...]], multiple: int) -> tuple[int, ...]:
    """Return the shape of the training's crops: the median of the pool, up to a multiple."""
    median = np.median(np.array(shapes), axis=0)
    return tuple(int(-(-int(size) // multiple) * multiple) for size in median)


def _averaged(array: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """Return `array` [K, J, I] with each side brought to at most `side` by averaging equal parts.

    Each new voxel is the mean of the old ones that it covers, parts of voxels counted as such. Axis
    by axis, so that no copy of the whole in floating point is made of an image that is shrunk.
    """
    for axis in sorted(range(array.ndim), key=lambda a: -array.shape[a]):
        size = array.shape[axis]
        if size > side:
            array = _shortened(array, axis, side)
    return array


def _shortened(array: NDArray[np.generic], axis: int, side: int) -> Floats:
    """Return `array` with `axis` averaged down to `side`."""
    size = array.shape[axis]
    edges = np.linspace(0, size, side + 1)
    pages = []
    moved = np.moveaxis(array, axis, 0)
    for start, end in pairwise(edges):
        first, last = int(start), min(int(np.ceil(end)), size)
        weights = np.minimum(np.arange(first, last) + 1, end) - np.maximum(
            np.arange(first, last), start
        )
        share = (weights / weights.sum()).astype(np.float32)
        pages.append(np.tensordot(share, moved[first:last].astype(np.float32), axes=1))
    return np.moveaxis(np.stack(pages).astype(np.float32), 0, axis)
