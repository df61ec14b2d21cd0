"""Long work in the user interface, a few milliseconds at a time."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import qt

SLICE = 0.012  # seconds of work before the events have their turn


class Slices:
    """Runs a generator in the turns of the event loop; each `yield` may be a pause.

    Only the latest work counts: starting another one drops what is left of the one before.
    """

    def __init__(self) -> None:
        self._work: Iterator[None] | None = None
        self._scheduled = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to do."""
        return self._work is None

    def start(self, work: Iterator[None]) -> None:
        """Do `work` from the next turn on."""
        self._work = work
        if not self._scheduled:
            self._scheduled = True
            qt.QTimer.singleShot(0, self._on_turn)

    def stop(self) -> None:
        """Drop what is left."""
        self._work = None

    def _on_turn(self, *_args: Any) -> None:
        self._scheduled = False
        work = self._work
        if work is None:
            return
        end = time.perf_counter() + SLICE
        with _no_garbage_collection():
            while self._work is work and time.perf_counter() < end:
                if not _step(work):
                    if self._work is work:  # it may have started the next one
                        self._work = None
                    return
        if self._work is work:
            self.start(work)


def _step(work: Iterator[None]) -> bool:
    """Go to the next `yield`; return whether there was one."""
    try:
        next(work)
    except StopIteration:
        return False
    return True


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Hold Python's search for garbage up.

    Many new objects set it off, and it looks through all that Slicer has loaded: 0.1 s and more.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
