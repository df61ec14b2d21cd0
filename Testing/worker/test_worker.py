"""The real process on its wire, without the client."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.version import __version__
from ActiveSeedLib.worker.process import worker_command

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent


class Wire:
    """A worker, its lines in and its events out with the time of their arrival."""

    def __init__(self, command: list[str], env: dict[str, str], cwd: Path) -> None:
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=env,
            cwd=cwd,
        )
        self._events: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put((time.monotonic() - self.start, json.loads(line)))

    def send(self, command: dict[str, Any] | bytes) -> None:
        assert self.process.stdin is not None
        line = command if isinstance(command, bytes) else json.dumps(command).encode()
        self.process.stdin.write(line + b"\n")

    def run(self, job: str, job_id: str = "1", **params: Any) -> None:
        self.send({"command": "run", "id": job_id, "job": job, "params": params})

    def end(self) -> None:
        self.process.kill()
        self._reader.join()  # before its pipe is closed and the number used again

    def next(self, seconds: float = 60) -> dict[str, Any]:
        return self._events.get(timeout=seconds)[1]

    def until(self, name: str, seconds: float = 60) -> dict[str, Any]:
        while True:
            event = self.next(seconds)
            if event["event"] == name:
                return event


@pytest.fixture
def wire(env: dict[str, str], tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(worker_command(jobs="worker_jobs:JOBS"), env, tmp_path)
    with wire.process:
        yield wire
        wire.end()


def test_it_says_hello_first_and_before_anything_heavy(wire: Wire) -> None:
    assert wire.next() == {
        "event": "hello",
        "pid": wire.process.pid,
        "protocol": 1,
        "version": __version__,
        "log": None,
    }
    wire.run("heavy")  # needs torch and so waits for it
    assert [wire.next()["event"] for _ in range(2)] == ["started", "progress"]
    assert set(wire.until("warm")["seconds"]) == {"torch", "monai"}
    assert wire.next() == {"event": "result", "id": "1", "result": {"torch": True, "monai": True}}


def test_it_starts_as_a_module_and_without_torch_or_a_gui(tmp_path: Path) -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(HERE)])}
    command = [sys.executable, "-m", "ActiveSeedLib.worker", "--jobs", "worker_jobs:JOBS"]
    wire = Wire(command, env, tmp_path)
    with wire.process:
        wire.run("environment")
        assert wire.until("result")["result"]["gui"] == []
        wire.send({"command": "exit"})
        assert wire.process.wait(30) == 0
        wire.end()


def test_broken_lines_are_answered_and_survived(wire: Wire) -> None:
    broken = [b"{", b"\xff\xfe", b"[]", b'{"command": "fly"}', b'{"command": "run", "id": 3}',
              b'{"command": "cancel", "id": "never"}']  # fmt: skip
    for line in broken:
        wire.send(line)
        error = wire.until("error")
        assert error["id"] is None
        assert error["kind"] == "InputError"
    wire.send(b"")
    wire.send({"command": "run", "id": "x", "job": "echo", "params": [1]})
    assert wire.until("error")["id"] == "x"
    wire.send({"command": "ping"})
    assert wire.next()["event"] == "pong"


def test_an_id_is_used_once(wire: Wire) -> None:
    wire.run("echo")
    wire.until("result")
    wire.run("echo")
    error = wire.until("error")
    assert error["id"] is None
    assert "'1'" in error["message"]


def test_cancel_is_heard_while_a_job_runs_and_ends_it_at_once(wire: Wire) -> None:
    wire.run("count", steps=1000, sleep=0.05)
    wire.run("echo", job_id="2")
    wire.until("progress")
    asked = time.monotonic()
    wire.send({"command": "cancel", "id": "2"})
    assert wire.until("cancelled")["id"] == "2", "one that waits is cancelled at once"
    wire.send({"command": "cancel", "id": "1"})
    assert wire.until("cancelled")["id"] == "1"
    assert time.monotonic() - asked < 5  # of the fifty seconds that it would take
    wire.send({"command": "cancel", "id": "1"})
    wire.send({"command": "ping"})
    assert wire.next()["event"] == "pong", "a job that is over is no error to cancel"


def test_a_cancel_is_heard_during_the_heavy_imports(wire: Wire) -> None:
    wire.run("heavy")
    wire.until("progress")
    wire.send({"command": "cancel", "id": "1"})
    while (event := wire.next())["event"] != "cancelled":
        assert event["event"] != "warm", "the imports were waited for"
    assert event["id"] == "1"


def test_progress_comes_ten_times_a_second_and_the_last_is_not_lost(wire: Wire) -> None:
    wire.until("hello")
    begun = time.monotonic()  # before the job: who hears of it late must not count too few seconds
    wire.run("count", steps=1500, sleep=0.001)
    wire.until("started")
    progress = []
    while (event := wire.next())["event"] == "progress":
        progress.append(event)
    assert event["event"] == "result"
    assert len(progress) <= 3 + 10 * (time.monotonic() - begun)
    assert progress[-1]["step"] == "Step 1499"
    fractions = [event["fraction"] for event in progress]
    assert fractions == sorted(fractions)
    assert progress[0]["seconds_left"] is None
    assert progress[-1]["seconds_left"] < progress[-5]["seconds_left"]


def test_it_ends_when_the_commands_end_even_amid_a_job(wire: Wire) -> None:
    wire.run("count", steps=1000, sleep=0.05)
    wire.until("progress")
    assert wire.process.stdin is not None
    wire.process.stdin.close()
    assert wire.until("cancelled")["id"] == "1"
    assert wire.process.wait(30) == 0


def test_it_ends_even_if_a_call_hangs(wire: Wire) -> None:
    wire.run("hang")
    wire.until("progress")
    assert wire.process.stdin is not None
    wire.process.stdin.close()
    wire.process.wait(30)


def test_it_ends_when_nobody_reads(env: dict[str, str]) -> None:
    pipe = subprocess.PIPE
    command = worker_command(jobs="worker_jobs:JOBS")
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert b"hello" in process.stdout.readline()
        process.stdout.close()
        run = {"command": "run", "id": "1", "job": "hang"}
        process.stdin.write(json.dumps(run).encode() + b"\n")
        process.wait(30)


def test_an_interrupt_is_the_front_ends_to_interpret(wire: Wire) -> None:
    wire.next()
    wire.process.send_signal(signal.SIGINT)
    wire.run("echo")
    assert wire.until("result")["id"] == "1"
