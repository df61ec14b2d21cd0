"""The slice views: what they show, and whether somebody works in them."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from ActiveSeedLib.scene.nodes import nodes_of_class

MAIN_VIEW = "Red"


def show_volume(volume: Any) -> None:
    """Show a volume alone in all slice views, along its own axes, as large as it fits.

    A 2-D image turns one view only: in the others it would be turned or upside down.
    """
    flat = 1 in volume.GetImageData().GetDimensions()
    for view in nodes_of_class(slicer.mrmlScene, "vtkMRMLSliceNode"):
        view.SetOrientationToDefault()  # a 2-D image may have turned the view its way
        if not flat or view.GetLayoutName() == MAIN_VIEW:
            view.RotateToVolumePlane(volume)  # a segment drawn across the voxels would be striped
    slicer.util.setSliceViewerLayers(background=volume, foreground=None, label=None, fit=True)


class ViewWatch(VTKObservationMixin):  # type: ignore[misc]
    """Tells that the user scrolls, zooms or moves the mouse in a view.

    Args:
        touched: called each time; must be quick.
    """

    def __init__(self, touched: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._touched = touched

    def start(self) -> None:
        """Watch the views that there are now."""
        self.stop()
        scene = slicer.mrmlScene
        for view in nodes_of_class(scene, "vtkMRMLSliceNode"):
            self.addObserver(view, "ModifiedEvent", self._on_touched)
        moved = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
        for crosshair in nodes_of_class(scene, "vtkMRMLCrosshairNode"):
            self.addObserver(crosshair, moved, self._on_touched)

    def stop(self) -> None:
        """Watch nothing."""
        self.removeObservers()

    def _on_touched(self, *_args: Any) -> None:
        self._touched()
