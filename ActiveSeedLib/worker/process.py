"""One worker process: its start, its pipes, its end."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.worker.protocol import Command, encode
from ActiveSeedLib.worker.stream import LOG_LINES, EventStream, LineBuffer, WorkerDiedError

MAIN = Path(__file__).resolve().with_name("__main__.py")
POLL_SECONDS = 0.2

# On Linux the C library's heap is kept instead of returned after every step: training and
# prediction on the CPU gain a fifth to a half (measured).
KEEP_HEAP = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}
# Threads that wait for each other sleep rather than spin: with another program at work on the same
# cores (Slicer's views, say) a training step on two cores took 54 ms instead of 491.
YIELD_CORES = {"OMP_WAIT_POLICY": "PASSIVE"}
# What cuBLAS needs so that one seed gives one result on a GPU too.
REPEATABLE = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def worker_command(
    python: str | None = None, log_folder: Path | None = None, jobs: str | None = None
) -> list[str]:
    """Return program and arguments that start the worker, installed or not, from any folder.

    Args:
        python: the interpreter or a launcher of one; by default the one that runs this.
        log_folder: where the worker writes its log.
        jobs: other jobs than those of ActiveSeed, as "module:attribute" (for tests).
    """
    command = [python or sys.executable, str(MAIN)]
    if log_folder is not None:
        command += ["--log-folder", str(log_folder)]
    return command if jobs is None else [*command, "--jobs", jobs]


def worker_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `base` (by default this process's environment) with what the worker needs besides."""
    environment = dict(os.environ if base is None else base)
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    heap = KEEP_HEAP if sys.platform == "linux" else {}
    return YIELD_CORES | REPEATABLE | heap | environment


def set_apart() -> dict[str, Any]:
    """Return the arguments of `Popen` with which Ctrl+C in the terminal is not for the worker."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}


def end_process(pid: int) -> None:
    """End a process, and on Windows its children, at once; nothing happens if it is gone."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


class WorkerProcess:
    """A running worker. `stream` holds the states; threads of this class keep them up to date."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                bufsize=0,
                env=environment,
                **set_apart(),
            )
        except OSError as error:
            raise InputError(f"Python cannot be started as {command[0]}: {error}.") from error
        self.stream = EventStream()
        self._error: WorkerDiedError | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._events: dict[str, queue.SimpleQueue[dict[str, Any]]] = {}
        self._over = threading.Event()
        self._talk = threading.Thread(target=self._read_errors, name="worker log", daemon=True)
        self._ears = threading.Thread(target=self._read_events, name="worker events", daemon=True)
        self._talk.start()
        self._ears.start()

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._over.is_set()

    def ask(self, job_id: str, job: str, params: dict[str, Any]) -> None:
        """Send one job. If the process is gone, the job has failed already."""
        line: Command = {"command": "run", "id": job_id, "job": job, "params": params}
        encode(line)  # refuse what is not JSON before anybody waits for it
        with self._lock:
            state = self.stream.expect(job_id, job)
            self._events[job_id] = queue.SimpleQueue()
            if self._error is not None:
                state.fail(self._error)
        self.send(line)

    def send(self, command: Command) -> None:
        """Send one command; a process that is gone hears nothing, which the states tell."""
        assert self._process.stdin is not None
        with self._writing, suppress(OSError, ValueError):
            self._process.stdin.write(encode(command))

    def events(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield the events of one job until it is over."""
        waiting = self._events[job_id]
        while True:
            with self._lock:
                if self.stream.jobs[job_id].is_over and waiting.empty():
                    return
            with suppress(queue.Empty):
                yield waiting.get(timeout=POLL_SECONDS)  # short, so that Windows hears Ctrl+C

    def close(self, grace: float) -> None:
        """Close its commands, wait `grace` seconds for its end, then end it by force."""
        assert self._process.stdin is not None
        with suppress(OSError), self._writing:
            self._process.stdin.close()
        if not self._over.wait(grace) and self.stream.pid is not None:
            end_process(self.stream.pid)  # a launcher's child does not die with the launcher
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in (self._ears, self._talk):
            thread.join(timeout=2.0)

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while data := pipe.read(65536):
                with self._lock:
                    for event in self.stream.feed(data):
                        if (waiting := self._events.get(event.get("id") or "")) is not None:
                            waiting.put(event)
        self._note_end()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        lines = LineBuffer()
        with self._process.stderr as pipe:
            while data := pipe.read(65536):
                with self._lock:
                    for line in lines.feed(data):
                        self.stream.stray(line)

    def _note_end(self) -> None:
        self._talk.join(timeout=1.0)
        try:
            code = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            code = 0
        with self._lock:
            self._error = self.stream.died(how_it_ended(code), last_words(self.stream.log))
        self._over.set()


def how_it_ended(code: int) -> str:
    """Return in words what an exit code (negative: a signal) says of a process's end."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", often because the memory was full" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def last_words(log: str | None) -> str:
    """Return the last lines of a worker's log; empty if there is none."""
    if log is None:
        return ""
    with suppress(OSError), Path(log).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
        return "\n".join([line.strip() for line in lines if line.strip()][-LOG_LINES:])
    return ""
