"""Training on the page: what rounds brought, curves while it runs, stopping and going on."""

import csv
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ActiveSeedLib.app.steps import Step, retrain_steps
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.viewer import viewer as hub
from ActiveSeedLib.viewer.web.learn_part import LearnPart
from ActiveSeedLib.worker.stream import JobState
from Testing import scored_project
from Testing.viewer.browser import shot, wait_until
from Testing.viewer.parts_page import PartsPage

WORSE = [0.50, 0.52, 0.54, 0.50, 0.55, 0.51]
BETTER = [0.80, 0.81, 0.85, 0.79, 0.86, 0.82]
CURVES = """() => {
    const plot = document.querySelector('[data-name=learn-plot] .js-plotly-plot');
    return (plot ? plot.data : []).map((one) => ({ name: one.name, x: [...one.x], y: [...one.y] }));
}"""
EPOCHS = f"() => (({CURVES})().find((one) => one.name === 'Loss') || {{ x: [] }}).x"

RESIZE = """(width) => {
    document.querySelector('[data-name=learn-plot]').style.width = `${width}px`;
}"""
APART = """(width) => {
    const plot = document.querySelector('[data-name=learn-plot] .js-plotly-plot');
    const [legend, curves] = ['.legend .bg', '.nsewdrag'].map((part) =>
        plot.querySelector(part).getBoundingClientRect());
    return plot._fullLayout.width === width && legend.bottom <= curves.top + 1;
}"""
"""Whether the plot has taken its new width, and its legend is above its curves."""


@pytest.fixture
def part() -> type[LearnPart]:
    return LearnPart


@pytest.fixture
def scored(root: Path) -> Path:
    """A project of two rounds, of which the second was much better."""
    scored_project.add_model(root, WORSE, 2)
    scored_project.add_model(root, BETTER, 4)
    return root


def worker_of(served: PartsPage) -> int:
    """Wait for the background process, and return its number."""
    wait_until(lambda: served.do(lambda: served.viewer.worker.pid))
    return int(served.do(lambda: served.viewer.worker.pid) or 0)


def status_of(served: PartsPage) -> str:
    """Return how the job stands."""
    return served.do(lambda: served.viewer.runner.state.status)


def choose(page: Page, title: str) -> None:
    page.locator("[data-name=learn-curve]").click()
    page.get_by_role("option", name=title).click()


def curve(page: Page, name: str) -> dict[str, Any]:
    """Wait for a curve and return it."""
    page.wait_for_function(f"(name) => ({CURVES})().some((one) => one.name === name)", arg=name)
    return next(one for one in page.evaluate(CURVES) if one["name"] == name)


def cells(page: Page) -> list[list[str]]:
    rows = page.locator("[data-name=learn-table] tbody tr").all()
    return [row.locator("td").all_text_contents() for row in rows]


@pytest.mark.usefixtures("scored")
def test_what_the_rounds_brought_is_said_tabled_and_drawn(
    page: Page, serve: Callable[[], PartsPage]
) -> None:
    page.goto(serve().link)
    page.get_by_text("Going on is likely to pay").wait_for()
    assert cells(page) == [
        ["2", "0.520", "0.50 to 0.54", "6 test cases"],
        ["4", "0.822", "0.80 to 0.84", "6 test cases"],
    ]
    mean = curve(page, "Test cases: mean")
    assert mean["x"] == [2, 4]
    assert mean["y"] == pytest.approx([0.52, 0.8216667], abs=1e-4)
    assert page.get_by_role("button", name="Retrain").is_enabled()
    assert not page.locator("[data-name=learn-unfinished]").is_visible()
    assert "label map is empty" in (page.locator("[data-name=learn-notes]").text_content() or "")
    shot(page, "learn-rounds")


@pytest.mark.usefixtures("scored")
def test_the_legend_keeps_off_the_curves_in_any_width(
    page: Page, serve: Callable[[], PartsPage]
) -> None:
    page.goto(serve().link)
    curve(page, "Test cases: mean")
    for width in (364, 250, 364):  # in the narrow one the legend has two lines
        page.evaluate(RESIZE, width)
        page.wait_for_function(APART, arg=width)


@pytest.mark.usefixtures("scored")
def test_the_curves_of_the_latest_training_can_be_seen_and_downloaded(
    page: Page, serve: Callable[[], PartsPage], tmp_path: Path
) -> None:
    page.goto(serve().link)
    curve(page, "Test cases: mean")
    for title, first in (("Dice by round", "labelled"), ("Loss and Dice by epoch", "epoch")):
        choose(page, title)
        page.locator("[data-name=learn-plot] .xtitle").wait_for()
        with page.expect_download() as download:
            page.locator("[data-name=learn-csv]").click()
        download.value.save_as(tmp_path / "curves.csv")
        with (tmp_path / "curves.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2
        assert first in rows[0]
    assert curve(page, "Loss") == {"name": "Loss", "x": [1, 2], "y": [1.5, 0.9]}
    assert curve(page, "Validation Dice")["y"] == [0.4]
    with page.expect_download() as download:
        page.locator("[data-name=learn-picture]").click()
    download.value.save_as(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_without_labels_nothing_can_be_trained_or_shown(
    page: Page, root: Path, serve: Callable[[], PartsPage]
) -> None:
    with Project.open(root) as project:
        for key in [row.key for row in project.rows() if row.status == "labelled"]:
            project.set_status(key, "excluded")
    page.goto(serve().link)
    page.get_by_text("No model has been scored yet: train one first.").wait_for()
    assert page.get_by_role("button", name="Retrain").is_disabled()
    assert not page.locator("[data-name=learn-table]").is_visible()
    assert not page.locator("[data-name=learn-csv]").is_visible()
    choose(page, "Loss and Dice by epoch")
    page.get_by_text("Nothing was trained yet.").wait_for()


def test_notes_of_a_job_are_shown(page: Page, root: Path, serve: Callable[[], PartsPage]) -> None:
    assert root.is_dir()
    served = serve()
    page.goto(served.link)
    page.get_by_role("button", name="Retrain").wait_for()
    state = JobState("1", "predict")
    state.take({"event": "note", "text": "The GPU is too small: the CPU is used."})
    served.do(lambda: served.viewer.job_changed.emit(state))
    page.get_by_text("The GPU is too small").wait_for()


def test_what_resume_and_start_anew_would_do_is_said_before(
    page: Page, root: Path, serve: Callable[[], PartsPage]
) -> None:
    with Project.open(root) as project:
        labels = dict(list(project.training_labels().items())[:1])
        project.start_model({"epochs": 9}, {"labels": labels})
    served = serve()
    page.goto(served.link)
    page.get_by_text("label maps have changed since").wait_for()
    assert not page.get_by_role("button", name="Resume").is_visible()
    assert not page.get_by_role("button", name="Retrain").is_visible()
    page.get_by_role("button", name="Start anew").click()
    os.kill(worker_of(served), signal.SIGSTOP)  # else it may be done before the page is looked at
    page.get_by_role("button", name="Cancel").wait_for()
    assert not page.locator("[data-name=learn-unfinished]").is_visible()
    models = served.do(served.viewer.session.project.models)
    assert models[0].state == "abandoned"


@pytest.mark.slow
def test_a_training_is_watched_stopped_and_gone_on_with(
    page: Page, root: Path, serve: Callable[[], PartsPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(root) as project:
        tests = [row.key for row in project.rows() if row.status == "test"]
        project.import_labels(root.parent / "labels", keys=tests)

    def small(*args: Any) -> list[Step]:
        """Train a smaller network than can be chosen on the page."""
        first, *others = retrain_steps(*args)
        first.params["settings"]["channels"] = [8, 16, 32]
        return [first, *others]

    monkeypatch.setattr(hub, "retrain_steps", small)
    served = serve()
    choices = replace(
        served.viewer.choices, epochs=60, cross_validate=False, device="cpu", budget=2
    )
    served.viewer.choices = choices
    page.goto(served.link)
    page.get_by_role("button", name="Retrain").click()
    page.wait_for_function(f"() => ({EPOCHS})().length >= 2", timeout=120_000)
    assert page.get_by_role("button", name="Retrain").is_disabled()
    worker = worker_of(served)
    os.kill(worker, signal.SIGSTOP)  # else it may be done before it is cancelled
    shot(page, "learn-training")
    page.get_by_role("button", name="Cancel").click()
    wait_until(lambda: status_of(served) == "cancelling")
    os.kill(worker, signal.SIGCONT)
    unfinished = page.locator("[data-name=learn-unfinished]")
    unfinished.wait_for(timeout=120_000)
    assert "Training stopped after epoch" in (unfinished.text_content() or "")
    assert "goes on from there" in (unfinished.text_content() or "")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("The round is finished.").wait_for(timeout=240_000)
    page.wait_for_function(f"() => ({EPOCHS})().length === 60")
    assert page.evaluate(EPOCHS) == list(range(1, 61)), "from the beginning, once each"
    assert len(cells(page)) == 1
    assert [m.state for m in served.do(served.viewer.session.project.models)] == ["finished"]
