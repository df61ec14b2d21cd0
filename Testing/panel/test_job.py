"""The strip of the job that runs: what it says, and its Cancel, with the real worker."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing import host

host.start()

from ActiveSeedLib.app.job_words import time_left  # noqa: E402
from ActiveSeedLib.app.steps import Step  # noqa: E402
from ActiveSeedLib.panel import job_section  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel.rounds import make_panel  # noqa: E402
from Testing.worker.conftest import exists  # noqa: E402


@pytest.fixture
def panel() -> Iterator[Panel]:
    panel = make_panel()
    with pump.no_errors():
        yield panel
    panel.close()
    panel.widget.deleteLater()
    pump.process()


def make_many(folder: Path, cases: int = 2000) -> Step:
    return Step("cohort", {"folder": str(folder), "cases": cases}, "Making the volumes")


def begun(panel: Panel) -> int:
    """Wait until the job is under way; return the worker's process id."""
    pump.wait_until(lambda: panel.job.ui.progressBar.value > 0)
    assert panel.worker.pid is not None
    return panel.worker.pid


def test_the_strip_is_hidden_when_nothing_runs(panel: Panel) -> None:
    assert panel.job.widget.isHidden()


def test_a_job_is_shown_in_words_and_stopped(panel: Panel, tmp_path: Path) -> None:
    ended: list[bool] = []
    assert panel.run([make_many(tmp_path)], "Making a cohort", ended.append)
    ui = panel.job.ui
    assert not panel.job.widget.isHidden()
    assert ui.titleLabel.text == "Making a cohort"
    assert ui.stepLabel.text == "Starting the background process…"
    assert ui.progressBar.maximum == 0, "it moves while nobody knows how far it is"
    begun(panel)
    assert ui.progressBar.maximum == 1000
    assert ui.stepLabel.text.startswith("Drawing volume")
    pump.wait_until(lambda: ui.leftLabel.text.endswith(" left"))
    pump.click(ui.cancelButton)
    assert ui.stepLabel.text == "Stopping…"
    assert not ui.cancelButton.enabled
    pump.wait_until(lambda: panel.job.widget.isHidden())
    assert ended == [False]
    assert panel.notice_text == "Stopped."


def test_several_steps_are_counted_and_the_next_job_begins_afresh(
    panel: Panel, tmp_path: Path
) -> None:
    ended: list[bool] = []
    steps = [make_many(tmp_path / "a", 3), make_many(tmp_path / "b")]
    panel.run(steps, "Making cohorts", ended.append)
    pump.wait_until(lambda: "(2 of 2: Making the volumes)" in panel.job.ui.titleLabel.text)
    pump.click(panel.job.ui.cancelButton)
    pump.wait_until(lambda: bool(ended))
    panel.run([make_many(tmp_path / "c", 2)], "Making a cohort", ended.append)
    assert panel.job.ui.cancelButton.enabled
    assert panel.job.ui.cancelButton.text == "Cancel"
    pump.wait_until(lambda: len(ended) == 2)
    assert ended == [False, True]


def test_one_that_does_not_answer_is_ended_by_force(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_section, "PATIENCE_SECONDS", 1.0)
    panel.run([make_many(tmp_path)], "Making a cohort")
    pid = begun(panel)
    os.kill(pid, signal.SIGSTOP)  # it hears nothing any more
    pump.click(panel.job.ui.cancelButton)
    button = panel.job.ui.cancelButton
    assert not button.enabled
    pump.wait_until(lambda: button.enabled and button.text == "Stop now")
    pump.click(button)
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.notice_text == "Stopped."
    pump.wait_until(lambda: not exists(pid))


def test_a_killed_worker_is_told_in_one_sentence(panel: Panel, tmp_path: Path) -> None:
    panel.run([make_many(tmp_path)], "Making a cohort")
    os.kill(begun(panel), signal.SIGKILL)
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.job.widget.isHidden()
    assert panel.notice_text.startswith("The background process ended (killed by SIGKILL")
    assert panel.bar.kind == "error"


def test_closing_the_panel_ends_the_worker(panel: Panel, tmp_path: Path) -> None:
    panel.run([make_many(tmp_path)], "Making a cohort")
    pid = begun(panel)
    panel.close()
    assert not exists(pid)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds left"),
        (21, "about 25 seconds left"),
        (58, "about 1 minute left"),
        (75, "about 1 minute left"),
        (76, "about 2 minutes left"),
        (20 * 60, "about 20 minutes left"),
        (61 * 60, "about 1 hour left"),
        (100 * 60, "about 1 hour 45 minutes left"),
        (7.4 * 3600, "about 7 hours 30 minutes left"),
    ],
)
def test_time_left_in_words(seconds: float, words: str) -> None:
    assert time_left(seconds) == words
