"""The table of what is to be labelled: value, colour, name."""

from collections.abc import Mapping
from typing import Any

import qt
import slicer

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel import choosers
from ActiveSeedLib.panel.terminology import TerminologyPicker, is_available
from ActiveSeedLib.project.schema import LabelSchema, Segment, default_color
from ActiveSeedLib.signals import Signal

VALUE, COLOUR, NAME = range(3)


class SchemaTable:
    """Shows a label schema and lets the user change it.

    Attributes:
        widget: the table with its buttons.
        changed: emitted after each change that the user makes.
        picker: the window with Slicer's terminology, once it was asked for.
    """

    def __init__(self, ui_file: str) -> None:
        self.changed = Signal()
        self.widget: Any = slicer.util.loadUI(ui_file)
        self.ui: Any = slicer.util.childWidgetVariables(self.widget)
        self.table: Any = self.ui.schemaTable
        self._filling = False
        self._kept: frozenset[int] = frozenset()
        self.picker: TerminologyPicker | None = None
        self.table.cellChanged.connect(self._on_cell_changed)
        self.table.cellClicked.connect(self._on_cell_clicked)
        self.table.itemSelectionChanged.connect(self._on_selection_changed)
        self.ui.addSegmentButton.clicked.connect(self._on_add)
        self.ui.removeSegmentButton.clicked.connect(self._on_remove)
        self.ui.segmentColourButton.clicked.connect(self._on_colour)
        self.ui.terminologyButton.clicked.connect(self._on_terminology)
        self.ui.terminologyButton.setVisible(is_available())
        self.show_hint("")

    def fill(
        self,
        segments: tuple[Segment, ...],
        terminologies: Mapping[str, str] | None = None,
        *,
        kept: bool = False,
    ) -> None:
        """Show `segments` in place of what was there.

        Args:
            segments: what to show.
            terminologies: value, as text → the entry of Slicer's terminology.
            kept: a project holds them: their values stay, and they cannot be removed.
        """
        self._kept = frozenset(segment.value for segment in segments) if kept else frozenset()
        self.table.setRowCount(0)
        for segment in segments:
            entry = (terminologies or {}).get(str(segment.value), "")
            self.add(segment.name, segment.color, entry, value=segment.value)
        self._on_selection_changed()

    def add(
        self, name: str = "", colour: str = "", terminology: str = "", *, value: int | None = None
    ) -> int:
        """Add a row and return its number; what is not given is chosen: the next free value."""
        if value is None:
            value = max((int(one) for one, *_ in self.rows() if one.isdecimal()), default=0) + 1
        row = int(self.table.rowCount)
        self._filling = True
        self.table.setRowCount(row + 1)
        for column, text in (
            (VALUE, str(value)),
            (COLOUR, colour or default_color(max(1, value))),
            (NAME, name or f"structure {value}"),
        ):
            self.table.setItem(row, column, qt.QTableWidgetItem(text))
        if value in self._kept:
            _forbid_editing(self.table.item(row, VALUE))
        _forbid_editing(self.table.item(row, COLOUR))
        self.table.item(row, NAME).setData(qt.Qt.UserRole, terminology)
        self._filling = False
        self._paint(row)
        return row

    def show_hint(self, text: str) -> None:
        """Say something below the table; nothing if `text` is empty."""
        self.ui.schemaHintLabel.setText(text)
        self.ui.schemaHintLabel.setVisible(bool(text))

    @property
    def is_empty(self) -> bool:
        """Whether the table has no row."""
        return not self.rows()

    def rows(self) -> list[tuple[str, str, str]]:
        """Return value, colour and name of each row as they stand there."""
        return [
            (self._text(row, VALUE), self._text(row, COLOUR), self._text(row, NAME))
            for row in range(int(self.table.rowCount))
        ]

    def schema(self) -> LabelSchema:
        """Return what the table holds; `InputError` in a sentence if that is no label schema."""
        rows = self.rows()
        return LabelSchema(
            tuple(Segment(_value(value), name, colour) for value, colour, name in rows)
        )

    def terminologies(self) -> dict[str, str]:
        """Return value, as text → the entry of Slicer's terminology that its name comes from."""
        entries = {
            self._text(row, VALUE): self.table.item(row, NAME).data(qt.Qt.UserRole)
            for row in range(int(self.table.rowCount))
        }
        return {value: str(entry) for value, entry in entries.items() if entry}

    def colour(self, row: int) -> str:
        """Return the colour of a row as #rrggbb."""
        return self._text(row, COLOUR)

    def set_colour(self, row: int, colour: str) -> None:
        """Change the colour of a row."""
        self.table.item(row, COLOUR).setText(colour)

    def close(self) -> None:
        """Let go of the terminology's window."""
        if self.picker is not None:
            self.picker.close()
            self.picker = None

    # -- what the user does -----------------------------------------------------------------------

    def _on_add(self, *_args: Any) -> None:
        row = self.add()
        self.table.setCurrentCell(row, NAME)
        self.table.editItem(self.table.item(row, NAME))
        self.changed.emit()

    def _on_remove(self, *_args: Any) -> None:
        row = int(self.table.currentRow())
        if row >= 0 and not self._is_kept(row):
            self.table.removeRow(row)
            self._on_selection_changed()
            self.changed.emit()

    def _on_colour(self, *_args: Any) -> None:
        row = int(self.table.currentRow())
        if row >= 0:
            self._ask_colour(row)

    def _ask_colour(self, row: int) -> None:
        name = self._text(row, NAME)
        colour = choosers.colour(self.widget, self.colour(row), f"Colour of {name}")
        if colour:
            self.set_colour(row, colour)

    def _on_terminology(self, *_args: Any) -> None:
        if self.picker is None:
            self.picker = TerminologyPicker(self.widget)
            self.picker.chosen.connect(self._on_term)
        self.picker.show()

    def _on_term(self, name: str, colour: str, entry: str) -> None:
        row = self.add(name, colour, entry)
        self.table.setCurrentCell(row, NAME)
        self.changed.emit()

    def _on_cell_changed(self, *cell: int) -> None:
        if self._filling:
            return
        row, column = cell
        if column == NAME:
            self._forget_term(row)
        if column == COLOUR:
            self._paint(row)
        self.changed.emit()

    def _on_cell_clicked(self, *cell: int) -> None:
        row, column = cell
        if column == COLOUR:
            self._ask_colour(row)

    def _on_selection_changed(self, *_args: Any) -> None:
        row = int(self.table.currentRow())
        self.ui.segmentColourButton.setEnabled(row >= 0)
        self.ui.removeSegmentButton.setEnabled(row >= 0 and not self._is_kept(row))

    # -- cells ------------------------------------------------------------------------------------

    def _is_kept(self, row: int) -> bool:
        value = self._text(row, VALUE)
        return value.isdecimal() and int(value) in self._kept

    def _forget_term(self, row: int) -> None:
        """Drop the code of a name that was changed by hand: it may mean something else now."""
        self._filling = True
        self.table.item(row, NAME).setData(qt.Qt.UserRole, "")
        self._filling = False

    def _paint(self, row: int) -> None:
        item = self.table.item(row, COLOUR)
        colour = qt.QColor(self.colour(row))
        self._filling = True
        item.setBackground(qt.QBrush(colour))
        item.setForeground(qt.QBrush(qt.QColor("#000000" if _is_light(colour) else "#ffffff")))
        self._filling = False

    def _text(self, row: int, column: int) -> str:
        return str(self.table.item(row, column).text()).strip()


def _forbid_editing(item: Any) -> None:
    item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)


def _is_light(colour: Any) -> bool:
    """Return whether black reads better on `colour` than white (ITU-R BT.601 luma)."""
    return bool(0.299 * colour.red() + 0.587 * colour.green() + 0.114 * colour.blue() > 140)


def _value(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"The value {text!r} is not a whole number from 1 to 65535.")
    return int(text)
