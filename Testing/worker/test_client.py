"""The client with the real process: results, errors, cancelling, and every kind of death."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.errors import CancelledError, InputError, PoolTooSmallError
from ActiveSeedLib.worker.client import WorkerClient
from ActiveSeedLib.worker.stream import JobFailedError, WorkerDiedError

from .conftest import JOBS, exists, wait_until

PROJECT = Path(__file__).resolve().parents[2]
SOON = 5.0  # seconds, where whatever is not at once takes fifty; two cores may be busy
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


def test_a_job_returns_its_result_and_tells_what_it_did(client: WorkerClient) -> None:
    events: list[dict[str, Any]] = []
    params = {"name": "Füße 肝臓 \u2028 \U0001fac0", "nested": {"list": [1, 2.5, None]}}
    result = client.run("echo", params, events.append)
    assert result == {"params": params, "pid": client.pid}
    assert [event["event"] for event in events] == [
        "started", "progress", "metric", "note", "result",
    ]  # fmt: skip
    assert events[2]["values"] == {"epoch": 1, "loss": 0.25, "worst": None}


def test_a_very_long_line_goes_both_ways(client: WorkerClient) -> None:
    text = "ü" * 3_000_000
    assert client.run("echo", {"text": text})["params"]["text"] == text


def test_errors_are_raised_as_what_they_were(client: WorkerClient, tmp_path: Path) -> None:
    with pytest.raises(PoolTooSmallError, match="has 3 cases to choose from, but 8"):
        client.run("refuse")
    with pytest.raises(InputError, match="The colour is not one"):
        client.run("refuse_specially")
    with pytest.raises(InputError, match="no job called 'dance'"):
        client.run("dance")
    for job, words in (
        ("crash", "'crash' failed: ZeroDivisionError: the sums do not work out; the details"),
        ("leave", "SystemExit: 3"),
        ("unspeakable", "set cannot be written as JSON"),
    ):
        with pytest.raises(JobFailedError, match=words):
            client.run(job)
    [log] = (tmp_path / "logs").glob("worker-*.log")
    assert 'raise ZeroDivisionError("the sums' in log.read_text()
    assert client.run("echo")["pid"] == client.pid, "the worker has survived all of it"


def test_parameters_that_are_no_json_are_refused_here(client: WorkerClient) -> None:
    with pytest.raises(TypeError):
        client.run("echo", {"a": {1, 2}})
    assert client.run("echo")["params"] == {}


@posix_only
def test_a_library_that_prints_spoils_nothing(client: WorkerClient, tmp_path: Path) -> None:
    assert client.run("noisy") == {"quiet": False}
    [log] = (tmp_path / "logs").glob("worker-*.log")
    for words in ("a library prints", "forged", "bytes without an end", "C prints"):
        assert words in log.read_text()


def test_the_heap_is_kept_for_the_child_alone(client: WorkerClient, tmp_path: Path) -> None:
    seen = client.run("environment")
    assert seen["env"]["PYTHONUTF8"] == "1"
    assert seen["path"][0] == str(PROJECT), "it runs without being installed"
    if sys.platform == "linux":
        assert seen["env"]["MALLOC_TRIM_THRESHOLD_"] == "4294967296"
        assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
        assert seen["env"]["OMP_WAIT_POLICY"] == "PASSIVE"


def test_cancel_raises_at_once(client: WorkerClient) -> None:
    job_id = client.start("count", {"steps": 1000, "sleep": 0.05})
    asked = 0.0

    def cancel(event: dict[str, Any]) -> None:
        nonlocal asked
        if event["event"] == "progress" and not asked:
            asked = time.monotonic()
            client.cancel(job_id)
            assert client.state(job_id).status == "cancelling"

    with pytest.raises(CancelledError):
        client.wait(job_id, cancel)
    assert time.monotonic() - asked < SOON


def test_jobs_run_one_after_another(client: WorkerClient) -> None:
    first = client.start("count", {"steps": 5, "sleep": 0.01})
    second = client.start("echo", {"n": 2})
    assert client.wait(second)["params"] == {"n": 2}
    assert client.state(first).is_over
    assert client.wait(first) == {"steps": 5}


def test_an_error_of_the_listener_stops_the_job(client: WorkerClient) -> None:
    def break_down(event: dict[str, Any]) -> None:
        raise KeyError(event["event"])

    job_id = client.start("count", {"steps": 1000, "sleep": 0.05})
    with pytest.raises(KeyError):
        client.wait(job_id, break_down)
    with pytest.raises(CancelledError):
        client.wait(job_id)


@pytest.fixture
def control_c() -> Iterator[None]:
    """Let Ctrl+C be heard; a shell's job in the background ignores it from its start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@posix_only
@pytest.mark.usefixtures("control_c")
def test_control_c_cancels_the_job_and_the_worker_lives_on(client: WorkerClient) -> None:
    pressed = threading.Event()

    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and not pressed.is_set():  # a second one ends the worker
            pressed.set()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(CancelledError):
        client.run("count", {"steps": 1000, "sleep": 0.05}, interrupt)
    assert client.run("echo")["pid"] == client.pid


@posix_only
@pytest.mark.usefixtures("control_c")
def test_the_second_control_c_ends_a_worker_that_hangs(client: WorkerClient) -> None:
    job_id = client.start("hang")
    assert wait_until(lambda: client.state(job_id).step == "Hanging")
    pid = client.pid
    assert pid is not None
    waits = threading.Event()

    def press_twice() -> None:
        waits.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: client.state(job_id).status == "cancelling")
        time.sleep(0.5)  # until it waits again
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press_twice)
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        client.wait(job_id, lambda _event: waits.set())
    pressing.join()
    assert wait_until(lambda: not exists(pid))


@posix_only
def test_a_killed_worker_is_reported_and_replaced(client: WorkerClient) -> None:
    client.run("noisy")
    job_id = client.start("hang")
    assert wait_until(lambda: client.state(job_id).step == "Hanging")
    pid = client.pid
    assert pid is not None
    waiting = client.start("echo")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDiedError, match=r"SIGKILL.*memory.*last words.*C prints.*worker-"):
        client.wait(job_id)
    with pytest.raises(WorkerDiedError):
        client.wait(waiting)
    assert client.run("echo")["pid"] not in {None, pid}
    assert not exists(pid)


def test_a_python_that_does_not_start_is_said(tmp_path: Path, env: dict[str, str]) -> None:
    missing = WorkerClient(str(tmp_path / "no-python"), log_folder=tmp_path)
    with pytest.raises(InputError, match="no-python"):
        missing.run("echo")
    with WorkerClient(log_folder=tmp_path, env=env | {"PYTHONHOME": str(tmp_path)}) as broken:  # noqa: SIM117
        with pytest.raises(WorkerDiedError, match=r"did not start.*encodings"):
            broken.run("echo")


def test_jobs_that_cannot_be_loaded_are_said(tmp_path: Path, env: dict[str, str]) -> None:
    with WorkerClient(log_folder=tmp_path, env=env, jobs="nowhere:JOBS") as client:
        with pytest.raises(JobFailedError, match="No module named 'nowhere'"):
            client.run("echo")
        with pytest.raises(JobFailedError):
            client.run("echo")


@posix_only
def test_close_leaves_nothing_behind(client: WorkerClient) -> None:
    pid = client.run("echo")["pid"]
    client.close()
    assert not exists(pid)
    job_id = client.start("hang")
    assert wait_until(lambda: client.state(job_id).step == "Hanging")
    pid = client.pid
    begun = time.monotonic()
    client.close(grace=0.2)
    assert time.monotonic() - begun < 2.5  # by itself it would end after three
    assert not exists(pid or 0)
    with pytest.raises(WorkerDiedError):
        client.wait(job_id)


PARENT = """
import sys, time
from pathlib import Path
from ActiveSeedLib.worker.client import WorkerClient
client = WorkerClient(log_folder=Path(sys.argv[1]), jobs=sys.argv[2])
job_id = client.start("hang")
while client.state(job_id).step != "Hanging":
    time.sleep(0.02)
print(client.pid, flush=True)
time.sleep(100)
"""


@posix_only
def test_the_worker_ends_when_its_parent_is_killed(tmp_path: Path, env: dict[str, str]) -> None:
    env["PYTHONPATH"] += os.pathsep + str(PROJECT)
    command = [sys.executable, "-c", PARENT, str(tmp_path), JOBS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert exists(pid)
        parent.kill()
    assert wait_until(lambda: not exists(pid))


LAUNCHER = """#!{python}
import pathlib, subprocess, sys
pathlib.Path(__file__).with_name("launched").touch()
child = subprocess.Popen([{python!r}, *sys.argv[1:]], stdin=subprocess.PIPE)
for line in sys.stdin.buffer:
    child.stdin.write(line)
    child.stdin.flush()
child.stdin.close()
sys.exit(child.wait())
"""


@posix_only
@pytest.mark.parametrize("job", ["echo", "hang"])
def test_no_orphan_under_a_launcher_that_forwards_no_signals(
    tmp_path: Path, env: dict[str, str], job: str
) -> None:
    launcher = tmp_path / "launcher"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    with WorkerClient(str(launcher), log_folder=tmp_path, env=env, jobs=JOBS) as client:
        job_id = client.start(job)
        assert wait_until(lambda: client.state(job_id).step != "")
        pid = client.pid or 0
        assert (tmp_path / "launched").exists()
        assert exists(pid)
        client.close(grace=1)
        assert wait_until(lambda: not exists(pid))


def test_it_warms_up_while_nothing_is_asked(client: WorkerClient) -> None:
    client.warm()
    assert wait_until(lambda: client.warm_seconds is not None)
    assert client.warm_seconds is not None
    assert min(client.warm_seconds.values()) > 0
    assert client.run("heavy") == {"torch": True, "monai": True}


def test_a_missing_torch_names_the_command_that_installs_it(
    tmp_path: Path, env: dict[str, str]
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "torch.py").write_text("raise ImportError('no CUDA here')\n")
    env["PYTHONPATH"] += os.pathsep + str(shadow)
    with WorkerClient(log_folder=tmp_path, env=env, jobs=JOBS) as client:
        with pytest.raises(InputError, match=r"no CUDA here.*pip install torch"):
            client.run("heavy")
        shutil.rmtree(shadow)
        assert client.run("heavy")["torch"], "once it is installed, the next attempt finds it"


def test_old_logs_are_thinned_out(tmp_path: Path, env: dict[str, str]) -> None:
    for day in range(10, 40):
        old = tmp_path / f"worker-202501{day}-000000-1.log"
        old.touch()
        os.utime(old, (1.0e9, 1.0e9))
    at_work = tmp_path / "worker-20250109-000000-1.log"
    at_work.touch()
    (tmp_path / "mine.log").touch()
    with WorkerClient(log_folder=tmp_path, env=env, jobs=JOBS) as client:
        client.run("echo")
    assert len(list(tmp_path.glob("worker-*.log"))) == 21
    assert at_work.exists(), "a worker that began long ago still writes it"
    assert (tmp_path / "mine.log").exists()
