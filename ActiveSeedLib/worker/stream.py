"""The worker's output, understood: bytes to lines to events to the state of every job.

Nothing here starts a process or waits, so a panel that has its own process class feeds what it
reads into `EventStream` and shows the states, as the command line's client does.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ActiveSeedLib import errors
from ActiveSeedLib.errors import ActiveSeedError, CancelledError
from ActiveSeedLib.worker.protocol import decode

LOG_LINES = 20


class JobFailedError(ActiveSeedError):
    """A job met something that nobody had foreseen; its log holds the traceback."""


class WorkerDiedError(ActiveSeedError):
    """The background process is gone, or never came up; what was saved is still there."""


class LineBuffer:
    """Whole lines out of bytes that arrive in pieces of any size."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the lines that are whole now, without their ends."""
        head, newline, rest = data.partition(b"\n")
        if not newline:
            self._pieces.append(data)  # joined once, when the line ends: long lines stay linear
            return []
        whole = [b"".join(self._pieces) + head, *rest.split(b"\n")]
        self._pieces = [whole.pop()]
        return [line.rstrip(b"\r").decode("utf-8", errors="replace") for line in whole]


@dataclass
class JobState:
    """What is known of one job.

    Attributes:
        status: "waiting", "running", "cancelling", "done", "failed" or "cancelled".
        fraction: how much is done, 0 to 1.
        step: what it does now, in words.
        seconds_left: None while nobody can tell.
        metrics: the measurements so far, in order.
        notes: sentences for the user, in order.
        result: what the job returned, once it is done.
        error: why it failed, ready to be raised.
        log: the file with the traceback, if it failed.
    """

    id: str
    job: str
    status: str = "waiting"
    fraction: float = 0.0
    step: str = ""
    seconds_left: float | None = None
    metrics: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: ActiveSeedError | None = None
    log: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be heard of this job."""
        return self.status in {"done", "failed", "cancelled"}

    def take(self, event: dict[str, Any]) -> None:
        """Follow one event of this job; events after the end change nothing."""
        if self.is_over:
            return
        match event.get("event"):
            case "started" if self.status == "waiting":
                self.status = "running"
            case "progress":
                self.fraction = event["fraction"]
                self.step = event["step"]
                self.seconds_left = event["seconds_left"]
            case "metric":
                self.metrics.append(event["values"])
            case "note":
                self.notes.append(event["text"])
            case "result":
                self.status, self.result = "done", event["result"]
                self.fraction, self.seconds_left = 1.0, 0.0
            case "cancelled":
                self.status = "cancelled"
            case "error":
                self.fail(error_of(event), event.get("log"))

    def cancelling(self) -> None:
        """Note that the worker was asked to stop this job."""
        if not self.is_over:
            self.status = "cancelling"

    def fail(self, error: ActiveSeedError, log: str | None = None) -> None:
        """End the job with `error`, unless it is over."""
        if not self.is_over:
            self.status, self.error, self.log = "failed", error, log

    def outcome(self) -> dict[str, Any]:
        """Return the result of a job that is over, or raise its error or `CancelledError`."""
        if self.error is not None:
            raise self.error
        if self.status == "cancelled":
            raise CancelledError
        assert self.result is not None, f"the job {self.id} is still {self.status}"
        return self.result


class EventStream:
    """One worker process, as its output tells of it.

    Attributes:
        pid: the worker's own process id; None before it says hello.
        version: the worker's version of ActiveSeed.
        log: the worker's log file.
        warm_seconds: what importing the heavy libraries took; None until they are there.
        jobs: the state of every job, by id.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self.version: str | None = None
        self.log: str | None = None
        self.warm_seconds: dict[str, float] | None = None
        self.jobs: dict[str, JobState] = {}
        self._lines = LineBuffer()
        self._strays: deque[str] = deque(maxlen=LOG_LINES)

    def expect(self, job_id: str, job: str) -> JobState:
        """Return the state of a job that is about to be sent."""
        self.jobs[job_id] = JobState(job_id, job)
        return self.jobs[job_id]

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take the next bytes of output; return the events in them, after the states follow."""
        events = []
        for line in self._lines.feed(data):
            event = decode(line)
            if event is None or "event" not in event:
                self.stray(line)  # a launcher's or an interpreter's own words
                continue
            self._follow(event)
            events.append(event)
        return events

    def stray(self, line: str) -> None:
        """Keep a line that is no event, such as one of standard error, for `died`."""
        if line.strip():
            self._strays.append(line.strip())

    def died(self, how: str, log_tail: str = "") -> WorkerDiedError:
        """End every job that is not over: the process is gone. Return the error, to be shown.

        Args:
            how: how it ended, such as "killed by signal 9".
            log_tail: the last words of its log; without them the last stray lines are used.
        """
        words = " | ".join((log_tail.splitlines() or list(self._strays))[-3:])
        what = "ended" if self.pid is not None else "did not start"
        last = f"; its last words were: {words}" if words else ""
        see = f"; its log is {self.log}" if self.log else ""
        error = WorkerDiedError(
            f"The background process {what} ({how}){last}{see}. Nothing that was saved is lost: "
            "run the step again, and it goes on from there."
        )
        for job in self.jobs.values():
            job.fail(error, self.log)
        return error

    def _follow(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "hello":
                self.pid, self.version = event["pid"], event["version"]
                self.log = event.get("log")
            case "warm":
                self.warm_seconds = event["seconds"]
            case _ if (job := self.jobs.get(event.get("id") or "")) is not None:
                job.take(event)


def error_of(event: dict[str, Any]) -> ActiveSeedError:
    """Return the exception that an error event speaks of, of the class that the worker raised."""
    kind = getattr(errors, event.get("kind", ""), None)
    if not (isinstance(kind, type) and issubclass(kind, ActiveSeedError)):
        kind = JobFailedError
    error: ActiveSeedError = kind.__new__(kind)  # some take numbers, and the sentence is made
    Exception.__init__(error, event["message"])
    return error
