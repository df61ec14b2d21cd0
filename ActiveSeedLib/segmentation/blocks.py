"""A prediction of an image that does not fit the memory whole: block by block.

Class probabilities of a whole image take four bytes a voxel and class, and several times that on
the way. Of a large image only the voxels, the label map and the entropy are held whole; each block
is predicted with a margin, which is cut off again. The prediction is that of the whole image, but
for rounding where the grid is not the image's own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.assess import grid_spacing
from ActiveSeedLib.segmentation.forward import OVERLAP
from ActiveSeedLib.segmentation.inference import Prediction, Predictor, summarise
from ActiveSeedLib.segmentation.measures import (
    AROUND_FOREGROUND,
    least_confidence_map,
    likeliest,
    margin_map,
)
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.preprocess import Frame
from ActiveSeedLib.segmentation.uncertainty import (
    DILATION_MM,
    dilated_foreground,
    entropy_map,
    most_uncertain_slice,
)

Part = tuple[slice, slice, slice]

WHOLE_VOXELS = 1 << 27
"""Of an image, or of its grid, from which on it is predicted by blocks: 512³."""
BLOCK_VOXELS = 1 << 25
"""Of a block with its margins; some 30 to 60 bytes a voxel are taken on the way."""


@dataclass(frozen=True)
class Block:
    """A part of an image: with its margins, and what of that is kept; KJI."""

    outer: Part
    inner: Part

    @property
    def kept(self) -> Part:
        """The inner part, counted within the outer one."""
        parts = zip(self.outer, self.inner, strict=True)
        first, second, third = (
            slice(inner.start - outer.start, inner.stop - outer.start) for outer, inner in parts
        )
        return first, second, third


def is_large(geometry: Geometry, plan: Plan) -> bool:
    """Return whether an image of this geometry is predicted by blocks."""
    grid = Frame.of(geometry, plan).grid
    return max(math.prod(geometry.size), math.prod(grid)) > WHOLE_VOXELS


def predict_by_blocks(
    predictor: Predictor,
    image: Image,
    progress: Progress | None = None,
    *,
    voxels: int = BLOCK_VOXELS,
) -> tuple[Prediction, dict[str, float], list[float | None]]:
    """Return the prediction, its scores and class-wise entropies, having held a block at a time.

    They are those of `Predictor.predict` and `measures.prediction_scores`, except that the mean
    confidence counts margins with the block that they belong to.

    Args:
        predictor: the model.
        image: of any size.
        progress: told of the blocks; asked for cancel between batches.
        voxels: of a block with its margins, of image or grid, whichever has more.
    """
    progress = progress or Progress()
    mean, deviation = _mean_and_deviation(image.array)
    blocks = list(_blocks(image.geometry, predictor.plan, voxels))
    kind = np.uint8 if max(predictor.values) < 256 else np.uint16
    labels = np.empty(image.array.shape, dtype=kind)
    entropy = np.empty(image.array.shape, dtype=np.float32)
    sums = _Sums(len(predictor.values))
    for number, block in enumerate(blocks):
        progress.update(number / len(blocks), f"Predicting part {number + 1} of {len(blocks)}")
        part = image.array[block.outer].astype(np.float32)
        part -= mean
        part /= deviation
        geometry = _cut(image.geometry, part.shape)
        frame = Frame.of(geometry, predictor.plan)
        probabilities = predictor.probabilities(frame.to_grid(part), progress)
        sums.add_grid(probabilities, _on_grid(block, frame), grid_spacing(frame, geometry))
        found = summarise(probabilities, frame, geometry, predictor.values)
        sums.add_image(found, block.kept, geometry.spacing)
        labels[block.inner] = found.labels[block.kept]
        entropy[block.inner] = found.entropy_map[block.kept]
    whole = Prediction(
        labels=labels,
        entropy_map=entropy,
        mean_entropy=sums.mean("entropy"),
        foreground_entropy=sums.mean(AROUND_FOREGROUND + "entropy"),
        confidence=sums.mean("confidence"),
        most_uncertain_slice=most_uncertain_slice(entropy, image.geometry.coarsest_axis),
    )
    return whole, sums.scores(), sums.class_scores()


class _Sums:
    """Sums over what the blocks keep, from which come the means over the image."""

    def __init__(self, classes: int) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._doubt = np.zeros(classes)
        self._shown = np.zeros(classes, dtype=bool)

    def add_grid(
        self,
        probabilities: NDArray[np.float32],
        kept: Part,
        spacing: tuple[float, float, float],
    ) -> None:
        """Take a block's class probabilities (classes, *grid) into account."""
        labels = likeliest(probabilities)
        near = _near_foreground(labels, spacing)[kept]
        inner = probabilities[(slice(None), *kept)]
        self._add("least_confidence", least_confidence_map(inner), near)
        self._add("margin", margin_map(inner), near)
        counts = np.bincount(labels[kept].ravel(), minlength=len(inner))
        self._sums["foreground"] = self._sums.get("foreground", 0.0) + float(counts[1:].sum())
        self._counts["foreground"] = self._counts.get("foreground", 0) + int(counts.sum())
        self._shown |= counts[1:] > 0
        entropy = entropy_map(inner)
        self._doubt += [float((p * entropy).sum(dtype=np.float64)) for p in inner[1:]]

    def add_image(self, found: Prediction, kept: Part, spacing: tuple[float, float, float]) -> None:
        """Take a block's prediction, in the image's own voxels, into account."""
        near = _near_foreground(found.labels, spacing)[kept]
        self._add("entropy", found.entropy_map[kept], near)
        size = near.size
        self._sums["confidence"] = self._sums.get("confidence", 0.0) + found.confidence * size
        self._counts["confidence"] = self._counts.get("confidence", 0) + size

    def mean(self, name: str) -> float:
        """Return a mean; around the foreground it is that over the image where there is none."""
        if not self._counts[name]:
            return self.mean(name.removeprefix(AROUND_FOREGROUND))
        return self._sums[name] / self._counts[name]

    def scores(self) -> dict[str, float]:
        """Return what `measures.prediction_scores` calls scores."""
        names = ("least_confidence", "margin")
        around = (AROUND_FOREGROUND + name for name in names)
        return {name: self.mean(name) for name in (*names, *around, "foreground")}

    def class_scores(self) -> list[float | None]:
        """Return the mean of p·H by class; None for a class that is predicted nowhere."""
        means = self._doubt / self._counts["least_confidence"]
        return [float(m) if shown else None for m, shown in zip(means, self._shown, strict=True)]

    def _add(self, name: str, values: NDArray[np.float32], near: NDArray[np.bool_]) -> None:
        for key, chosen in ((name, values), (AROUND_FOREGROUND + name, values[near])):
            self._sums[key] = self._sums.get(key, 0.0) + float(chosen.sum(dtype=np.float64))
            self._counts[key] = self._counts.get(key, 0) + chosen.size


def _near_foreground(
    labels: NDArray[np.integer], spacing: tuple[float, float, float]
) -> NDArray[np.bool_]:
    near = np.zeros(labels.shape, dtype=bool)
    around = dilated_foreground(labels, spacing)
    if around is not None:
        box, mask = around
        near[box] = mask
    return near


def _mean_and_deviation(array: NDArray[np.generic]) -> tuple[np.float32, np.float32]:
    """Return what `preprocess.normalise` subtracts and divides by, of finite values."""
    mean = np.float32(sum(one.sum(dtype=np.float64) for one in array) / array.size)
    squares = 0.0
    for one in array:
        away = one.astype(np.float64) - mean
        squares += float(np.vdot(away, away))
    return mean, np.float32(math.sqrt(squares / array.size) + 1e-8)


def _cut(geometry: Geometry, shape: tuple[int, ...]) -> Geometry:
    """Return the geometry of a block; where it lies does not matter to a network."""
    k, j, i = shape
    return replace(geometry, size=(i, j, k))


def _on_grid(block: Block, frame: Frame) -> Part:
    """Return which part of the grid of a block (with its margins) is kept."""
    parts = []
    orientation = frame.orientation
    for axis, flip, size, points in zip(
        orientation.axes, orientation.flips, frame.shape, frame.grid, strict=True
    ):
        start, stop = block.kept[axis].start, block.kept[axis].stop
        if flip:
            start, stop = size - stop, size - start
        parts.append(slice(round(start * points / size), round(stop * points / size)))
    return parts[0], parts[1], parts[2]


def _blocks(geometry: Geometry, plan: Plan, voxels: int) -> Iterator[Block]:
    """Yield blocks, of at most about `voxels` with their margins, that cover an image once.

    They are laid out on the grid: in 3-D at the places of the network's windows, with the half
    window around that the windows of neighbours reach into. So each voxel is seen through the same
    windows as in a prediction of the whole.
    """
    frame = Frame.of(geometry, plan)
    spacing = grid_spacing(frame, geometry)[::-1]
    near = [math.ceil(DILATION_MM / millimetres) + 1 for millimetres in spacing]
    budget = voxels / max(1.0, math.prod(frame.shape) / math.prod(frame.grid))
    if plan.patch is None:
        rest = frame.grid[1] * frame.grid[2]
        ranges = [_ranges(frame.grid[0], int(budget / rest), near[0], 1)]
        ranges += [_ranges(length, length, 0, 1) for length in frame.grid[1:]]
    else:
        steps = [max(1, int(length * (1 - OVERLAP))) for length in plan.patch]
        margins = [s * math.ceil(max(s, n) / s) for s, n in zip(steps, near, strict=True)]
        sides = _sides(frame.grid, budget)
        ranges = [_ranges(*one) for one in zip(frame.grid, sides, margins, steps, strict=True)]
    for parts in product(*ranges):
        outer = _in_image([part[0] for part in parts], frame)
        yield Block(outer, _in_image([part[1] for part in parts], frame))


def _sides(grid: tuple[int, int, int], budget: float) -> list[int]:
    """Return the sides of a block of `budget` voxels, as equal as the grid's shape allows."""
    sides = [0, 0, 0]
    for left, axis in zip((3, 2, 1), sorted(range(3), key=lambda axis: grid[axis]), strict=True):
        sides[axis] = min(grid[axis], int(budget ** (1 / left)))
        budget /= max(1, sides[axis])
    return sides


def _ranges(length: int, side: int, margin: int, step: int) -> list[tuple[slice, slice]]:
    """Return (with margins, without) for pieces of about `side` that cover `length`.

    They begin at multiples of `step`; the last one is as long as two, as the last window lies
    against the end, wherever that is.
    """
    if side >= length:
        return [(slice(0, length), slice(0, length))]
    kept = max(1, (side - 2 * margin) // step) * step
    edges = [edge for edge in range(0, length, kept) if edge == 0 or length - edge >= 2 * step]
    return [
        (slice(max(0, start - margin), min(length, stop + margin)), slice(start, stop))
        for start, stop in pairwise([*edges, length])
    ]


def _in_image(parts: list[slice], frame: Frame) -> Part:
    """Return a part of the grid as one of the image, KJI."""
    found = [slice(0)] * 3
    orientation = frame.orientation
    for part, axis, flip, size, points in zip(
        parts, orientation.axes, orientation.flips, frame.shape, frame.grid, strict=True
    ):
        start, stop = round(part.start * size / points), round(part.stop * size / points)
        found[axis] = slice(size - stop, size - start) if flip else slice(start, stop)
    return found[0], found[1], found[2]
