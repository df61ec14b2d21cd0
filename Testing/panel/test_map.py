"""The map in the panel: shown, coloured, clicked, exported; with what may happen to the scene."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402

from ActiveSeedLib.app.map_points import COLOURINGS  # noqa: E402
from ActiveSeedLib.panel import map_section  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.panel.plots import LAYOUT, SELECTED, PlotView  # noqa: E402
from Testing.panel import rounds  # noqa: E402
from Testing.panel.rounds import column, plot_nodes, series_of, settle, until  # noqa: E402

FOUR_UP = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rounds.make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def root(archive: Path, tmp_path: Path) -> Path:
    """The folder of a project of this test alone."""
    return rounds.copy_of(archive, tmp_path)


@pytest.fixture
def panel() -> Iterator[Panel]:
    panel = rounds.make_panel()
    yield panel
    panel.close()
    panel.widget.deleteLater()
    settle()


@pytest.fixture
def mapped(panel: Panel, root: Path) -> Panel:
    """The panel with a project that has a map, which is shown."""
    rounds.add_map(root)
    rounds.open_project(panel, root)
    panel.map.ui.showButton.click()
    until(lambda: panel.map.is_shown)
    return panel


def layout() -> int:
    return int(slicer.app.layoutManager().layout)


def view() -> Any:
    return slicer.app.layoutManager().plotWidget(0).plotView()


def chart() -> Any:
    return slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode().GetPlotChartNode()


def points() -> dict[tuple[float, float], tuple[str, int]]:
    """Place → (series id, row) of every point in the chart; what lies on top wins."""
    found = {}
    for series in series_of(chart()):
        xs, ys = (column(series, n) for n in (series.GetXColumnName(), series.GetYColumnName()))
        for row, place in enumerate(zip(xs, ys, strict=True)):
            found.setdefault((round(place[0], 4), round(place[1], 4)), (series.GetID(), row))
    return found


def tell(*chosen: tuple[str, int]) -> None:
    """Let the view tell what is selected, series by series, as Slicer's does."""
    ids, rows = vtk.vtkStringArray(), vtk.vtkCollection()
    for series_id, row in chosen:
        ids.InsertNextValue(series_id)
        numbers = vtk.vtkIdTypeArray()
        numbers.InsertNextValue(row)
        rows.AddItem(numbers)
    view().dataSelected.emit(ids, rows)


def place_of(panel: Panel, key: str) -> tuple[str, int]:
    assert panel.session is not None
    found = panel.session.project.map()
    assert found is not None
    x, y = found.points[key]
    return points()[round(x, 4), round(y, 4)]


def test_the_map_is_shown_beside_the_slices_with_every_case(mapped: Panel) -> None:
    assert layout() == LAYOUT
    assert chart() is not None
    assert len(points()) == rounds.CASES
    assert f"{rounds.CASES} cases" in mapped.map.ui.stateLabel.text
    names = {series.GetName() for series in series_of(chart())}
    assert len(names) >= 3, "not labelled, labelled and test cases at least"
    text = mapped.map.ui.legendLabel.text
    assert f"Test&nbsp;({rounds.TEST})" in text
    assert f"Labelled&nbsp;({rounds.LABELLED})" in text
    assert "Not&nbsp;labelled&nbsp;(" in text, "an entry would be broken over two lines"


def test_without_a_map_the_worker_makes_one_first(panel: Panel, root: Path) -> None:
    rounds.open_project(panel, root)
    panel.map.ui.showButton.click()
    until(lambda: panel.is_busy)
    until(lambda: not panel.is_busy)
    until(lambda: panel.map.is_shown)
    assert len(points()) == rounds.CASES, "test cases are placed too"


@pytest.mark.parametrize("colouring", ["cluster", "round", "entropy", "dice"])
def test_colours_change_and_no_node_is_left_over(mapped: Panel, colouring: str) -> None:
    assert mapped.session is not None
    combo = mapped.map.ui.colourComboBox
    combo.setCurrentIndex(combo.findData(colouring))
    combo.activated.emit(combo.currentIndex)
    settle()
    assert mapped.map.colouring == colouring
    assert len(points()) == rounds.CASES
    first, *words = chart().GetTitle().split("\n")
    assert first.endswith(f"by {COLOURINGS[colouring].lower()}")
    nothing_known = {
        "entropy": "No model has predicted these cases yet.",
        "dice": "No model has been scored on these cases yet.",
    }
    assert words == [nothing_known[colouring]] if colouring in nothing_known else not words
    once = plot_nodes()
    for name in ("status", colouring) * 3:
        mapped.map.colour_by(name)
        settle()
    assert plot_nodes() == once


def test_a_click_on_a_point_opens_its_case_and_the_open_case_is_marked(mapped: Panel) -> None:
    assert mapped.session is not None
    queued = [row.key for row in mapped.session.rows() if row.key != mapped.label.key]
    key = next(row for row in queued if mapped.session.row(row).status == "labelled")
    before = len(series_of(chart()))
    view().select(*place_of(mapped, key))
    until(lambda: mapped.label.key == key)
    settle()
    name = mapped.session.row(key).name
    assert name in mapped.map.ui.openLabel.text
    (mark,) = [series for series in series_of(chart()) if series.GetName() == "Open case"]
    x, y = mapped.session.project.map().points[key]  # type: ignore[union-attr]
    assert column(mark, mark.GetXColumnName()) == [pytest.approx(x)]
    assert column(mark, mark.GetYColumnName()) == [pytest.approx(y)]
    assert len(series_of(chart())) == before + 1


def test_a_click_is_told_twice_and_older_selections_stay(mapped: Panel) -> None:
    """As VTK's chart does: first what was selected before, then that and the new point."""
    assert mapped.session is not None
    keys = [row.key for row in mapped.session.rows() if row.status == "unlabelled"][:3]
    one, two, three = (place_of(mapped, key) for key in keys)
    picked: list[tuple[str, int]] = []
    mapped.plots.picked.disconnect(mapped.map._on_picked)
    mapped.plots.picked.connect(lambda *point: picked.append(point))
    for point in (one, one):
        tell()
        tell(point)
        settle()
    assert picked == [one, one], "the same point can be clicked again"
    tell(one, two)
    settle()
    assert picked == [one, one], "a rubber band picks nothing"
    tell(one, two)
    tell(one, two, three)
    settle()
    assert picked == [one, one, three], "a click after it does"


def test_a_rubber_band_around_several_points_opens_nothing(mapped: Panel) -> None:
    assert mapped.session is not None
    opened = mapped.label.key
    keys = [row.key for row in mapped.session.rows() if row.status == "unlabelled"][:2]
    tell(*(place_of(mapped, key) for key in keys))
    settle()
    assert mapped.label.key == opened


def test_a_test_case_opens_from_the_map(mapped: Panel) -> None:
    assert mapped.session is not None
    key = next(row.key for row in mapped.session.rows() if row.status == "test")
    view().select(*place_of(mapped, key))
    until(lambda: mapped.label.key == key)
    assert mapped.session.row(key).status == "test"


def test_the_users_layout_comes_back(mapped: Panel) -> None:
    mapped.map.ui.hideButton.click()
    assert layout() == FOUR_UP
    assert not mapped.map.is_shown
    mapped.map.ui.showButton.click()
    until(lambda: mapped.map.is_shown)
    mapped.exit()
    assert layout() == FOUR_UP
    mapped.enter()
    assert layout() == LAYOUT
    assert mapped.map.is_shown
    mapped.close_project()
    assert layout() == FOUR_UP
    assert not any(plot_nodes().values())
    assert not mapped.map.ui.legendLabel.text


def test_nothing_is_shown_while_the_user_is_in_another_module(panel: Panel, root: Path) -> None:
    rounds.add_map(root)
    rounds.open_project(panel, root)
    panel.exit()
    panel.map.show_map()
    settle()
    assert layout() == FOUR_UP
    panel.enter()
    assert panel.map.is_shown


def test_a_layout_chosen_meanwhile_is_left_alone(mapped: Panel) -> None:
    chosen = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    slicer.app.layoutManager().setLayout(chosen)
    assert not mapped.map.is_shown
    mapped.exit()
    mapped.enter()
    assert layout() == chosen


@pytest.mark.parametrize("name", ["SlicerLayoutOneUpPlotView", "SlicerLayoutFourUpPlotView"])
def test_a_layout_that_has_a_plot_is_kept(panel: Panel, root: Path, name: str) -> None:
    rounds.add_map(root)
    rounds.open_project(panel, root)
    chosen = getattr(slicer.vtkMRMLLayoutNode, name)
    slicer.app.layoutManager().setLayout(chosen)
    panel.map.show_map()
    until(lambda: panel.map.is_shown)
    panel.map.ui.hideButton.click()
    assert layout() == chosen


def test_the_map_comes_again_after_the_scene_was_closed(mapped: Panel) -> None:
    assert mapped.session is not None
    key = next(row.key for row in mapped.session.rows() if row.status == "labelled")
    mapped.label.open(key)
    settle()
    once = plot_nodes()
    slicer.mrmlScene.Clear(0)
    settle()
    assert not any(plot_nodes().values())
    assert layout() == FOUR_UP
    mapped.cases_changed()
    mapped.map.ui.showButton.click()
    until(lambda: mapped.map.is_shown)
    assert plot_nodes() == once
    assert len(points()) == rounds.CASES


def test_a_changed_status_is_seen_on_the_map(mapped: Panel) -> None:
    assert mapped.session is not None
    key = next(row.key for row in mapped.session.rows() if row.status == "unlabelled")
    before = {series.GetName() for series in series_of(chart())}
    mapped.session.exclude(key)
    mapped.cases_changed()
    settle()
    assert {series.GetName() for series in series_of(chart())} - before
    assert len(points()) == rounds.CASES


def test_the_picture_and_the_table_are_written(mapped: Panel, tmp_path: Path) -> None:
    mapped.map.export_picture(tmp_path / "map.png")
    assert not qt.QImage(str(tmp_path / "map.png")).isNull()
    mapped.map.export_csv(tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == rounds.CASES
    assert {"case", "x", "y", "status", "dice"} <= set(rows[0])


def test_nothing_is_written_into_the_images_folder(mapped: Panel) -> None:
    assert mapped.session is not None
    place = mapped.session.project.images_root / "map.csv"
    mapped.map.export_csv(place)
    assert "images folder" in mapped.notice_text
    assert not place.exists()


def test_the_picture_needs_the_map_in_sight(mapped: Panel, tmp_path: Path) -> None:
    mapped.map.ui.hideButton.click()
    mapped.map.export_picture(tmp_path / "map.png")
    assert "show it first" in mapped.notice_text
    assert not (tmp_path / "map.png").exists()


def test_the_worker_draws_a_figure(
    panel: Panel, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds.open_project(panel, root)
    chosen = tmp_path / "figure.svg"
    monkeypatch.setattr(map_section.export, "ask_path", lambda *_args: chosen)
    panel.map.ui.figureButton.click()
    until(lambda: panel.is_busy)
    assert not panel.map.ui.figureButton.enabled
    until(lambda: not panel.is_busy)
    assert "<svg" in chosen.read_text(encoding="utf-8")
    assert str(chosen) in panel.notice_text


def test_without_a_window_it_says_so_and_exports_all_the_same(
    panel: Panel, root: Path, tmp_path: Path
) -> None:
    rounds.add_map(root)
    slicer.app.without_window(True)
    try:
        other = Panel(Path(panel.resource("")))
        rounds.open_project(panel, root)
        panel.map.ui.showButton.click()
        settle()
        assert "main window" in panel.notice_text
        panel.map.export_csv(tmp_path / "map.csv")
        assert (tmp_path / "map.csv").stat().st_size
        other.close()
    finally:
        slicer.app.without_window(False)


def test_the_signal_is_the_one_that_slicer_has() -> None:
    assert SELECTED == "dataSelected(vtkStringArray*, vtkCollection*)"
    assert not PlotView().shows(None)
