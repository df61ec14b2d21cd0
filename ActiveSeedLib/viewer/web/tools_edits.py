"""What every tool does in the end: give voxels to the chosen segment, or take them from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from trame_slicer.segmentation import ModificationMode

from ActiveSeedLib.scene.layers import Box, Placed, read_layer, representation_name
from ActiveSeedLib.scene.volumes import geometry_of, ijk_to_ras, scalars
from ActiveSeedLib.viewer.web.tools_shapes import Brush, Lattice
from ActiveSeedLib.viewer.web.view_pane import place_of

SIZES = {True: (0.5, 50.0), False: (0.1, 300.0)}
"""Smallest and largest brush: in percent of the view's height, in mm."""
Mask = NDArray[np.bool_]
_MODES = {"add": ModificationMode.Add, "remove": ModificationMode.Remove}


@dataclass(frozen=True)
class Settings:
    """How the tools work.

    Attributes:
        diameter: of the brush.
        is_relative: whether the diameter is in percent of the view's height, or in mm.
        is_sphere: whether the brush paints in all directions, or on its slice alone.
        over_others: whether other segments give way to what is painted, or keep what they have.
        low: of the range of intensities, for the threshold and for painting.
        high: see low.
        is_masked: whether only voxels within that range can be given to a segment.
        scissors: "erase_inside", "erase_outside", "fill_inside" or "fill_outside".
        islands: what a click on an island does: "keep" it alone or "remove" it.
    """

    diameter: float = 5.0
    is_relative: bool = True
    is_sphere: bool = False
    over_others: bool = True
    low: float = 0.0
    high: float = 0.0
    is_masked: bool = False
    scissors: str = "erase_inside"
    islands: str = "keep"


class Edits:
    """Changes the chosen segment of the open case.

    Args:
        app: trame-slicer's application.
        started: called before a change begins.
        ended: called when a change is complete: a stroke, not each move of the mouse.
        changed: called when a tool changed a setting.

    Attributes:
        settings: how the tools work.
        is_busy: whether a stroke is going on.
        drawn_in: the view that it is drawn in, or None.
    """

    def __init__(
        self,
        app: Any,
        started: Callable[[], None],
        ended: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self.settings = Settings()
        self.is_busy = False
        self.drawn_in: Any = None
        self._editor = app.segmentation_editor
        self._views = app.view_manager
        self._started = started
        self._ended = ended
        self._changed = changed
        self._waiting: list[Any] = []

    def change(self, **values: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **values)
        self._changed()

    def resize(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        low, high = SIZES[self.settings.is_relative]
        self.change(diameter=min(max(self.settings.diameter * factor, low), high))

    # -- where -------------------------------------------------------------------------------------

    @property
    def volume(self) -> Any:
        """The image that is edited, or None."""
        return self._editor.active_volume_node

    @property
    def is_ready(self) -> bool:
        """Whether there is a segment that can be changed."""
        return self.volume is not None and bool(self._editor.active_segment_id)

    def lattice(self) -> Lattice:
        """Return where the voxels are."""
        geometry = geometry_of(self.volume)
        return Lattice(geometry.shape, ijk_to_ras(geometry))

    def intensities(self) -> NDArray[Any]:
        """Return the image's values, KJI; a view."""
        array: NDArray[Any] = slicer.util.arrayFromVolume(self.volume)
        return array

    def diameter_in(self, view: Any) -> float:
        """Return the brush's diameter in mm, as it is in a view."""
        if not self.settings.is_relative:
            return self.settings.diameter
        height: float = view.get_view_node().GetFieldOfView()[1]
        return self.settings.diameter / 100 * height

    def brush_in(self, view: Any) -> Brush:
        """Return the brush as it is in a view."""
        radius = self.diameter_in(view) / 2
        if self.settings.is_sphere:
            return Brush(radius)
        node = view.get_view_node()
        to_ras = node.GetSliceToRAS()
        normal = np.array([to_ras.GetElement(row, 2) for row in range(3)])
        return Brush(radius, normal, abs(place_of(node, self.volume).step))

    # -- changing ----------------------------------------------------------------------------------

    def begin(self, view: Any = None) -> None:
        """Begin a change. While a stroke is drawn in a view the other views wait."""
        if self.is_busy:
            self.end()
        self._started()
        self.is_busy, self.drawn_in = True, view
        if view is not None:
            others = [one for one in self._views.get_slice_views() if one is not view]
            self._waiting = [one for one in others if not one.set_render_blocked(True)]

    def end(self) -> None:
        """Complete a change; nothing happens if none is going on."""
        if not self.is_busy:
            return
        self.is_busy, self.drawn_in = False, None
        waiting, self._waiting = self._waiting, []
        for view in waiting:
            view.set_render_blocked(False)
        self._ended()

    def add(self, part: Placed | None) -> None:
        """Give voxels to the chosen segment, where the settings allow it."""
        if part is not None and self.is_ready:
            self._apply(replace(part, array=part.array & self._allowed(part.box)), "add")

    def remove(self, part: Placed | None) -> None:
        """Take voxels from the chosen segment."""
        if part is not None and self.is_ready:
            mask = part.array
            if self.settings.is_masked:
                mask = mask & self._in_range(part.box)
            self._apply(replace(part, array=mask), "remove")

    def become(self, mask: Mask) -> None:
        """Let the chosen segment hold the voxels of a mask of the whole image, and no others."""
        if self.is_ready:
            whole = _whole(mask.shape)
            held = self.held()
            self._apply(Placed(held & ~mask, whole), "remove")
            self._apply(Placed(mask & ~held & self._allowed(whole), whole), "add")

    def held(self) -> Mask:
        """Return what the chosen segment holds, on the whole image."""
        geometry = geometry_of(self.volume)
        mask = np.zeros(geometry.shape, bool)
        segment = self._segmentation.GetSegment(self._editor.active_segment_id)
        layer = segment.GetRepresentation(representation_name())
        placed = None if layer is None else read_layer(layer, geometry)
        if placed is not None:
            mask[placed.box] = placed.array == segment.GetLabelValue()
        return mask

    # -- within ------------------------------------------------------------------------------------

    @property
    def _segmentation(self) -> Any:
        return self._editor.active_segmentation_node.GetSegmentation()

    def _allowed(self, box: Box) -> Mask:
        """Return which voxels of a box may be given to the chosen segment."""
        mask = np.ones(tuple(side.stop - side.start for side in box), bool)
        if self.settings.is_masked:
            mask &= self._in_range(box)
        if not self.settings.over_others:
            mask &= ~self._taken(box)
        return mask

    def _in_range(self, box: Box) -> Mask:
        values = self.intensities()[box]
        inside: Mask = (values >= self.settings.low) & (values <= self.settings.high)
        return inside

    def _taken(self, box: Box) -> Mask:
        """Return which voxels of a box other segments hold."""
        geometry = geometry_of(self.volume)
        taken = np.zeros(tuple(side.stop - side.start for side in box), bool)
        segmentation = self._segmentation
        for identifier in segmentation.GetSegmentIDs():
            segment = segmentation.GetSegment(identifier)
            layer = segment.GetRepresentation(representation_name())
            if layer is None or identifier == self._editor.active_segment_id:
                continue
            placed = read_layer(layer, geometry)
            if placed is not None:
                inner, outer = _shared(box, placed.box)
                taken[inner] |= placed.array[outer] == segment.GetLabelValue()
        return taken

    def _apply(self, part: Placed, mode: str) -> None:
        if not part.array.any():
            return
        k, j, i = part.box
        extent = (i.start, i.stop - 1, j.start, j.stop - 1, k.start, k.stop - 1)
        image = slicer.vtkOrientedImageData()
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(matrix)
        image.SetImageToWorldMatrix(matrix)
        image.SetExtent(*extent)
        image.GetPointData().SetScalars(scalars(part.array.astype(np.uint8)))
        self._editor.active_segment_modifier.apply_labelmap(
            image, modification_mode=_MODES[mode], modifier_extent=list(extent)
        )


def _whole(shape: tuple[int, ...]) -> Box:
    k, j, i = (slice(0, length) for length in shape)
    return (k, j, i)


def _shared(one: Box, other: Box) -> tuple[Box, Box]:
    """Return what two boxes share, relative to each of them; empty if they share nothing."""
    sides = [
        (max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one, other, strict=True)
    ]

    def within(box: Box) -> Box:
        k, j, i = (
            slice(start - side.start, stop - side.start)
            for (start, stop), side in zip(sides, box, strict=True)
        )
        return (k, j, i)

    return within(one), within(other)
