"""Slicer's plot view: it shows a chart beside the slices and tells which point was clicked."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import qt
import slicer

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.signals import Signal

NO_WINDOW = (
    "Plots are shown in Slicer's main window, which is not here; what they show can be exported "
    "as a table all the same."
)
SELECTED = "dataSelected(vtkStringArray*, vtkCollection*)"
CROWD = 100
"""A rubber band around more points than this picks none of them, so they are not looked at."""

LAYOUT = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView
"""Slicer's own layout of the three slices and a plot, which every scene and every user knows."""


class PlotView:
    """The plot view of Slicer's main window, if there is one.

    The user's layout is remembered when the plot comes, and given back by `hide` or `pause`. A
    layout that the user chose meanwhile, or one that has a plot view anyway, is left alone.

    Attributes:
        picked: emits (id of the series node, row) when one point was clicked; what is connected may
            change the chart, because it is called after the view's own event is over.
    """

    def __init__(self) -> None:
        self.picked = Signal()
        self._view: Any = None
        self._former: int | None = None
        self._away = False
        self._paused: str | None = None
        self._points: set[tuple[str, int]] = set()
        self._settled: set[tuple[str, int]] = set()
        self._waiting = False

    @property
    def is_possible(self) -> bool:
        """Whether there is a window to plot in."""
        return slicer.app.layoutManager() is not None

    def show(self, chart: Any) -> bool:
        """Show a chart node beside the slices; False if there is no window.

        While the user is in another module, it waits for `resume`.
        """
        manager = slicer.app.layoutManager()
        if manager is None:
            return False
        if self._away:
            self._paused = chart.GetID()
            return True
        if not _has_plot(manager.layout):
            self._former = manager.layout
            manager.setLayout(LAYOUT)
        _choose(chart.GetID())
        self._observe(manager.plotWidget(0).plotView())
        if chart.GetXAxisRangeAuto():  # what was fitted leaves room for the legend; this would not
            self._view.fitToContent()
        return True

    def shows(self, chart: Any) -> bool:
        """Return whether the user sees this chart now."""
        manager = slicer.app.layoutManager()
        if chart is None or manager is None or not _has_plot(manager.layout):
            return False
        shown = _chosen()
        return shown is not None and shown == chart.GetID()

    def hide(self) -> None:
        """Give the user's layout back, unless the user has chosen another one meanwhile."""
        manager = slicer.app.layoutManager()
        if manager is not None and self._former is not None and manager.layout == LAYOUT:
            known = _layout_node().IsLayoutDescription(self._former)
            manager.setLayout(
                self._former if known else slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
            )
        self._former = None

    def pause(self) -> None:
        """Give the layout back until `resume`."""
        manager = slicer.app.layoutManager()
        if self._former is not None and manager is not None and manager.layout == LAYOUT:
            self._paused = _chosen()
        self._away = True
        self.hide()

    def resume(self) -> None:
        """Show what `pause` put away, or what came meanwhile, if it is still in the scene."""
        self._away = False
        paused, self._paused = self._paused, None
        chart = slicer.mrmlScene.GetNodeByID(paused) if paused else None
        if chart is not None:
            self.show(chart)

    def save_picture(self, path: Path) -> None:
        """Write what the view shows as a PNG.

        The view could write an SVG as well, but VTK's exporter (GL2PS) can crash Slicer.

        Raises:
            InputError: no plot is shown.
            OSError: nothing can be written there.
        """
        manager = slicer.app.layoutManager()
        if self._view is None or manager is None or not _has_plot(manager.layout):
            raise InputError("No plot is shown: show it first, then export its picture.")
        with replacing(path) as temporary:
            self._view.grab().save(str(temporary), "PNG")

    def close(self) -> None:
        """Give the layout back and listen to the view no longer."""
        self.hide()
        self._forget()

    def _observe(self, view: Any) -> None:
        if view is not self._view:
            self._forget()
            self._view = view
            view.connect(SELECTED, self._on_selected)

    def _forget(self) -> None:
        if self._view is not None:
            with suppress(RuntimeError, ValueError):  # the window may be gone with its view
                self._view.disconnect(SELECTED, self._on_selected)
        self._view = None

    def _on_selected(self, series_ids: Any, rows: Any) -> None:
        """Take what is selected in all series now.

        One click tells twice, first of what was selected before, and a point stays selected when
        one of another series is clicked: what is new is seen when all is told.
        """
        self._points = set()
        for index in range(series_ids.GetNumberOfValues()):
            chosen = rows.GetItemAsObject(index)
            count = min(chosen.GetNumberOfValues(), CROWD)
            series = series_ids.GetValue(index)
            self._points |= {(series, int(chosen.GetValue(i))) for i in range(count)}
        if not self._waiting:
            self._waiting = True
            qt.QTimer.singleShot(0, self._on_settled)

    def _on_settled(self) -> None:
        self._waiting = False
        fresh = self._points - self._settled
        self._settled = self._points
        if len(fresh) == 1 and self._view is not None:
            self._view.RemovePlotSelections()
            self._settled = set()  # so that the same point can be clicked again
            self.picked.emit(*fresh.pop())


def _layout_node() -> Any:
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def _has_plot(layout: int) -> bool:
    node = _layout_node()
    return node.IsLayoutDescription(layout) and "vtkMRMLPlotViewNode" in node.GetLayoutDescription(
        layout
    )


def _choose(chart_id: str) -> None:
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActivePlotChartID(chart_id)
    logic.PropagatePlotChartSelection()


def _chosen() -> str | None:
    chosen: str | None = slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID()
    return chosen
