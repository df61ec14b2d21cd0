"""The heavy imports, once, beside the reading of commands."""

import importlib
import sys
import threading
import time
from collections.abc import Callable

from ActiveSeedLib.errors import MissingDependencyError
from ActiveSeedLib.worker.protocol import Event

HEAVY = ("torch", "monai")


class Warmer:
    """Imports torch and monai in a thread of its own, so that a cancel is heard meanwhile."""

    def __init__(self, send: Callable[[Event], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._seconds: dict[str, float] | None = None
        self._error: MissingDependencyError | None = None

    def start(self, announce: bool = True) -> threading.Thread:
        """Begin, unless it has begun; a failed attempt is made again.

        With `announce`, an event tells the end even if it was reached before.
        """
        with self._lock:
            if self._seconds is not None and announce:
                self._send({"event": "warm", "seconds": self._seconds})
            if self._thread is None or (self._error is not None and not self._thread.is_alive()):
                self._error = None
                self._thread = threading.Thread(target=self._load, name="warm-up", daemon=True)
                self._thread.start()
            return self._thread

    def wait(self, check: Callable[[], None]) -> None:
        """Wait for the end, calling `check` ten times a second; raise if a library is missing."""
        thread = self.start(announce=False)
        while thread.is_alive():
            check()
            thread.join(0.1)
        if self._error is not None:
            raise self._error

    def _load(self) -> None:
        seconds = {}
        for name in HEAVY:
            start = time.perf_counter()
            try:
                importlib.import_module(name)
            except Exception as error:  # a broken library raises anything at all
                self._error = MissingDependencyError(
                    f"{name} cannot be loaded ({error}): install it with "
                    f'"{sys.executable}" -m pip install {name}, in Slicer through the PyTorch '
                    "extension."
                )
                self._send(
                    {
                        "event": "error",
                        "id": None,
                        "kind": "MissingDependencyError",
                        "message": str(self._error),
                        "log": None,
                    }
                )
                return
            seconds[name] = round(time.perf_counter() - start, 3)
        self._seconds = seconds
        self._send({"event": "warm", "seconds": seconds})
