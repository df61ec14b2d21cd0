"""How long somebody really worked on a case."""

import time
from collections.abc import Callable

LONGEST_PAUSE = 60.0
"""Seconds without a touch beyond which a pause is no work."""


class Clock:
    """Counts the time from touch to touch; a pause of more than `LONGEST_PAUSE` is not counted.

    A touch is anything the user does with the case: a stroke, a scroll, a click.

    Attributes:
        key: the case that is worked on, or None.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._touched = 0.0
        self._seconds = 0.0
        self.key: str | None = None

    @property
    def seconds(self) -> float:
        """Seconds of work up to the last touch."""
        return self._seconds

    def start(self, key: str) -> None:
        """Begin with the case `key` at zero."""
        self.key = key
        self._seconds = 0.0
        self._touched = self._now()

    def touch(self) -> None:
        """Note that the user did something; without effect between the cases."""
        if self.key is None:
            return
        now = self._now()
        if now - self._touched <= LONGEST_PAUSE:
            self._seconds += now - self._touched
        self._touched = now

    def take(self) -> float:
        """Return the seconds so far, and go on from zero; what is taken is the caller's to keep."""
        self.touch()
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def stop(self) -> float:
        """End the work on the case and return the seconds not taken yet."""
        seconds = self.take()
        self.key = None
        return seconds
