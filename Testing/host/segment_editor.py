"""A stand-in for the Segment Editor: its state in the real node, a plain list, and a real undo."""

# ruff: noqa: N801, N802, N815 - the names are Qt's and Slicer's

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from Testing.host.ctk_widgets import plain, standin
from Testing.host.mrml_widgets import Watch, qMRMLWidget

EFFECTS = ("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds")
EFFECTS += ("Fill between slices", "Margin", "Smoothing", "Scissors", "Islands")
EFFECTS += ("Logical operators", "Mask volume")


class Effect:
    """An effect of the editor, by its name; it does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def self(self) -> "Effect":
        return self


@standin
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The segments of a node as a list, one of them current; changes come from the test itself.

    As in Slicer, nothing works before the editor has its node and then the scene.
    """

    currentSegmentIDChanged = QtCore.Signal(str)
    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)
    _signals = {  # noqa: RUF012
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
    }

    def _show_parts(self) -> None:
        for button in (self._add, self._remove):
            button.setVisible(self.addRemoveSegmentButtonsVisible)

    segmentationNodeSelectorVisible, setSegmentationNodeSelectorVisible = plain(
        "segmentationNodeSelectorVisible", bool, True
    )
    sourceVolumeNodeSelectorVisible, setSourceVolumeNodeSelectorVisible = plain(
        "sourceVolumeNodeSelectorVisible", bool, True
    )
    addRemoveSegmentButtonsVisible, setAddRemoveSegmentButtonsVisible = plain(
        "addRemoveSegmentButtonsVisible", bool, True, "_show_parts"
    )
    switchToSegmentationsButtonVisible, setSwitchToSegmentationsButtonVisible = plain(
        "switchToSegmentationsButtonVisible", bool, True
    )
    specifyGeometryButtonVisible, setSpecifyGeometryButtonVisible = plain(
        "specifyGeometryButtonVisible", bool, False
    )
    show3DButtonVisible, setShow3DButtonVisible = plain("show3DButtonVisible", bool, True)
    maskingSectionVisible, setMaskingSectionVisible = plain("maskingSectionVisible", bool, True)
    autoShowSourceVolumeNode, setAutoShowSourceVolumeNode = plain(
        "autoShowSourceVolumeNode", bool, True
    )
    jumpToSelectedSegmentEnabled, setJumpToSelectedSegmentEnabled = plain(
        "jumpToSelectedSegmentEnabled", bool, False
    )
    undoEnabled, setUndoEnabled = plain("undoEnabled", bool, True)
    maximumNumberOfUndoStates, setMaximumNumberOfUndoStates = plain(
        "maximumNumberOfUndoStates", int, 10
    )
    readOnly, setReadOnly = plain("readOnly", bool, False)
    effectColumnCount, setEffectColumnCount = plain("effectColumnCount", int, 2)
    unorderedEffectsVisible, setUnorderedEffectsVisible = plain(
        "unorderedEffectsVisible", bool, True
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node: Any = None
        self._history: Any = None
        self._watch = Watch(self)
        self._pending = False
        self._shortcuts = False
        self._order: list[str] = []
        self._list = QtWidgets.QListWidget(self)
        self._add = QtWidgets.QPushButton("Add", self)
        self._remove = QtWidgets.QPushButton("Remove", self)
        self._word = QtWidgets.QLabel("Segment Editor (stand-in)", self)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self._add)
        row.addWidget(self._remove)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._list)
        layout.addWidget(self._word)
        self._list.setFixedHeight(110)
        self._list.currentItemChanged.connect(self._on_item)
        self._list.itemChanged.connect(self._on_check)
        self._add.clicked.connect(self._on_add)
        self._remove.clicked.connect(self._on_remove)

    # -- the nodes --------------------------------------------------------------------------------

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._node = node
        self._observe()
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not None and self._node is None:
            raise RuntimeError("setMRMLSegmentEditorNode must come before setMRMLScene")
        super().setMRMLScene(scene)
        self.updateWidgetFromMRML()

    def segmentationNode(self) -> Any:
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node: Any) -> None:
        self._needs_node()
        if node is self.segmentationNode():
            return
        self._node.SetAndObserveSegmentationNode(node)
        self._history = None
        if node is not None:
            self._history = slicer.vtkSegmentationHistory()
            self._history.SetMaximumNumberOfStates(self.maximumNumberOfUndoStates)
            self._history.SetSegmentation(node.GetSegmentation())
            ids = list(node.GetSegmentation().GetSegmentIDs())
            self._node.SetSelectedSegmentID(ids[0] if ids else "")
        else:
            self._node.SetSelectedSegmentID("")
        self._observe()
        self.updateWidgetFromMRML()
        self.segmentationNodeChanged.emit(node)
        self.currentSegmentIDChanged.emit(self.currentSegmentID())

    def setSegmentationNodeID(self, identity: str) -> None:
        self.setSegmentationNode(slicer.mrmlScene.GetNodeByID(identity or ""))

    def segmentationNodeID(self) -> str:
        node = self.segmentationNode()
        return node.GetID() if node is not None else ""

    def sourceVolumeNode(self) -> Any:
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node: Any) -> None:
        self._needs_node()
        self._node.SetAndObserveSourceVolumeNode(node)
        if node is not None and self.segmentationNode() is not None:
            segmentation = self.segmentationNode()
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
        self.updateWidgetFromMRML()
        self.sourceVolumeNodeChanged.emit(node)

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, identity: str | None) -> None:
        self._needs_node()
        if (identity or "") != self.currentSegmentID():
            self._node.SetSelectedSegmentID(identity or "")
            self.updateWidgetFromMRML()
            self.currentSegmentIDChanged.emit(identity or "")

    def selectNextSegment(self) -> None:
        self.selectSegmentAtOffset(1)

    def selectPreviousSegment(self) -> None:
        self.selectSegmentAtOffset(-1)

    def selectSegmentAtOffset(self, offset: int) -> None:
        ids = list(self.segmentationNode().GetSegmentation().GetSegmentIDs())
        at = ids.index(self.currentSegmentID()) if self.currentSegmentID() in ids else 0
        self.setCurrentSegmentID(ids[min(max(at + offset, 0), len(ids) - 1)])

    # -- effects and undo -------------------------------------------------------------------------

    def availableEffectNames(self) -> list[str]:
        return list(EFFECTS)

    def setEffectNameOrder(self, names: list[str]) -> None:
        self._order = list(names)

    def effectNameOrder(self) -> list[str]:
        return self._order

    def effectByName(self, name: str) -> Effect | None:
        return Effect(name) if name in EFFECTS else None

    def activeEffect(self) -> Effect | None:
        name = self._node.GetActiveEffectName() if self._node is not None else ""
        return Effect(name) if name else None

    def setActiveEffect(self, effect: Effect | None) -> None:
        self._needs_node()
        self._node.SetActiveEffectName(effect.name if effect is not None else "")
        self.updateWidgetFromMRML()

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self.effectByName(name))

    def saveStateForUndo(self) -> None:
        if self._history is not None and self.undoEnabled:
            self._history.SaveState()

    def undo(self) -> None:
        if self._history is not None:
            self._history.RestorePreviousState()

    def redo(self) -> None:
        if self._history is not None:
            self._history.RestoreNextState()

    def segmentationNodeSelectorAddAttribute(self, *_arguments: Any) -> None:
        """Offer only nodes with an attribute; the list is not shown here."""

    # -- coming and going -------------------------------------------------------------------------

    def installKeyboardShortcuts(self, _parent: Any = None) -> None:
        self._shortcuts = True

    def uninstallKeyboardShortcuts(self) -> None:
        self._shortcuts = False

    def setupViewObservations(self) -> None:
        """Watch the views; this stand-in has no mouse."""

    def removeViewObservations(self) -> None:
        """Watch the views no longer."""

    def rotateSliceViewsToSegmentation(self) -> None:
        """Turn the views to the segmentation's axes."""

    def updateWidgetFromMRML(self) -> None:
        """Show what the nodes hold."""
        self._list.blockSignals(True)
        self._list.clear()
        node = self.segmentationNode()
        if node is not None and node.GetScene() is not None:
            for identity in node.GetSegmentation().GetSegmentIDs():
                self._list.addItem(self._item(node, identity))
                if identity == self.currentSegmentID():
                    self._list.setCurrentRow(int(self._list.count) - 1)
        self._list.blockSignals(False)
        effect = self.activeEffect()
        self._word.setText(
            "Segment Editor (stand-in)" + (f" · {effect.name}" if effect is not None else "")
        )

    def _item(self, node: Any, identity: str) -> QtWidgets.QListWidgetItem:
        segment = node.GetSegmentation().GetSegment(identity)
        display = node.GetDisplayNode()
        square = QtGui.QPixmap(12, 12)
        square.fill(QtGui.QColor.fromRgbF(*segment.GetColor()))
        item = QtWidgets.QListWidgetItem(QtGui.QIcon(square), segment.GetName())
        item.setData(QtCore.Qt.ItemDataRole.UserRole, identity)
        item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
        shown = display is None or display.GetSegmentVisibility(identity)
        state = QtCore.Qt.CheckState
        item.setCheckState(state.Checked if shown else state.Unchecked)
        return item

    def _needs_node(self) -> None:
        if self._node is None or self.mrmlScene() is None:
            raise RuntimeError("the segment editor has no node or no scene yet")

    def _observe(self) -> None:
        self._watch.clear()
        node = self.segmentationNode()
        things = [one for one in (self._node, node) if one is not None]
        if node is not None:
            things += [node.GetSegmentation()]
        for one in things:
            self._watch.add(one, vtk.vtkCommand.AnyEvent, self._on_modified)

    def _on_modified(self) -> None:
        if not self._pending:
            self._pending = True
            QtCore.QTimer.singleShot(0, self, self._catch_up)

    def _catch_up(self) -> None:
        self._pending = False
        self.updateWidgetFromMRML()

    def _on_item(self, item: Any, _before: Any = None) -> None:
        if item is not None:
            self.setCurrentSegmentID(item.data(QtCore.Qt.ItemDataRole.UserRole))

    def _on_check(self, item: Any) -> None:
        identity = item.data(QtCore.Qt.ItemDataRole.UserRole)
        shown = item.checkState() == QtCore.Qt.CheckState.Checked
        self.segmentationNode().GetDisplayNode().SetSegmentVisibility(identity, shown)

    def _on_add(self, *_arguments: Any) -> None:
        if self.segmentationNode() is not None:
            identity = self.segmentationNode().GetSegmentation().AddEmptySegment()
            self.setCurrentSegmentID(identity)

    def _on_remove(self, *_arguments: Any) -> None:
        if self.segmentationNode() is not None and self.currentSegmentID():
            self.segmentationNode().GetSegmentation().RemoveSegment(self.currentSegmentID())
