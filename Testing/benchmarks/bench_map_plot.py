"""How long the map of a large pool takes to show, to colour anew and to mark the open case.

python Testing/benchmarks/bench_map_plot.py [cases, default 10000]

The nodes are Slicer's own. A chart of VTK stands in for Slicer's plot view: it follows the nodes as
qMRMLPlotView does, each time that the chart node says it has changed, and is painted off screen.
The panel reads the cases in one event, groups them in the next and makes the nodes in a third; no
event of the panel should take longer than 50 ms.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import slicer
import vtk

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ActiveSeedLib.app.map_points import COLOURINGS, PointGroup, map_groups
from ActiveSeedLib.pool.case import Case, Geometry, Pool
from ActiveSeedLib.project import LabelSchema, Project
from ActiveSeedLib.scene.map_plot import MapPlot
from Testing.host import core

REPEATS = 5


def make(folder: Path, count: int) -> Project:
    """Return a project with a map, five rounds, a model, its predictions and its test scores."""
    geometry = Geometry((35, 50, 36))
    cases = tuple(
        Case(f"{n:032x}", f"case_{n:06d}", f"case_{n:06d}.nii.gz", "nifti", (f"{n}",), geometry)
        for n in range(count)
    )
    tests = [case.key for case in cases[: count // 10]]
    pool = Pool(f"{folder}/images", cases)
    project = Project.create(folder / "project", pool, LabelSchema.parse("1=a"), test=tests)
    random = np.random.default_rng(0)
    places = random.normal(size=(count, 2)) * 30
    project.save_map("bench", {}, {c.key: tuple(p) for c, p in zip(cases, places, strict=True)})
    rest = cases[len(tests) :]
    clusters = {case.key: number % 24 for number, case in enumerate(rest)}
    for number in range(5):
        picks = [(case.key, "Because.", {}) for case in rest[number * 8 : number * 8 + 8]]
        project.add_selection("levy", {}, 1, {"clusters": clusters}, picks)
    model = project.start_model({}, {})
    project.finish_model(model.id, {"labelled": 40})
    scores = [{"case": k, "key": k, "dice": float(random.random())} for k in tests]
    project.add_metrics(model.id, "test", scores, {"dice": 0.5})
    facts = [
        (model.id, c.key, json.dumps({"mean_entropy": random.random(), "foreground_entropy": 0.1}))
        for c in rest
    ]
    with project._database.transaction() as connection:  # one by one it would take minutes
        connection.executemany("INSERT INTO predictions VALUES (?, ?, ?)", facts)
    return project


class Chart:
    """A chart of VTK that follows a chart node as Slicer's plot view does."""

    def __init__(self, node: Any) -> None:
        self.updates, self.seconds = 0, 0.0
        self._node = node
        self._plots: dict[str, Any] = {}
        self._view = vtk.vtkContextView()
        self._view.GetRenderWindow().SetOffScreenRendering(1)
        self._view.GetRenderWindow().SetSize(800, 900)
        self._chart = vtk.vtkChartXY()
        self._chart.SetShowLegend(True)
        self._view.GetScene().AddItem(self._chart)
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_changed)

    def paint(self) -> None:
        self._view.GetScene().SetDirty(True)
        self._view.GetRenderWindow().Render()

    def said(self) -> str:
        """Say what the view had to do since this was asked last."""
        text = f"{self.updates} updates of the view, {1000 * self.seconds:.1f} ms"
        self.updates, self.seconds = 0, 0.0
        return text

    @property
    def last(self) -> str:
        """The last series of the chart but for the mark of the open case."""
        return str(self._node.GetNthPlotSeriesNodeID(self._count() - 2))

    def _on_changed(self, *_args: Any) -> None:
        started = time.perf_counter()
        wanted = [self._node.GetNthPlotSeriesNode(i) for i in range(self._count())]
        series = {one.GetID(): one for one in wanted if one is not None}
        for name in [name for name in self._plots if name not in series]:
            self._chart.RemovePlotInstance(self._plots.pop(name))
        for name, node in series.items():
            if node.GetTableNode() is not None:
                self._follow(name, node)
        self.updates += 1
        self.seconds += time.perf_counter() - started

    def _count(self) -> int:
        return int(self._node.GetNumberOfPlotSeriesNodes())

    def _follow(self, name: str, node: Any) -> None:
        plot = self._plots.get(name)
        if plot is None:
            plot = self._plots[name] = vtk.vtkPlotLine()
            self._chart.AddPlot(plot)
        table = node.GetTableNode().GetTable()
        plot.SetColorF(*node.GetColor())
        plot.GetPen().SetLineType(vtk.vtkPen.NO_PEN)
        plot.SetMarkerSize(node.GetMarkerSize())
        plot.SetMarkerStyle(vtk.vtkPlotPoints.CIRCLE)
        plot.SetIndexedLabels(table.GetColumnByName(node.GetLabelColumnName() or ""))
        plot.SetInputData(table, node.GetXColumnName(), node.GetYColumnName())
        plot.SetLabel(node.GetName())


def measure(what: str, *actions: Callable[[], object], more: Callable[[], str] = str) -> None:
    """Print the median time of the actions, and the processor's: that of an idle machine."""
    times, busy = [], []
    for action in actions:
        started, started_busy = time.perf_counter(), time.process_time()
        action()
        times.append(1000 * (time.perf_counter() - started))
        busy.append(1000 * (time.process_time() - started_busy))
    figures = f"{median(times):7.1f} ms  busy {median(busy):7.1f} ms  longest {max(times):7.1f} ms"
    print(f"{what:<32} {figures}  {more()}", flush=True)


def main(count: int) -> None:
    core.start()
    groups: dict[str, list[PointGroup]] = {}
    print(f"{count} cases")
    with tempfile.TemporaryDirectory() as folder:
        project = make(Path(folder), count)

        def read(name: str) -> None:
            groups[name] = map_groups(project, name, mapped)

        mapped = project.mapped_rows()
        measure("read the cases on the map", *[project.mapped_rows] * REPEATS)
        for name in COLOURINGS:
            again = [partial(read, name)] * REPEATS
            measure(f"group them by {name}", *again)
        project.close()
    plot = MapPlot(slicer.mrmlScene)
    chart = Chart(plot.chart)
    measure("make the nodes", partial(plot.show, groups["status"], ""), more=chart.said)
    measure("paint", *[chart.paint] * REPEATS)
    for name in (*COLOURINGS, "status"):
        measure(f"colour anew by {name}", partial(plot.show, groups[name], ""), more=chart.said)
        measure("paint", *[chart.paint] * REPEATS)
    keys = [key for group in groups["status"] for key in group.keys[:3]]
    measure("mark the open case", *(partial(plot.highlight, key) for key in keys), more=chart.said)
    measure(
        "find the case of a click", *(partial(plot.key_at, chart.last, row) for row in range(9))
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
