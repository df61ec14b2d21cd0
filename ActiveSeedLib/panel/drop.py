"""Folders and files that the user drops on the panel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

Dropped = Callable[[list[Path]], None]


class DropTarget(qt.QObject):  # type: ignore[misc] # Slicer's Qt has no types
    """Takes what is dropped on one widget.

    It watches the widget's events, because a widget that comes from a `.ui` file has no events of
    its own to write. What was dropped is handed over once the drop is finished: until then the
    program that it comes from waits.
    """

    def __init__(self) -> None:
        qt.QObject.__init__(self)
        self._widget: Any = None
        self._dropped: Dropped | None = None
        self._waiting: list[Path] = []

    def watch(self, widget: Any, dropped: Dropped) -> None:
        """Call `dropped` with the folders and files that are dropped on `widget`."""
        self._widget, self._dropped = widget, dropped
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def close(self) -> None:
        """Let go of the widget."""
        if self._widget is not None:
            self._widget.removeEventFilter(self)
        self._widget, self._dropped = None, None

    def eventFilter(self, _watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Accept what holds files of this computer; Qt calls this for every event."""
        kind = event.type()
        if kind not in (qt.QEvent.DragEnter, qt.QEvent.DragMove, qt.QEvent.Drop):
            return False
        paths = _paths(event.mimeData())
        if not paths or self._dropped is None:
            return False
        event.acceptProposedAction()
        if kind == qt.QEvent.Drop:
            self._waiting = paths
            qt.QTimer.singleShot(0, self._hand_over)
        return True

    def _hand_over(self) -> None:
        paths, self._waiting = self._waiting, []
        if self._dropped is not None and paths:
            self._dropped(paths)


def _paths(mime: Any) -> list[Path]:
    """Return the files and folders of this computer that a drag carries."""
    if not mime.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
