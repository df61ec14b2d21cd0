"""Scripted modules in the stand-in: the four base classes, and what loads and reloads a module."""

# ruff: noqa: N801, N802, N803, N815 - the names are Qt's and Slicer's

import importlib.util
import sys
import types
import unittest
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtGui, QtWidgets

from Testing.host.dialect import make_native
from Testing.host.mrml_widgets import qMRMLWidget


class ScriptedLoadableModule:
    """Base of a module's entry; fills in what the derived class may replace."""

    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.helpText, parent.acknowledgementText = "", "", ""
        parent.categories, parent.dependencies, parent.contributors = [], [], []
        icon = Path(self.resourcePath(f"Icons/{self.moduleName}.png"))
        if icon.is_file():
            parent.icon = QtGui.QIcon(str(icon))
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, name: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / name)

    def getDefaultModuleDocumentationLink(self, page: str | None = None) -> str:
        return f"<p>{page or slicer.app.moduleDocumentationUrl(self.moduleName)}</p>"

    def runTest(self, msec: int = 100, **options: Any) -> None:
        test = getattr(sys.modules[type(self).__module__], f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**options)


class ScriptedLoadableModuleWidget:
    """Base of a module's widget; `parent` is the container that Slicer made, with a layout."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent
        if parent is None:
            self.parent = qMRMLWidget()
            self.parent.setLayout(QtWidgets.QVBoxLayout())
            self.parent.setMRMLScene(slicer.mrmlScene)
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect(
            "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
        )

    def resourcePath(self, name: str) -> str:
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / name)

    def setup(self) -> None:
        """Build the widget; Slicer adds its section for developers here."""

    def cleanup(self) -> None:
        """Let go of everything, before the module goes."""

    def _onModuleAboutToBeUnloaded(self, name: str) -> None:
        if name == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(
                "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
            )

    def onReload(self) -> None:
        slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    """Base of a module's logic, with its parameter node."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        kind = "vtkMRMLScriptedModuleNode"
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, kind)
        if node is None:
            node = slicer.mrmlScene.AddNode(self.createParameterNode())
        node.SetAttribute("ModuleName", self.moduleName)
        return node

    def createParameterNode(self) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of a module's self-test."""

    messageDelay = 10

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments or ["runTest"], **options)

    def delayDisplay(
        self, message: str, requestedDelay: int | None = None, msec: int | None = None
    ) -> None:
        slicer.util.delayDisplay(message, 0)

    def runTest(self) -> None:
        """Run the test; the derived class says how."""


@make_native
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The container in which a module's Python widget lives."""

    def __init__(self, module: "LoadedModule") -> None:
        super().__init__()
        self._module, self._self, self._entered = module, None, False
        QtWidgets.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def self(self) -> Any:
        return self._self

    def reload(self) -> None:
        """Make the Python widget anew from the module's class, and set it up."""
        name = f"{self._module.name}Widget"
        self._self = getattr(sys.modules[self._module.name], name)(self)
        setattr(slicer.modules, name, self._self)
        self._self.setup()

    def enter(self) -> None:
        self._entered = True
        getattr(self._self, "enter", _nothing)()

    def exit(self) -> None:
        self._entered = False
        getattr(self._self, "exit", _nothing)()


class LoadedModule:
    """`slicer.modules.<name>`: a scripted module that was loaded."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = str(path), path.stem
        self.title, self.helpText, self.acknowledgementText = "", "", ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.icon, self.hidden, self.widgetRepresentationCreationEnabled = (
            QtGui.QIcon(),
            False,
            True,
        )
        self._widget: Any = None

    def widgetRepresentation(self) -> Any:
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self) -> Any:
        return qSlicerScriptedLoadableModuleWidget(self)

    def logic(self) -> None:
        """Return the C++ logic; a scripted module has none to speak of."""


def load_module(path: Path) -> LoadedModule:
    """Load a scripted module from its file, as Slicer does when it starts."""
    path = Path(path).resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = source
    spec.loader.exec_module(source)
    module = LoadedModule(path)
    setattr(slicer.modules, path.stem.lower(), module)
    slicer.app.moduleManager()._modules[path.stem] = module
    instance = getattr(source, path.stem)(module)
    setattr(slicer.modules, f"{path.stem}Instance", instance)
    return module


def unload_module(name: str) -> None:
    """Take a module away as Slicer does when it ends: `cleanup`, then its widget."""
    manager = slicer.app.moduleManager()
    manager.moduleAboutToBeUnloaded.emit(name)
    module = manager._modules.pop(name, None)
    if module is not None and module._widget is not None:
        module._widget.deleteLater()
    for attribute in (name.lower(), f"{name}Instance", f"{name}Widget"):
        if hasattr(slicer.modules, attribute):
            delattr(slicer.modules, attribute)
    sys.modules.pop(name, None)


def slicer_modules() -> dict[str, types.ModuleType]:
    """Return `slicer.ScriptedLoadableModule` and `slicer.i18n` by name."""
    base = types.ModuleType("slicer.ScriptedLoadableModule")
    base.__all__ = [  # type: ignore[attr-defined]
        "ScriptedLoadableModule",
        "ScriptedLoadableModuleLogic",
        "ScriptedLoadableModuleTest",
        "ScriptedLoadableModuleWidget",
    ]
    for name in base.__all__:  # type: ignore[attr-defined]
        setattr(base, name, globals()[name])
    words = types.ModuleType("slicer.i18n")
    words.tr = lambda text: text  # type: ignore[attr-defined]
    words.translate = lambda _context, text: text  # type: ignore[attr-defined]
    return {base.__name__: base, words.__name__: words}


def _nothing() -> None:
    pass
