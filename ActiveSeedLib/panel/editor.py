"""The embedded Segment Editor: its own node, its keys, and what it must let go of."""

from typing import Any

import slicer

TAG = "ActiveSeed"
ATTRIBUTE = "ActiveSeed.case"
IN_HAND = ("Paint", "Draw", "Erase", "Scissors")
"""Tools that do nothing before the mouse is pressed, and so may be there when a case opens."""


class Editor:
    """A qMRMLSegmentEditorWidget that edits the open case and nothing else of the scene.

    Args:
        widget: the widget of the `.ui` file.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._node: Any = None
        self._tool = ""
        self._is_here = False
        # Else the hidden list of segmentations would choose one of the user's own.
        widget.segmentationNodeSelectorAddAttribute("vtkMRMLSegmentationNode", ATTRIBUTE)
        widget.setEnabled(False)
        self._take_node()  # before the scene, so that its first choices are kept in the node
        widget.setMRMLScene(slicer.mrmlScene)

    def show(self, segmentation: Any, volume: Any) -> None:
        """Edit `segmentation` on the voxels of `volume`, with the tool of the case before."""
        self._take_node()
        self._widget.setSegmentationNode(segmentation)
        self._widget.setSourceVolumeNode(volume)
        self._node.SetOverwriteMode(self._node.OverwriteAllSegments)
        self._widget.setEnabled(True)
        if self._tool and self._is_here:
            self._widget.setActiveEffectByName(self._tool)

    def clear(self) -> None:
        """Edit nothing; a brush in hand is kept for the next case."""
        if self._widget.segmentationNode() is not None:  # else it was cleared before
            effect = self._widget.activeEffect()
            name = str(effect.name) if effect is not None else ""
            self._tool = name if name in IN_HAND else ""
        self._widget.setActiveEffect(None)
        self._widget.setSegmentationNode(None)
        self._widget.removeViewObservations()
        self._widget.setEnabled(False)

    def save_state(self) -> None:
        """Let the user undo what a button of ours is about to change."""
        self._widget.saveStateForUndo()

    def enter(self) -> None:
        """Take the keys, because the user came to the module."""
        self._is_here = True
        if slicer.util.mainWindow() is not None:
            self._widget.installKeyboardShortcuts()
        self._take_node()
        self._widget.updateWidgetFromMRML()

    def exit(self) -> None:
        """Leave mouse and keys to the module that the user goes to."""
        self._is_here = False
        self._widget.setActiveEffect(None)
        self._widget.uninstallKeyboardShortcuts()
        self._widget.removeViewObservations()

    def scene_closes(self) -> None:
        """Let go of the nodes before they vanish; the next `show` makes a new node."""
        self.clear()
        self._node = None

    def _take_node(self) -> None:
        """Use our node of the scene, which is made if it is not there (any more)."""
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(TAG)
            node = scene.AddNode(node)
        if node is not self._node:
            self._node = node
            self._widget.setMRMLSegmentEditorNode(node)
