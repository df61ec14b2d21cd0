"""A front end's background process: started when needed, followed, ended; never awaited.

The process itself comes from outside, as every front end has its own event loop; what the process
says is understood by `worker.stream`, as for the command line.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.process import (
    how_it_ended,
    last_words,
    worker_command,
    worker_environment,
)
from ActiveSeedLib.worker.protocol import Command, encode
from ActiveSeedLib.worker.stream import EventStream, JobState, LineBuffer

PYTHON_VARIABLE = "ACTIVESEED_PYTHON"
"""The environment variable that names the Python to run it with (for tests and servers)."""
GRACE_SECONDS = 5.0
"""To end by itself once its commands have ended; a job needs up to three."""
CLOSE_SECONDS = 2.0
"""The same where the user waits for it: the front end closes, or is loaded anew."""
KEPT_STRAYS = 200


class Process(Protocol):
    """One process beside the front end. Signals come from the event loop, never from within a call.

    Attributes:
        said: emitted with bytes of standard output.
        complained: emitted with bytes of standard error.
        ended: emitted once, after the last bytes.
        pid: of the Python itself, to be set by whoever learns it: the command may be a launcher,
            and its child does not die with it.
        exit_code: once it has ended: as the process gave it, negative for a signal; None if it
            never started.
        start_error: why it did not start, in the system's words.
    """

    said: Signal
    complained: Signal
    ended: Signal
    pid: int | None
    exit_code: int | None
    start_error: str | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""

    def start(self) -> None:
        """Begin."""

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input; a process that is gone hears nothing."""

    def end(self, grace: float) -> None:
        """Close its standard input, and end it by force unless it ends within `grace` seconds."""

    def end_now(self) -> None:
        """End it by force."""

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most `seconds`, and return whether it came; for closing only."""


MakeProcess = Callable[[Sequence[str], Mapping[str, str]], Process]


class BackgroundWorker:
    """Gives jobs to one worker process, which starts with the first job and again after it died.

    Args:
        log_folder: where the worker writes its logs.
        make_process: makes a process of a command and its environment, not started yet.
        python: what runs it; None: as `choose_python` says when it is started.
        choose_python: returns what runs it where nothing else was said; `InputError` if there is
            nothing.
        environment: returns the environment in which a Python is started.
        remedy: what to do where a Python cannot be started, as the end of a sentence.
        jobs: other jobs than those of ActiveSeed, as "module:attribute" (for tests).

    Attributes:
        log_folder: where the worker writes its logs.
        remedy: what to do where a Python cannot be started.
        changed: emitted with the state of a job that has changed.
        ended: emitted with the state of a job that is over, after `changed`; never from within
            `run`, and for every job that was begun, unless `close` ended it.
    """

    def __init__(
        self,
        log_folder: Path,
        make_process: MakeProcess,
        *,
        python: str | None = None,
        choose_python: Callable[[], str],
        environment: Callable[[str], Mapping[str, str]],
        remedy: str,
        jobs: str | None = None,
    ) -> None:
        self.changed, self.ended = Signal(), Signal()
        self.log_folder = log_folder.absolute()
        self.remedy = remedy
        self._make_process = make_process
        self._python = python
        self._choose_python = choose_python
        self._environment = environment
        self._jobs = jobs
        self._ids = itertools.count(1)
        self._current: _Running | None = None
        self._past: list[_Running] = []
        self._log: str | None = None

    # -- jobs -------------------------------------------------------------------------------------

    def run(self, job: str, params: Mapping[str, Any] | None = None) -> JobState:
        """Ask for one job, to be done after those that wait; return its state, kept up to date.

        Raises:
            InputError: there is no Python to run it.
            TypeError: the parameters cannot be written as JSON.
        """
        job_id = f"{os.getpid()}-{next(self._ids)}"
        line: Command = {"command": "run", "id": job_id, "job": job, "params": dict(params or {})}
        encode(line)  # refuse what is not JSON before anybody waits for it
        running = self._living()
        state = running.stream.expect(job_id, job)
        running.send(line)
        return state

    def cancel(self) -> None:
        """Ask the worker to stop every job; their last events tell when they have stopped."""
        if self._current is not None:
            for state in self._current.unfinished():
                state.cancelling()
                self._current.send({"command": "cancel", "id": state.id})
                self.changed.emit(state)

    def stop_now(self) -> None:
        """End the process by force, whatever it does; its jobs count as cancelled."""
        if self._current is not None:
            self._current.wanted = True
            self._current.process.end_now()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._current is not None and bool(self._current.unfinished())

    # -- the process ------------------------------------------------------------------------------

    @property
    def python(self) -> str:
        """What runs the worker; `InputError` if there is nothing. Another one is used from now on.

        A process that is idle ends when another Python is chosen; one at work does its jobs first.
        """
        return self._python or self._choose_python()

    @python.setter
    def python(self, python: str | None) -> None:
        self._python = python
        self._retire_outdated()

    @property
    def pid(self) -> int | None:
        """The worker's own process id; None before it said hello, and after its end."""
        return None if self._current is None else self._current.stream.pid

    @property
    def log_path(self) -> Path | None:
        """The log of the worker that runs, or of the one that ran last."""
        return None if self._log is None else Path(self._log)

    @property
    def strays(self) -> list[str]:
        """What the latest process said that is no event, such as why Python did not start."""
        running = self._current or (self._past[-1] if self._past else None)
        return [] if running is None else list(running.strays)

    def command(self) -> list[str]:
        """Return program and arguments that start the worker."""
        return worker_command(self.python, self.log_folder, self._jobs)

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """Let the process end, by force after `grace` seconds; returns at once.

        Its jobs are stopped and count as cancelled.
        """
        if self._current is not None:
            self._current.wanted = True
            self._current.process.end(grace)
            self._past.append(self._current)
            self._current = None

    def close(self, grace: float = CLOSE_SECONDS) -> None:
        """End every process now, waiting at most `grace` seconds and one more for each.

        Its jobs count as cancelled, and no signal tells of it.
        """
        self.end(grace)
        for running in self._past:
            running.silence()
            if not running.process.wait(grace):
                running.process.end_now()
                running.process.wait(1.0)
        self._past = [one for one in self._past if not one.process.is_over]

    def _living(self) -> "_Running":
        self._past = [one for one in self._past if not one.told]
        self._retire_outdated()
        if self._current is not None and self._current.process.is_over:
            self._past.append(self._current)
            self._current = None
        if self._current is None:
            command = self.command()
            environment = worker_environment(self._environment(self.python))
            self._current = _Running(self, command, self._make_process(command, environment))
        return self._current

    def _retire_outdated(self) -> None:
        if self._current is None or self._current.unfinished():
            return
        with suppress(InputError):
            if self._current.command == self.command():
                return
        self.end()

    def _hear(self, running: "_Running") -> None:
        """Take over what `running` has learnt: its log, or that it is over."""
        self._log = running.stream.log or self._log
        if running.told and running is self._current:
            self._past.append(running)  # it is speaking: it must not be lost now
            self._current = None


class _Running:
    """One worker process and what is known of it.

    Attributes:
        wanted: whether its end was asked for: its jobs are then cancelled, not failed.
        told: whether its end has been told.
    """

    def __init__(self, owner: BackgroundWorker, command: list[str], process: Process) -> None:
        self._owner = owner
        self.command = command
        self.stream = EventStream()
        self.strays: deque[str] = deque(maxlen=KEPT_STRAYS)
        self.wanted = False
        self.told = False
        self._lines = LineBuffer()
        self._unsent: list[bytes] = []
        self._announced: set[str] = set()
        self.process = process
        self.process.said.connect(self._on_said)
        self.process.complained.connect(self._on_complained)
        self.process.ended.connect(self._on_ended)
        self.process.start()

    def unfinished(self) -> list[JobState]:
        """Return the states of the jobs that are not over."""
        return [state for state in self.stream.jobs.values() if not state.is_over]

    def send(self, command: Command) -> None:
        """Send one command, as soon as the worker has said hello."""
        self._unsent.append(encode(command))
        self._send_unsent()

    def silence(self) -> None:
        """Say no more: the jobs are cancelled without a signal."""
        self.process.said.disconnect(self._on_said)
        self.process.complained.disconnect(self._on_complained)
        self.process.ended.disconnect(self._on_ended)
        self._cancel_all()
        self.told = True

    def _send_unsent(self) -> None:
        if self.stream.pid is not None:
            lines, self._unsent = self._unsent, []
            self.process.write(b"".join(lines))

    def _on_said(self, data: bytes) -> None:
        """Follow the events in `data`, and tell once of every job that they change."""
        touched: dict[str, JobState] = {}
        for event in self.stream.feed(data):
            state = self.stream.jobs.get(event.get("id") or "")
            if state is not None:
                touched[state.id] = state
        if self.process.pid is None and self.stream.pid is not None:
            self.process.pid = self.stream.pid
            self._owner._hear(self)
            self._send_unsent()
        for state in touched.values():
            self._tell(state)

    def _on_complained(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self.stream.stray(line)
            self.strays.append(line)

    def _on_ended(self) -> None:
        """Tell why the process is over, in one sentence, to every job that was not."""
        unfinished = self.unfinished()
        if self.wanted:
            self._cancel_all()
        elif self.stream.pid is None:
            self._fail_all(self._not_started())
        else:
            how = how_it_ended(self.process.exit_code or 0)
            self.stream.died(how, last_words(self.stream.log))
        self.told = True
        self._owner._hear(self)
        for state in unfinished:
            self._tell(state)

    def _not_started(self) -> InputError:
        why = self.process.start_error or how_it_ended(self.process.exit_code or 0)
        words = " | ".join(list(self.strays)[-3:])
        last = f"; its last words were: {words}" if words else ""
        return InputError(
            f"The background process cannot be started with {self.command[0]} ({why}{last}): "
            f"{self._owner.remedy}."
        )

    def _cancel_all(self) -> None:
        for state in self.unfinished():
            state.take({"event": "cancelled"})

    def _fail_all(self, error: ActiveSeedError) -> None:
        for state in self.unfinished():
            state.fail(error)

    def _tell(self, state: JobState) -> None:
        if state.id in self._announced:
            return
        self._owner.changed.emit(state)
        if state.is_over:
            self._announced.add(state.id)
            self._owner.ended.emit(state)
