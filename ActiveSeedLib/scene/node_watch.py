"""Whether the nodes of the open case are about to vanish, by a closing scene or by the user."""

from collections.abc import Callable, Sequence
from typing import Any

import vtk
from slicer.util import VTKObservationMixin


class NodeWatch(VTKObservationMixin):  # type: ignore[misc]
    """Tells, while the nodes are still whole, that they go.

    Args:
        scene: the vtkMRMLScene.
        closes: called when the whole scene is about to close.
        goes: called when one of the nodes is about to be removed by anybody.
    """

    def __init__(self, scene: Any, closes: Callable[[], None], goes: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._scene = scene
        self._closes = closes
        self._goes = goes
        self._nodes: tuple[Any, ...] = ()

    def start(self, nodes: Sequence[Any]) -> None:
        """Watch `nodes`, and no others any more."""
        self.stop()
        self._nodes = tuple(nodes)
        scene = self._scene
        self.addObserver(scene, scene.StartCloseEvent, self._on_close)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._on_removal)

    def stop(self) -> None:
        """Watch nothing."""
        self._nodes = ()
        self.removeObservers()

    def _on_close(self, *_args: Any) -> None:
        self._closes()

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _on_removal(self, _caller: Any, _event: str, node: Any) -> None:
        if any(node is one for one in self._nodes):
            self._goes()
