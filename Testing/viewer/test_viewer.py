"""The viewer's hub without a page: real cases, the real scene, the real background process."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.viewer.process import ViewerWorker
from ActiveSeedLib.viewer.viewer import Viewer
from Testing import labelling
from Testing.conftest import PROJECT
from Testing.host import core
from Testing.labelling import draw_segment, drawn_on, queue_of

Scene = Callable[[Viewer], Awaitable[None]]


class Stage:
    """Where nothing is seen; `broken` makes it fail as a view might."""

    def __init__(self) -> None:
        self.broken = False
        self.shown = ""

    def show_case(self, opened: Any) -> None:
        if self.broken:
            raise InputError("The views do not want to.")
        self.shown = opened.name

    def let_go(self) -> None:
        self.shown = ""

    def save_state(self) -> None:
        pass

    def finish_stroke(self) -> None:
        pass


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelling.make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def root(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project of this test alone; its worker knows `worker_jobs`."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "Testing/worker"))
    monkeypatch.delenv("ACTIVESEED_PYTHON", raising=False)
    return labelling.copy_of(archive, tmp_path)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def play(root: Path, stage: Stage, tmp_path: Path) -> Iterator[Callable[[Scene], None]]:
    """Plays a scene on the project in an event loop in which nothing may go wrong unseen."""
    core.start()
    slicer.mrmlScene.Clear(0)

    def run(scene: Scene) -> None:
        wrong: list[Any] = []

        async def all_of_it() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _loop, what: wrong.append(what))
            worker = ViewerWorker(tmp_path / "logs", jobs="worker_jobs:JOBS")
            viewer = Viewer(Session.open(root), slicer.mrmlScene, worker, stage)
            try:
                await viewer.start()
                await scene(viewer)
            finally:
                viewer.close()
            await asyncio.sleep(0.01)

        asyncio.run(all_of_it())
        assert wrong == []

    yield run
    slicer.mrmlScene.Clear(0)


async def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.01)


def paint(viewer: Viewer, value: int = 1) -> Any:
    """Draw something on the open case; return what its segments hold then."""
    case = viewer.desk.case
    assert case is not None
    mask = np.zeros(slicer.util.arrayFromVolume(case.volume).shape, bool)
    mask[2:4, 5:9, 5:9] = True
    draw_segment(case, value, mask)
    return held(viewer)


def held(viewer: Viewer) -> Any:
    return drawn_on(viewer.desk.case, viewer.session.schema)


def volumes() -> int:
    return int(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))


def gone(viewer: Viewer, key: str) -> Path:
    """Take the image of a case away."""
    path = viewer.session.project.images_root / viewer.session.project.case(key).case.path
    path.rename(path.with_suffix(".away"))
    return path


# -- opening --------------------------------------------------------------------------------------


def test_of_two_cases_opened_at_once_the_first_wins(
    play: Callable[[Scene], None], stage: Stage
) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, _ = queue_of(viewer.session)
        assert await asyncio.gather(viewer.open(first), viewer.open(second)) == [True, False]
        assert (viewer.desk.key, viewer.opening) == (first, "")
        assert viewer.session.row(second).status == Status.SUGGESTED
        assert volumes() == 1
        assert await viewer.open(second)
        assert stage.shown == viewer.session.row(second).name
        assert volumes() == 1

    play(scene)


@pytest.mark.parametrize("what", ["skip", "exclude"])
def test_a_case_put_aside_while_it_is_being_opened_makes_room_for_the_next(
    play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    async def scene(viewer: Viewer) -> None:
        session, (first, second, third) = viewer.session, queue_of(viewer.session)
        read = threading.Event()
        reading = session.reading

        def slowly(key: str) -> Callable[[], Any]:
            image = reading(key)
            return lambda: read.wait(60) and image()

        async def open_and_change_the_mind(key: str) -> None:
            read.clear()
            opening = asyncio.ensure_future(viewer.open(key))
            await until(lambda: viewer.opening)
            await viewer.put_aside(key, what)
            read.set()
            assert not await opening

        monkeypatch.setattr(session, "reading", slowly)
        await open_and_change_the_mind(first)
        assert (viewer.desk.key, viewer.opening) == (second, "")
        await open_and_change_the_mind(third)
        assert viewer.desk.key == second, "the open case stays"
        for key in (first, third):
            assert session.row(key).status in {Status.SKIPPED, Status.EXCLUDED}
        assert not viewer.notice.text

    play(scene)


def test_what_fails_midway_leaves_nothing_behind(
    play: Callable[[Scene], None], stage: Stage
) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, _ = queue_of(viewer.session)
        await viewer.open(first)
        drawn = paint(viewer)
        stage.broken = True
        assert not await viewer.open(second)
        assert viewer.notice.text == "The views do not want to."
        assert (viewer.desk.key, viewer.opening, volumes()) == (None, "", 0)
        stage.broken = False
        assert await viewer.open(first)
        np.testing.assert_array_equal(held(viewer), drawn)

    play(scene)


def test_an_image_that_cannot_be_read_is_told_and_the_present_case_stays(
    play: Callable[[Scene], None],
) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, third = queue_of(viewer.session)
        await viewer.open(first)
        path = gone(viewer, second)
        assert not await viewer.open(second)
        assert viewer.notice.text == (
            f"{path}: The file is gone; put it back or scan the folder again."
        )
        assert viewer.desk.key == first
        # The queue does not end there: the next case is the one after it.
        await viewer.open_next()
        assert viewer.desk.key == third
        assert viewer.notice.kind == "error"
        path.with_suffix(".away").rename(path)
        assert await viewer.open(second)

    play(scene)


def test_next_ends_where_no_image_of_the_queue_can_be_read(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        for key in queue_of(viewer.session):
            gone(viewer, key)
        await viewer.open_next()
        assert viewer.desk.key is None
        assert "The file is gone" in viewer.notice.text

    play(scene)


def test_the_images_folder_is_gone(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        folder = viewer.session.project.images_root
        folder.rename(folder.with_name("elsewhere"))
        await viewer.open_next()
        assert viewer.notice.text.startswith(f"The images folder {folder} is not there")
        assert viewer.desk.key is None

    play(scene)


def test_the_way_back_has_its_beginning(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, third = queue_of(viewer.session)
        for key in (first, second, third):
            await viewer.open(key)
        # In a hurry: what comes while a case is being opened takes no step of the way.
        await asyncio.gather(viewer.open_previous(), viewer.open_previous())
        assert viewer.desk.key == second
        assert viewer.can_go_back
        await viewer.open_previous()
        assert viewer.desk.key == first
        assert not viewer.can_go_back
        await viewer.open_previous()
        assert viewer.desk.key == first

    play(scene)


def test_the_open_case_is_open_again_the_next_time(play: Callable[[Scene], None]) -> None:
    drawn: list[Any] = []

    async def scene(viewer: Viewer) -> None:
        assert viewer.desk.key is None
        await viewer.open_next()
        drawn.append(paint(viewer))

    async def the_next_time(viewer: Viewer) -> None:
        await until(lambda: viewer.desk.opened)
        assert viewer.desk.opened is not None
        assert "was brought back" in viewer.desk.opened.words
        np.testing.assert_array_equal(held(viewer), drawn[0])
        viewer.close_case()

    async def after_closing(viewer: Viewer) -> None:
        assert not viewer.opening
        assert viewer.session.remembered_case() is None

    for each in (scene, the_next_time, after_closing):
        play(each)


# -- the queue ------------------------------------------------------------------------------------


def test_the_open_case_is_set_aside_with_what_was_drawn(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        session, (first, second, _) = viewer.session, queue_of(viewer.session)
        await viewer.open(first)
        drawn = paint(viewer)
        await viewer.put_aside(first, "skip")
        assert session.row(first).status == Status.SKIPPED
        assert viewer.desk.key == second
        assert session.has_draft(first)
        await viewer.open_previous()
        assert viewer.desk.key == first
        np.testing.assert_array_equal(held(viewer), drawn)

    play(scene)


def test_late_clicks_change_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        session, (first, *_) = viewer.session, queue_of(viewer.session)
        test = next(row.key for row in session.rows() if row.held_out)
        session.save(first, labelling.truth_of(session, first), 0.0, True)
        for key, status in ((test, Status.TEST), (first, Status.LABELLED)):
            for what in ("skip", "exclude"):
                await viewer.put_aside(key, what)
            viewer.queue_by_hand(key)
            viewer.bring_back(key)
            assert session.row(key).status == status
        await viewer.put_aside("no such case", "skip")
        assert "no such case" in viewer.notice.text

    play(scene)


def test_a_newer_prediction_is_offered_and_begun_with(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        session, (first, second, _) = viewer.session, queue_of(viewer.session)
        await viewer.open(first)
        drawn = paint(viewer)
        predicted = labelling.predict(session, first)
        assert viewer.desk.has_newer_prediction
        # Opened anew it holds the draft, and what the model says is one click away.
        await viewer.open(second)
        await viewer.open(first)
        np.testing.assert_array_equal(held(viewer), drawn)
        viewer.start_over()
        np.testing.assert_array_equal(held(viewer), predicted.array)
        assert viewer.desk.opened is not None
        assert viewer.desk.opened.words == "Starting from the prediction of the model."
        await viewer.toggle_uncertainty()
        assert viewer.desk.is_uncertainty_shown

    play(scene)


def test_the_uncertainty_of_a_case_that_was_left_meanwhile_is_not_shown(
    play: Callable[[Scene], None],
) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, _ = queue_of(viewer.session)
        labelling.predict(viewer.session, first)
        await viewer.open(first)
        await asyncio.gather(viewer.toggle_uncertainty(), viewer.open(second))
        assert viewer.desk.key == second
        assert not viewer.desk.is_uncertainty_shown
        assert viewer.notice.text == ""

    play(scene)


def test_buttons_of_a_message_that_is_past_do_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(viewer: Viewer) -> None:
        first, second, _ = queue_of(viewer.session)
        await viewer.open(first)
        paint(viewer)
        viewer.save()
        assert viewer.notice.actions[0][0] == "Count as done"
        number = viewer.notice.number
        await viewer.open(second)
        assert viewer.notice.text == ""
        viewer.notice.press(number, 0)
        viewer.notice.press(viewer.notice.number, 7)
        assert viewer.session.row(first).status == Status.IN_PROGRESS

    play(scene)


# -- what runs in the background -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("refuse", "3 cases"),
        ("crash", "the sums"),
    ],
)
def test_a_job_that_fails_says_why(play: Callable[[Scene], None], job: str, words: str) -> None:
    async def scene(viewer: Viewer) -> None:
        done = asyncio.Event()
        steps = [Step(job, {}, "First"), Step("echo", {}, "Second")]
        assert viewer.run(steps, "Both", done.set)
        assert not viewer.run(steps, "Again")
        assert viewer.notice.text.startswith("Something is running already")
        await until(lambda: not viewer.is_busy)
        assert viewer.notice.kind == "error"
        assert words in viewer.notice.text
        assert not done.is_set()
        assert viewer.run([Step("echo", {}, "Only")], "Once more", done.set)
        await until(done.is_set)

    play(scene)


def test_a_worker_that_is_killed_says_so_and_one_that_is_deaf_is_ended(
    play: Callable[[Scene], None],
) -> None:
    async def scene(viewer: Viewer) -> None:
        hang = [Step("hang", {}, "Hanging")]
        for end, words in ((os.kill, "background process"), (None, "Stopped.")):
            viewer.run(hang, "Hanging")
            await until(lambda: viewer.runner.state and viewer.runner.state.step == "Hanging")
            pid = viewer.worker.pid
            assert pid is not None
            if end:
                end(pid, signal.SIGKILL)
            else:
                viewer.cancel()
                viewer.stop_now()
            await until(lambda: not viewer.is_busy)
            assert words in viewer.notice.text

    play(scene)


def test_closing_ends_the_job_and_lets_go_of_the_project(
    play: Callable[[Scene], None], root: Path
) -> None:
    pids: list[int] = []

    async def scene(viewer: Viewer) -> None:
        viewer.run([Step("hang", {}, "Hanging")], "Hanging")
        await until(lambda: viewer.worker.pid)
        pids.append(viewer.worker.pid or 0)
        viewer.tell_cases()  # and nothing that is told later looks into the closed project

    play(scene)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    Session.open(root).close()
