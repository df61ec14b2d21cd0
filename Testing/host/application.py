"""The application of the stand-in: `slicer.app`, the main window and the list of modules."""

# ruff: noqa: N802, N815 - the names are Qt's and Slicer's

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.host import core
from Testing.host.dialect import make_native

VERSION = "5.11.0"
MAIN_WINDOW = "qSlicerMainWindow"


UNIMPORTANT = ("propagateSizeHints", "QStandardPaths: ")


def _say(_kind: Any, _context: Any, text: str) -> None:
    """Pass on what Qt complains about, but not what its offscreen platform always says."""
    if not any(one in text for one in UNIMPORTANT):
        sys.stderr.write(f"Qt: {text}\n")


@make_native
class ModuleManager(QtCore.QObject):
    """`slicer.app.moduleManager()`: the modules by name, and the signal that one goes."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleLoaded = QtCore.Signal(str)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._modules: dict[str, Any] = {}

    def module(self, name: str) -> Any:
        return self._modules.get(name)

    def factoryManager(self) -> "ModuleManager":
        return self

    def loadedModuleNames(self) -> list[str]:
        return list(self._modules)


@make_native
class MainWindow(QtWidgets.QMainWindow):
    """The panel of the current module on the left, the views on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName(MAIN_WINDOW)
        self.setWindowTitle("Stand-in for 3D Slicer")
        self._dock = QtWidgets.QDockWidget("Module", self)
        self._dock.setObjectName("PanelDockWidget")
        self._scroll = QtWidgets.QScrollArea(self._dock)
        self._scroll.setObjectName("ModulePanel")
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFixedWidth(470)
        self._dock.setWidget(self._scroll)
        self.addDockWidget(QtCore.Qt.DockWidgetArea.LeftDockWidgetArea, self._dock)
        self.statusBar()
        menu = self.menuBar().addMenu("File")
        for title, key in (("Save Data", "Ctrl+S"), ("Close Scene", "Ctrl+W")):
            menu.addAction(title).setShortcut(QtGui.QKeySequence(key))
        self.resize(1400, 900)
        self._selected = ""

    def moduleSelector(self) -> "MainWindow":
        return self

    @property
    def selectedModule(self) -> str:
        return self._selected

    def selectModule(self, name: str) -> None:
        """Show the panel of another module: the one leaves, the other enters."""
        if name == self._selected:
            return
        before = self._widget_of(self._selected)
        if before is not None:
            before.exit()
            self._scroll.takeWidget()
        self._selected = name
        widget = self._widget_of(name)
        if widget is not None:
            self._scroll.setWidget(widget)
            widget.setVisible(True)
            widget.enter()

    def _widget_of(self, name: str) -> Any:
        """Return the widget of a scripted module; None for "" and for Slicer's own modules."""
        module = slicer.app.moduleManager().module(name)
        if module is None and name and not hasattr(slicer.modules, name.lower()):
            raise RuntimeError(f"there is no module {name}")
        return module.widgetRepresentation() if module is not None else None


class IOManager:
    """`slicer.app.coreIOManager()`; nothing here loads or saves through it."""


@make_native
class Application(QtWidgets.QApplication):
    """`slicer.app`, as far as an extension's panel uses it."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self) -> None:
        QtCore.qInstallMessageHandler(_say)
        super().__init__(["Slicer"])
        self.setApplicationName("Slicer")
        self.setApplicationVersion(VERSION)
        self.setOrganizationName("ActiveSeedTesting")
        self.setQuitOnLastWindowClosed(False)
        self._temporary = tempfile.TemporaryDirectory(prefix="slicer-host-")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        QtCore.QSettings.setPath(
            QtCore.QSettings.Format.IniFormat,
            QtCore.QSettings.Scope.UserScope,
            str(Path(self._temporary.name) / "settings"),
        )
        self._manager = ModuleManager()
        self._window: MainWindow | None = None
        self._layout: Any = None

    def open_window(self) -> None:
        """Make the main window with the views; called once."""
        from Testing.host.layout import LayoutManager

        self._window = MainWindow()
        self._layout = LayoutManager(self._window)

    def without_window(self, absent: bool) -> None:
        """Let the main window and the layout manager be absent, as in a Slicer without them."""
        assert self._window is not None
        self._window.setObjectName("" if absent else MAIN_WINDOW)

    @property
    def temporaryPath(self) -> str:
        return self._temporary.name

    @property
    def slicerHome(self) -> str:
        return self._temporary.name

    @property
    def extensionsInstallPath(self) -> str:
        return str(Path(self._temporary.name) / "extensions")

    @property
    def revision(self) -> str:
        return "0"

    @property
    def majorVersion(self) -> int:
        return int(VERSION.split(".")[0])

    @property
    def minorVersion(self) -> int:
        return int(VERSION.split(".")[1])

    @property
    def os(self) -> str:
        return {"nt": "win"}.get(os.name, "linux")

    def topLevelWidgets(self) -> list[QtWidgets.QWidget]:
        """Return the main window alone: wrapping a window that is just being deleted can crash."""
        return [self._window] if self._window is not None else []

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def applicationLogic(self) -> Any:
        return core.application_logic()

    def layoutManager(self) -> Any:
        return self._layout if slicer.util.mainWindow() is not None else None

    def moduleManager(self) -> ModuleManager:
        return self._manager

    def coreIOManager(self) -> IOManager:
        return IOManager()

    def ioManager(self) -> IOManager:
        return IOManager()

    def settings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    def userSettings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def environment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def testingEnabled(self) -> bool:
        return True

    def pauseRender(self) -> None:
        """Hold the views; these repaint by themselves."""

    def resumeRender(self) -> None:
        """Let the views go on; these repaint by themselves."""

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"https://slicer.readthedocs.io/en/latest/user_guide/modules/{name.lower()}.html"

    def toSlicerHomeAbsolutePath(self, path: str) -> str:
        return str(Path(self.slicerHome) / path)

    def setFont(self, *arguments: Any) -> None:
        QtGui.QGuiApplication.setFont(*arguments)
