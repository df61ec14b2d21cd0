"""The map and the curves as charts, drawn by VTK as Slicer's plot view draws them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from ActiveSeedLib.app.advice import RoundScore
from ActiveSeedLib.app.map_points import PointGroup
from ActiveSeedLib.scene.curve_plot import CurvePlot, LearningCurve
from ActiveSeedLib.scene.map_plot import MapPlot
from ActiveSeedLib.scene.plots import WHOLE, add_chart, fit_axes
from Testing.scene.conftest import census


def group(name: str, count: int, marker: str = "circle", seed: int = 0) -> PointGroup:
    keys = tuple(f"{name}-{number}" for number in range(count))
    xy = np.random.default_rng(seed).normal(size=(count, 2))
    return PointGroup(name, "#0072b2", marker, keys, tuple(k.upper() for k in keys), xy)


GROUPS = [group("pool", 40), group("none", 0), group("test", 1, "triangle"), group("new", 5)]


def series_of(chart: Any) -> list[Any]:
    count = chart.GetNumberOfPlotSeriesNodes()
    return [chart.GetNthPlotSeriesNode(index) for index in range(count)]


def points_of(series: Any) -> list[tuple[float, float]]:
    """The points that are drawn: those that are numbers."""
    table = series.GetTableNode().GetTable()
    x = table.GetColumnByName(series.GetXColumnName())
    y = table.GetColumnByName(series.GetYColumnName())
    rows = [(x.GetValue(row), y.GetValue(row)) for row in range(table.GetNumberOfRows())]
    return [row for row in rows if np.isfinite(row).all()]


def label_at(series: Any, row: int) -> str:
    table = series.GetTableNode().GetTable()
    return str(table.GetColumnByName(series.GetLabelColumnName()).GetValue(row))


def drawn(chart: Any, tmp_path: Path) -> str:
    """Draw the series as vtkPlotLine, as Slicer does; return what VTK complained of."""
    log = tmp_path / "vtk.log"
    window = vtk.vtkFileOutputWindow()
    window.SetFileName(str(log))
    before = vtk.vtkOutputWindow.GetInstance()
    vtk.vtkOutputWindow.SetInstance(window)
    view = vtk.vtkContextView()
    view.GetRenderWindow().SetOffScreenRendering(1)
    picture = vtk.vtkChartXY()
    view.GetScene().AddItem(picture)
    for series in series_of(chart):
        line = vtk.vtkPlotLine()
        line.SetInputData(series.GetTableNode().GetTable(), "x", "y")
        line.SetMarkerStyle(vtk.vtkPlotPoints.CIRCLE)
        picture.AddPlot(line)
    view.Render()
    vtk.vtkOutputWindow.SetInstance(before)
    text = log.read_text() if log.exists() else ""
    return "\n".join(line for line in text.splitlines() if line.startswith("ERROR"))


@pytest.fixture
def plot(scene: Any) -> MapPlot:
    plot = MapPlot(scene)
    plot.show(GROUPS, "The pool")
    return plot


def test_every_point_can_be_clicked_and_names_its_case(plot: MapPlot) -> None:
    drawn_groups = [g for g in GROUPS if g.keys]
    shown = series_of(plot.chart)
    assert [series.GetName() for series in shown] == [g.name for g in drawn_groups]
    for series, points in zip(shown, drawn_groups, strict=True):
        np.testing.assert_array_equal(points_of(series), points.xy)
        for row, key in enumerate(points.keys):
            assert plot.key_at(series.GetID(), row) == key
            assert label_at(series, row) == key.upper()
        assert plot.key_at(series.GetID(), len(points.keys)) is None
        assert plot.key_at(series.GetID(), -1) is None
    assert plot.key_at("vtkMRMLPlotSeriesNodeOfAnother", 0) is None
    assert plot.chart.GetTitle() == "The pool"


def test_marks_tell_groups_apart_without_colour(plot: MapPlot) -> None:
    pool, test, new = series_of(plot.chart)
    kind = slicer.vtkMRMLPlotSeriesNode
    assert pool.GetMarkerStyle() == new.GetMarkerStyle() == kind.MarkerStyleCircle
    assert test.GetMarkerStyle() not in {kind.MarkerStyleCircle, kind.MarkerStyleNone}
    assert pool.GetLineStyle() == kind.LineStyleNone
    np.testing.assert_allclose(pool.GetColor(), (0, 0x72 / 255, 0xB2 / 255))


def test_the_open_case_is_marked_on_top(plot: MapPlot) -> None:
    without = series_of(plot.chart)
    plot.highlight("new-3")
    *others, highlight = series_of(plot.chart)
    assert others == without
    assert points_of(highlight) == [tuple(GROUPS[3].xy[3])]
    assert plot.key_at(highlight.GetID(), 0) == "new-3"
    assert plot.key_at(highlight.GetID(), 1) is None
    plot.show([GROUPS[3], GROUPS[0]], "Other colours")
    assert series_of(plot.chart)[-1] is highlight
    assert points_of(highlight) == [tuple(GROUPS[3].xy[3])]
    for key in ("of another pool", None):
        plot.highlight(key)
        assert highlight not in series_of(plot.chart), "its axes would lose their range"


def test_highlighting_keeps_the_other_series_and_redraws_once(plot: MapPlot) -> None:
    before = series_of(plot.chart)
    told: list[str] = []
    plot.chart.AddObserver("ModifiedEvent", lambda _, event: told.append(event))
    plot.highlight("pool-3")
    assert len(told) == 1
    plot.highlight(None)
    assert len(told) == 2
    assert series_of(plot.chart) == before


def test_vtk_draws_the_map_without_a_complaint(plot: MapPlot, tmp_path: Path) -> None:
    assert drawn(plot.chart, tmp_path) == ""
    plot.highlight("pool-3")
    assert drawn(plot.chart, tmp_path) == ""


def test_the_map_shows_and_goes_again_and_again(scene: Any) -> None:
    before = census(scene)
    plot = MapPlot(scene)
    chart = plot.chart
    for count in (3, 1, 0, 8, 2):
        plot.show([group(f"g{number}", 3, seed=number) for number in range(count)], "t")
        assert len(series_of(chart)) == count
        assert plot.chart is chart
    plot.remove()
    assert census(scene) == before


def test_a_map_whose_scene_was_closed_can_be_removed(scene: Any) -> None:
    plot = MapPlot(scene)
    plot.show(GROUPS, "t")
    scene.Clear(0)
    plot.remove()


def test_ten_thousand_points_are_all_there(scene: Any) -> None:
    plot = MapPlot(scene)
    groups = [group(f"g{number}", 1250, seed=number) for number in range(8)]
    plot.show(groups, "t")
    shown = series_of(plot.chart)
    assert sum(len(points_of(series)) for series in shown) == 10_000
    assert plot.key_at(shown[7].GetID(), 1249) == "g7-1249"
    plot.remove()


def ranges(chart: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    assert not chart.GetXAxisRangeAuto()
    assert not chart.GetYAxisRangeAuto()
    return tuple(chart.GetXAxisRange()), tuple(chart.GetYAxisRange())


def test_no_point_of_the_map_lies_under_the_legend_or_on_the_edge(scene: Any) -> None:
    plot = MapPlot(scene)
    corner = np.array([[0.0, 0.0], [1.0, 1.0], [0.9, 1.0], [0.0, 1.0]])
    groups = [
        PointGroup(f"group {number}", "#0072b2", "circle", (f"k{number}",), ("n",), corner[[row]])
        for number, row in enumerate((0, 1, 2, 3, 0))
    ]
    plot.show(groups, "t")
    (left, right), (bottom, top) = ranges(plot.chart)
    assert left < 0
    assert bottom < 0
    assert right > 1
    lines = len(groups) + 1  # and the open case
    assert (top - 1) / (top - bottom) > lines * 18 / 340
    plot.show(groups, "t", legend=False)
    assert not plot.chart.GetLegendVisibility()
    assert ranges(plot.chart)[1][1] == pytest.approx(1.05)


def test_room_for_the_legend_is_made_only_where_points_are_under_it(scene: Any) -> None:
    chart = add_chart(scene, "t")
    fit_axes(chart, np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"])
    assert ranges(chart)[1][1] == pytest.approx(1.05)
    fit_axes(chart, np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"], lines=True)
    assert ranges(chart)[1][1] > 1.15


def test_what_the_user_zoomed_to_stays_while_places_and_legend_do(plot: MapPlot) -> None:
    plot.chart.SetXAxisRange(0.1, 0.2)
    plot.show(GROUPS, "The pool")
    plot.highlight("pool-3")
    assert ranges(plot.chart)[0] == (0.1, 0.2)
    plot.show(GROUPS[:1], "Another pool")
    assert ranges(plot.chart)[0] != (0.1, 0.2)


class TestCurves:
    def test_the_axis_names_what_is_drawn(self, scene: Any) -> None:
        curve = CurvePlot(scene, "Training")
        curve.add_metric({"epoch": 1, "loss": 1.5})
        assert curve.chart.GetYAxisTitle() == "Loss"
        curve.add_metric({"epoch": 2, "loss": 1.0, "validation_dice": 0.5})
        assert curve.chart.GetYAxisTitle() == "Loss and Validation Dice"

    def test_they_begin_at_no_epoch_and_leave_room_for_the_legend(self, scene: Any) -> None:
        curve = CurvePlot(scene, "Training")
        for epoch in (1, 2, 3):
            curve.add_metric({"epoch": epoch, "loss": 2 / epoch})
        (left, right), (_, top) = ranges(curve.chart)
        assert (left, right) == (0, WHOLE), "few epochs: ticks at whole numbers"
        assert top > 2.1
        curve.add_metric({"epoch": 50, "loss": 0.1})
        assert ranges(curve.chart)[0][1] > 50

    def test_the_first_epoch_is_seen_before_there_is_a_line(self, scene: Any) -> None:
        kind = slicer.vtkMRMLPlotSeriesNode
        curve = CurvePlot(scene, "Training")
        for epoch, mark in ((1, kind.MarkerStyleCircle), (2, kind.MarkerStyleNone)):
            curve.add_metric({"epoch": epoch, "loss": 2 / epoch})
            assert series_of(curve.chart)[0].GetMarkerStyle() == mark
        assert series_of(curve.chart)[0].GetLineStyle() == kind.LineStyleSolid

    def test_they_grow_by_epoch(self, scene: Any) -> None:
        curve = CurvePlot(scene, "Training")
        curve.add_metric({"epoch": 1, "loss": 1.5, "validation_dice": None, "other": 3})
        curve.add_metric({"epoch": 2, "loss": 1.0, "validation_dice": 0.5})
        curve.add_metric({"epoch": 3, "loss": float("nan")})
        curve.add_metric({"loss": 0.1})
        loss, dice = series_of(curve.chart)
        assert (loss.GetName(), dice.GetName()) == ("Loss", "Validation Dice")
        assert points_of(loss) == [(1, 1.5), (2, 1.0)]
        assert points_of(dice) == [(2, 0.5)]
        curve.add_metric({"epoch": 2, "loss": 0.9})
        assert points_of(loss) == [(1, 1.5), (2, 0.9)], "resumed at the second epoch"

    def test_vtk_draws_them_without_a_complaint(self, scene: Any, tmp_path: Path) -> None:
        curve = CurvePlot(scene, "Training")
        for epoch in (1, 2, 3):
            curve.add_metric({"epoch": epoch, "loss": 1 / epoch, "validation_dice": 0.5})
            assert drawn(curve.chart, tmp_path) == ""

    def test_they_start_anew_and_leave_nothing(self, scene: Any) -> None:
        before = census(scene)
        curve = CurvePlot(scene, "Training")
        chart = curve.chart
        curve.add_metric({"epoch": 1, "loss": 1.5})
        curve.reset()
        assert series_of(chart) == []
        curve.add_metric({"epoch": 1, "loss": 0.5})
        assert points_of(series_of(chart)[0]) == [(1, 0.5)]
        assert chart.GetXAxisTitle() == "Epoch"
        curve.remove()
        assert census(scene) == before


def test_rounds_are_shown_with_their_spread(scene: Any, tmp_path: Path) -> None:
    before = census(scene)
    curve = LearningCurve(scene)
    scores = [
        RoundScore(16, "m2", "test", 0.8, 0.7, 0.9, 5),
        RoundScore(8, "m1", "test", 0.6, 0.5, 0.65, 5),
        RoundScore(8, "m1", "cross-validation", 0.55, 0.4, 0.6, 8),
    ]
    for _ in range(2):
        curve.show(scores)
        found = {series.GetName(): points_of(series) for series in series_of(curve.chart)}
        assert found["Test cases: mean"] == [(8, 0.6), (16, 0.8)]
        assert found["Test cases: lower quartile"] == [(8, 0.5), (16, 0.7)]
        assert found["Test cases: upper quartile"] == [(8, 0.65), (16, 0.9)]
        assert found["Cross-validation: mean"] == [(8, 0.55)]
        assert len(found) == 6
        (left, right), (bottom, top) = ranges(curve.chart)
        assert left == 0
        assert right > 16, "the last tick is not cut"
        assert (top - 0.9) / (top - bottom) > 6 * 18 / 340, "six lines of legend above the curves"
        assert drawn(curve.chart, tmp_path) == ""
    curve.show([])
    assert series_of(curve.chart) == []
    curve.remove()
    assert census(scene) == before
