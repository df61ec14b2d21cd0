"""Slicer's own terminology: names, colours and codes of structures that other software knows."""

from typing import Any

import qt
import slicer

from ActiveSeedLib.panel.signal import Signal

UNCOLOURED = {"#000000", "#7f7f7f"}  # what Slicer gives where a term recommends no colour


def is_available() -> bool:
    """Return whether this Slicer has its terminology selector."""
    return hasattr(slicer, "qSlicerTerminologyNavigatorWidget")


class TerminologyPicker:
    """A window with Slicer's terminology navigator; nothing waits for it.

    Attributes:
        chosen: emitted with name, colour (#rrggbb, or "" if none is recommended) and the entry as
            Slicer serializes it.
    """

    def __init__(self, parent: Any) -> None:
        self.chosen = Signal()
        self._entry = slicer.vtkSlicerTerminologyEntry()
        self._dialog = qt.QDialog(parent)
        self._dialog.setWindowTitle("What is to be labelled")
        self._navigator = slicer.qSlicerTerminologyNavigatorWidget()
        self._navigator.setOverrideSectionVisible(False)  # names and colours are typed in the table
        self._select = qt.QPushButton("Select")
        self._select.setToolTip("Take over the selected term: its name, colour and code.")
        self._select.setDefault(True)
        self._select.setEnabled(False)
        cancel = qt.QPushButton("Cancel")
        cancel.setToolTip("Close this window without choosing.")
        buttons = qt.QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._select)
        buttons.addWidget(cancel)
        layout = qt.QVBoxLayout(self._dialog)
        layout.addWidget(self._navigator)
        layout.addLayout(buttons)
        self._navigator.selectionValidityChanged.connect(self._on_validity)
        self._navigator.typeDoubleClicked.connect(self._on_select)
        self._select.clicked.connect(self._on_select)
        cancel.clicked.connect(self._on_cancel)
        self._cancel = cancel

    def show(self) -> None:
        """Show the window, in front of Slicer's."""
        self._dialog.show()
        self._dialog.raise_()

    def close(self) -> None:
        """Let go of the window."""
        self._dialog.hide()
        self._dialog.deleteLater()

    def _on_validity(self, *_args: Any) -> None:
        self._select.setEnabled(bool(self._navigator.terminologyEntry(self._entry)))

    def _on_select(self, *_args: Any) -> None:
        entry = self._entry
        if not self._navigator.terminologyEntry(entry):
            return
        name = str(self._navigator.nameFromTerminology(entry)).strip()
        colour = str(self._navigator.recommendedColorFromTerminology(entry).name())
        text = slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(entry)
        self._dialog.hide()
        if name:
            self.chosen.emit(name, "" if colour in UNCOLOURED else colour, str(text))

    def _on_cancel(self, *_args: Any) -> None:
        self._dialog.hide()
