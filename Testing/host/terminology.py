"""A stand-in for Slicer's terminology navigator: a list of the few terms that the host knows."""

# ruff: noqa: N801, N802, N815 - the names are Qt's and Slicer's

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.host.core import TERMINOLOGY, TERMS
from Testing.host.ctk_widgets import plain, standin


@standin
class qSlicerTerminologyNavigatorWidget(QtWidgets.QWidget):
    """The types of all categories in one list."""

    selectionValidityChanged = QtCore.Signal(bool)
    typeDoubleClicked = QtCore.Signal()

    regionSectionVisible, setRegionSectionVisible = plain("regionSectionVisible", bool, False)
    overrideSectionVisible, setOverrideSectionVisible = plain("overrideSectionVisible", bool, True)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._terms = [
            (category, name, code)
            for category, types in TERMS.items()
            for name, (code, _color) in types.items()
        ]
        self._list = QtWidgets.QListWidget(self)
        self._list.addItems([name for _category, name, _code in self._terms])
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(self._list)
        self._list.currentRowChanged.connect(self._on_row)
        self._list.itemDoubleClicked.connect(self._on_double_click)

    def select(self, name: str) -> None:
        """Choose a type, as a user does with a click."""
        self._list.setCurrentItem(self._list.findItems(name, QtCore.Qt.MatchFlag.MatchExactly)[0])

    def terminologyEntry(self, entry: Any) -> bool:
        """Write the chosen type into `entry`; False if nothing is chosen."""
        row = self._list.currentRow
        if row < 0:
            return False
        (category, category_code), name, code = self._terms[row]
        entry.SetTerminologyContextName(TERMINOLOGY)
        entry.GetCategoryObject().Initialize()
        entry.GetTypeObject().Initialize()
        for thing, meaning, value in (
            (entry.GetCategoryObject(), category, category_code),
            (entry.GetTypeObject(), name, code),
        ):
            thing.SetCodingSchemeDesignator("SCT")
            thing.SetCodeValue(value)
            thing.SetCodeMeaning(meaning)
        return True

    @staticmethod
    def nameFromTerminology(entry: Any) -> str:
        return str(entry.GetTypeObject().GetCodeMeaning())

    @staticmethod
    def recommendedColorFromTerminology(entry: Any) -> QtGui.QColor:
        name = entry.GetTypeObject().GetCodeMeaning()
        return QtGui.QColor(*next(types[name][1] for types in TERMS.values() if name in types))

    def _on_row(self, row: int) -> None:
        self.selectionValidityChanged.emit(row >= 0)

    def _on_double_click(self, *_arguments: Any) -> None:
        self.typeDoubleClicked.emit()
