"""The viewer's worker with the real process: it never holds the loop up, and leaves nothing."""

import asyncio
import gc
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.errors import CancelledError, InputError, PoolTooSmallError
from ActiveSeedLib.viewer.process import LoopProcess, ViewerWorker
from ActiveSeedLib.worker.stream import JobFailedError, JobState, WorkerDiedError
from Testing.conftest import PROJECT
from Testing.worker.conftest import exists, open_gates, wait_until

JOBS = "panel_jobs:JOBS"


@pytest.fixture(autouse=True)
def job_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker find `panel_jobs` and `worker_jobs`."""
    folders = (PROJECT / "Testing/panel", PROJECT / "Testing/worker")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
    monkeypatch.delenv("ACTIVESEED_PYTHON", raising=False)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[ViewerWorker]:
    worker = ViewerWorker(tmp_path / "logs", jobs=JOBS)
    yield worker
    worker.close(grace=0)


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """Return a program that starts Python as its child and waits for it."""
    path = tmp_path / "launcher"
    path.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\ncode=$?\nexit $code\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run `scene` in an event loop in which nothing may go wrong unseen."""
    wrong: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, what: wrong.append(what))
        await scene()

    asyncio.run(watched())
    assert not wrong


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    stop = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < stop, "it did not come true in time"
        await asyncio.sleep(0.01)


async def finish(state: JobState, seconds: float = 60) -> JobState:
    await until(lambda: state.is_over, seconds)
    return state


async def hanging(worker: ViewerWorker) -> tuple[JobState, int]:
    """Begin a job that never asks whether it should stop; return it and the process id."""
    state = worker.run("hang")
    await until(lambda: state.step == "Hanging")
    assert worker.pid is not None
    return state, worker.pid


async def gone(pid: int, seconds: float = 30) -> None:
    await until(lambda: not exists(pid), seconds)


def test_a_job_runs_and_tells_how_far_it_is(worker: ViewerWorker, tmp_path: Path) -> None:
    async def scene() -> None:
        seen: list[tuple[str, float]] = []
        ended: list[JobState] = []
        threads: set[int] = set()
        worker.changed.connect(lambda state: seen.append((state.status, state.fraction)))
        worker.changed.connect(lambda _state: threads.add(threading.get_ident()))
        worker.ended.connect(ended.append)
        state = worker.run("gated", {"folder": str(tmp_path), "steps": 3})
        assert not seen, "nothing is told from within the call"
        await until(lambda: bool(seen))
        open_gates(tmp_path, 0, 1)
        await until(lambda: state.fraction > 0)
        open_gates(tmp_path, 2)
        await finish(state)
        assert state.outcome() == {"steps": 3}
        assert ended == [state]
        assert not worker.busy
        assert seen[0] == ("running", 0.0)
        assert seen[-1] == ("done", 1.0)
        assert any(0 < fraction < 1 for _, fraction in seen)
        assert threads == {threading.get_ident()}, "told in the loop's own thread"
        assert worker.log_path is not None
        assert worker.log_path.is_file()

    play(scene)


def test_one_process_carries_many_jobs_and_their_errors(worker: ViewerWorker) -> None:
    async def scene() -> None:
        first, second = worker.run("echo", {"a": 1}), worker.run("echo", {"a": 2})
        await finish(first)
        await finish(second)
        assert first.outcome()["params"] == {"a": 1}
        assert second.outcome()["pid"] == first.outcome()["pid"] == worker.pid
        with pytest.raises(PoolTooSmallError, match="8 were asked for"):
            (await finish(worker.run("refuse"))).outcome()
        with pytest.raises(JobFailedError, match="the sums do not work out"):
            (await finish(worker.run("crash"))).outcome()
        assert (await finish(worker.run("pieces"))).outcome() == {"text": "é" * 200_000}

    play(scene)


def test_cancel_stops_every_job_and_the_worker_goes_on(worker: ViewerWorker) -> None:
    async def scene() -> None:
        state = worker.run("count", {"steps": 1000, "sleep": 0.02})
        waiting = worker.run("echo")
        await until(lambda: state.fraction > 0)
        worker.cancel()
        assert state.status == "cancelling"
        await finish(state)
        await finish(waiting)
        with pytest.raises(CancelledError):
            state.outcome()
        assert waiting.status == "cancelled"
        assert (await finish(worker.run("echo"))).result is not None

    play(scene)


def test_a_job_that_hears_nothing_is_ended_by_force(worker: ViewerWorker) -> None:
    async def scene() -> None:
        state, pid = await hanging(worker)
        worker.cancel()
        worker.stop_now()
        assert (await finish(state)).status == "cancelled"
        await gone(pid)

    play(scene)


def test_a_killed_worker_is_told_in_one_sentence_and_replaced(worker: ViewerWorker) -> None:
    async def scene() -> None:
        state, pid = await hanging(worker)
        os.kill(pid, signal.SIGKILL)
        await finish(state)
        assert isinstance(state.error, WorkerDiedError)
        assert "killed by SIGKILL, often because the memory was full" in str(state.error)
        again = await finish(worker.run("echo"))
        assert again.outcome()["pid"] != pid

    play(scene)


def test_a_worker_that_dies_idle_is_replaced(worker: ViewerWorker) -> None:
    async def scene() -> None:
        pid = (await finish(worker.run("echo"))).outcome()["pid"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: worker.pid is None)
        assert (await finish(worker.run("echo"))).outcome()["pid"] != pid

    play(scene)


def test_a_python_that_is_none_is_named(
    worker: ViewerWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        ended: list[JobState] = []
        worker.ended.connect(ended.append)
        monkeypatch.setenv("ACTIVESEED_PYTHON", str(tmp_path / "no-python"))
        state = worker.run("echo")
        assert not ended
        with pytest.raises(InputError, match=r"no-python \(No such file or directory\): name anot"):
            (await finish(state)).outcome()
        assert ended == [state]
        monkeypatch.delenv("ACTIVESEED_PYTHON")
        assert (await finish(worker.run("echo"))).result is not None

    play(scene)


def test_the_last_words_of_a_python_that_cannot_run_it_are_kept(
    worker: ViewerWorker, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho it lacks a library >&2\nexit 3\n")
    broken.chmod(0o755)

    async def scene() -> None:
        worker.python = str(broken)
        with pytest.raises(InputError, match="exit code 3; its last words were: it lacks a libra"):
            (await finish(worker.run("echo"))).outcome()

    play(scene)


@pytest.mark.parametrize("grace", [0.0, 2.0])
def test_closing_waits_shortly_and_leaves_nothing(worker: ViewerWorker, grace: float) -> None:
    async def scene() -> None:
        ended: list[JobState] = []
        worker.ended.connect(ended.append)
        state, pid = await hanging(worker)
        began = time.monotonic()
        worker.close(grace)
        assert time.monotonic() - began < grace + 2.5  # by itself it would end after three
        assert not exists(pid)
        assert state.status == "cancelled"
        assert (await finish(worker.run("echo"))).result is not None, "it can be used again"
        assert state not in ended, "nobody is told after closing"

    play(scene)


def test_it_can_be_closed_after_the_loop_has_ended(worker: ViewerWorker) -> None:
    pids: list[int] = []

    async def scene() -> None:
        _, pid = await hanging(worker)
        pids.append(pid)

    play(scene)
    worker.close(grace=0.2)
    assert not exists(pids[0])


def test_the_end_is_awaited_beside_the_user_s_work(worker: ViewerWorker) -> None:
    async def scene() -> None:
        state, pid = await hanging(worker)
        worker.end(grace=0.3)
        assert exists(pid), "the call itself does not wait"
        assert (await finish(state)).status == "cancelled"
        await gone(pid)

    play(scene)


@pytest.mark.parametrize("grace", [0.0, 1.0])
def test_a_launcher_s_child_does_not_outlive_the_viewer(
    worker: ViewerWorker, launcher: Path, grace: float
) -> None:
    async def scene() -> None:
        worker.python = str(launcher)
        _, pid = await hanging(worker)
        worker.close(grace)
        assert not exists(pid)

    play(scene)


def test_a_killed_launcher_s_child_ends_by_itself(worker: ViewerWorker, launcher: Path) -> None:
    async def scene() -> None:
        worker.python = str(launcher)
        state, pid = await hanging(worker)
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        os.kill(int(parent), signal.SIGKILL)
        await finish(state)
        assert isinstance(state.error, WorkerDiedError)
        await gone(pid)

    play(scene)


ALONE = """
import asyncio, os, signal, sys
from pathlib import Path
from ActiveSeedLib.viewer.process import LoopProcess, ViewerWorker

signal.signal(signal.SIGINT, lambda *_: None)

async def scene():
    worker = ViewerWorker(Path(sys.argv[1]), jobs="panel_jobs:JOBS")
    state = worker.run(sys.argv[2], {"steps": 20, "sleep": 0.05})
    while not state.step:
        await asyncio.sleep(0.01)
    print(worker.pid, flush=True)
    while not state.is_over:
        await asyncio.sleep(0.01)
    print(state.status, flush=True)
    worker.close()

asyncio.run(scene())
"""


def alone(folder: Path, job: str) -> "subprocess.Popen[str]":
    """Start a process with a worker as a terminal would; it says its pid, then how it ended."""
    path = os.pathsep.join([str(PROJECT), os.environ["PYTHONPATH"]])
    return subprocess.Popen(
        [sys.executable, "-c", ALONE, str(folder), job],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_the_worker_ends_when_the_viewer_s_process_is_killed(tmp_path: Path) -> None:
    with alone(tmp_path, "hang") as viewer:
        assert viewer.stdout is not None
        pid = int(viewer.stdout.readline())
        assert exists(pid)
        viewer.kill()
    assert wait_until(lambda: not exists(pid))


def test_ctrl_c_in_the_terminal_is_not_for_the_worker(tmp_path: Path) -> None:
    with alone(tmp_path, "count") as viewer:
        assert viewer.stdout is not None
        viewer.stdout.readline()
        os.killpg(viewer.pid, signal.SIGINT)
        assert viewer.stdout.readline() == "done\n"
    assert viewer.returncode == 0


def test_a_burst_of_output_does_not_hold_the_loop_up(worker: ViewerWorker) -> None:
    """Each turn of the event loop takes a few ms of the processor, however much there is to hear.

    Without the collector of garbage, whose turns depend on everything else in the process.
    """

    async def scene() -> None:
        await finish(worker.run("echo"))
        told: list[JobState] = []
        worker.changed.connect(told.append)
        turns = []
        gc.disable()
        try:
            state = worker.run("burst", {"events": 50_000})
            while not state.is_over:
                before = time.thread_time()
                await asyncio.sleep(0)
                turns.append(time.thread_time() - before)
        finally:
            gc.enable()
        assert state.status == "done"
        assert len(state.metrics) == 50_000, "nothing is lost"
        assert state.metrics[-1] == {"step": 49_999}
        assert len(told) < 1000, "a listener hears of many events at once"
        assert max(turns) < 0.04

    play(scene)


def test_a_process_that_does_not_listen_holds_nothing_up() -> None:
    async def scene() -> None:
        process = LoopProcess(["sleep", "1000"], os.environ)
        ended: list[int | None] = []
        process.ended.connect(lambda: ended.append(process.exit_code))
        process.start()
        process.write(bytes(1 << 22))  # far more than a pipe holds
        process.end(0.1)
        assert not process.is_over
        await until(lambda: bool(ended))
        process.write(b"nobody hears it")
        assert ended == [-signal.SIGKILL]
        assert process.wait(0)

    play(scene)


def test_a_listener_that_fails_silences_nothing(worker: ViewerWorker) -> None:
    wrong: list[object] = []

    def fail(_state: JobState) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, what: wrong.append(what))
        worker.changed.connect(fail)
        state = worker.run("count", {"steps": 3, "sleep": 0.02})
        await until(lambda: bool(wrong))
        worker.changed.disconnect(fail)
        assert (await finish(state)).status == "done"

    play(scene)


def test_an_environment_of_its_own_and_nothing_of_the_viewer(
    worker: ViewerWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        monkeypatch.setenv("ACTIVESEED_TESTING", "here")
        found = (await finish(worker.run("environment"))).outcome()
        assert found["env"]["ACTIVESEED_TESTING"] == "here"
        assert found["env"]["PYTHONUTF8"] == "1"
        assert found["gui"] == []

    play(scene)
