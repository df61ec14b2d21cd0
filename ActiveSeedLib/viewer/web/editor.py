"""The segment editor of the page: tools, the chosen segment, undo, and how segments are shown."""

import math
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from trame_slicer.segmentation import SegmentationEffectNoTool

from ActiveSeedLib.scene.segments import segment_id
from ActiveSeedLib.viewer.web.editor_bar import EditorBar
from ActiveSeedLib.viewer.web.editor_undo import LabelHistory
from ActiveSeedLib.viewer.web.looks import css_color
from ActiveSeedLib.viewer.web.tools import Draw, Erase, Islands, Paint, Scissors, Threshold
from ActiveSeedLib.viewer.web.tools_edits import SIZES, Edits

TOOLS: dict[str, Any] = {
    "none": SegmentationEffectNoTool,
    "paint": Paint,
    "draw": Draw,
    "erase": Erase,
    "threshold": Threshold,
    "scissors": Scissors,
    "islands": Islands,
}
OPACITY = 0.5


class SegmentEditor:
    """Edits the segments of the open case; they are never added, renamed or deleted.

    Args:
        server: trame's.
        app: trame-slicer's application, with the views made already.
    """

    def __init__(self, server: Any, app: Any) -> None:
        self._state = server.state
        self._editor = app.segmentation_editor
        self._scene = app.scene
        self.edits = Edits(app, self._on_started, self._on_ended, self._tell_settings)
        self._history: LabelHistory | None = None
        self._observed: tuple[Any, int] | None = None
        self._is_restoring = False
        self._tool, self._chosen = "none", ""
        self._opacity, self._is_filled = OPACITY, True
        self._effects = {name: self._made(kind) for name, kind in TOOLS.items()}
        self._bar = EditorBar(server, self)
        self._state.editor_limits, self._state.editor_step = [0, 1], 1
        self._state.editor_min_size = 100
        # The end of a stroke may be lost with the connection; no move may go on with it.
        server.controller.on_client_connected.add(self.finish)
        server.controller.on_client_exited.add(self.finish)
        self._tell_tool()
        self._tell_settings()
        self._tell_segments()
        self._tell_history()

    def build_bar(self) -> None:
        """Make the row of tools."""
        self._bar.build_bar()

    def build_side(self) -> None:
        """Make the list of segments, how they are shown, and the options of the chosen tool."""
        self._bar.build_side()

    # -- the case ----------------------------------------------------------------------------------

    def show(self, segmentation_node: Any, volume_node: Any) -> None:
        """Edit the segments on the voxels of an image; tool and brush stay as they are."""
        self.clear()
        self._editor.set_active_segmentation(segmentation_node, volume_node)
        node = self._editor.editor_node
        node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments)
        self._history = LabelHistory(segmentation_node, volume_node)
        event = slicer.vtkSegmentation.SourceRepresentationModified
        self._observed = (segmentation_node, segmentation_node.AddObserver(event, self._on_change))
        self._offer_range(volume_node)
        self._show_as_chosen()
        identifiers = self._editor.get_segment_ids()
        if identifiers:
            self.choose_segment(self._chosen if self._chosen in identifiers else identifiers[0])
        self._activate()
        self._tell_segments()
        self._tell_history()

    def clear(self) -> None:
        """Complete a stroke and let go of the nodes, because they are about to vanish."""
        segmentation = self._editor.active_segmentation
        self._editor.deactivate_effect()
        self.edits.end()
        if self._observed is not None:
            node, tag = self._observed
            node.RemoveObserver(tag)
            self._observed = None
        self._history = None
        if segmentation is not None:
            segmentation.segmentation_node.RemoveObserver(segmentation._node_obs)
            self._editor.clear()
            self._editor.editor_logic.SetSegmentationNode(None)
            self._editor.editor_logic.SetSourceVolumeNode(None)
        self._tell_segments()
        self._tell_history()

    def finish(self) -> None:
        """Complete a stroke that is going on, because no more will come of it."""
        self._editor.deactivate_effect()
        self.edits.end()
        self._activate()

    # -- undo --------------------------------------------------------------------------------------

    def save_state(self) -> None:
        """Let the user undo what is about to change."""
        if self._history is not None:
            self._history.commit()
            self._tell_history()

    def undo(self) -> None:
        """Take the last change back."""
        self._restore("undo")

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._restore("redo")

    def _restore(self, way: str) -> None:
        history = self._history
        if history is None:
            return
        if self.edits.is_busy:
            self.finish()
        history.commit()  # a change that nobody announced is a step as well
        self._is_restoring = True
        try:
            getattr(history, way)()
        finally:
            self._is_restoring = False
        self._editor.active_segmentation.trigger_modified()
        self._tell_history()

    def _on_started(self) -> None:
        if self._history is not None:
            self._history.commit()

    def _on_ended(self) -> None:
        if self._history is not None:
            self._history.commit()
            self._tell_history()

    def _on_change(self, *_args: Any) -> None:
        if not self.edits.is_busy and not self._is_restoring:
            with self._state as state:
                state.editor_can_undo = True

    # -- tools -------------------------------------------------------------------------------------

    def choose(self, tool: str) -> None:
        """Choose a tool: one of `TOOLS`; "none" lets the mouse change window and level."""
        if tool not in TOOLS:
            return
        self._tool = tool
        self._activate()

    def set_diameter(self, diameter: float) -> None:
        """Set the brush's size, in percent of the view's height or in mm."""
        low, high = SIZES[self.edits.settings.is_relative]
        self.edits.change(diameter=min(max(float(diameter), low), high))

    def set_relative(self, is_relative: bool) -> None:
        """Measure the brush on the screen, or in mm; it stays about as large as it is."""
        if is_relative != self.edits.settings.is_relative:
            self.edits.change(is_relative=is_relative, diameter=5.0 if is_relative else 10.0)

    def set_range(self, low: float, high: float) -> None:
        """Set the range of intensities of the threshold, which is also the mask's."""
        self.edits.change(low=min(low, high), high=max(low, high))

    def set_end(self, end: str, value: float) -> None:
        """Set one end of that range, "low" or "high"; the other one stays as it is."""
        ends = {"low": self.edits.settings.low, "high": self.edits.settings.high}
        if end in ends:
            self.set_range(**{**ends, end: float(value)})

    def apply_threshold(self) -> None:
        """Let the chosen segment hold the voxels within the range of intensities."""
        self._effects["threshold"].apply()

    def keep_largest(self) -> None:
        """Keep the largest piece of the chosen segment."""
        self._effects["islands"].keep_largest()

    def remove_small(self, voxels: int) -> None:
        """Remove the pieces of the chosen segment that have fewer voxels."""
        self._effects["islands"].remove_small(int(voxels))

    def _offer_range(self, volume_node: Any) -> None:
        """Let the threshold choose from the intensities of an image, in about a thousand steps."""
        image = volume_node.GetImageData()
        low, high = _ends(slicer.util.arrayFromVolume(volume_node))
        step = 10.0 ** math.floor(math.log10(max(high - low, 1e-6) / 1000))
        if image.GetScalarType() not in (vtk.VTK_FLOAT, vtk.VTK_DOUBLE):
            step = max(step, 1.0)
        digits = max(0, -round(math.log10(step)))
        low, high = (
            round(way(end / step) * step, digits)
            for way, end in ((math.floor, low), (math.ceil, high))
        )
        middle = round(volume_node.GetScalarVolumeDisplayNode().GetLevel(), digits)
        with self._state as state:
            state.editor_limits, state.editor_step = [low, high], step
        self.edits.change(low=min(max(middle, low), high), high=high, is_masked=False)

    def _made(self, kind: Any) -> Any:
        effect = self._editor.get_effect(kind)
        effect.edits = self.edits
        return effect

    def _activate(self) -> None:
        is_ready = self.edits.is_ready
        self._editor.set_active_effect_type(TOOLS[self._tool if is_ready else "none"])
        modes = slicer.vtkMRMLInteractionNode
        node = self._scene.GetSingletonNode("Singleton", "vtkMRMLInteractionNode")
        adjusts = self._tool == "none" and is_ready
        node.SetCurrentInteractionMode(modes.AdjustWindowLevel if adjusts else modes.ViewTransform)
        self._tell_tool()

    # -- segments ----------------------------------------------------------------------------------

    @property
    def segment(self) -> str:
        """The id of the chosen segment; empty if there is none."""
        identifier: str = self._editor.active_segment_id
        return identifier

    def choose_segment(self, identifier: str) -> None:
        """Choose a segment by its id."""
        if identifier in self._editor.get_segment_ids():
            if self.edits.is_busy:
                self.finish()
            self._chosen = identifier
            self._editor.set_active_segment_id(identifier)
            self._tell_segments()

    def choose_value(self, value: int) -> None:
        """Choose a segment by its value in the schema."""
        self.choose_segment(segment_id(value))

    def step_segment(self, by: int) -> None:
        """Choose the segment above (-1) or below (+1), round and round."""
        identifiers = self._editor.get_segment_ids()
        if self.segment in identifiers:
            place = identifiers.index(self.segment) + by
            self.choose_segment(identifiers[place % len(identifiers)])

    def show_segment(self, identifier: str, is_shown: bool) -> None:
        """Show a segment or hide it."""
        display = self._display()
        if display is not None:
            display.SetSegmentVisibility(identifier, is_shown)
            self._tell_segments()

    def set_opacity(self, opacity: float) -> None:
        """Let the image be seen through the segments: 0 to 1."""
        self._opacity = min(max(float(opacity), 0.0), 1.0)
        self._show_as_chosen()

    def set_filled(self, is_filled: bool) -> None:
        """Show the segments filled, or as outlines alone."""
        self._is_filled = bool(is_filled)
        self._show_as_chosen()

    def _display(self) -> Any:
        node = self._editor.active_segmentation_node
        return None if node is None else node.GetDisplayNode()

    def _show_as_chosen(self) -> None:
        display = self._display()
        if display is not None:
            display.SetOpacity2DFill(self._opacity)
            display.SetVisibility2DFill(self._is_filled)
            display.SetVisibility2DOutline(True)
        with self._state as state:
            state.editor_opacity = self._opacity
            state.editor_filled = self._is_filled

    # -- the page ----------------------------------------------------------------------------------

    def _tell_tool(self) -> None:
        with self._state as state:
            state.editor_effect = self._tool

    def _tell_settings(self) -> None:
        settings = self.edits.settings
        self._effects["threshold"].set_threshold_min_max_values((settings.low, settings.high))
        with self._state as state:
            state.editor_diameter = round(settings.diameter, 2)
            state.editor_relative = settings.is_relative
            state.editor_sphere = settings.is_sphere
            state.editor_over_others = settings.over_others
            state.editor_range = [settings.low, settings.high]
            state.editor_masked = settings.is_masked
            state.editor_scissors = settings.scissors
            state.editor_islands = settings.islands

    def _tell_segments(self) -> None:
        display = self._display()
        segments = []
        if display is not None:
            segmentation = self._editor.active_segmentation.segmentation
            for identifier in segmentation.GetSegmentIDs():
                segment = segmentation.GetSegment(identifier)
                segments.append(
                    {
                        "id": identifier,
                        "name": segment.GetName(),
                        "color": css_color(segment.GetColor()),
                        "shown": bool(display.GetSegmentVisibility(identifier)),
                    }
                )
        with self._state as state:
            state.editor_segments = segments
            state.editor_segment = self.segment
            state.editor_ready = bool(segments)

    def _tell_history(self) -> None:
        history = self._history
        with self._state as state:
            state.editor_can_undo = history is not None and history.can_undo
            state.editor_can_redo = history is not None and history.can_redo


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value that is a number; 0 and 1 if none is."""
    low, high = float(values.min()), float(values.max())  # faster than VTK's
    if not math.isfinite(low) or not math.isfinite(high):
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return low, high
