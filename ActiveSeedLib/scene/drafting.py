"""Drafts: what was changed and not saved is written every so often, and when the case goes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

EVERY = 180.0  # seconds
PAUSE = 2.0  # seconds without a change before a draft is written, so that no stroke is held up
PATIENCE = 10.0  # seconds that a draft waits for such a pause
POLL = 0.05  # seconds between two looks at a draft that is being written
TURN = 0.002  # seconds that a look waits
EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
)
Write = Callable[[], None]


class DraftKeeper(VTKObservationMixin):  # type: ignore[misc]
    """Watches a segmentation and has drafts of it written, by another thread while the user works.

    It has no clock of its own: its host calls `poll`, and again after the time that this returns.

    Args:
        take: copies what the segmentation holds now and returns what writes the copy.
        touched: called at every change.
        written: called when a draft was written.
        guarded: a context that tells the user what goes wrong within.
        every: seconds between two drafts.
        now: returns the time in seconds.

    Attributes:
        is_changed: whether something changed since the label map was saved (or opened).
    """

    def __init__(
        self,
        take: Callable[[], Write],
        touched: Callable[[], None],
        written: Callable[[], None],
        guarded: Callable[[], AbstractContextManager[None]],
        every: float = EVERY,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._take = take
        self._touched = touched
        self._written = written
        self._guarded = guarded
        self._now = now
        self._pending = False
        self._last_change = 0.0
        self._thread: Thread | None = None
        self._error: Exception | None = None
        self.is_changed = False
        self.set_interval(every)

    def set_interval(self, seconds: float) -> None:
        """Write every so many seconds, counted from now."""
        self._every = seconds
        self._put_off()

    def start(self, segmentation_node: Any) -> None:
        """Watch the segmentation of a case just opened: unchanged so far."""
        self.stop()
        for event in EVENTS:
            self.addObserver(segmentation_node, event, self._on_change)
        self.is_changed = self._pending = False
        self._put_off()

    def stop(self) -> None:
        """Watch nothing; changes that no draft holds are given up."""
        self.removeObservers()
        self.finish()
        self._pending = False

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

    def poll(self) -> float:
        """Begin to write a draft if one is due, or see whether the one begun is written.

        Returns:
            Seconds until it should be called again.
        """
        if self._thread is not None:
            return self._look_after(self._thread)
        now = self._now()
        if now < self._due:
            return self._due - now
        is_drawing = self._pending and now - self._last_change < PAUSE
        if is_drawing and now < self._due + PATIENCE:
            return PAUSE
        self._put_off()
        if self._pending:
            with self._guarded():
                self._begin()
                return POLL
        return self._every

    def _begin(self) -> None:
        write = self._take()
        self._pending = False
        self._error = None
        self._thread = Thread(target=self._run, args=(write,), name="draft")
        self._thread.start()

    def _look_after(self, thread: Thread) -> float:
        """See whether the draft is written; Slicer lets other threads run only while we wait."""
        thread.join(TURN)
        if thread.is_alive():
            return POLL
        with self._guarded():
            self.finish()
            if self._error is not None:
                raise self._error
        return max(POLL, self._due - self._now())

    def _put_off(self) -> None:
        self._due = self._now() + self._every

    def _on_change(self, *_args: Any) -> None:
        self.is_changed = self._pending = True
        self._last_change = self._now()
        self._touched()

    def _run(self, write: Write) -> None:
        try:
            write()
        except Exception as error:
            self._error = error
