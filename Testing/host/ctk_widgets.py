"""Stand-ins for the widgets of CTK that a `.ui` file of a panel uses, as the module `ctk`."""

# ruff: noqa: N801, N802, N815 - the names are Qt's and Slicer's

import enum
import types
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from Testing.host.dialect import UiLoader, make_native

Signal = QtCore.Signal


def plain(name: str, kind: Any, initial: Any, after: str = "") -> tuple[Any, Any]:
    """Return a Qt property and its setter, for a stand-in's class body.

    Args:
        name: of the property.
        kind: its type, as Qt's meta object knows it.
        initial: its value at first.
        after: the method of the stand-in to call once it was set to another value.
    """
    key = f"_{name}"

    def read(self: Any) -> Any:
        return getattr(self, key, initial)

    def write(self: Any, value: Any) -> None:
        changed = read(self) != value
        setattr(self, key, value)
        if changed and after:
            getattr(self, after)()

    return QtCore.Property(kind, read, write), write


def standin(cls: type) -> type:
    """Register a stand-in: native to Python code, known to `.ui` files."""
    make_native(cls)
    UiLoader.custom.append(cls)
    return cls


@standin
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A button with a title, with everything laid out in it below; hidden when collapsed."""

    contentsCollapsed = Signal(bool)
    TITLE_HEIGHT = 24

    def _apply(self) -> None:
        collapsed = self.collapsed
        for child in self._contents():
            if collapsed:
                self._hide(child)
            else:
                child.removeEventFilter(self)
                child.setVisible(self._wanted.pop(child, True))
        self.setMaximumHeight(self.TITLE_HEIGHT if collapsed else 16777215)
        self.setChecked(not collapsed)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def _contents(self) -> list[Any]:
        widgets = [one for one in self.children() if isinstance(one, QtWidgets.QWidget)]
        return [one for one in widgets if not one.isWindow()]

    def _hide(self, child: Any) -> None:
        """Hide a child until the button is opened, whatever is wanted of it meanwhile."""
        self._wanted[child] = not child.isHidden()
        child.hide()
        child.installEventFilter(self)

    def eventFilter(self, child: Any, event: Any) -> bool:
        kind = event.type()
        if self.collapsed and kind == QtCore.QEvent.Type.ShowToParent:
            child.hide()
            self._wanted[child] = True
        elif self.collapsed and kind == QtCore.QEvent.Type.HideToParent:
            self._wanted[child] = False
        return False

    def showEvent(self, _event: Any) -> None:
        if self.collapsed:  # what a .ui file put in came after it was collapsed
            for child in self._contents():
                if child not in self._wanted:
                    self._hide(child)

    collapsed, setCollapsed = plain("collapsed", bool, False, "_apply")
    collapsedHeight, setCollapsedHeight = plain("collapsedHeight", int, 10)
    flat, setFlat = plain("flat", bool, False)
    contentsLineWidth, setContentsLineWidth = plain("contentsLineWidth", int, 0)

    def __init__(self, *arguments: Any) -> None:
        text = [one for one in arguments if isinstance(one, str)]
        self._wanted: dict[Any, bool] = {}
        super().__init__(*[one for one in arguments if not isinstance(one, str)])
        self.setText(text[0] if text else "")
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, self.TITLE_HEIGHT, 0, 0)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Preferred)
        self.toggled.connect(self._on_toggled)

    def _on_toggled(self, checked: bool) -> None:
        self.setCollapsed(not checked)

    def sizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        inner = QtCore.QSize(120, 0)
        if layout is not None and not self.collapsed:
            inner = layout.totalSizeHint()
        return inner.expandedTo(QtCore.QSize(120, self.TITLE_HEIGHT))

    def minimumSizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        if layout is None or self.collapsed:
            return QtCore.QSize(120, self.TITLE_HEIGHT)
        return layout.totalMinimumSize()

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < self.TITLE_HEIGHT

    def paintEvent(self, _event: Any) -> None:
        painter = QtGui.QPainter(self)
        title = QtCore.QRect(0, 0, self.width, 22)
        painter.fillRect(title, self.palette.color(QtGui.QPalette.ColorRole.Midlight))
        sign = "▸" if self.collapsed else "▾"
        align = QtCore.Qt.AlignmentFlag.AlignVCenter | QtCore.Qt.AlignmentFlag.AlignLeft
        painter.drawText(title.adjusted(6, 0, 0, 0), align, f"{sign}  {self.text}")
        painter.end()


@standin
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line with a path, and a button to browse."""

    class Filter(enum.Flag):
        NoFilter = 0
        Dirs = 0x1
        Files = 0x2
        Drives = 0x4
        NoSymLinks = 0x8
        AllEntries = Dirs | Files | Drives
        Readable = 0x10
        Writable = 0x20
        Executable = 0x40
        PermissionMask = 0x70
        Modified = 0x80
        Hidden = 0x100
        System = 0x200

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def _show_path(self) -> None:
        if self._line.text != self.currentPath:
            self._line.setText(self.currentPath)
        self._line.setPlaceholderText(self.currentPath and "")
        self.currentPathChanged.emit(self.currentPath)
        self.validInputChanged.emit(Path(self.currentPath).exists())

    currentPath, setCurrentPath = plain("currentPath", str, "", "_show_path")
    label, setLabel = plain("label", str, "")
    filters, setFilters = plain("filters", Filter, Filter.AllEntries)
    settingKey, setSettingKey = plain("settingKey", str, "")
    showBrowseButton, setShowBrowseButton = plain("showBrowseButton", bool, True, "_show_parts")
    showHistoryButton, setShowHistoryButton = plain("showHistoryButton", bool, True)
    minimumContentsLength, setMinimumContentsLength = plain("minimumContentsLength", int, 0)
    nameFilters, setNameFilters = plain("nameFilters", "QStringList", [])

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._line = QtWidgets.QLineEdit(self)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("…")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(self._button)
        self._line.textChanged.connect(self._on_text)
        self._button.clicked.connect(self.browse)

    def _on_text(self, text: str) -> None:
        self.setCurrentPath(text)

    def _show_parts(self) -> None:
        self._button.setVisible(self.showBrowseButton)

    def browse(self, *_arguments: Any) -> None:
        dialog = QtWidgets.QFileDialog
        if self.filters & self.Filter.Files:
            path = dialog.getOpenFileName(self, self.label, self.currentPath)
        else:
            path = dialog.getExistingDirectory(self, self.label, self.currentPath)
        if path:
            self.setCurrentPath(path)

    def addCurrentPathToHistory(self) -> None:
        """Remember the path; this stand-in shows no history."""

    def retrieveHistory(self) -> None:
        """Show the remembered paths; this stand-in shows no history."""


for _filter in ctkPathLineEdit.Filter.__members__:
    setattr(ctkPathLineEdit, _filter, ctkPathLineEdit.Filter[_filter])


@standin
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and lets choose another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def _show_directory(self) -> None:
        self._button.setText(self.text or self.directory)
        self.directoryChanged.emit(self.directory)

    def _show_text(self) -> None:
        self._button.setText(self.text or self.directory)

    directory, setDirectory = plain("directory", str, "", "_show_directory")
    caption, setCaption = plain("caption", str, "")
    text, setText = plain("text", str, "", "_show_text")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[one for one in arguments if not isinstance(one, str)])
        self._button = QtWidgets.QPushButton(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def browse(self, *_arguments: Any) -> None:
        path = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self.directory)
        if path:
            self.setDirectory(path)
            self.directorySelected.emit(path)


@standin
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box with one value between them."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    STEPS = 1000

    def _show(self) -> None:
        self._busy = True
        box = self._box
        box.setDecimals(self.decimals)
        box.setRange(self.minimum, self.maximum)
        box.setSingleStep(self.singleStep)
        box.setPrefix(self.prefix)
        box.setSuffix(self.suffix)
        box.setVisible(self.spinBoxVisible)
        box.setValue(self.value)
        width = (self.maximum - self.minimum) or 1.0
        self._slider.setRange(0, self.STEPS)
        self._slider.setValue(round((self.value - self.minimum) / width * self.STEPS))
        self._busy = False

    def _limit(self) -> None:
        self.setValue(self.value)
        self._show()

    def _read(self) -> float:
        return self._value

    def setValue(self, value: float) -> None:
        value = round(min(max(float(value), self.minimum), self.maximum), self.decimals)
        if value != self._value:
            self._value = value
            self._show()
            self.valueIsChanging.emit(value)
            self.valueChanged.emit(value)

    value = QtCore.Property(float, _read, setValue)
    decimals, setDecimals = plain("decimals", int, 2, "_show")
    minimum, setMinimum = plain("minimum", float, 0.0, "_limit")
    maximum, setMaximum = plain("maximum", float, 99.0, "_limit")
    singleStep, setSingleStep = plain("singleStep", float, 1.0, "_show")
    pageStep, setPageStep = plain("pageStep", float, 10.0)
    prefix, setPrefix = plain("prefix", str, "", "_show")
    suffix, setSuffix = plain("suffix", str, "", "_show")
    tracking, setTracking = plain("tracking", bool, True)
    spinBoxVisible, setSpinBoxVisible = plain("spinBoxVisible", bool, True, "_show")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._value, self._busy = 0.0, False
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._slider.valueChanged.connect(self._on_slider)
        self._box.valueChanged.connect(self._on_box)
        self._show()

    def setRange(self, low: float, high: float) -> None:
        self.setMinimum(low)
        self.setMaximum(high)

    def _on_slider(self, position: int) -> None:
        if not self._busy:
            width = self.maximum - self.minimum
            self.setValue(self.minimum + position * width / self.STEPS)

    def _on_box(self, value: float) -> None:
        if not self._busy:
            self.setValue(value)


@standin
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that can show a text of its own when nothing is chosen."""

    defaultText, setDefaultText = plain("defaultText", str, "")
    forceDefault, setForceDefault = plain("forceDefault", bool, False)

    def _user_text(self) -> str:
        return str(self.itemData(self.currentIndex) or "")

    def setCurrentUserDataAsString(self, text: str) -> None:
        self.setCurrentIndex(self.findData(text))

    currentUserDataAsString = QtCore.Property(str, _user_text, setCurrentUserDataAsString)


@standin
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a colour and lets choose another."""

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)

    def _show_color(self) -> None:
        square = QtGui.QPixmap(14, 14)
        square.fill(self.color)
        self.setIcon(QtGui.QIcon(square))
        self._show_name()
        self.colorChanged.emit(self.color)

    def _show_name(self) -> None:
        self.setText((self.colorName or self.color.name()) if self.displayColorName else "")

    color, setColor = plain(
        "color", QtGui.QColor, QtGui.QColor(QtCore.Qt.GlobalColor.black), "_show_color"
    )
    colorName, setColorName = plain("colorName", str, "", "_show_name")
    displayColorName, setDisplayColorName = plain("displayColorName", bool, True, "_show_name")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.clicked.connect(self.changeColor)

    def changeColor(self, *_arguments: Any) -> None:
        color = QtWidgets.QColorDialog.getColor(self.color, self)
        if color.isValid():
            self.setColor(color)


@standin
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box; `slicer.util.messageBox` makes one."""


def ctk_module() -> types.ModuleType:
    """Return the module `ctk`."""
    module = types.ModuleType("ctk", "CTK as Slicer's Python sees it")
    for name, value in globals().items():
        if name.startswith("ctk") and isinstance(value, type):
            setattr(module, name, value)
    return module
