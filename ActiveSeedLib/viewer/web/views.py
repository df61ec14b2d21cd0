"""The slice views of the page, and the scene behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk
from trame.widgets import html
from trame_slicer.core import SlicerApp
from trame_slicer.rca_view.rca_view_factory import RemoteViewFactory
from trame_slicer.views import NoScheduleRendering, SliceView, ViewLayoutDefinition, ViewType

from ActiveSeedLib.scene.nodes import nodes_of_class
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.viewer.web.strokes import Strokes
from ActiveSeedLib.viewer.web.view_pane import Pane

MAIN_VIEW = "Red"
QUALITY = 75
"""Of the pictures while something moves (JPEG); they are sharp as soon as it rests."""

# trame-slicer's: the views of 3D Slicer's own layout.
_DEFINITIONS = (
    ViewLayoutDefinition.axial_view(MAIN_VIEW),
    ViewLayoutDefinition.coronal_view("Green"),
    ViewLayoutDefinition.sagittal_view("Yellow"),
)


class Views:
    """Three slice views, or one, and the scene that they show.

    No 3-D view: without a graphics card it would hold everything up.

    Args:
        server: trame's; the event loop must run, for the pictures are made in it.

    Attributes:
        app: trame-slicer's application.
        scene: its vtkMRMLScene, which is `slicer.mrmlScene` from now on.
        touched: emitted when the user scrolls, zooms or moves the mouse in a view.
    """

    def __init__(self, server: Any) -> None:
        self.touched = Signal()
        self._state = server.state
        self._state.setdefault("editor_effect", "none")
        self._large = ""
        with _quiet():
            self.app = SlicerApp()
            self.scene = self.app.scene
            slicer.mrmlScene = self.scene
            self._panes = self._made_panes(server)
        self._strokes = Strokes(server, [pane.view.interactor() for pane in self._panes])
        self._initial_window: tuple[float, float] | None = None
        self._volume: Any = None
        self._watch()
        self._arrange()

    def show(self, volume_node: Any) -> None:
        """Show a volume alone in the views, along its own axes, as large as it fits.

        A 2-D image gets one large view: in the others it would be a line.
        """
        self._volume = volume_node
        self._large = ""
        display = volume_node.GetScalarVolumeDisplayNode()
        self._initial_window = (display.GetWindow(), display.GetLevel())
        self._arrange()
        for pane in self._panes:
            pane.show(volume_node if pane.name in self._names() else None)

    def clear(self) -> None:
        """Show nothing."""
        self._volume = None
        self._initial_window = None
        self._large = ""
        for pane in self._panes:
            pane.show(None)
        self._arrange()

    def fit(self) -> None:
        """Show all of the slices, as large as the views allow."""
        for pane in self._panes:
            pane.fit(keep_slice=True)

    def enlarge(self, name: str) -> None:
        """Show one view alone; if it is alone already, all of them again."""
        if name in self._names() and len(self._names()) > 1:
            self._large = "" if self._large == name else name
            self._arrange()

    def reset_window(self) -> None:
        """Show the grey values as when the case was opened."""
        if self._volume is not None and self._initial_window is not None:
            self._volume.GetScalarVolumeDisplayNode().SetWindowLevel(*self._initial_window)

    def pane(self, name: str) -> Pane:
        """Return a view by its name: Red, Green or Yellow."""
        return next(pane for pane in self._panes if pane.name == name)

    def build(self) -> None:
        """Make the views, in the room that there is; nothing while no case is open."""
        with html.Div(
            v_if="view_shown.length",
            style=(
                "{display: 'grid', width: '100%', height: '100%', gap: '2px', "
                "gridTemplate: view_shown.length > 1 ? '1fr 1fr / 5fr 3fr' : '1fr / 1fr'}",
            ),
            raw_attrs=['data-name="views"'],
        ):
            for number, pane in enumerate(self._panes):
                with html.Div(
                    v_if=f"view_shown.includes('{pane.name}')",
                    classes="slice-pane",
                    style=(
                        "{display: 'flex', flexDirection: 'column', minWidth: 0, minHeight: 0, "
                        f"gridRow: {number} || view_shown.length < 2 ? 'auto' : '1 / span 2'}}",
                    ),
                ):
                    pane.build()

    # -- within ------------------------------------------------------------------------------------

    def _made_panes(self, server: Any) -> list[Pane]:
        manager = self.app.view_manager
        manager.register_factory(
            RemoteViewFactory(server, _unrendered, ViewType.SLICE_VIEW, interactive_quality=QUALITY)
        )
        return [
            Pane(server, manager.create_view(one), one.properties.orientation, self)
            for one in _DEFINITIONS
        ]

    def _names(self) -> list[str]:
        """Return the views that the present volume can be seen in."""
        if self._volume is None:
            return []
        flat = 1 in self._volume.GetImageData().GetDimensions()
        return [MAIN_VIEW] if flat else [pane.name for pane in self._panes]

    def _arrange(self) -> None:
        names = self._names()
        shown = [self._large] if self._large else names
        self.app.view_manager.set_current_view_ids(shown)  # the others are not rendered
        # Told with whatever is told next, so that from case to case no view comes and goes.
        self._state.view_shown = shown
        self._state.view_number = len(names)

    def _watch(self) -> None:
        moved = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
        for crosshair in nodes_of_class(self.scene, "vtkMRMLCrosshairNode"):
            crosshair.AddObserver(moved, self._on_touched)
        for view in nodes_of_class(self.scene, "vtkMRMLSliceNode"):
            view.AddObserver("ModifiedEvent", self._on_touched)

    def _on_touched(self, *_args: Any) -> None:
        self.touched.emit()


def _unrendered(scene: Any, app_logic: Any, name: str) -> Any:
    """Make a view that waits for its connection; else it renders sixty times while it is made."""
    return SliceView(scene, app_logic, name, NoScheduleRendering())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep VTK from warning of the display that there is none, and of trame-slicer's events."""
    shown = vtk.vtkObject.GetGlobalWarningDisplay()
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        vtk.vtkObject.SetGlobalWarningDisplay(shown)
