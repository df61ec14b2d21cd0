"""The embedded Segment Editor: its own node, its keys, and what it must let go of."""

from typing import Any

import slicer

TAG = "ActiveSeed"
ATTRIBUTE = "ActiveSeed.case"


class Editor:
    """A qMRMLSegmentEditorWidget that edits the open case and nothing else of the scene.

    Args:
        widget: the widget of the `.ui` file.
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._node: Any = None
        # Else the hidden list of segmentations would choose one of the user's own.
        widget.segmentationNodeSelectorAddAttribute("vtkMRMLSegmentationNode", ATTRIBUTE)
        widget.setEnabled(False)
        self._take_node()  # before the scene, so that its first choices are kept in the node
        widget.setMRMLScene(slicer.mrmlScene)

    def show(self, segmentation: Any, volume: Any) -> None:
        """Edit `segmentation` on the voxels of `volume`."""
        self._take_node()
        self._widget.setSegmentationNode(segmentation)
        self._widget.setSourceVolumeNode(volume)
        self._node.SetOverwriteMode(self._node.OverwriteAllSegments)
        self._widget.setEnabled(True)

    def clear(self) -> None:
        """Edit nothing."""
        self._widget.setActiveEffect(None)
        self._widget.setSegmentationNode(None)
        self._widget.removeViewObservations()
        self._widget.setEnabled(False)

    def save_state(self) -> None:
        """Let the user undo what a button of ours is about to change."""
        self._widget.saveStateForUndo()

    def enter(self) -> None:
        """Take the keys, because the user came to the module."""
        if slicer.util.mainWindow() is not None:
            self._widget.installKeyboardShortcuts()
        self._take_node()
        self._widget.updateWidgetFromMRML()

    def exit(self) -> None:
        """Leave mouse and keys to the module that the user goes to."""
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
