"""Drafts: what was changed and not saved is written every few minutes, and when the case goes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

MINUTES = 3.0
PAUSE = 2.0  # seconds without a change before a draft is written, so that no stroke is held up
POLL_MS = 50
EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
)
Write = Callable[[], None]


class AutoSave(VTKObservationMixin):  # type: ignore[misc]
    """Watches a segmentation and has drafts of it written, by another thread while the user works.

    Args:
        take: copies what the segmentation holds now and returns what writes the copy.
        touched: called at every change.
        written: called when a draft was written.
        guarded: a context that tells the user what goes wrong within.

    Attributes:
        is_changed: whether something changed since the label map was saved (or opened).
    """

    def __init__(
        self,
        take: Callable[[], Write],
        touched: Callable[[], None],
        written: Callable[[], None],
        guarded: Callable[[], AbstractContextManager[None]],
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._take = take
        self._touched = touched
        self._written = written
        self._guarded = guarded
        self._pending = False
        self._last_change = 0.0
        self._thread: Thread | None = None
        self._error: Exception | None = None
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
        self.finish()

    def saved(self) -> None:
        """Take note that the label map was saved as it is now."""
        self.is_changed = self._pending = False

    def write_now(self) -> None:
        """Write the draft if something changed since the last one; if that fails, it stays due."""
        self.finish()
        if self._pending:
            self._take()()
            self._pending = False
            self._written()

    def finish(self) -> None:
        """Wait for a draft that is being written; if that fails, it stays due."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if self._error is None:
                self._written()
            else:
                self._pending = True

    def _on_change(self, *_args: Any) -> None:
        self.is_changed = self._pending = True
        self._last_change = time.monotonic()
        self._touched()

    def _on_timeout(self, *_args: Any) -> None:
        busy = self._pending and time.monotonic() - self._last_change < PAUSE
        self._timer.setInterval(round(PAUSE * 1000) if busy else self._every)
        if self._pending and not busy and self._thread is None:
            with self._guarded():
                write = self._take()
                self._pending = False
                self._error = None
                self._thread = Thread(target=self._run, args=(write,), name="draft")
                self._thread.start()
                qt.QTimer.singleShot(POLL_MS, self._on_poll)

    def _run(self, write: Write) -> None:
        try:
            write()
        except Exception as error:
            self._error = error

    def _on_poll(self, *_args: Any) -> None:
        """See whether the draft is written; Slicer lets other threads run only while we wait."""
        thread = self._thread
        if thread is None:
            return
        thread.join(0.002)
        if thread.is_alive():
            qt.QTimer.singleShot(POLL_MS, self._on_poll)
            return
        with self._guarded():
            self.finish()
            if self._error is not None:
                raise self._error
