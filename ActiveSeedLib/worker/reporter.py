"""From a job's progress to events: in order, a few a second, with the seconds left."""

import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from ActiveSeedLib.worker.estimate import TimeLeft
from ActiveSeedLib.worker.protocol import Event, ProgressMade, encode

PROGRESS_INTERVAL = 0.1


class Output:
    """The event stream. Any thread may send; one line is never torn by another.

    `on_broken` is called once, when nobody reads any longer.
    """

    def __init__(self, stream: BinaryIO, on_broken: Callable[[], None]) -> None:
        self._stream = stream
        self._on_broken = on_broken
        self._lock = threading.Lock()
        self._broken = False

    def send(self, event: Event) -> None:
        """Write one event. Raises TypeError, with nothing written, if it is not JSON."""
        line = encode(event)
        with self._lock:
            if self._broken:
                return
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # ValueError: the stream is closed
                self._broken = True
        if self._broken:
            self._on_broken()


class Reporter:
    """Listens to one job and sends its events.

    Progress goes out at most ten times a second: what comes faster waits, only its latest is kept,
    and it is sent soon even if the job then says nothing for long.
    """

    def __init__(self, job_id: str, output: Output) -> None:
        self._id = job_id
        self._output = output
        self._left = TimeLeft()
        self._lock = threading.Lock()
        self._waiting: ProgressMade | None = None
        self._sent = 0.0
        self._over = threading.Event()
        threading.Thread(target=self._tick, name="progress", daemon=True).start()

    def listen(self, kind: str, values: dict[str, Any]) -> None:
        """Take one report of `Progress`."""
        with self._lock:
            if kind == "progress":
                self._progress(values["fraction"], values["step"])
                return
            self._flush()
            if kind == "metric":
                self._output.send({"event": "metric", "id": self._id, "values": values})
            else:
                self._output.send({"event": "note", "id": self._id, "text": values["text"]})

    def close(self) -> None:
        """Send what waits; nothing comes after it."""
        self._over.set()
        with self._lock:
            self._flush()

    def _progress(self, fraction: float, step: str) -> None:
        now = time.monotonic()
        left = self._left.update(fraction, now)
        self._waiting = {
            "event": "progress",
            "id": self._id,
            "fraction": round(fraction, 5),
            "step": step,
            "seconds_left": None if left is None else round(left, 1),
        }
        if now - self._sent >= PROGRESS_INTERVAL:
            self._flush()

    def _flush(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._sent = time.monotonic()
            self._output.send(waiting)

    def _tick(self) -> None:
        while not self._over.wait(PROGRESS_INTERVAL):
            with self._lock:
                if time.monotonic() - self._sent >= PROGRESS_INTERVAL:
                    self._flush()
