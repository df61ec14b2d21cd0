"""Slicer's own terminology: names, colours and codes of structures that other software knows."""

from typing import Any

import qt
import slicer

from ActiveSeedLib.signals import Signal

UNCOLOURED = {"#000000", "#7f7f7f"}  # what Slicer gives where a term recommends no colour


def is_available() -> bool:
    """Return whether this Slicer has its terminology selector."""
    return hasattr(slicer, "qSlicerTerminologyNavigatorWidget")


class TerminologyPicker:
    """A window with Slicer's terminology navigator; nothing waits for it.

    Attributes:
        chosen: emitted with name, colour (#rrggbb, or "" if none is recommended) and the entry as
            Slicer serializes it.
        dialog: the window.
        navigator: Slicer's own widget in it.
        select_button: takes over what is selected; it can be pressed once something is.
        cancel_button: closes the window.
    """

    def __init__(self, parent: Any) -> None:
        self.chosen = Signal()
        self._entry = slicer.vtkSlicerTerminologyEntry()
        self.dialog = qt.QDialog(parent)
        self.dialog.setWindowTitle("What is to be labelled")
        self.navigator = slicer.qSlicerTerminologyNavigatorWidget()
        self.navigator.setOverrideSectionVisible(False)  # names and colours are typed in the table
        self.select_button = qt.QPushButton("Select")
        self.select_button.setToolTip("Take over the selected term: its name, colour and code.")
        self.select_button.setDefault(True)
        self.select_button.setEnabled(False)
        self.cancel_button = qt.QPushButton("Cancel")
        self.cancel_button.setToolTip("Close this window without choosing.")
        buttons = qt.QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.select_button)
        buttons.addWidget(self.cancel_button)
        layout = qt.QVBoxLayout(self.dialog)
        layout.addWidget(self.navigator)
        layout.addLayout(buttons)
        self.navigator.selectionValidityChanged.connect(self._on_validity)
        self.navigator.typeDoubleClicked.connect(self._on_select)
        self.select_button.clicked.connect(self._on_select)
        self.cancel_button.clicked.connect(self._on_cancel)

    def show(self) -> None:
        """Show the window, in front of Slicer's."""
        self.dialog.show()
        self.dialog.raise_()

    def close(self) -> None:
        """Let go of the window."""
        self.dialog.hide()
        self.dialog.deleteLater()

    def _on_validity(self, *_args: Any) -> None:
        self.select_button.setEnabled(bool(self.navigator.terminologyEntry(self._entry)))

    def _on_select(self, *_args: Any) -> None:
        entry = self._entry
        if not self.navigator.terminologyEntry(entry):
            return
        name = str(self.navigator.nameFromTerminology(entry)).strip()
        colour = str(self.navigator.recommendedColorFromTerminology(entry).name())
        text = slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(entry)
        self.dialog.hide()
        if name:
            self.chosen.emit(name, "" if colour in UNCOLOURED else colour, str(text))

    def _on_cancel(self, *_args: Any) -> None:
        self.dialog.hide()
