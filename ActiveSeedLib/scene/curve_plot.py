"""Curves of a training as it runs, and of what each round brought."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ActiveSeedLib.scene.nodes import remove_nodes
from ActiveSeedLib.scene.plots import Series, add_chart, fit_axes

if TYPE_CHECKING:
    from ActiveSeedLib.app.advice import RoundScore

# Okabe and Ito's colours (2008), which people with any colour vision tell apart.
_BLUE, _VERMILION = "#0072b2", "#d55e00"
_METRICS = {
    "loss": ("Loss", _VERMILION, None),
    "validation_dice": ("Validation Dice", _BLUE, "circle"),
}
_SPLITS = {"test": ("Test cases", _BLUE), "cross-validation": ("Cross-validation", _VERMILION)}


class CurvePlot:
    """Loss and validation Dice by epoch, growing while a training runs.

    Attributes:
        chart: vtkMRMLPlotChartNode.
    """

    def __init__(self, scene: Any, name: str) -> None:
        self._scene = scene
        self.chart = add_chart(scene, name, "Epoch", "Loss")
        self._series: dict[str, Series] = {}
        self._points: dict[str, dict[float, float]] = {}

    def add_metric(self, metric: Mapping[str, Any]) -> None:
        """Add what an epoch gave: "epoch", with "loss" or "validation_dice" or both.

        Other entries, None and values that are no numbers are passed over. An epoch that comes
        again, as after resuming, replaces its former point.
        """
        epoch = metric.get("epoch")
        if epoch is None:
            return
        for key, (name, color, marker) in _METRICS.items():
            value = metric.get(key)
            if value is None or not np.isfinite(value):
                continue
            if key not in self._series:
                self._series[key] = Series(self._scene, self.chart, name)
                self._series[key].style(color=color, marker=marker, line="Solid")
            points = self._points.setdefault(key, {})
            points[float(epoch)] = float(value)
            self._series[key].set_points(np.array(sorted(points.items())))
            if marker is None and len(points) <= 2:  # a line takes two points, one needs a mark
                mark = "circle" if len(points) == 1 else None
                self._series[key].style(color=color, marker=mark, line="Solid")
        drawn = [point for points in self._points.values() for point in points.items()]
        names = [series.node.GetName() for series in self._series.values()]
        self.chart.SetYAxisTitle(" and ".join(names))
        fit_axes(self.chart, np.array(drawn).reshape(-1, 2), names, lines=True, counts=True)

    def reset(self) -> None:
        """Draw nothing, ready for another training."""
        for series in self._series.values():
            series.remove()
        self._series, self._points = {}, {}

    def remove(self) -> None:
        """Remove everything from the scene."""
        self.reset()
        remove_nodes(self._scene, [self.chart])


class LearningCurve:
    """Dice by number of labelled cases, with the quartiles over the cases.

    Attributes:
        chart: vtkMRMLPlotChartNode.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self.chart = add_chart(scene, "What each round brought", "Labelled cases", "Dice")
        self._series: list[Series] = []

    def show(self, scores: Sequence["RoundScore"]) -> None:
        """Draw the scores, test cases and cross-validation apart, in place of earlier ones."""
        for series in self._series:
            series.remove()
        self._series = []
        for split, (name, color) in _SPLITS.items():
            found = sorted((s for s in scores if s.split == split), key=lambda s: s.labelled)
            if found:
                self._draw(name, color, found)
        drawn = np.array(
            [(s.labelled, dice) for s in scores for dice in (s.low, s.dice, s.high)], dtype=float
        ).reshape(-1, 2)
        names = [series.node.GetName() for series in self._series]
        fit_axes(self.chart, drawn, names, lines=True, counts=True)

    def remove(self) -> None:
        """Remove everything from the scene."""
        self.show(())
        remove_nodes(self._scene, [self.chart])

    def _draw(self, name: str, color: str, scores: Sequence["RoundScore"]) -> None:
        for title, values, marker, line in (
            (f"{name}: mean", [s.dice for s in scores], "circle", "Solid"),
            (f"{name}: upper quartile", [s.high for s in scores], None, "Dash"),
            (f"{name}: lower quartile", [s.low for s in scores], None, "Dash"),
        ):
            series = Series(self._scene, self.chart, title)
            series.set_points(np.column_stack([[s.labelled for s in scores], values]).astype(float))
            series.style(color=color, marker=marker, line=line)
            self._series.append(series)
