"""A stand-in for Slicer's plot view: draws the chart node, and tells which point was clicked."""

# ruff: noqa: N801, N802, N815 - the names are Qt's and Slicer's

from pathlib import Path
from typing import Any

import numpy as np
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtkmodules.util.numpy_support import vtk_to_numpy

from Testing.host.dialect import make_native

Array = np.ndarray[Any, Any]
MARGIN = 40
ROUND = 2000  # more points than these are drawn as squares, which is quick
REACH = 8.0  # pixels around a point that count as a click on it


def _column(node: Any, name: str | None) -> Array | None:
    column = node.GetTable().GetColumnByName(name or "")
    return None if column is None else vtk_to_numpy(column)


@make_native
class qMRMLPlotView(QtWidgets.QWidget):
    """The chart as dots and lines."""

    dataSelected = QtCore.Signal(object, object)
    _signals = {  # noqa: RUF012
        "dataSelected(vtkStringArray*,vtkCollection*)": "dataSelected",
    }

    def __init__(self, view_node: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node = view_node
        self.setMinimumSize(160, 120)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(200)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._seen: Any = None

    def mrmlPlotViewNode(self) -> Any:
        return self._node

    def chart(self) -> Any:
        return self._node.GetPlotChartNode() if self._node.GetScene() is not None else None

    def series(self) -> list[Any]:
        """Return the series nodes of the chart."""
        chart = self.chart()
        if chart is None:
            return []
        count = chart.GetNumberOfPlotSeriesNodes()
        found = [chart.GetNthPlotSeriesNode(number) for number in range(count)]
        return [one for one in found if one is not None]

    def select(self, series_id: str, row: int) -> None:
        """Do what a click on a point does."""
        ids = vtk.vtkStringArray()
        ids.InsertNextValue(series_id)
        rows = vtk.vtkIdTypeArray()
        rows.InsertNextValue(row)
        collection = vtk.vtkCollection()
        collection.AddItem(rows)
        self.dataSelected.emit(ids, collection)

    def fitToContent(self) -> None:
        self.update()

    def RemovePlotSelections(self) -> None:
        self.update()

    def saveAsSVG(self, path: str) -> None:
        Path(path).write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")

    def _look(self) -> None:
        if self.visible:
            chart = self.chart()
            state: list[Any] = [chart.GetMTime() if chart is not None else 0]
            for one in self.series():
                state += [one.GetMTime(), one.GetTableNode() and one.GetTableNode().GetMTime()]
            if state != self._seen:
                self._seen = state
                self.update()

    def _points(self, series: Any) -> Array:
        """Return the points of a series, shape (n, 2), in the units of its table."""
        node = series.GetTableNode()
        if node is None:
            return np.zeros((0, 2))
        y = _column(node, series.GetYColumnName())
        x = _column(node, series.GetXColumnName())
        if y is None:
            return np.zeros((0, 2))
        return np.column_stack([np.arange(len(y)) if x is None else x, y]).astype(float)

    def _placed(self) -> list[tuple[Any, Array]]:
        """Return each series with its points in pixels of the widget."""
        raw = [(one, self._points(one)) for one in self.series()]
        every = np.concatenate([points for _, points in raw] or [np.zeros((0, 2))])
        every = every[np.isfinite(every).all(axis=1)]
        if not len(every):
            return []
        low, high = every.min(axis=0), every.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        area = np.array([self.width - 2 * MARGIN, self.height - 2 * MARGIN], float)
        placed = []
        for one, points in raw:
            at = (points - low) / span
            at[:, 1] = 1 - at[:, 1]
            placed.append((one, at * area + MARGIN))
        return placed

    def mousePressEvent(self, event: Any) -> None:
        position = event.position()
        where = np.array([position.x(), position.y()])
        nearest: tuple[float, str, int] | None = None
        for one, points in self._placed():
            if len(points):
                distance = np.hypot(*(points - where).T)
                row = int(np.nanargmin(distance))
                if nearest is None or distance[row] < nearest[0]:
                    nearest = (float(distance[row]), one.GetID(), row)
        if nearest is not None and nearest[0] <= REACH:
            self.select(nearest[1], nearest[2])

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor("white"))
        chart = self.chart()
        if chart is not None:
            painter.drawText(8, 18, chart.GetTitle() or chart.GetName() or "")
            for at, (one, points) in enumerate(self._placed()):
                self._draw(painter, one, points)
                painter.drawText(self.width - 150, 18 + 14 * at, one.GetName())
        painter.end()

    def _draw(self, painter: Any, series: Any, points: Array) -> None:
        color = QtGui.QColor.fromRgbF(*series.GetColor())
        shown = points[np.isfinite(points).all(axis=1)]
        dots = QtGui.QPolygonF([QtCore.QPointF(x, y) for x, y in shown.tolist()])
        if series.GetLineStyle() != series.LineStyleNone:
            painter.setPen(QtGui.QPen(color, 2))
            painter.drawPolyline(dots)
        if series.GetMarkerStyle() != series.MarkerStyleNone:
            pen = QtGui.QPen(color, max(series.GetMarkerSize(), 3))
            if series.GetMarkerStyle() == series.MarkerStyleCircle and len(shown) < ROUND:
                pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(dots)
        painter.setPen(QtGui.QPen(color))


@make_native
class qMRMLPlotWidget(QtWidgets.QFrame):
    """The frame of a plot view."""

    def __init__(self, view_node: Any) -> None:
        super().__init__()
        self._view = qMRMLPlotView(view_node, self)
        self._controller = QtWidgets.QWidget(self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self._view)

    def plotView(self) -> qMRMLPlotView:
        return self._view

    def plotController(self) -> QtWidgets.QWidget:
        return self._controller

    def mrmlPlotViewNode(self) -> Any:
        return self._view.mrmlPlotViewNode()
