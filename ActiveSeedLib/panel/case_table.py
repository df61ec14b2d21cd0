"""The table of cases: 10,000 of them without a moment in which Slicer does not answer."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import qt

from ActiveSeedLib.app.queue import Line
from ActiveSeedLib.panel.slices import Slices
from ActiveSeedLib.panel.tips import plain_tip
from ActiveSeedLib.signals import Signal

CASE, STATUS, MINUTES = range(3)
ICON = 40  # pixels
REMOVED_AT_ONCE = 500  # rows
WIDEST = "test, labelled"
FEWEST, MOST = 2, 4  # rows that the table has room for


class CaseTable:
    """Shows lines in a QTableWidget, a few milliseconds of work at a time.

    Rows that did not change are left alone. Thumbnails and tooltips are fetched only for the rows
    that can be seen.

    Args:
        widget: a QTableWidget with three columns.
        thumbnail: returns the picture of a case, or None while there is none.
        words: returns the tooltip of a case.

    Attributes:
        selected: emits the key of the selected case, or None.
        activated: emits the key of a case that was double-clicked.
    """

    def __init__(
        self, widget: Any, thumbnail: Callable[[str], Path | None], words: Callable[[str], str]
    ) -> None:
        self.selected = Signal()
        self.activated = Signal()
        self._widget = widget
        self._thumbnail = thumbnail
        self._words = words
        self._lines: list[Line] = []  # what it should show
        self._written: list[Line | None] = []  # what it does show
        self._rows: dict[str, int] = {}
        self._icons: dict[str, Any] = {}
        self._key: str | None = None
        self._quiet = False
        self._filling = Slices()
        self._decorating = Slices()
        self._plain = qt.QFont(widget.font)
        self._bold = qt.QFont(widget.font)
        self._bold.setBold(True)
        self._blank = _blank_icon()
        self._set_columns()
        widget.itemSelectionChanged.connect(self._on_selection)
        widget.cellDoubleClicked.connect(self._on_double_click)
        widget.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    @property
    def key(self) -> str | None:
        """The selected case."""
        return self._key

    @property
    def is_idle(self) -> bool:
        """Whether everything that can be seen is there."""
        return self._filling.is_idle and self._decorating.is_idle

    @property
    def lines(self) -> tuple[Line, ...]:
        """What it shows, from top to bottom."""
        return tuple(self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Show `lines` in place of what was there; the selected case stays selected."""
        self._lines = list(lines)
        self._rows = {line.key: row for row, line in enumerate(self._lines)}
        count = len(self._lines)
        row = self._rows.get(self._key, -1) if self._key is not None else -1
        self._quiet = True
        try:
            if self._widget.rowCount < count:
                self._widget.setRowCount(count)
            if self._widget.currentRow() != row:
                self._widget.setCurrentCell(row, CASE if row >= 0 else -1)
        finally:
            self._quiet = False
        del self._written[count:]
        self._written += [None] * (count - len(self._written))
        if row < 0:
            self._choose(None)
        self._filling.start(self._fill())

    def select(self, key: str | None) -> None:
        """Select a case and bring it into view; None, or one that is not shown, selects none."""
        row = self._rows.get(key, -1) if key is not None else -1
        self._quiet = True
        try:
            self._widget.setCurrentCell(row, CASE if row >= 0 else -1)
            if row >= 0:
                self._widget.scrollTo(self._widget.model().index(row, CASE))
        finally:
            self._quiet = False
        self._choose(key if row >= 0 else None)

    def fit(self, *, shrink: bool) -> None:
        """Be as tall as the rows, within limits.

        Args:
            shrink: whether it may get smaller, and what is below it move up.
        """
        widget = self._widget
        rows = min(max(len(self._lines), FEWEST), MOST)
        height = int(
            widget.horizontalHeader().height
            + rows * widget.verticalHeader().defaultSectionSize
            + 2 * widget.frameWidth
        )
        if shrink or height > widget.maximumHeight:
            widget.setMinimumHeight(height)
            widget.setMaximumHeight(height)

    def close(self) -> None:
        """Do nothing any more."""
        self._filling.stop()
        self._decorating.stop()

    def _set_columns(self) -> None:
        widget = self._widget
        widget.setIconSize(qt.QSize(ICON, ICON))
        header = widget.horizontalHeader()
        header.setSectionResizeMode(CASE, qt.QHeaderView.Stretch)
        # Columns that follow their contents make Qt measure them at each of 10,000 changes.
        measure = qt.QFontMetrics(widget.font)
        for column, text in ((STATUS, WIDEST), (MINUTES, "Minutes")):
            header.setSectionResizeMode(column, qt.QHeaderView.Interactive)
            header.resizeSection(column, measure.boundingRect(text).width() + 16)

    # -- filling ----------------------------------------------------------------------------------

    def _fill(self) -> Iterator[None]:
        """Bring the rows up to date; the thumbnails follow."""
        count = len(self._lines)
        while self._widget.rowCount > count:
            self._widget.setRowCount(max(count, self._widget.rowCount - REMOVED_AT_ONCE))
            yield
        for row, line in enumerate(self._lines):
            if self._written[row] != line:
                self._write(row, line)
            yield
        self._decorating.start(self._decorate())

    def _write(self, row: int, line: Line) -> None:
        """Write one row, touching only the cells whose content changed."""
        before = self._written[row]
        if before is None:
            self._make(row)
            before = Line("", "", "", "")
        case = self._widget.item(row, CASE)
        if (before.title, before.slices) != (line.title, line.slices):
            case.setText(f"{line.title}\n{line.slices}" if line.slices else line.title)
        if before.key != line.key:
            case.setIcon(self._icons.get(line.key, self._blank))
        if before[:3] != line[:3]:
            case.setToolTip("")
        if before.is_open != line.is_open:
            case.setFont(self._bold if line.is_open else self._plain)
        if before.status != line.status:
            self._widget.item(row, STATUS).setText(line.status)
        if before.minutes != line.minutes:
            self._widget.item(row, MINUTES).setText(line.minutes)
        self._written[row] = line

    def _make(self, row: int) -> None:
        for column in (CASE, STATUS, MINUTES):
            self._widget.setItem(row, column, qt.QTableWidgetItem())

    # -- what is fetched for the rows in view -----------------------------------------------------

    def _decorate(self) -> Iterator[None]:
        """Fetch thumbnails and tooltips of the rows that can be seen."""
        first = max(self._widget.rowAt(0), 0)
        last = self._widget.rowAt(self._widget.viewport().height - 1)
        bottom = len(self._lines) - 1
        for row in range(first, (last if 0 <= last <= bottom else bottom) + 1):
            line = self._written[row] if row < len(self._written) else None
            if line is not None:
                self._decorate_row(row, line.key)
            yield

    def _decorate_row(self, row: int, key: str) -> None:
        item = self._widget.item(row, CASE)
        if key not in self._icons:
            path = self._thumbnail(key)
            if path is not None:
                self._icons[key] = _icon(path) or self._blank
                item.setIcon(self._icons[key])
        if not item.toolTip():
            item.setToolTip(plain_tip(self._words(key)))

    # -- what the user does -----------------------------------------------------------------------

    def _on_scrolled(self, *_args: Any) -> None:
        self._decorating.start(self._decorate())

    def _on_selection(self, *_args: Any) -> None:
        if not self._quiet:
            row = self._widget.currentRow()
            self._choose(self._lines[row].key if 0 <= row < len(self._lines) else None)

    def _on_double_click(self, *_args: Any) -> None:
        row = self._widget.currentRow()
        if 0 <= row < len(self._lines):
            self.activated.emit(self._lines[row].key)

    def _choose(self, key: str | None) -> None:
        if key != self._key:
            self._key = key
            self.selected.emit(key)


def _icon(path: Path) -> Any:
    """Return the picture, made small; None if it cannot be read."""
    pixmap = qt.QPixmap(str(path))
    if pixmap.isNull():
        return None
    return qt.QIcon(pixmap.scaled(ICON, ICON, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation))


def _blank_icon() -> Any:
    """Return what stands where there is no picture yet, so that the text does not jump."""
    pixmap = qt.QPixmap(ICON, ICON)
    pixmap.fill(qt.QColor(128, 128, 128, 60))
    return qt.QIcon(pixmap)
