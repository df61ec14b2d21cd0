"""The map of the pool as a chart: a point is a case, its colour what the user asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer

from ActiveSeedLib.scene.nodes import remove_nodes
from ActiveSeedLib.scene.plots import Series, add_chart, fit_axes

if TYPE_CHECKING:
    from ActiveSeedLib.app.map_points import PointGroup

OPEN_CASE = "Open case"
_OPEN_COLOR = "#000000"
_LARGE, _SMALL = 9.0, 5.0
_CROWD = 2000
"""From this many points on they are drawn small."""


class MapPlot:
    """The map in the scene; a plot view shows its `chart`.

    Attributes:
        chart: vtkMRMLPlotChartNode; stays the same whatever is shown.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self.chart = add_chart(scene, "Map of the pool")
        self._groups: list[PointGroup] = []
        self._series: list[Series] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._open: str | None = None
        self._fitted: object = None
        self._highlight = Series(scene, self.chart, OPEN_CASE)
        self._highlight.rename(OPEN_CASE, labelled=True)
        self._highlight.style(color=_OPEN_COLOR, marker="plus", size=3 * _LARGE)
        self._include_highlight(False)

    def show(self, groups: Sequence["PointGroup"], title: str, *, legend: bool = True) -> None:
        """Draw the groups, later ones over earlier ones, in place of what was drawn before.

        Args:
            groups: what is drawn alike.
            title: stands above the map.
            legend: whether it has one.
        """
        self._groups = [group for group in groups if len(group.keys)]
        self._places = {
            key: (number, row)
            for number, group in enumerate(self._groups)
            for row, key in enumerate(group.keys)
        }
        size = _SMALL if len(self._places) >= _CROWD else _LARGE
        with slicer.util.NodeModify(self.chart):
            self.chart.SetTitle(title)
            self.chart.SetLegendVisibility(legend)
            self._fit([*(group.name for group in self._groups), OPEN_CASE] if legend else [])
            self._make_series(len(self._groups))
            for series, group in zip(self._series, self._groups, strict=True):
                series.set_points(group.xy, group.names)
                series.rename(group.name, labelled=True)
                series.style(color=group.color, marker=group.marker, size=size)
            self.highlight(self._open)

    def highlight(self, key: str | None) -> None:
        """Mark the open case; None, or a case that has no point, marks nothing.

        Call it after a plot view has told of a click, not meanwhile: it may change the chart.
        """
        self._open = key
        place = self._places.get(key) if key is not None else None
        if place is None:
            self._include_highlight(False)
            return
        number, row = place
        group = self._groups[number]
        self._highlight.set_points(group.xy[row : row + 1], [group.names[row]])
        self._include_highlight(True)

    def key_at(self, series_id: str, row: int) -> str | None:
        """Return the case of a point that was clicked: row `row` of the series node's table."""
        if series_id == self._highlight.node.GetID():
            return self._open if row == 0 else None
        for series, group in zip(self._series, self._groups, strict=True):
            if series.node.GetID() == series_id and 0 <= row < len(group.keys):
                return group.keys[row]
        return None

    def remove(self) -> None:
        """Remove chart, series and tables from the scene."""
        self._include_highlight(True)  # the chart complains of taking out what it lacks
        for series in (*self._series, self._highlight):
            series.remove()
        remove_nodes(self._scene, [self.chart])
        self._series, self._groups, self._places = [], [], {}

    def _fit(self, legend: Sequence[str]) -> None:
        """Show all points beside the legend; what the user zoomed to stays while both are so."""
        if not self._groups:
            return
        xy = np.concatenate([group.xy for group in self._groups])
        wanted = (tuple(legend), len(xy), *xy.min(axis=0).tolist(), *xy.max(axis=0).tolist())
        if wanted != self._fitted:
            fit_axes(self.chart, xy, legend)
            self._fitted = wanted

    def _make_series(self, count: int) -> None:
        """Have as many series as groups; the highlight comes back after them, over all others."""
        if count == len(self._series):
            return
        while len(self._series) > count:
            self._series.pop().remove()
        self._include_highlight(False)
        while len(self._series) < count:
            name = self._groups[len(self._series)].name
            self._series.append(Series(self._scene, self.chart, name))

    def _include_highlight(self, wanted: bool) -> None:
        """Have the mark of the open case in the chart, or not.

        A series without any place makes Slicer's view lose the range of its axes, so it goes.
        """
        identity = self._highlight.node.GetID()
        if identity is None or self.chart.HasPlotSeriesNodeID(identity) == wanted:
            return
        if wanted:
            self.chart.AddAndObservePlotSeriesNodeID(identity)
        else:
            self.chart.RemovePlotSeriesNodeID(identity)
