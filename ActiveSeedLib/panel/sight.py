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
        label: the Label section.
        editor: the Segment Editor in it.
        is_settled: tells whether the panel shows everything as it will stay.
    """

    def __init__(
        self, notice: Any, label: Any, editor: Any, is_settled: Callable[[], bool]
    ) -> None:
        self._notice, self._label, self._editor = notice, label, editor
        self._is_settled = is_settled
        self._wants_tools = self._wants_notice = self._wants_top = False
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
        layout = self._notice.parent().layout()
        if layout.indexOf(self._notice) != index:
            layout.removeWidget(self._notice)
            layout.insertWidget(index, self._notice)

    def place_notice_above(self, section: Any) -> None:
        """Put the message right above a section."""
        layout = self._notice.parent().layout()
        index = layout.indexOf(section)
        before = layout.indexOf(self._notice) < index
        self.place_notice(index - 1 if before else index)

    def close(self) -> None:
        """Do nothing any more."""
        self._timer.stop()

    def _on_settled(self, *_args: Any) -> None:
        if not self._is_settled():  # what is above may still get smaller
            self._timer.start(SETTLED)
            return
        tools, notice, top = self._wants_tools, self._wants_notice, self._wants_top
        self._wants_tools = self._wants_notice = self._wants_top = False
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


def _area_of(widget: Any) -> Any:
    """Return what scrolls the widget; None if nothing does."""
    parent = widget.parent()
    while parent is not None and not hasattr(parent, "ensureWidgetVisible"):
        parent = parent.parent()
    return parent


def _top_of(widget: Any, content: Any) -> int:
    return int(widget.mapTo(content, qt.QPoint(0, 0)).y())
