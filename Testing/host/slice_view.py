"""A stand-in for a slice view: the real slice node and logic, painted without VTK's windows."""

# ruff: noqa: N801, N802 - the names are Qt's and Slicer's

from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.host import core
from Testing.host.dialect import make_native
from Testing.host.slice_image import slice_image, state_of


@make_native
class qMRMLSliceView(QtWidgets.QWidget):
    """The picture of a slice."""

    def __init__(self, logic: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._logic = logic
        self._seen: Any = None
        self._picture: Any = None
        self.setMinimumSize(64, 64)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(150)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def forceRender(self) -> None:
        self.repaint()

    def scheduleRender(self) -> None:
        self.update()

    def _look(self) -> None:
        if self.visible and self._is_alive() and state_of(self._logic) != self._seen:
            self.update()

    def _is_alive(self) -> bool:
        node = self._logic.GetSliceNode()
        return node is not None and node.GetScene() is not None

    def resizeEvent(self, _event: Any) -> None:
        if self._is_alive():
            self._logic.ResizeSliceNode(self.width, self.height)

    def mouseMoveEvent(self, _event: Any) -> None:
        """Nothing moves with the mouse here."""

    def wheelEvent(self, event: Any) -> None:
        """Go through the slices, as in Slicer."""
        steps = event.angleDelta().y() / 120
        spacing = self._logic.GetLowestVolumeSliceSpacing()[2]
        self._logic.SetSliceOffset(self._logic.GetSliceOffset() + steps * spacing)

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor("black"))
        if self._is_alive():
            state = state_of(self._logic)
            if state != self._seen:
                self._seen = state
                self._picture = np.ascontiguousarray(slice_image(self._logic))
            height, width = self._picture.shape[:2]
            kind = QtGui.QImage.Format.Format_RGB888
            painter.drawImage(
                0, 0, QtGui.QImage(self._picture.data, width, height, 3 * width, kind)
            )
            painter.setPen(QtGui.QColor("#a0c0ff"))
            node = self._logic.GetSliceNode()
            offset = self._logic.GetSliceOffset()
            painter.fillRect(0, 0, 190, 22, QtGui.QColor(0, 0, 0, 160))
            painter.drawText(6, 16, f"{node.GetName()}  {node.GetOrientation()}  {offset:.2f} mm")
        painter.end()


@make_native
class qMRMLSliceController(QtWidgets.QWidget):
    """What stands above a slice view: its buttons, of which a panel uses few."""

    def __init__(self, logic: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._logic = logic

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def setSliceVisible(self, visible: bool) -> None:
        self._logic.GetSliceNode().SetSliceVisible(visible)

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()


@make_native
class qMRMLSliceWidget(QtWidgets.QFrame):
    """A slice view with its controller."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(core.application_logic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSliceNode(slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}"))
        self._view = qMRMLSliceView(self._logic, self)
        self._controller = qMRMLSliceController(self._logic, self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self._view)

    @property
    def sliceViewName(self) -> str:
        return self._name

    @property
    def sliceOrientation(self) -> str:
        return str(self.mrmlSliceNode().GetOrientation())

    def setSliceOrientation(self, orientation: str) -> None:
        self.mrmlSliceNode().SetOrientation(orientation)

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode()

    def sliceLogic(self) -> Any:
        return self._logic

    def sliceController(self) -> qMRMLSliceController:
        return self._controller

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()
