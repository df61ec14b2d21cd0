"""The panel's worker with the real process: it never blocks, and leaves nothing behind."""

import gc
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing import host

host.start()

from ActiveSeedLib.errors import CancelledError, InputError, PoolTooSmallError  # noqa: E402
from ActiveSeedLib.panel import python  # noqa: E402
from ActiveSeedLib.panel.worker import PanelWorker  # noqa: E402
from ActiveSeedLib.worker.background import CLOSE_SECONDS  # noqa: E402
from ActiveSeedLib.worker.stream import JobFailedError, JobState, WorkerDiedError  # noqa: E402
from Testing.conftest import PROJECT  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.worker.conftest import exists, open_gates  # noqa: E402

JOBS = "panel_jobs:JOBS"


@pytest.fixture(autouse=True)
def job_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker find `panel_jobs` and `worker_jobs`."""
    folders = (Path(__file__).parent, PROJECT / "Testing/worker")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[PanelWorker]:
    worker = PanelWorker(tmp_path / "logs", jobs=JOBS)
    with pump.no_errors():
        yield worker
        pump.process()
    worker.close(grace=0)


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """Return a program that starts Python as its child and waits for it, as PythonSlicer does."""
    path = tmp_path / "launcher"
    path.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\ncode=$?\nexit $code\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def finish(state: JobState, seconds: float = 60) -> JobState:
    pump.wait_until(lambda: state.is_over, seconds)
    return state


def hanging(worker: PanelWorker) -> tuple[JobState, int]:
    """Begin a job that never asks whether it should stop; return it and the process id."""
    state = worker.run("hang")
    pump.wait_until(lambda: state.step == "Hanging")
    assert worker.pid is not None
    return state, worker.pid


def gone(pid: int, seconds: float = 30) -> bool:
    pump.wait_until(lambda: not exists(pid), seconds)
    return True


def test_a_job_runs_and_tells_how_far_it_is(worker: PanelWorker, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    ended: list[JobState] = []
    worker.changed.connect(lambda state: seen.append((state.status, state.fraction)))
    worker.ended.connect(ended.append)
    state = worker.run("gated", {"folder": str(tmp_path), "steps": 3})
    assert state.status == "waiting"
    assert not seen, "nothing is told from within the call"
    assert worker.busy
    pump.wait_until(lambda: bool(seen))
    open_gates(tmp_path, 0, 1)
    pump.wait_until(lambda: state.fraction > 0)
    open_gates(tmp_path, 2)
    finish(state)
    assert state.outcome() == {"steps": 3}
    assert ended == [state]
    assert not worker.busy
    assert seen[0] == ("running", 0.0)
    assert seen[-1] == ("done", 1.0)
    assert any(0 < fraction < 1 for _, fraction in seen)
    assert worker.log_path is not None
    assert worker.log_path.is_file()


def test_one_process_carries_many_jobs(worker: PanelWorker) -> None:
    first, second = worker.run("echo", {"a": 1}), worker.run("echo", {"a": 2})
    pump.wait_until(lambda: first.is_over and second.is_over)
    assert first.outcome()["params"] == {"a": 1}
    assert second.outcome()["pid"] == first.outcome()["pid"] == worker.pid
    assert first.notes == ["A sentence."]
    assert first.metrics == [{"epoch": 1, "loss": 0.25, "worst": None}]


def test_a_job_s_error_arrives_as_it_was_raised(worker: PanelWorker) -> None:
    with pytest.raises(PoolTooSmallError, match="8 were asked for"):
        finish(worker.run("refuse")).outcome()
    with pytest.raises(JobFailedError, match="the sums do not work out; the details are in"):
        finish(worker.run("crash")).outcome()


def test_what_is_not_json_is_refused_at_once(worker: PanelWorker) -> None:
    with pytest.raises(TypeError):
        worker.run("echo", {"what": {1, 2}})
    assert not worker.busy


def test_cancel_stops_every_job_and_the_worker_goes_on(worker: PanelWorker) -> None:
    state = worker.run("count", {"steps": 1000, "sleep": 0.02})
    waiting = worker.run("echo")
    pump.wait_until(lambda: state.fraction > 0)
    began = time.monotonic()
    worker.cancel()
    assert state.status == "cancelling"
    finish(state)
    finish(waiting)
    assert time.monotonic() - began < 1
    with pytest.raises(CancelledError):
        state.outcome()
    assert waiting.status == "cancelled"
    assert finish(worker.run("echo")).result is not None


def test_cancel_before_the_process_is_up(worker: PanelWorker) -> None:
    state = worker.run("count", {"steps": 1000, "sleep": 0.02})
    worker.cancel()
    assert finish(state).status == "cancelled"


def test_a_job_that_hears_nothing_is_ended_by_force(worker: PanelWorker) -> None:
    state, pid = hanging(worker)
    worker.cancel()
    pump.wait(0.3)
    assert state.status == "cancelling"
    worker.stop_now()
    assert finish(state).status == "cancelled"
    assert gone(pid)


def test_a_killed_worker_is_told_in_one_sentence_and_replaced(worker: PanelWorker) -> None:
    state, pid = hanging(worker)
    os.kill(pid, signal.SIGKILL)
    finish(state)
    assert isinstance(state.error, WorkerDiedError)
    assert "killed by SIGKILL, often because the memory was full" in str(state.error)
    assert str(worker.log_path) in str(state.error)
    again = finish(worker.run("echo"))
    assert again.outcome()["pid"] != pid


def test_a_worker_that_dies_idle_is_replaced(worker: PanelWorker) -> None:
    pid = finish(worker.run("echo")).outcome()["pid"]
    os.kill(pid, signal.SIGKILL)
    pump.wait_until(lambda: worker.pid is None)
    assert finish(worker.run("echo")).outcome()["pid"] != pid


def test_a_python_that_is_none_is_named(worker: PanelWorker, tmp_path: Path) -> None:
    worker.python = str(tmp_path / "no-python")
    ended: list[JobState] = []
    worker.ended.connect(ended.append)
    state = worker.run("echo")
    assert not ended
    with pytest.raises(InputError, match=r"cannot be started with .*no-python"):
        finish(state).outcome()
    assert ended == [state]


def test_the_last_words_of_a_python_that_cannot_run_it_are_kept(
    worker: PanelWorker, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho it lacks a library >&2\nexit 3\n")
    broken.chmod(0o755)
    worker.python = str(broken)
    with pytest.raises(InputError, match="exit code 3; its last words were: it lacks a library"):
        finish(worker.run("echo")).outcome()
    assert worker.strays == ["it lacks a library"]


def test_another_python_is_used_from_the_next_job_on(worker: PanelWorker, launcher: Path) -> None:
    pid = finish(worker.run("echo")).outcome()["pid"]
    worker.python = str(launcher)
    assert gone(pid)
    running = worker.run("count", {"steps": 10, "sleep": 0.02})
    worker.python = sys.executable
    assert finish(running).status == "done", "a job that runs is not disturbed"
    launched = worker.pid
    assert finish(worker.run("echo")).outcome()["pid"] != launched
    assert launched is not None
    assert gone(launched)


@pytest.mark.parametrize("grace", [0.0, 2.0])
def test_closing_waits_shortly_and_leaves_nothing(worker: PanelWorker, grace: float) -> None:
    ended: list[JobState] = []
    worker.ended.connect(ended.append)
    state, pid = hanging(worker)
    began = time.monotonic()
    worker.close(grace)
    assert time.monotonic() - began < grace + 2.5  # by itself it would end after three
    assert not exists(pid)
    assert state.status == "cancelled"
    pump.wait(0.1)
    assert not ended, "nobody is told after closing"
    assert finish(worker.run("echo")).result is not None, "it can be used again"


def test_closing_an_idle_worker_takes_no_time(worker: PanelWorker) -> None:
    pid = finish(worker.run("echo")).outcome()["pid"]
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < CLOSE_SECONDS, "the grace is for one that works"
    assert not exists(pid)


def test_the_end_is_awaited_beside_the_user_s_work(worker: PanelWorker) -> None:
    state, pid = hanging(worker)
    with pump.handler_times() as times:
        worker.end(grace=2)
        pump.wait_until(lambda: state.is_over)
    assert times.longest < 1, times.stacks
    assert state.status == "cancelled"
    assert gone(pid)


@pytest.mark.parametrize("grace", [0.0, 1.0])
def test_a_launcher_s_child_does_not_outlive_the_panel(
    worker: PanelWorker, launcher: Path, grace: float
) -> None:
    worker.python = str(launcher)
    _, pid = hanging(worker)
    worker.close(grace)
    assert not exists(pid)


def test_a_killed_launcher_s_child_ends_by_itself(worker: PanelWorker, launcher: Path) -> None:
    worker.python = str(launcher)
    state, pid = hanging(worker)
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(parent), signal.SIGKILL)
    finish(state)
    assert isinstance(state.error, WorkerDiedError)
    assert gone(pid)


def test_the_worker_ends_when_the_panel_s_process_is_killed(tmp_path: Path) -> None:
    code = (
        "from Testing import host; host.start()\n"
        "from pathlib import Path\n"
        "from Testing.host import pump\n"
        "from ActiveSeedLib.panel.worker import PanelWorker\n"
        f"worker = PanelWorker(Path({str(tmp_path)!r}), jobs={JOBS!r})\n"
        "state = worker.run('hang')\n"
        "pump.wait_until(lambda: state.step == 'Hanging', 30)\n"
        "print(worker.pid, flush=True)\n"
        "pump.wait(60)\n"
    )
    path = os.pathsep.join([str(PROJECT), os.environ["PYTHONPATH"]])
    panel = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert panel.stdout is not None
    with panel.stdout as said:
        pid = int(said.readline())
        assert exists(pid)
        panel.kill()
        panel.wait()
    assert gone(pid)


def test_a_burst_of_output_does_not_freeze_the_panel(
    worker: PanelWorker,
) -> None:
    """Each turn of the event loop takes a few ms of the processor, however much there is to hear.

    Without the collector of garbage, whose turns depend on everything else in the process.
    """
    finish(worker.run("echo"))
    told: list[JobState] = []
    worker.changed.connect(told.append)
    turns = []
    gc.disable()
    try:
        state = worker.run("burst", {"events": 50_000})
        while not state.is_over:
            before = time.thread_time()
            pump.process()
            turns.append(time.thread_time() - before)
            time.sleep(0.001)
    finally:
        gc.enable()
    assert state.status == "done"
    assert len(state.metrics) == 50_000, "nothing is lost"
    assert state.metrics[-1] == {"step": 49_999}
    assert len(told) < 1000, "a listener hears of many events at once"
    assert max(turns) < 0.04


def test_events_in_pieces_are_put_together(worker: PanelWorker) -> None:
    state = finish(worker.run("pieces"))
    assert state.outcome() == {"text": "é" * 200_000}


def test_the_environment_of_slicer_s_own_python_is_this_one(
    monkeypatch: pytest.MonkeyPatch, launcher: Path, worker: PanelWorker
) -> None:
    monkeypatch.setenv("ACTIVESEED_TESTING", "here")
    found = finish(worker.run("environment")).outcome()
    assert found["env"]["ACTIVESEED_TESTING"] == "here"
    assert found["env"]["PYTHONUTF8"] == "1"
    assert found["gui"] == []
    assert not worker.is_foreign
    worker.python = str(launcher)
    assert worker.is_foreign


def test_which_python_runs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ACTIVESEED_PYTHON", raising=False)
    python.keep_python("")
    assert python.choose_python() == sys.executable
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text("#!/bin/sh\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert python.choose_python() == str(launcher)
    assert not python.is_foreign(str(launcher))
    assert python.is_foreign(sys.executable)
    python.keep_python("/opt/cuda/bin/python")
    assert python.choose_python() == "/opt/cuda/bin/python"
    monkeypatch.setenv("ACTIVESEED_PYTHON", "/srv/python")
    assert python.choose_python() == "/srv/python"
    python.keep_python("")
    monkeypatch.delenv("ACTIVESEED_PYTHON")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    with pytest.raises(InputError, match="No Python was found"):
        python.choose_python()
