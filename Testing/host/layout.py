"""The layout manager of the stand-in: real layout node and logic, views as the layout says."""

# ruff: noqa: N802, N815 - the names are Qt's and Slicer's

from typing import Any
from xml.etree import ElementTree

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from Testing.host import core
from Testing.host.dialect import make_native
from Testing.host.plot_view import qMRMLPlotWidget
from Testing.host.slice_view import qMRMLSliceWidget

SLICES = ("Red", "Yellow", "Green")


@make_native
class LayoutManager(QtCore.QObject):
    """`slicer.app.layoutManager()`: the three slice views and one plot view."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(core.application_logic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._viewport = QtWidgets.QWidget()
        QtWidgets.QVBoxLayout(self._viewport).setContentsMargins(0, 0, 0, 0)
        self._slices = {name: qMRMLSliceWidget(name) for name in SLICES}
        self._logics = vtk.vtkCollection()
        for widget in self._slices.values():
            self._logics.AddItem(widget.sliceLogic())
        core.application_logic().SetSliceLogics(self._logics)
        self._plots: list[qMRMLPlotWidget] = []
        self._shown = -1
        self._window.setCentralWidget(self._viewport)
        node = self._logic.GetLayoutNode()
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node)
        node.SetViewArrangement(node.SlicerLayoutFourUpView)
        self._arrange()

    def _read(self) -> int:
        return int(self._logic.GetLayoutNode().GetViewArrangement())

    def setLayout(self, number: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(number)

    layout = QtCore.Property(int, _read, setLayout, notify=layoutChanged)

    def layoutLogic(self) -> Any:
        return self._logic

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def viewport(self) -> Any:
        return self._viewport

    def sliceViewNames(self) -> tuple[str, ...]:
        return SLICES

    def sliceWidget(self, name: str) -> Any:
        return self._slices.get(name)

    def mrmlSliceLogics(self) -> Any:
        return self._logics

    @property
    def plotViewCount(self) -> int:
        return len(self._plots)

    @property
    def threeDViewCount(self) -> int:
        return 0

    @property
    def tableViewCount(self) -> int:
        return 0

    def plotWidget(self, number: int) -> Any:
        self._find_plots()
        return self._plots[number] if number < len(self._plots) else None

    def threeDWidget(self, _number: Any) -> None:
        """Return a 3-D view; this stand-in has none."""

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """Fit the 3-D views; there is none."""

    def setRenderPaused(self, _paused: bool) -> None:
        """Hold the views; these repaint by themselves."""

    def _find_plots(self) -> None:
        known = [one.mrmlPlotViewNode() for one in self._plots]
        for node in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
            if node not in known:
                self._plots.append(qMRMLPlotWidget(node))

    def _on_node(self, *_arguments: Any) -> None:
        if self._read() != self._shown:
            self._arrange()

    def _arrange(self) -> None:
        """Put the views where the layout's description says."""
        self._shown = self._read()
        self._find_plots()
        for widget in (*self._slices.values(), *self._plots):
            widget.setParent(None)
        outer = self._viewport.layout()
        while outer.count():
            old = outer.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        text = self._logic.GetLayoutNode().GetCurrentLayoutDescription()
        if text:
            outer.addWidget(self._build(ElementTree.fromstring(text)))
        for widget in (*self._slices.values(), *self._plots):
            if widget.parent() is not None:
                widget.show()
        self.layoutChanged.emit(self._shown)

    def _build(self, element: ElementTree.Element) -> Any:
        if element.tag == "view":
            return self._view(element)
        if element.tag == "layout" and element.get("type") == "grid":
            return self._grid(element)
        sideways = element.get("type") in {"horizontal", "tab"}
        box = QtWidgets.QWidget()
        layout = QtWidgets.QHBoxLayout(box) if sideways else QtWidgets.QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        for item in element.findall("item"):
            inner = next(iter(item), None)
            if inner is not None:
                layout.addWidget(self._build(inner), 1)
        return box

    def _grid(self, element: ElementTree.Element) -> Any:
        box = QtWidgets.QWidget()
        layout = QtWidgets.QGridLayout(box)
        for item in element.findall("item"):
            inner = next(iter(item), None)
            if inner is not None:
                place = int(item.get("row", 0)), int(item.get("column", 0))
                layout.addWidget(self._build(inner), *place)
        return box

    def _view(self, element: ElementTree.Element) -> Any:
        kind, name = element.get("class", ""), element.get("singletontag", "")
        widget: Any = None
        if kind == "vtkMRMLSliceNode":
            widget = self._slices.get(name)
        elif kind == "vtkMRMLPlotViewNode" and self._plots:
            widget = self._plots[0]
        if widget is None:
            widget = QtWidgets.QLabel(f"{kind} {name}")
            widget.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
            widget.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        return widget
