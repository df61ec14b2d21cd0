"""The tools of the segment editor: what the mouse does in a slice view.

They stand in trame-slicer's editor in place of its own: a stroke is applied while it is drawn and
takes in exactly the voxels under it, and nothing is rendered while nothing changes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from slicer import vtkMRMLAbstractWidget
from trame_slicer.segmentation import (
    SegmentationEffect,
    SegmentationEffectDraw,
    SegmentationEffectIslands,
    SegmentationEffectPipeline,
    SegmentationEffectScissors,
    SegmentationEffectThreshold,
    SegmentationIslandsMode,
)
from trame_slicer.segmentation.segmentation_effect_scissors_widget import (
    SegmentationScissorsPipeline,
)
from trame_slicer.segmentation.segmentation_threshold_pipeline import (
    SegmentationThresholdPipeline2D,
)
from vtk import vtkEvent
from vtkmodules.vtkCommonCore import vtkCommand
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter
from vtkmodules.vtkFiltersSources import vtkRegularPolygonSource
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkPolyDataMapper2D

from ActiveSeedLib.scene.layers import Placed
from ActiveSeedLib.viewer.web.tools_edits import Edits
from ActiveSeedLib.viewer.web.tools_islands import islands
from ActiveSeedLib.viewer.web.tools_shapes import outlined, stroke
from ActiveSeedLib.viewer.web.view_pane import Place, place_of

_FINER, _COARSER = 1 / 1.15, 1.15  # the brush, for each notch of the wheel
_CIRCLE = {False: (1.0, 0.9, 0.2), True: (1.0, 0.45, 0.45)}  # paint, erase


class Brush(SegmentationEffect):  # type: ignore[misc]
    """Paints while the left button is down."""

    edits: Edits
    erases = False

    def _create_pipeline(self, _view_node: Any, _parameter: Any) -> Any:
        return _BrushPipeline()

    def dab(self, start: Any, end: Any, view: Any) -> None:
        """Paint from one place, R, A, S in mm, to the next."""
        edits = self.edits
        part = stroke(np.array(start), np.array(end), edits.brush_in(view), edits.lattice())
        (edits.remove if self.erases else edits.add)(part)

    def resize(self, factor: float) -> None:
        """Make the brush larger or smaller; told to the editor, which tells the page."""
        self.edits.resize(factor)


class Paint(Brush):
    """Gives voxels to the chosen segment."""


class Erase(Brush):
    """Takes voxels from the chosen segment."""

    erases = True


class _BrushPipeline(SegmentationEffectPipeline):  # type: ignore[misc]
    """The brush in one view: the circle under the mouse, and the stroke."""

    def __init__(self) -> None:
        super().__init__()
        self._last: Any = None
        self._slice = 0.0
        self._circle = _Circle()

    def CanProcessInteractionEvent(self, event: Any) -> tuple[bool, float]:  # noqa: N802
        kind, modifiers = event.GetType(), event.GetModifiers()
        if not self.IsActive() or not self._effect.edits.is_ready:
            return False, 0.0
        if self._is_drawing:
            return kind in _STROKE, 0.0
        if kind in _WHEEL:
            return modifiers == _SHIFT, 0.0
        return kind == _MOVE or (kind == _PRESS and not modifiers), 0.0

    def ProcessInteractionEvent(self, event: Any) -> bool:  # noqa: N802
        kind, place = event.GetType(), event.GetWorldPosition()
        if kind == _PRESS:  # also ends a stroke whose end was lost on the way
            self._effect.edits.begin(self._view)
            self._draw_to(place, begins=True)
        elif self._is_drawing and kind in _STROKE:
            if self._is_on_the_slice or kind == _MOVE:
                self._draw_to(place, begins=not self._is_on_the_slice)
            if kind == _RELEASE:
                self._finish()
        elif kind in _WHEEL:
            self._effect.resize(_COARSER if kind == _WHEEL[0] else _FINER)
        self._show_circle(event.GetDisplayPosition())
        return kind != _MOVE or self._is_drawing

    def GetWidgetState(self) -> int:  # noqa: N802
        """Keep the mouse to ourselves while a stroke is drawn."""
        state: int = super().GetWidgetState()
        return _USER if self._is_drawing else state

    def LoseFocus(self, event: Any) -> None:  # noqa: N802
        """Complete the stroke, which is in the segment already."""
        super().LoseFocus(event)
        self._finish()
        self._circle.actor.VisibilityOff()
        self.RequestRender()

    def OnRendererAdded(self, renderer: Any) -> None:  # noqa: N802
        super().OnRendererAdded(renderer)
        if renderer is not None:
            renderer.AddViewProp(self._circle.actor)

    def OnRendererRemoved(self, renderer: Any) -> None:  # noqa: N802
        super().OnRendererRemoved(renderer)
        if renderer is not None:
            renderer.RemoveViewProp(self._circle.actor)

    @property
    def _is_drawing(self) -> bool:
        return self._last is not None and self._effect.edits.drawn_in is self._view

    @property
    def _is_on_the_slice(self) -> bool:
        """Whether the view still shows the slice that was last drawn on."""
        return bool(self._slice == self._view.get_slice_value())

    def _draw_to(self, place: Any, *, begins: bool) -> None:
        """Draw from the last place; what begins, or comes to another slice, begins anew."""
        self._effect.dab(place if begins else self._last, place, self._view)
        self._last, self._slice = place, self._view.get_slice_value()

    def _finish(self) -> None:
        if self._is_drawing:
            self._effect.edits.end()
        self._last = None

    def _show_circle(self, position: Any) -> None:
        view = self._view
        mm = view.get_view_node().GetFieldOfView()[1] / max(1, view.render_window().GetSize()[1])
        radius = self._effect.edits.diameter_in(view) / 2 / mm
        self._circle.show(position, radius, _CIRCLE[self._effect.erases])
        self.RequestRender()


class _Circle:
    """A circle on the screen, as large as the brush."""

    def __init__(self) -> None:
        source = vtkRegularPolygonSource()
        source.SetNumberOfSides(48)
        source.GeneratePolygonOff()
        source.SetRadius(1.0)
        self._transform = vtkTransform()
        moved = vtkTransformPolyDataFilter()
        moved.SetInputConnection(source.GetOutputPort())
        moved.SetTransform(self._transform)
        mapper = vtkPolyDataMapper2D()
        mapper.SetInputConnection(moved.GetOutputPort())
        self.actor = vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetLineWidth(1.5)
        self.actor.VisibilityOff()

    def show(self, position: Any, radius: float, color: tuple[float, float, float]) -> None:
        """Show it at a place on the screen; radius in pixels."""
        self._transform.Identity()
        self._transform.Translate(position[0], position[1], 0)
        self._transform.Scale(max(radius, 1.0), max(radius, 1.0), 1)
        self.actor.GetProperty().SetColor(*color)
        self.actor.VisibilityOn()


class _OutlinePipeline(SegmentationScissorsPipeline):  # type: ignore[misc]
    """The outline in one view; leaves the other buttons to zooming and moving."""

    def CanProcessInteractionEvent(self, event: Any) -> tuple[bool, float]:  # noqa: N802
        kind = event.GetType()
        is_ours = kind in (_MOVE, _RELEASE) or (kind == _PRESS and not event.GetModifiers())
        return self.IsActive() and self._effect.edits.is_ready and is_ours, 0.0


class Draw(SegmentationEffectDraw):  # type: ignore[misc]
    """Fills what is outlined, on the slice."""

    edits: Edits

    def _create_pipeline(self, _view_node: Any, _parameter: Any) -> Any:
        return _OutlinePipeline()

    def apply_points_display_coordinates(self, points_display: Any, view: Any) -> None:
        """Apply an outline, given in pixels of the view."""
        edits = self.edits
        if not edits.is_ready:
            return
        place, mask = _outlined_slice(points_display, view, edits)
        number = int(np.floor(place.index + 0.5))
        if 0 <= number < place.count:
            edits.begin()
            edits.add(_layer(mask, place.axis, slice(number, number + 1)))
            edits.end()


class Scissors(SegmentationEffectScissors):  # type: ignore[misc]
    """Cuts through all slices along an outline."""

    edits: Edits

    def _create_pipeline(self, _view_node: Any, _parameter: Any) -> Any:
        return _OutlinePipeline()

    def apply_points_display_coordinates(self, points_display: Any, view: Any) -> None:
        """Apply an outline, given in pixels of the view."""
        edits = self.edits
        if not edits.is_ready or points_display.GetNumberOfPoints() < 3:
            return
        place, mask = _outlined_slice(points_display, view, edits)
        what, where = edits.settings.scissors.split("_")
        if where == "outside":
            mask = ~mask
        shape = list(mask.shape)
        shape.insert(2 - place.axis, place.count)
        whole = np.broadcast_to(np.expand_dims(mask, 2 - place.axis), shape)
        k, j, i = (slice(0, length) for length in shape)
        edits.begin()
        (edits.add if what == "fill" else edits.remove)(Placed(whole, (k, j, i)))
        edits.end()


class _ThresholdPipeline(SegmentationThresholdPipeline2D):  # type: ignore[misc]
    def _UpdateThreshold(self) -> None:  # noqa: N802
        # A view without an image, as two of them are with a 2-D one, gives VTK nothing to begin
        # with: it would complain to the terminal, twice for each setting of any tool.
        if self._view is not None and self._view.get_background_volume_id():
            super()._UpdateThreshold()
        else:
            self.actor.SetVisibility(False)


class Threshold(SegmentationEffectThreshold):  # type: ignore[misc]
    """Shows what lies within a range of intensities, and gives it to the segment."""

    edits: Edits

    def _create_pipeline(self, view_node: Any, _parameter: Any) -> Any:
        return _ThresholdPipeline() if view_node.IsA("vtkMRMLSliceNode") else None

    def set_active(self, is_active: bool) -> None:
        """Show the preview, or not; it does not blink, for each blink would be three pictures."""
        super().set_active(is_active)
        self._opacity_blinker.stop()

    def apply(self) -> None:
        """Let the chosen segment hold what lies within the range."""
        edits = self.edits
        if edits.is_ready:
            values = edits.intensities()
            edits.begin()
            edits.become((values >= edits.settings.low) & (values <= edits.settings.high))
            edits.end()


class Islands(SegmentationEffectIslands):  # type: ignore[misc]
    """Deals with the pieces that a segment consists of."""

    edits: Edits

    def __init__(self) -> None:
        super().__init__()
        self.set_island_mode(SegmentationIslandsMode.KEEP_SELECTED)  # or no click would come here

    def select_island_at_position(self, world_pos: Any, *_mode: Any) -> None:
        """Keep the piece at a place, R, A, S in mm, and nothing else; or remove it."""
        edits = self.edits
        if not edits.is_ready:
            return
        lattice = edits.lattice()
        i, j, k = np.rint(lattice.indices(np.array([world_pos[:3]]))[0]).astype(int)
        held = edits.held()
        if not all(0 <= n < size for n, size in zip((k, j, i), held.shape, strict=True)):
            return
        if held[k, j, i]:
            numbers, _sizes = islands(held)
            chosen = numbers == numbers[k, j, i]
            self._become(chosen if edits.settings.islands == "keep" else held & ~chosen)

    def keep_largest(self) -> None:
        """Keep the largest piece; of equals the one that comes first."""
        if self.edits.is_ready:
            numbers, sizes = islands(self.edits.held())
            if len(sizes) > 1:
                self._become(numbers == 1 + int(np.argmax(sizes)))

    def remove_small(self, voxels: int) -> None:
        """Remove the pieces of fewer voxels."""
        if self.edits.is_ready:
            numbers, sizes = islands(self.edits.held())
            keeps = np.concatenate([[False], np.array(sizes, int) >= voxels])
            self._become(keeps[numbers])

    def _become(self, mask: NDArray[np.bool_]) -> None:
        self.edits.begin()
        self.edits.become(mask)
        self.edits.end()


def _outlined_slice(points: Any, view: Any, edits: Edits) -> tuple[Place, NDArray[np.bool_]]:
    """Return the slice of a view, and which of its voxels lie within an outline on the screen.

    The mask has the axes of the image (KJI) but for the one that the slice is across.
    """
    node = view.get_view_node()
    place = place_of(node, edits.volume)
    to_ras = node.GetXYToRAS()
    corners = [points.GetPoint(number)[:2] for number in range(points.GetNumberOfPoints())]
    ras = np.array([to_ras.MultiplyPoint((x, y, 0.0, 1.0))[:3] for x, y in corners])
    lattice = edits.lattice()
    kji = lattice.indices(ras.reshape(-1, 3))[:, ::-1]
    across = 2 - place.axis
    rows, columns = (axis for axis in range(3) if axis != across)
    shape = (lattice.shape[rows], lattice.shape[columns])
    return place, outlined(kji[:, [rows, columns]], shape)


def _layer(mask: NDArray[np.bool_], axis: int, where: slice) -> Placed:
    """Return a mask of a slice as a box of the image."""
    whole = np.expand_dims(mask, 2 - axis)
    sides = [slice(0, length) for length in whole.shape]
    sides[2 - axis] = where
    return Placed(whole, (sides[0], sides[1], sides[2]))


_PRESS = int(vtkCommand.LeftButtonPressEvent)
_MOVE = int(vtkCommand.MouseMoveEvent)
_RELEASE = int(vtkCommand.LeftButtonReleaseEvent)
_STROKE = (_PRESS, _MOVE, _RELEASE)
_SHIFT = vtkEvent.ShiftModifier
_USER = vtkMRMLAbstractWidget.WidgetStateUser
_WHEEL = (int(vtkCommand.MouseWheelForwardEvent), int(vtkCommand.MouseWheelBackwardEvent))
