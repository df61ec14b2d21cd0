"""Stand-ins for the widgets of MRML that are no views: a container and a node chooser."""

# ruff: noqa: N801, N802, N815 - the names are Qt's and Slicer's

from collections.abc import Callable
from typing import Any

import shiboken6
import slicer
from PySide6 import QtCore, QtWidgets

from Testing.host.ctk_widgets import plain, standin


class Watch:
    """Observers on VTK objects that end with the widget that they serve."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._kept: list[tuple[Any, int]] = []

    def add(self, thing: Any, event: Any, method: Callable[[], None]) -> None:
        """Call `method` at an event of `thing`, as long as the widget lives."""

        def call(_caller: Any, _event: str) -> None:
            if shiboken6.isValid(self._owner):
                method()
            else:
                self.clear()

        self._kept.append((thing, thing.AddObserver(event, call)))

    def clear(self) -> None:
        """Observe nothing any more."""
        for thing, tag in self._kept:
            thing.RemoveObserver(tag)
        self._kept = []


@standin
class qMRMLWidget(QtWidgets.QWidget):
    """A widget that knows the scene and tells its children."""

    mrmlSceneChanged = QtCore.Signal(object)
    _signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}  # noqa: RUF012

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


@standin
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A list of the scene's nodes of some classes."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAddedByUser = QtCore.Signal(object)
    _signals = {  # noqa: RUF012
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeChanged",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
    }

    nodeTypes, setNodeTypes = plain("nodeTypes", "QStringList", [], "_fill")
    noneEnabled, setNoneEnabled = plain("noneEnabled", bool, False, "_fill")
    noneDisplay, setNoneDisplay = plain("noneDisplay", str, "None", "_fill")
    addEnabled, setAddEnabled = plain("addEnabled", bool, True)
    removeEnabled, setRemoveEnabled = plain("removeEnabled", bool, True)
    editEnabled, setEditEnabled = plain("editEnabled", bool, False)
    renameEnabled, setRenameEnabled = plain("renameEnabled", bool, False)
    showHidden, setShowHidden = plain("showHidden", bool, False, "_fill")
    showChildNodeTypes, setShowChildNodeTypes = plain("showChildNodeTypes", bool, True)
    selectNodeUponCreation, setSelectNodeUponCreation = plain("selectNodeUponCreation", bool, True)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None
        self._watch = Watch(self)
        self._box = QtWidgets.QComboBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._on_index)

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._watch.clear()
        self._scene = scene
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent):
                self._watch.add(scene, event, self._fill)
        self._fill()

    def currentNode(self) -> Any:
        identity = self.currentNodeID
        return self._scene.GetNodeByID(identity) if self._scene and identity else None

    def _identity(self) -> str:
        return str(self._box.itemData(self._box.currentIndex) or "")

    def setCurrentNodeID(self, identity: str | None) -> None:
        self._box.setCurrentIndex(max(self._box.findData(identity or ""), -1))

    currentNodeID = QtCore.Property(str, _identity, setCurrentNodeID)

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if isinstance(node, slicer.vtkMRMLNode) else node)

    def nodeCount(self) -> int:
        return int(self._box.count) - bool(self.noneEnabled)

    def _on_index(self, *_arguments: Any) -> None:
        self.currentNodeChanged.emit(self.currentNode())
        self.currentNodeIDChanged.emit(self.currentNodeID)

    def _fill(self) -> None:
        before = self.currentNodeID
        self._box.blockSignals(True)
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay, "")
        nodes = slicer.util.getNodesByClass("vtkMRMLNode", self._scene) if self._scene else []
        for node in nodes:
            wanted = any(node.IsA(kind) for kind in self.nodeTypes)
            if wanted and (self.showHidden or not node.GetHideFromEditors()):
                self._box.addItem(node.GetName(), node.GetID())
        self._box.setCurrentIndex(max(self._box.findData(before), 0 if self._box.count else -1))
        self._box.blockSignals(False)
        if self.currentNodeID != before:
            self._on_index()
