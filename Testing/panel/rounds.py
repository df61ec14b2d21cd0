"""The panel that opens a small project with a map, rounds and scored models."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer

from ActiveSeedLib.panel.panel import Panel
from Testing.conftest import PROJECT
from Testing.scored_project import CASES, LABELLED, TEST, add_map, add_model, copy_of, make_archive

__all__ = ["CASES", "LABELLED", "TEST", "add_map", "add_model", "copy_of", "make_archive"]


def make_panel() -> Panel:
    """Return a panel in an empty scene, without a project."""
    qt.QSettings().clear()
    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    panel = Panel(PROJECT / "ActiveSeed/Resources")
    panel.widget.resize(450, 900)
    panel.widget.show()
    return panel


def open_project(panel: Panel, root: Path) -> None:
    """Open a project, and wait until every section shows it."""
    assert panel.open_project(root), panel.notice_text
    settle()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Let events happen until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        qt.QApplication.processEvents()
        time.sleep(0.005)


def settle(rounds: int = 40) -> None:
    """Let what was put off for a moment happen."""
    for _ in range(rounds):
        qt.QApplication.processEvents()


def plot_nodes() -> dict[str, int]:
    """How many nodes of each kind that a plot is made of are in the scene."""
    kinds = ("vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode")
    return {kind: slicer.mrmlScene.GetNumberOfNodesByClass(kind) for kind in kinds}


def series_of(chart: Any) -> list[Any]:
    """The series of a chart, from the back to the front."""
    return [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]


def column(series: Any, name: str) -> list[float]:
    """The numbers of one column of a series' table, but for those that only fill it up."""
    found = series.GetTableNode().GetTable().GetColumnByName(name)
    values = [found.GetVariantValue(i).ToDouble() for i in range(found.GetNumberOfValues())]
    return [value for value in values if np.isfinite(value)]
