"""Steps one after another in the real background process."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ActiveSeedLib.app.step_runner import StepRunner
from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import CancelledError, InputError, PoolTooSmallError
from ActiveSeedLib.viewer.process import ViewerWorker
from ActiveSeedLib.worker.stream import JobState
from Testing.conftest import PROJECT
from Testing.worker.conftest import exists

ECHO = Step("echo", {"a": 1}, "Echoing")
COUNT = Step("count", {"steps": 1000, "sleep": 0.02}, "Counting")
REFUSE = Step("refuse", {}, "Refusing")
Play = Callable[[Callable[["Told"], Awaitable[None]]], None]


class Told:
    """A runner, and what it tells."""

    def __init__(self, worker: ViewerWorker) -> None:
        self.worker = worker
        self.runner = StepRunner(worker)
        self.titles: list[str] = []
        self.advanced = 0
        self.ends: list[Exception | None] = []
        self.runner.changed.connect(self._on_changed)
        self.runner.advanced.connect(self._on_advanced)
        self.runner.ended.connect(self.ends.append)

    def _on_changed(self, _state: JobState) -> None:
        self.titles.append(self.runner.title)

    def _on_advanced(self) -> None:
        self.advanced += 1

    async def until(self, true: Callable[[], bool]) -> None:
        stop = time.monotonic() + 20
        while not true():
            assert time.monotonic() < stop, "it did not come true in time"
            await asyncio.sleep(0.01)

    async def end(self) -> Exception | None:
        """Wait for the end of the run, and return what was told of it."""
        await self.until(lambda: bool(self.ends))
        return self.ends.pop()


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Runs a scene in an event loop, with a runner over a worker with small jobs."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "Testing/worker"))
    monkeypatch.delenv("ACTIVESEED_PYTHON", raising=False)
    worker = ViewerWorker(tmp_path / "logs", jobs="worker_jobs:JOBS")

    async def watched(scene: Callable[[Told], Awaitable[None]]) -> None:
        await scene(Told(worker))

    yield lambda scene: asyncio.run(watched(scene))
    worker.close(grace=0)


def test_steps_follow_one_another_and_their_results_are_kept(play: Play) -> None:
    async def scene(told: Told) -> None:
        short = Step("count", {"steps": 2, "sleep": 0.01}, "Counting")
        told.runner.run([ECHO, short], "Retraining")
        assert told.runner.state is not None
        assert told.runner.title == "Retraining (1 of 2: Echoing)"
        assert await told.end() is None
        assert list(dict.fromkeys(told.titles)) == [
            "Retraining (1 of 2: Echoing)",
            "Retraining (2 of 2: Counting)",
        ]
        assert told.advanced == 1
        assert told.runner.results["echo"]["params"] == {"a": 1}
        assert told.runner.results["count"] == {"steps": 2}
        assert told.runner.state is None
        assert told.runner.title == ""

    play(scene)


def test_one_step_needs_no_number(play: Play) -> None:
    async def scene(told: Told) -> None:
        told.runner.run([ECHO], "Making the map")
        assert told.runner.title == "Making the map"
        assert await told.end() is None

    play(scene)


def test_the_first_step_that_fails_ends_the_whole(play: Play) -> None:
    async def scene(told: Told) -> None:
        told.runner.run([REFUSE, ECHO], "Retraining")
        assert isinstance(await told.end(), PoolTooSmallError)
        assert told.runner.results == {}
        assert told.advanced == 0
        told.runner.run([ECHO], "Again")
        assert await told.end() is None

    play(scene)


def test_cancel_ends_the_whole(play: Play) -> None:
    async def scene(told: Told) -> None:
        told.runner.run([COUNT, ECHO], "Retraining")
        await told.until(lambda: told.runner.state is not None and told.runner.state.fraction > 0)
        told.runner.cancel()
        assert isinstance(await told.end(), CancelledError)
        assert told.runner.results == {}

    play(scene)


def test_forgetting_ends_the_process_and_says_nothing(play: Play) -> None:
    async def scene(told: Told) -> None:
        told.runner.run([COUNT], "Retraining")
        await told.until(lambda: told.worker.pid is not None)
        pid = told.worker.pid
        assert pid is not None
        told.runner.forget()
        assert not exists(pid)
        assert told.runner.state is None
        told.runner.run([ECHO], "Again")
        assert await told.end() is None, "the first end that was told is that of the second run"
        assert told.ends == []

    play(scene)


def test_a_python_that_is_none_ends_it_too(play: Play) -> None:
    async def scene(told: Told) -> None:
        told.worker.python = os.devnull
        told.runner.run([ECHO], "Echo")
        assert isinstance(await told.end(), InputError)

    play(scene)
