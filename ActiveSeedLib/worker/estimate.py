"""How long a job still takes, from the fractions that it reports."""

import math

SETTLE_SECONDS = 1.0
SHORTEST_MEMORY = 5.0


class TimeLeft:
    """Seconds left, from a rate that forgets slowly, so that the figure does not jump.

    The rate (fraction a second) is an exponentially weighted mean over time with a memory of a
    third of the elapsed time, at least five seconds, corrected for the short past at the start.
    A fraction that goes backwards starts the estimate afresh.
    """

    def __init__(self) -> None:
        self._start: float | None = None
        self._last = (0.0, 0.0)
        self._rate = 0.0
        self._weight = 0.0

    def update(self, fraction: float, now: float) -> float | None:
        """Take the `fraction` done at time `now` (s); return seconds left, None while unknown."""
        if self._start is None or fraction < self._last[1]:
            self._start, self._last = now, (now, fraction)
            self._rate = self._weight = 0.0
            return None
        elapsed = now - self._start
        step = now - self._last[0]
        if step > 0:
            keep = math.exp(-step / max(SHORTEST_MEMORY, elapsed / 3))
            speed = (fraction - self._last[1]) / step
            self._rate = keep * self._rate + (1 - keep) * speed
            self._weight = keep * self._weight + (1 - keep)
            self._last = (now, fraction)
        if elapsed < SETTLE_SECONDS or self._rate <= 0:
            return None
        return (1 - fraction) * self._weight / self._rate
