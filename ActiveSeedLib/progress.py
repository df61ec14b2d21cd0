"""What a job reports to, and how it learns that it should stop."""

from collections.abc import Callable
from typing import Any

from ActiveSeedLib.errors import CancelledError

Listener = Callable[[str, dict[str, Any]], None]


class Progress:
    """A job's line to the outside: fraction done, the step in words, measurements, and cancel.

    Args:
        listener: called with ("progress", {"fraction", "step"}), ("metric", {...}) and
            ("note", {"text"}); by default nobody listens.
        cancelled: asked at every report; once it answers True the job is stopped by
            `CancelledError`.
        span: the part of the whole, as (start, end) in [0, 1], that this job stands for.
        context: words put before every step, such as "seed 43, 8 labelled: ".
    """

    def __init__(
        self,
        listener: Listener | None = None,
        cancelled: Callable[[], bool] | None = None,
        span: tuple[float, float] = (0.0, 1.0),
        context: str = "",
    ) -> None:
        self._listener = listener
        self._cancelled = cancelled
        self._span = span
        self._context = context

    def check(self) -> None:
        """Raise `CancelledError` if the user asked to stop; call it between steps (under 1 s)."""
        if self._cancelled is not None and self._cancelled():
            raise CancelledError

    def update(self, fraction: float, step: str) -> None:
        """Report that `fraction` (0 to 1) of this job is done, and what it does now, in words."""
        self.check()
        start, end = self._span
        whole = start + (end - start) * min(max(fraction, 0.0), 1.0)
        self._send("progress", {"fraction": whole, "step": self._context + step})

    def metric(self, **values: Any) -> None:
        """Report one measurement, such as `epoch=3, loss=0.41`."""
        self.check()
        self._send("metric", values)

    def note(self, text: str) -> None:
        """Tell the user one sentence, such as why a step fell back to the CPU."""
        self._send("note", {"text": text})

    def part(self, start: float, end: float, context: str = "") -> "Progress":
        """Return the progress of a sub-step that covers `start` to `end` (0 to 1) of this one."""
        first, last = self._span
        width = last - first
        return Progress(
            self._listener,
            self._cancelled,
            (first + width * start, first + width * end),
            self._context + context,
        )

    def _send(self, kind: str, values: dict[str, Any]) -> None:
        if self._listener is not None:
            self._listener(kind, values)
