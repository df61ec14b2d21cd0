"""The worker itself: hears commands, carries out jobs one after another, tells what happens.

The main thread carries out the jobs, as many libraries want it; a second one reads the commands,
so that a cancel is heard at once; a third one imports the heavy libraries.
"""

import argparse
import faulthandler
import importlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ActiveSeedLib import errors
from ActiveSeedLib.errors import ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.version import __version__
from ActiveSeedLib.worker.protocol import PROTOCOL, decode
from ActiveSeedLib.worker.reporter import Output, Reporter
from ActiveSeedLib.worker.warmer import Warmer

Job = Callable[[dict[str, Any], Progress], dict[str, Any]]

GRACE_SECONDS = 3.0
KEPT_LOGS = 20
KEPT_SECONDS = 7 * 24 * 3600.0


@dataclass
class _Task:
    """One job that was asked for; `begun` once its turn has come."""

    id: str
    job: str
    params: dict[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)
    begun: bool = False


class Worker:
    """One worker between its two streams.

    Args:
        find_jobs: returns the jobs by name; called when the first job is asked for. A job whose
            attribute `needs_torch` is true waits until torch and monai are imported.
        stdin: where commands come from.
        stdout: where events go.
        log: the file that standard error goes to, for messages; None if it is not a file.
    """

    def __init__(
        self,
        find_jobs: Callable[[], Mapping[str, Job]],
        stdin: BinaryIO,
        stdout: BinaryIO,
        log: Path | None = None,
    ) -> None:
        self._find_jobs = find_jobs
        self._stdin = stdin
        self._output = Output(stdout, on_broken=self._end)
        self._log = None if log is None else str(log)
        self._warmer = Warmer(self._output.send)
        self._queue: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._seen: set[str] = set()
        self._ending = threading.Event()

    def serve(self) -> None:
        """Say hello, then carry out jobs until the commands end or nobody reads the events.

        When the end comes in the middle of a job, the job is asked to stop; if it has not done so
        after a short grace, the process ends at once, whatever hangs.
        """
        self._output.send(
            {
                "event": "hello",
                "pid": os.getpid(),
                "protocol": PROTOCOL,
                "version": __version__,
                "log": self._log,
            }
        )
        threading.Thread(target=self._read_commands, name="commands", daemon=True).start()
        while (task := self._queue.get()) is not None and not self._ending.is_set():
            with self._lock:
                task.begun = not task.cancelled.is_set()
            if task.begun:
                self._carry_out(task)

    def _read_commands(self) -> None:
        try:
            for line in self._stdin:
                if line.strip() and self._hear(line) == "exit":
                    break
        finally:
            self._end()

    def _hear(self, line: bytes) -> str | None:
        """Obey one line; return the command's name."""
        command = decode(line.decode("utf-8", errors="replace"))
        match command:
            case {"command": "run", "id": str(job_id), "job": str(job), **rest}:
                self._accept(job_id, job, rest.get("params"))
            case {"command": "cancel", "id": str(job_id)}:
                self._cancel(job_id)
            case {"command": "warm"}:
                self._warmer.start()
            case {"command": "ping"}:
                self._output.send({"event": "pong"})
            case {"command": "exit"}:
                return "exit"
            case _:
                text = line[:80].decode("utf-8", errors="replace").strip()
                self._refuse(f"This is not a command that the worker knows: {text!r}.")
        return None

    def _accept(self, job_id: str, job: str, params: Any) -> None:
        if not isinstance(params, (dict, type(None))):
            self._refuse(f"The parameters of the job {job!r} are not a JSON object.", job_id)
            return
        with self._lock:
            known = job_id in self._seen
            if not known:
                self._seen.add(job_id)
                self._tasks[job_id] = _Task(job_id, job, params or {})
                self._queue.put(self._tasks[job_id])
        if known:
            self._refuse(f"The job id {job_id!r} was used before: choose another one.")

    def _cancel(self, job_id: str) -> None:
        with self._lock:
            known = job_id in self._seen
            task = self._tasks.get(job_id)
            if task is not None:
                task.cancelled.set()
                if not task.begun:
                    del self._tasks[job_id]
        if task is not None and not task.begun:
            self._output.send({"event": "cancelled", "id": job_id})
        elif not known:
            self._refuse(f"There is no job with the id {job_id!r} to cancel.")

    def _refuse(self, message: str, job_id: str | None = None) -> None:
        self._fail(job_id, InputError(message))

    def _fail(self, job_id: str | None, error: ActiveSeedError, kind: str = "") -> None:
        known = (c.__name__ for c in type(error).__mro__ if c.__module__ == errors.__name__)
        self._output.send(
            {
                "event": "error",
                "id": job_id,
                "kind": kind or next(known),
                "message": str(error),
                "log": self._log,
            }
        )

    def _carry_out(self, task: _Task) -> None:
        reporter = Reporter(task.id, self._output)
        try:
            progress = Progress(reporter.listen, task.cancelled.is_set)
            progress.check()
            self._output.send({"event": "started", "id": task.id})
            job = self._job(task.job, progress)
            result = job(task.params, progress)
            reporter.close()
            self._output.send({"event": "result", "id": task.id, "result": result})
        except CancelledError:
            reporter.close()
            self._output.send({"event": "cancelled", "id": task.id})
        except ActiveSeedError as error:
            reporter.close()
            self._record(task)
            self._fail(task.id, error)
        except (Exception, SystemExit) as error:  # the worker outlives any job
            reporter.close()
            self._record(task)
            self._fail(task.id, self._explain(task.job, error), kind="JobFailedError")
        finally:
            reporter.close()
            with self._lock:
                del self._tasks[task.id]

    def _job(self, name: str, progress: Progress) -> Job:
        jobs = self._find_jobs()
        if name not in jobs:
            raise InputError(f"There is no job called {name!r}; there are: {', '.join(jobs)}.")
        job = jobs[name]
        if getattr(job, "needs_torch", False):
            progress.update(0.0, "Loading PyTorch and MONAI")
            self._warmer.wait(progress.check)
        return job

    def _record(self, task: _Task) -> None:
        """Write the traceback of the current exception to the log."""
        with suppress(OSError, ValueError):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            sys.stderr.write(f"--- {stamp}: the job {task.job!r} ({task.id}) failed\n")
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()

    def _explain(self, job: str, error: BaseException) -> ActiveSeedError:
        words = " ".join(str(error).split())[:300].rstrip(".")
        what = f"{type(error).__name__}: {words}" if words else type(error).__name__
        where = f"in {self._log}" if self._log else "on the worker's standard error"
        return ActiveSeedError(f"The step {job!r} failed: {what}; the details are {where}.")

    def _end(self) -> None:
        """Stop everything: the commands have ended, or nobody reads the events."""
        if self._ending.is_set():
            return
        self._ending.set()
        with self._lock:
            for task in self._tasks.values():
                task.cancelled.set()
        self._queue.put(None)
        threading.Thread(target=_end_after_grace, name="end", daemon=True).start()


def main(arguments: list[str] | None = None) -> None:
    """Run the worker on this process's streams until they end; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the front end's to interpret
    parser = argparse.ArgumentParser(prog="python -m ActiveSeedLib.worker", description=__doc__)
    parser.add_argument("--log-folder", type=Path, help="where the log goes, else standard error")
    parser.add_argument("--jobs", default="ActiveSeedLib.jobs:JOBS", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    stdin, stdout = _private_streams()
    log = None if chosen.log_folder is None else _start_log(chosen.log_folder)
    faulthandler.enable()
    Worker(lambda: _load_jobs(chosen.jobs), stdin, stdout, log).serve()
    _exit_now()


def _load_jobs(name: str) -> Mapping[str, Job]:
    module, _, attribute = name.partition(":")
    jobs: Mapping[str, Job] = getattr(importlib.import_module(module), attribute)
    return jobs


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep standard input and output for the protocol alone.

    Whatever a library prints, from Python or from C, goes to standard error; whatever it reads is
    empty.
    """
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return stdin, stdout


def _start_log(folder: Path) -> Path | None:
    """Send standard output and error to a new file in `folder`; None if that cannot be written."""
    path = folder / f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
            os.dup2(file.fileno(), 1)
    except OSError as error:
        sys.stderr.write(f"No log can be written to {folder}: {error}\n")
        return None
    for old in sorted(folder.glob("worker-*.log"))[:-KEPT_LOGS]:
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:  # a long job may still write it
                old.unlink()
    return path


def _end_after_grace() -> None:
    time.sleep(GRACE_SECONDS)
    _exit_now()


def _exit_now() -> None:
    """End the process at once: no library's own thread or exit handler can keep it alive."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)
