"""Small projects with a map, rounds and scored models, and the panel that opens them."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.panel.panel import Panel
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from Testing.conftest import PROJECT

CASES = 10
TEST = 2
LABELLED = 4


def make_archive(folder: Path) -> Path:
    """Make a few small images with label maps, and a project that labels four of them."""
    generate_cohort(folder, cases=CASES, size=(24, 20, 20))
    pool = scan(folder / "images")
    test = [case.key for case in pool.cases[:TEST]]
    schema = LabelSchema.parse("1=liver,2=kidney")
    with Project.create(folder / "project", pool, schema, test=test) as project:
        keys = [case.key for case in pool.cases[TEST:]]
        picks = [(key, "It is unlike the others.", {}) for key in keys[:LABELLED]]
        project.add_selection(
            "levy", {}, 43, {"clusters": {k: i % 3 for i, k in enumerate(keys)}}, picks
        )
        project.import_labels(folder / "labels", keys=keys[:LABELLED])
    return folder


def copy_of(archive: Path, folder: Path) -> Path:
    """Return the project's folder in a copy that one test may change."""
    copy = Path(shutil.copytree(archive, folder / "archive"))
    with Project.open(copy / "project") as project:
        project.relocate(copy / "images")
    return copy / "project"


def add_map(root: Path, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Give the project a map; return the place of each case."""
    with Project.open(root) as project:
        keys = [row.key for row in project.rows()]
        xy = np.random.default_rng(seed).normal(size=(len(keys), 2))
        points = {key: (float(x), float(y)) for key, (x, y) in zip(keys, xy, strict=True)}
        project.save_map("by-hand", {}, points)
    return points


def add_model(root: Path, dice: list[float], labelled: int, split: str = "test") -> str:
    """Give the project a finished model with a Dice for each of some cases."""
    with Project.open(root) as project:
        labels = dict(list(project.training_labels().items())[:labelled])
        model = project.start_model({"epochs": 2}, {"labels": labels})
        lines = ['{"epoch": 1, "loss": 1.5}', '{"epoch": 2, "loss": 0.9, "validation_dice": 0.4}']
        (model.folder / "training.jsonl").write_text("\n".join(lines) + "\n")
        rows = project.rows()
        cases = [
            {"case": row.name, "key": row.key, "dice": value, "hd95": 1.0}
            for row, value in zip(rows, dice, strict=False)
        ]
        means = {"cases": len(cases), "dice": float(np.mean(dice))}
        project.add_metrics(model.id, split, cases, means)
        skipped = ["Left out case_x: its label map is empty."]
        project.finish_model(model.id, {"labelled": labelled, "skipped": skipped})
    return model.id


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
