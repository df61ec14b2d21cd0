"""Gives jobs to a worker, follows them, and ends it without leaving anything behind."""

import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ActiveSeedLib.worker.process import WorkerProcess, worker_command, worker_environment
from ActiveSeedLib.worker.stream import JobState

OnEvent = Callable[[dict[str, Any]], None]

CLOSE_SECONDS = 5.0


def default_log_folder() -> Path:
    """Return where a worker writes its logs unless it is told: a folder among temporary files."""
    user = os.environ.get("USER") or os.environ.get("USERNAME") or "logs"
    return Path(tempfile.gettempdir()) / f"activeseed-{user}"


class WorkerClient:
    """One worker process, started when it is first needed and again after it died.

    Use it as a context manager, or call `close`. If this process dies instead, the worker notices
    that its commands have ended, and ends too.

    Args:
        python: the interpreter or a launcher of one; by default the one that runs this.
        log_folder: where the worker writes its logs; by default a folder among temporary files.
        env: the environment to start from; by default this process's own.
        jobs: other jobs than those of ActiveSeed, as "module:attribute" (for tests).
    """

    def __init__(
        self,
        python: str | None = None,
        *,
        log_folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        jobs: str | None = None,
    ) -> None:
        folder = log_folder or default_log_folder()
        self._command = worker_command(python, folder.absolute(), jobs)
        self._environment = worker_environment(env)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None
        self._asked: dict[str, WorkerProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(
        self, job: str, params: Mapping[str, Any] | None = None, on_event: OnEvent | None = None
    ) -> dict[str, Any]:
        """Carry out one job and return its result; `on_event` is called here with every event.

        Ctrl+C asks the worker to stop the job; a second Ctrl+C ends the worker at once. Raises the
        error that the job raised in the worker (such as `InputError`), `JobFailedError` for one
        that nobody had foreseen, `CancelledError`, or `WorkerDiedError`.
        """
        return self.wait(self.start(job, params), on_event)

    def start(self, job: str, params: Mapping[str, Any] | None = None) -> str:
        """Ask for one job, to be done after those that wait; return its id."""
        job_id = f"{os.getpid()}-{next(self._ids)}"
        process = self._living()
        process.ask(job_id, job, dict(params or {}))
        self._asked[job_id] = process
        return job_id

    def events(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield the events of one job as they come, the last one included.

        If the worker dies the iteration ends without a last event; `state` tells why.
        """
        return self._asked[job_id].events(job_id)

    def wait(self, job_id: str, on_event: OnEvent | None = None) -> dict[str, Any]:
        """Wait for the end of one job, and return or raise as `run` does."""
        interrupted = False
        while True:
            try:
                for event in self.events(job_id):
                    if on_event is not None:
                        on_event(event)
                break
            except KeyboardInterrupt:
                if interrupted:
                    self.close(grace=0)
                    raise
                interrupted = True
                self.cancel(job_id)
            except BaseException:
                self.cancel(job_id)  # nobody will hear of it any more
                raise
        return self.state(job_id).outcome()

    def state(self, job_id: str) -> JobState:
        """Return what is known of one job."""
        return self._asked[job_id].stream.jobs[job_id]

    def cancel(self, job_id: str) -> None:
        """Ask the worker to stop one job; its last event tells when it has."""
        self.state(job_id).cancelling()
        self._asked[job_id].send({"command": "cancel", "id": job_id})

    def warm(self) -> None:
        """Start the worker now, and let it import the heavy libraries meanwhile."""
        self._living().send({"command": "warm"})

    @property
    def pid(self) -> int | None:
        """The worker's own process id; None before it said hello."""
        return None if self._process is None else self._process.stream.pid

    @property
    def warm_seconds(self) -> dict[str, float] | None:
        """What importing the heavy libraries took; None until they are there."""
        return None if self._process is None else self._process.stream.warm_seconds

    def close(self, grace: float = CLOSE_SECONDS) -> None:
        """End the worker: ask, wait `grace` seconds, then end it by force."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.close(grace)

    def _living(self) -> WorkerProcess:
        with self._lock:
            if self._process is not None and self._process.is_over:
                self._process.close(grace=0)
                self._process = None
            if self._process is None:
                self._process = WorkerProcess(self._command, self._environment)
            return self._process
