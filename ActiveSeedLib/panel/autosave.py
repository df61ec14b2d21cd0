"""Drafts: what was changed and not saved is written every few minutes, and when the case goes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

MINUTES = 3.0
PAUSE = 2.0  # seconds without a change before a draft is written, so that no stroke is held up
EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
)


class AutoSave(VTKObservationMixin):  # type: ignore[misc]
    """Watches a segmentation and has a draft of it written.

    Args:
        write: writes the draft; called only if something changed since the last time.
        touched: called at every change.
        guarded: a context that tells the user what goes wrong within.

    Attributes:
        is_changed: whether something changed since the label map was saved (or opened).
    """

    def __init__(
        self,
        write: Callable[[], None],
        touched: Callable[[], None],
        guarded: Callable[[], AbstractContextManager[None]],
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._write = write
        self._touched = touched
        self._guarded = guarded
        self._pending = False
        self._last_change = 0.0
        self.is_changed = False
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._on_timeout)
        self.set_minutes(MINUTES)

    def set_minutes(self, minutes: float) -> None:
        """Write every so many minutes."""
        self._every = max(1, round(minutes * 60_000))
        self._timer.setInterval(self._every)

    def start(self, segmentation_node: Any) -> None:
        """Watch the segmentation of a case just opened: unchanged so far."""
        self.stop()
        for event in EVENTS:
            self.addObserver(segmentation_node, event, self._on_change)
        self.is_changed = self._pending = False
        self._timer.setInterval(self._every)
        self._timer.start()

    def stop(self) -> None:
        """Watch nothing."""
        self.removeObservers()
        self._timer.stop()

    def saved(self) -> None:
        """Take note that the label map was saved as it is now."""
        self.is_changed = self._pending = False

    def write_now(self) -> None:
        """Write the draft if something changed since the last one; if that fails, it stays due."""
        if self._pending:
            self._write()
            self._pending = False

    def _on_change(self, *_args: Any) -> None:
        self.is_changed = self._pending = True
        self._last_change = time.monotonic()
        self._touched()

    def _on_timeout(self, *_args: Any) -> None:
        busy = self._pending and time.monotonic() - self._last_change < PAUSE
        self._timer.setInterval(round(PAUSE * 1000) if busy else self._every)
        if not busy:
            with self._guarded():
                self.write_now()
