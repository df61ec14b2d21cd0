"""Training in the panel, and what its rounds brought; with the real background process."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402

from ActiveSeedLib.app.history import read_history  # noqa: E402
from ActiveSeedLib.app.learning import BY_EPOCH, BY_ROUND  # noqa: E402
from ActiveSeedLib.app.steps import Step, retrain_steps  # noqa: E402
from ActiveSeedLib.panel import learn_section  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.panel.plots import LAYOUT  # noqa: E402
from ActiveSeedLib.project.project import Project  # noqa: E402
from ActiveSeedLib.worker.stream import JobState  # noqa: E402
from Testing.panel import rounds  # noqa: E402
from Testing.panel.rounds import column, plot_nodes, series_of, settle, until  # noqa: E402

WORSE = [0.50, 0.52, 0.54, 0.50, 0.55, 0.51]
BETTER = [0.80, 0.81, 0.85, 0.79, 0.86, 0.82]


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
def scored(panel: Panel, root: Path) -> Panel:
    """The panel with a project of two rounds, of which the second was much better."""
    rounds.add_model(root, WORSE, 2)
    rounds.add_model(root, BETTER, 4)
    rounds.open_project(panel, root)
    return panel


def cells(panel: Panel) -> list[list[str]]:
    table = panel.learn.ui.scoresTable
    return [
        [table.item(row, at).text() for at in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def shown() -> Any:
    """The chart that the user sees."""
    return slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode().GetPlotChartNode()


def epochs(panel: Panel) -> list[float]:
    """The epochs on the live curve."""
    curves = series_of(panel.learn._live_plot().chart)
    return column(curves[0], curves[0].GetXColumnName()) if curves else []


def choose_short(panel: Panel, epochs_: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train a smaller network than the panel can choose, for a few epochs."""

    def small(*args: Any) -> list[Step]:
        first, *others = retrain_steps(*args)
        first.params["settings"]["channels"] = [8, 16, 32]
        return [first, *others]

    monkeypatch.setattr(learn_section, "retrain_steps", small)
    panel.keep_choices(
        replace(panel.choices, epochs=epochs_, cross_validate=False, device="cpu", budget=2)
    )


def test_what_the_rounds_brought_is_said_and_tabled(scored: Panel) -> None:
    assert cells(scored) == [
        ["2", "0.520", "0.50 to 0.54", "6 test cases"],
        ["4", "0.822", "0.80 to 0.84", "6 test cases"],
    ]
    assert "likely to pay" in scored.learn.ui.adviceLabel.text
    assert scored.learn.ui.retrainButton.enabled
    assert scored.learn.ui.unfinishedFrame.isHidden()


def test_the_curve_of_the_rounds_is_shown_on_a_button(scored: Panel) -> None:
    ui = scored.learn.ui
    ui.curveComboBox.setCurrentIndex(BY_ROUND)
    ui.showButton.click()
    assert slicer.app.layoutManager().layout == LAYOUT
    assert any(
        column(s, s.GetYColumnName()) == pytest.approx([0.52, 0.8216667], abs=1e-4)
        for s in series_of(shown())
    )
    once = plot_nodes()
    for _ in range(3):
        scored.cases_changed()
        settle()
        ui.showButton.click()
    assert plot_nodes() == once
    ui.hideButton.click()
    assert slicer.app.layoutManager().layout != LAYOUT


def test_the_curves_of_the_latest_training_can_be_seen_later(scored: Panel) -> None:
    scored.learn.show_curves(BY_EPOCH)
    assert epochs(scored) == [1, 2]
    slicer.mrmlScene.Clear(0)
    settle()
    assert not any(plot_nodes().values())
    scored.learn.show_curves(BY_EPOCH)
    assert epochs(scored) == [1, 2]


def test_the_curves_are_exported(scored: Panel, tmp_path: Path) -> None:
    ui = scored.learn.ui
    for which, first in ((BY_ROUND, "labelled"), (BY_EPOCH, "epoch")):
        ui.curveComboBox.setCurrentIndex(which)
        scored.learn.export_csv(tmp_path / f"{which}.csv")
        scored.learn.export_picture(tmp_path / f"{which}.png")
        with (tmp_path / f"{which}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2
        assert first in rows[0]
        assert not qt.QImage(str(tmp_path / f"{which}.png")).isNull()


def test_what_was_left_out_stays_readable_when_the_project_is_opened_again(scored: Panel) -> None:
    assert "label map is empty" in scored.learn.ui.notesEdit.plainText
    assert not scored.learn.ui.notesFrame.isHidden()


def test_notes_of_a_job_are_kept_until_the_next_training(scored: Panel) -> None:
    state = JobState("1", "predict")
    state.take({"event": "note", "text": "The GPU is too small: the CPU is used."})
    scored.learn.show_job(state)
    scored.learn.show_job(state)
    state.take({"event": "note", "text": "Left out case_y: damaged."})
    scored.learn.show_job(state)
    scored.learn.show_job(None)
    text = scored.learn.ui.notesEdit.plainText
    assert text.count("CPU") == 1
    assert "case_y" in text


def test_a_training_is_watched_stopped_resumed_and_says_what_it_brought(
    panel: Panel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(root) as project:
        tests = [row.key for row in project.rows() if row.status == "test"]
        project.import_labels(root.parent / "labels", keys=tests)
    rounds.open_project(panel, root)
    assert panel.session is not None
    choose_short(panel, 60, monkeypatch)
    ui = panel.learn.ui
    ui.retrainButton.click()
    until(lambda: panel.is_busy)
    assert not ui.retrainButton.enabled
    until(lambda: panel.learn._training is not None and len(epochs(panel)) >= 2, 120)
    assert panel.plots.shows(panel.learn._live_plot().chart)
    panel.cancel()
    until(lambda: not panel.is_busy)
    settle()
    assert not ui.unfinishedFrame.isHidden()
    assert ui.retrainButton.isHidden()
    assert "Training stopped after epoch" in ui.unfinishedLabel.text
    assert "goes on from there" in ui.unfinishedLabel.text
    assert not ui.resumeButton.isHidden()
    stopped = panel.session.project.unfinished_model()
    assert stopped is not None
    assert len(read_history(stopped.folder / "training.jsonl")) < 60

    ui.resumeButton.click()
    until(lambda: panel.is_busy)
    until(lambda: not panel.is_busy, 180)
    settle()
    assert epochs(panel) == list(range(1, 61)), "from the beginning, once each"
    assert [model.state for model in panel.session.project.models()] == ["finished"]
    assert ui.unfinishedFrame.isHidden()
    assert "The round is finished." in panel.notice_text
    assert "Dice" in panel.notice_text
    assert len(cells(panel)) == 1
    following = panel.session.next_case(None)
    assert following is not None, "the next cases are suggested"
    panel.bar.press("Open next")
    assert panel.label.key == following


def test_what_resume_and_start_anew_would_do_is_said_before(
    panel: Panel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(root) as project:
        labels = dict(list(project.training_labels().items())[:1])
        project.start_model({"epochs": 9}, {"labels": labels})
    rounds.open_project(panel, root)
    assert panel.session is not None
    ui = panel.learn.ui
    assert "in its first epoch" in ui.unfinishedLabel.text
    assert "label maps have changed" in ui.unfinishedLabel.text
    assert ui.resumeButton.isHidden()
    asked = []
    monkeypatch.setattr(panel, "run", lambda steps, *_args, **_kwargs: asked.append(steps[0].job))
    ui.anewButton.click()
    assert asked == ["train"]
    assert [model.state for model in panel.session.project.models()] == ["abandoned"]


def test_a_round_whose_model_was_not_scored_does_not_boast_of_an_older_one(scored: Panel) -> None:
    scored.runner.results = {"train": {"model": "model-003"}}
    scored.learn._on_finished(True)
    assert "was not scored" in scored.notice_text
    scored.runner.results = {"train": {"model": "model-002"}}
    scored.learn._on_finished(True)
    assert "likely to pay" in scored.notice_text


def test_without_labels_nothing_can_be_trained_or_shown(
    panel: Panel, root: Path, tmp_path: Path
) -> None:
    with Project.open(root) as project:
        labelled = [row.key for row in project.rows() if row.status == "labelled"]
        for key in labelled:
            project.set_status(key, "excluded")
    rounds.open_project(panel, root)
    assert not panel.learn.ui.retrainButton.enabled
    assert panel.learn.ui.scoresTable.isHidden()
    for which in (BY_ROUND, BY_EPOCH):
        panel.learn.ui.curveComboBox.setCurrentIndex(which)
        panel.learn.export_picture(tmp_path / "curves.png")
        assert not (tmp_path / "curves.png").exists()
        assert "trained yet" in panel.notice_text or "scored yet" in panel.notice_text


def test_without_a_window_it_says_so(panel: Panel, root: Path, tmp_path: Path) -> None:
    rounds.add_model(root, BETTER, 4)
    slicer.app.without_window(True)
    try:
        rounds.open_project(panel, root)
        assert "main window" in panel.learn.ui.plotLabel.text
        panel.learn.show_curves(BY_ROUND)
        assert "main window" in panel.notice_text
        panel.learn.ui.curveComboBox.setCurrentIndex(BY_ROUND)
        panel.learn.export_csv(tmp_path / "scores.csv")
        assert (tmp_path / "scores.csv").stat().st_size
    finally:
        slicer.app.without_window(False)


def test_the_rounds_are_seen_whole_in_a_narrow_panel(scored: Panel) -> None:
    """Slicer's panel is some 350 pixels wide; a bar to scroll by would lie on the last row."""
    scored.widget.resize(350, 900)
    settle()
    table = scored.learn.ui.scoresTable
    assert table.rowCount == 2
    assert not table.horizontalScrollBar().visible
    assert not table.verticalScrollBar().visible
    assert table.viewport().height >= sum(table.rowHeight(row) for row in range(2))
