"""What a test does to a panel: waits for it, clicks on it, and times its handlers."""

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

STEP = 0.01  # seconds between two looks at a condition


class HandlerTimes:
    """How long the turns of Qt's event loop took while events were processed here.

    A turn delivers what waits: timers, processes, clicks. It is at least as long as the longest
    handler in it, and it is what a user notices. Where a turn takes longer than the limit, a second
    thread looks what Python is doing.

    Attributes:
        limit: seconds that a turn may take.
        turns: seconds of each turn.
        stacks: what was being done when a turn passed the limit, as text.
    """

    def __init__(self, limit: float = 0.05) -> None:
        self.limit = limit
        self.turns: list[float] = []
        self.stacks: list[str] = []
        self._began: float | None = None
        self._main = threading.get_ident()

    @property
    def longest(self) -> float:
        """Seconds of the longest turn."""
        return max(self.turns, default=0.0)

    def turn(self) -> None:
        """Let Qt take a turn, and note how long it took."""
        self._began = perf_counter()
        slicer.app.processEvents()
        self.turns.append(perf_counter() - self._began)
        self._began = None

    def watch(self, ended: threading.Event) -> None:
        """Look at the main thread until `ended`; runs in a thread of its own."""
        caught: float | None = None
        while not ended.wait(self.limit / 10):
            began = self._began
            if began is not None and began != caught and perf_counter() - began > self.limit:
                caught = began
                frame = sys._current_frames().get(self._main)
                self.stacks.append("".join(traceback.format_stack(frame)[-8:]))


_times: HandlerTimes | None = None


@contextmanager
def handler_times(limit: float = 0.05) -> Iterator[HandlerTimes]:
    """Measure the turns of the event loop; only `process` and the `wait`s let any happen."""
    global _times
    ended = threading.Event()
    _times = HandlerTimes(limit)
    watcher = threading.Thread(target=_times.watch, args=(ended,), daemon=True)
    watcher.start()
    try:
        yield _times
    finally:
        _times = None
        ended.set()
        watcher.join()


def process() -> None:
    """Let Qt deliver what is waiting."""
    if _times is not None:
        _times.turn()
    else:
        slicer.app.processEvents()


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Process events until `condition()` is true.

    Raises:
        TimeoutError: if it is not within `seconds`.
    """
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain")
        process()
        sleep(STEP)
    process()


def wait(seconds: float) -> None:
    """Process events for a while."""
    end = monotonic() + seconds
    while monotonic() < end:
        process()
        sleep(STEP)


def click(widget: Any, x: int | None = None, y: int | None = None) -> None:
    """Click on a widget with the left button, in its middle or at (x, y), as a user does.

    Raises:
        AssertionError: if a user could not: it is hidden or disabled.
    """
    assert widget.enabled, f"{widget.objectName} is disabled"
    shown = widget.visible or widget.isVisibleTo(widget.window())
    assert shown, f"{widget.objectName} is hidden"
    button = QtCore.Qt.MouseButton.LeftButton
    at = widget.rect.center() if x is None or y is None else QtCore.QPoint(x, y)
    if isinstance(widget, QtWidgets.QAbstractButton) and x is None:
        widget.click()
    else:
        target = widget.viewport() if isinstance(widget, QtWidgets.QAbstractItemView) else widget
        QtTest.QTest.mouseClick(target, button, QtCore.Qt.KeyboardModifier.NoModifier, at)
    process()


def press(widget: Any, keys: str) -> None:
    """Type a key or a combination such as "Ctrl+S" while `widget` has the focus."""
    window = widget.window()
    window.activateWindow()
    widget.setFocus()
    process()
    combination = QtGui.QKeySequence(keys)[0]
    QtTest.QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())
    process()


def double_click_row(view: Any, row: int, column: int = 0) -> None:
    """Double-click on a row of a list or table."""
    index = view.model().index(row, column)
    view.scrollTo(index)
    at = view.visualRect(index).center()
    button, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    QtTest.QTest.mouseClick(view.viewport(), button, none, at)
    QtTest.QTest.mouseDClick(view.viewport(), button, none, at)
    process()


def drop(widget: Any, paths: list[Path]) -> None:
    """Drop files or folders on a widget."""
    mime = QtCore.QMimeData()
    mime.setUrls([QtCore.QUrl.fromLocalFile(str(path)) for path in paths])
    at = QtCore.QPointF(widget.rect.center())
    action, button = QtCore.Qt.DropAction.CopyAction, QtCore.Qt.MouseButton.LeftButton
    none = QtCore.Qt.KeyboardModifier.NoModifier
    enter = QtGui.QDragEnterEvent(at.toPoint(), action, mime, button, none)
    slicer.app.sendEvent(widget, enter)
    slicer.app.sendEvent(widget, QtGui.QDropEvent(at, action, mime, button, none))
    process()


def picture(widget: Any, path: Path) -> Path:
    """Save what a widget looks like as PNG."""
    process()
    path.parent.mkdir(parents=True, exist_ok=True)
    assert widget.grab().save(str(path)), f"the picture {path} could not be written"
    return path


@contextmanager
def chosen(path: Path | str) -> Iterator[None]:
    """Let every file or folder dialog answer `path` at once ("" for Cancel)."""
    dialog = QtWidgets.QFileDialog
    names = ("getExistingDirectory", "getOpenFileName", "getSaveFileName")
    before = {name: getattr(dialog, name) for name in names}
    for name in names:
        setattr(dialog, name, staticmethod(lambda *_arguments, **_options: str(path)))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(dialog, name, staticmethod(function))


@contextmanager
def no_main_window() -> Iterator[None]:
    """Do without main window and layout manager, as Slicer's generic tests do."""
    slicer.app.without_window(True)
    try:
        yield
    finally:
        slicer.app.without_window(False)


@contextmanager
def no_errors() -> Iterator[list[BaseException]]:
    """Fail if a slot or an observer raised: Qt and VTK only print that."""
    raised: list[BaseException] = []
    before = sys.excepthook

    def note(kind: Any, value: Any, trace: Any) -> None:
        raised.append(value)
        before(kind, value, trace)

    sys.excepthook = note
    try:
        yield raised
    finally:
        sys.excepthook = before
    if raised:
        raise AssertionError(f"a handler raised {raised[0]!r}") from raised[0]


def paint(segmentation: Any, segment_id: str, volume: Any, low: list[int], high: list[int]) -> None:
    """Fill a box of a segment, as a user does with a brush.

    Args:
        segmentation: the node.
        segment_id: of the segment to add to.
        volume: the volume node whose grid counts.
        low: first voxel, KJI.
        high: one after the last voxel, KJI.
    """
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
    if array is None or array.size == 0:
        array = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    array = array.copy()
    array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segment_id, volume)
    process()
