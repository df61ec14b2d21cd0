"""Undo and redo for label maps: only the box that a step changed is kept."""

import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.scene.layers import Box, Placed, make_layer, occupied, read_layer
from ActiveSeedLib.scene.layers import representation_name as labelmaps
from ActiveSeedLib.scene.volumes import geometry_of

STEPS = 20
BYTES = 200_000_000
_LARGE = 250_000
"""Bytes from which on an array is compressed: a second's work for none but the largest."""

Array = NDArray[Any]
Structure = dict[str, tuple[int, int]]
"""Segment's id → which layer it lies on, from 0, and its number there."""


class _Packed:
    """An array, compressed if it is large."""

    def __init__(self, array: Array) -> None:
        self._shape, self._dtype = array.shape, array.dtype
        data = array.tobytes()
        self._is_compressed = len(data) > _LARGE
        self._data = zlib.compress(data, 1) if self._is_compressed else data

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def array(self) -> Array:
        data = zlib.decompress(self._data) if self._is_compressed else self._data
        return np.frombuffer(data, self._dtype).reshape(self._shape)


@dataclass(frozen=True)
class _Part:
    layer: int
    box: Box
    before: _Packed
    after: _Packed


@dataclass(frozen=True)
class _Step:
    parts: tuple[_Part, ...]
    before: Structure
    after: Structure

    @property
    def size(self) -> int:
        return sum(part.before.size + part.after.size for part in self.parts)


class LabelHistory:
    """Remembers what the segments of a segmentation held, step by step.

    It compares what there is with what there was, so that it does not matter who changed it.

    Args:
        segmentation_node: vtkMRMLSegmentationNode with binary label maps.
        volume_node: the image that they lie on.
        steps: how many steps are kept.
        size: how many bytes they may take in all; the last step is kept in any case.
    """

    def __init__(
        self, segmentation_node: Any, volume_node: Any, *, steps: int = STEPS, size: int = BYTES
    ) -> None:
        self._node = segmentation_node
        self._geometry = geometry_of(volume_node)
        self._size = size
        self._done: deque[_Step] = deque(maxlen=steps)
        self._undone: list[_Step] = []
        self._arrays: list[Array] = []
        self._boxes: list[Box | None] = []
        self._structure, layers = self._read()
        for placed in layers:
            array = np.zeros(
                self._geometry.shape, np.uint8 if placed is None else placed.array.dtype
            )
            if placed is not None:
                array[placed.box] = placed.array
            self._arrays.append(array)
            self._boxes.append(None if placed is None else placed.box)

    @property
    def can_undo(self) -> bool:
        """Whether a step is kept that can be taken back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self._undone)

    @property
    def nbytes(self) -> int:
        """How much memory the steps take, in bytes."""
        return sum(step.size for step in (*self._done, *self._undone))

    def commit(self) -> bool:
        """Make a step of what changed since the last one; return whether something did."""
        structure, layers = self._read()
        parts = []
        for number in range(max(len(layers), len(self._arrays))):
            part = self._taken(number, layers[number] if number < len(layers) else None)
            if part is not None:
                parts.append(part)
        before, self._structure = self._structure, structure
        if not parts and before == structure:
            return False
        self._undone.clear()
        self._done.append(_Step(tuple(parts), before, structure))
        while len(self._done) > 1 and self.nbytes > self._size:
            self._done.popleft()
        return True

    def undo(self) -> bool:
        """Take the last step back; return whether there was one."""
        if not self._done:
            return False
        step = self._done.pop()
        self._undone.append(step)
        self._restore(step.parts, lambda part: part.before, step.before)
        return True

    def redo(self) -> bool:
        """Do again what was taken back last; return whether there was something."""
        if not self._undone:
            return False
        step = self._undone.pop()
        self._done.append(step)
        self._restore(step.parts, lambda part: part.after, step.after)
        return True

    # -- reading -----------------------------------------------------------------------------------

    def _read(self) -> tuple[Structure, list[Placed | None]]:
        structure: Structure = {}
        layers: list[Any] = []
        segmentation = self._node.GetSegmentation()
        for identifier in segmentation.GetSegmentIDs():
            segment = segmentation.GetSegment(identifier)
            layer = segment.GetRepresentation(labelmaps())
            if layer is not None:
                if not any(known is layer for known in layers):
                    layers.append(layer)
                number = next(n for n, known in enumerate(layers) if known is layer)
                structure[identifier] = (number, segment.GetLabelValue())
        return structure, [read_layer(layer, self._geometry) for layer in layers]

    def _taken(self, number: int, placed: Placed | None) -> _Part | None:
        """Take over what a layer holds now; return what is different from before."""
        while len(self._arrays) <= number:
            self._arrays.append(np.zeros(self._geometry.shape, np.uint8))
            self._boxes.append(None)
        old_box = self._boxes[number]
        box = _union(old_box, None if placed is None else placed.box)
        if box is None:
            return None
        if placed is not None and placed.array.dtype != self._arrays[number].dtype:
            wider = np.result_type(placed.array, self._arrays[number])
            self._arrays[number] = self._arrays[number].astype(wider)
        old = self._arrays[number][box]
        new = _placed_in(box, placed, old.dtype)
        self._boxes[number] = None if placed is None else placed.box
        changed = _changed(old, new)
        if changed is None:
            return None
        part = _Part(number, _within(box, changed), _Packed(old[changed]), _Packed(new[changed]))
        old[changed] = new[changed]
        return part

    # -- writing -----------------------------------------------------------------------------------

    def _restore(
        self, parts: tuple[_Part, ...], take: Callable[[_Part], _Packed], structure: Structure
    ) -> None:
        for part in parts:
            self._arrays[part.layer][part.box] = take(part).array
            self._boxes[part.layer] = _union(self._boxes[part.layer], part.box)
        segmentation = self._node.GetSegmentation()
        present, _ = self._read()
        made: dict[int, Any] = {}
        if present == structure:
            for identifier, (number, _value) in structure.items():
                if number not in made and any(part.layer == number for part in parts):
                    layer = segmentation.GetSegment(identifier).GetRepresentation(labelmaps())
                    layer.ShallowCopy(make_layer(self._arrays[number], self._geometry))
                    made[number] = layer
        else:
            for identifier, (number, value) in structure.items():
                segment = segmentation.GetSegment(identifier)
                if segment is not None:
                    if number not in made:
                        made[number] = make_layer(self._arrays[number], self._geometry)
                    segment.AddRepresentation(labelmaps(), made[number])
                    segment.SetLabelValue(value)
        for layer in made.values():
            layer.Modified()  # what is drawn and what is kept as a draft follow this event
        self._structure = structure


def _union(one: Box | None, other: Box | None) -> Box | None:
    if one is None or other is None:
        return one or other
    k, j, i = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return (k, j, i)


def _within(outer: Box, inner: Box) -> Box:
    """Return a box that is given relative to another one as a box of the whole array."""
    k, j, i = (
        slice(a.start + b.start, a.start + b.stop) for a, b in zip(outer, inner, strict=True)
    )
    return (k, j, i)


def _placed_in(box: Box, placed: Placed | None, dtype: Any) -> Array:
    """Return the values of a layer within a box that holds all of it."""
    if placed is not None and placed.box == box:
        return placed.array
    array = np.zeros(tuple(side.stop - side.start for side in box), dtype)
    if placed is not None:
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(placed.box, box, strict=True)
        )
        array[inner] = placed.array
    return array


def _changed(old: Array, new: Array) -> Box | None:
    """Return the smallest box with all differences; None if there are none."""
    slices = [k for k, (a, b) in enumerate(zip(old, new, strict=True)) if not np.array_equal(a, b)]
    if not slices:
        return None
    first = slices[0]
    box = occupied(old[first : slices[-1] + 1] != new[first : slices[-1] + 1])
    assert box is not None
    return (slice(box[0].start + first, box[0].stop + first), box[1], box[2])
