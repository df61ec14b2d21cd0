"""What the user sees of the panel, of which Slicer shows a part and scrolls the rest."""

from collections.abc import Callable
from typing import Any

import qt

TOOLS = 330
"""Pixels from the top of the Segment Editor that its segments and the buttons of its tools take."""
SETTLED = 60  # ms, after which what was shown or hidden has its place


class Sight:
    """Scrolls the panel, only where what the user needs now is out of sight.

    Args:
        notice: the frame of the message.
        job: the strip with the progress of what runs.
        label: the Label section.
        editor: the Segment Editor in it.
        is_settled: tells whether the panel shows everything as it will stay.
    """

    def __init__(
        self, notice: Any, job: Any, label: Any, editor: Any, is_settled: Callable[[], bool]
    ) -> None:
        self._notice, self._job, self._label, self._editor = notice, job, label, editor
        self._is_settled = is_settled
        self._wants_tools = self._wants_notice = self._wants_top = self._wants_job = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_settled)

    def show_tools(self) -> None:
        """Have the tools of the Segment Editor in sight, and what is said above them."""
        self._wants_tools, self._wants_top = True, False
        self._timer.start(SETTLED)

    def show_top(self) -> None:
        """Have the top of the panel in sight, where messages are while no case is open."""
        self._wants_tools, self._wants_top = False, True
        self._timer.start(SETTLED)

    def show_notice(self, *, wanted: bool) -> None:
        """Have the message in sight: all of it if a part is, and where `wanted` in any case."""
        self._wants_notice = self._wants_notice or wanted
        self._timer.start(SETTLED)

    def place_notice(self, index: int) -> None:
        """Put the message before the widget that is at `index` of the panel without it."""
        _place(self._notice, index)

    def place_notice_above(self, section: Any) -> None:
        """Put the message right above a section."""
        _place_above(self._notice, section)

    def show_job_above(self, section: Any) -> None:
        """Put the progress right above the section where it was asked for, and in sight."""
        _place_above(self._job, section)
        self._wants_job = True
        self._timer.start(SETTLED)

    def close(self) -> None:
        """Do nothing any more."""
        self._timer.stop()

    def _on_settled(self, *_args: Any) -> None:
        if not self._is_settled():  # what is above may still get smaller
            self._timer.start(SETTLED)
            return
        tools, notice, top = self._wants_tools, self._wants_notice, self._wants_top
        job = self._wants_job
        self._wants_tools = self._wants_notice = self._wants_top = self._wants_job = False
        area = _area_of(self._label)
        if area is None or not self._notice.parent().visible:  # another module is there
            return
        bar, content = area.verticalScrollBar(), area.widget()
        if top:
            bar.setValue(0)
        anchor = self._notice if self._notice.visible else self._label
        if tools and self._label.visible and not self._label.collapsed:
            begins = _top_of(self._editor, content)
            ends = begins + min(self._editor.height, TOOLS)
            if not bar.value <= begins < ends <= bar.value + area.viewport().height:
                bar.setValue(_top_of(anchor, content))
        begins = _top_of(self._notice, content)
        if self._notice.visible and (notice or begins + self._notice.height > bar.value):
            bar.setValue(min(bar.value, begins))
        if job and self._job.visible:
            begins = _top_of(self._job, content)
            ends = begins + self._job.height
            bar.setValue(min(begins, max(bar.value, ends - area.viewport().height)))


def _area_of(widget: Any) -> Any:
    """Return what scrolls the widget; None if nothing does."""
    parent = widget.parent()
    while parent is not None and not hasattr(parent, "ensureWidgetVisible"):
        parent = parent.parent()
    return parent


def _place(strip: Any, index: int) -> None:
    """Put a strip before the widget that is at `index` of the panel without it."""
    layout = strip.parent().layout()
    if layout.indexOf(strip) != index:
        layout.removeWidget(strip)
        layout.insertWidget(index, strip)


def _place_above(strip: Any, section: Any) -> None:
    layout = strip.parent().layout()
    index = layout.indexOf(section)
    before = layout.indexOf(strip) < index
    _place(strip, index - 1 if before else index)


def _top_of(widget: Any, content: Any) -> int:
    return int(widget.mapTo(content, qt.QPoint(0, 0)).y())
