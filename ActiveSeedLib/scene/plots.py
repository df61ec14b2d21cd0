"""Tables, series and charts: what the map and the curves are made of in the scene."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ActiveSeedLib.scene.nodes import add_node, remove_nodes

X, Y, LABEL = "x", "y", "name"
# Slicer draws no triangles.
_MARKERS = {"circle": "Circle", "square": "Square", "diamond": "Diamond", "cross": "Cross"}
_OTHER_MARKER = "Plus"
_LEGEND_FONT = 11
_LINE, _SIGN, _LETTER = 18.0, 40.0, 6.5  # of a legend in that font, in pixels
_SMALL_VIEW = (430.0, 340.0)  # how long axes are where a plot shares the window with three slices
_HEADROOM = 0.6  # of the height; a longer legend has to cover something
WHOLE = 10.0
"""Axes of less than this have ticks at halves."""


class Series:
    """Points of one colour in a chart: a table node, and the series node that draws it."""

    def __init__(self, scene: Any, chart: Any, name: str) -> None:
        self._scene = scene
        self._chart = chart
        self.table = add_node(scene, "vtkMRMLTableNode", name)
        self.table.SetHideFromEditors(True)
        self.node = add_node(scene, "vtkMRMLPlotSeriesNode", name)
        self.node.SetHideFromEditors(True)
        with slicer.util.NodeModify(self.node):
            self.node.SetName(name)
            self.node.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
            self.node.SetXColumnName(X)
            self.node.SetYColumnName(Y)
        self.set_points(np.empty((0, 2)))
        self.node.SetAndObserveTableNodeID(self.table.GetID())
        chart.AddAndObservePlotSeriesNodeID(self.node.GetID())

    def set_points(self, xy: NDArray[np.float64], names: Sequence[str] = ()) -> None:
        """Draw these points, [N, 2]; `names` are what the mouse is told."""
        # A line of fewer than two points is an error in Slicer's log each time it is painted;
        # points that are no numbers count as points, but are not drawn.
        missing = max(0, 2 - len(xy))
        xy = np.vstack([xy, np.full((missing, 2), np.nan)])
        names = [*names, *[""] * missing] if names else ()
        table = vtk.vtkTable()
        for name, values in ((X, xy[:, 0]), (Y, xy[:, 1])):
            table.AddColumn(_numbers(name, values))
        if names:
            table.AddColumn(_texts(LABEL, names))
        self.table.SetAndObserveTable(table)

    def style(
        self, *, color: str, marker: str | None = None, size: float = 7.0, line: str = "None"
    ) -> None:
        """Set colour (#rrggbb), mark (a word, or None), its size in pixels, and kind of line."""
        series = slicer.vtkMRMLPlotSeriesNode
        mark = "None" if marker is None else _MARKERS.get(marker, _OTHER_MARKER)
        with slicer.util.NodeModify(self.node):
            self.node.SetColor(*(int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)))
            self.node.SetMarkerStyle(getattr(series, f"MarkerStyle{mark}"))
            self.node.SetMarkerSize(size)
            self.node.SetLineStyle(getattr(series, f"LineStyle{line}"))
            self.node.SetLineWidth(2)

    def rename(self, name: str, *, labelled: bool) -> None:
        """Set the name that the legend shows, and whether points have names."""
        with slicer.util.NodeModify(self.node):
            self.node.SetName(name)
            self.node.SetLabelColumnName(LABEL if labelled else "")

    def remove(self) -> None:
        """Remove the nodes from chart and scene."""
        if self._chart.GetScene() is not None:
            self._chart.RemovePlotSeriesNodeID(self.node.GetID())
        remove_nodes(self._scene, [self.node, self.table])


def add_chart(scene: Any, name: str, x_title: str = "", y_title: str = "") -> Any:
    """Add a vtkMRMLPlotChartNode with a legend, and a grid if the axes mean something."""
    chart = add_node(scene, "vtkMRMLPlotChartNode", name)
    with slicer.util.NodeModify(chart):
        chart.SetTitle(name)
        chart.SetXAxisTitle(x_title)
        chart.SetYAxisTitle(y_title)
        chart.SetXAxisTitleVisibility(bool(x_title))
        chart.SetYAxisTitleVisibility(bool(y_title))
        chart.SetGridVisibility(bool(x_title))
        chart.SetLegendVisibility(True)
        # Slicer's own sizes let the legend cover half of a small plot.
        chart.SetTitleFontSize(14)
        chart.SetLegendFontSize(_LEGEND_FONT)
        chart.SetAxisTitleFontSize(12)
        chart.SetAxisLabelFontSize(10)
    return chart


def fit_axes(
    chart: Any,
    xy: NDArray[np.float64],
    legend: Sequence[str] = (),
    *,
    lines: bool = False,
    counts: bool = False,
) -> None:
    """Let the axes of `chart` hold the points [N, 2], with a margin; nothing for no points.

    Slicer fits the axes only when a series is new, not when it grows, and without a margin; and
    its legend lies in the upper right corner, over whatever is there.

    Args:
        chart: vtkMRMLPlotChartNode.
        xy: all points.
        legend: what its lines say; the points are kept from under it.
        lines: whether the points are joined, so that no place below the legend is known as free.
        counts: whether x counts something: it begins at 0, and its ticks are whole numbers.
    """
    points = xy[np.isfinite(xy).all(axis=1)]
    if len(points) == 0:
        return
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.05 * (high - low), 0.5 * np.maximum(np.abs(high), 1e-3))
    left, right = low[0] - margin[0], high[0] + margin[0]
    if counts:
        left, right = 0.0, max(right, WHOLE)
    bottom, top = low[1] - margin[1], high[1] + margin[1]
    if legend:
        width = (_SIGN + _LETTER * max(map(len, legend))) / _SMALL_VIEW[0]
        height = min(_LINE * (len(legend) + 0.5) / _SMALL_VIEW[1], _HEADROOM)
        begins = left if lines else right - width * (right - left)
        under = points[points[:, 0] >= begins, 1]
        if len(under):
            top = max(top, bottom + (under.max() + margin[1] - bottom) / (1 - height))
    with slicer.util.NodeModify(chart):
        chart.SetXAxisRangeAuto(False)
        chart.SetYAxisRangeAuto(False)
        chart.SetXAxisRange(float(left), float(right))
        chart.SetYAxisRange(float(bottom), float(top))


def _numbers(name: str, values: NDArray[np.float64]) -> Any:
    from vtk.util.numpy_support import numpy_to_vtk

    column = numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float64), deep=True)
    column.SetName(name)
    return column


def _texts(name: str, values: Sequence[str]) -> Any:
    column = vtk.vtkStringArray()
    column.SetName(name)
    column.SetNumberOfValues(len(values))
    for index, value in enumerate(values):
        column.SetValue(index, value)
    return column
