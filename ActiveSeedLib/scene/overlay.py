"""How unsure the model is, laid over the image, and the way to the slice where it is least sure."""

import math
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.scene.nodes import add_node, nodes_of_class, remove_nodes
from ActiveSeedLib.scene.volumes import add_volume, geometry_of, ijk_to_ras

OPACITY = 0.4
"""So that anatomy is seen through; Slicer makes one opacity of all the opacities of colours."""
CERTAIN = 0.3
"""Entropies below this, in nats, are not shown: of two classes the likelier has 91 % or more."""
UNDECIDED = math.log(2)
"""The entropy, in nats, of two classes that are equally likely; the brightest colour."""
SCALE = (
    (0.25, 0.0, 0.45),
    (0.62, 0.05, 0.42),
    (0.90, 0.30, 0.22),
    (0.99, 0.62, 0.15),
    (1, 1, 0.6),
)
"""From dark to light in even steps, in hues that no grey image has: entropy → (r, g, b), 0 to 1."""

_ROLE = "ActiveSeed.overlay"
_COLORS = 256
_ORIENTATIONS = ("Sagittal", "Coronal", "Axial")


def show_uncertainty(scene: Any, volume_node: Any, uncertainty: Image, key: str) -> Any:
    """Add the entropy in nats of every voxel as a volume; hidden until `set_uncertainty_visible`.

    The colours mean the same for every case: from `CERTAIN`, below which the image is seen
    through, to `UNDECIDED`. What was shown before is removed.

    Returns:
        The vtkMRMLScalarVolumeNode, with a colour node of its own.
    """
    remove_uncertainty(scene)
    array = uncertainty.array.astype(np.float32, copy=False)
    name = f"{volume_node.GetName()} uncertainty"
    node = add_volume(scene, Image(array, uncertainty.geometry), name, key)
    node.SetAttribute(_ROLE, "uncertainty")
    colors = _add_colors(scene, key)
    display = node.GetScalarVolumeDisplayNode()
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colors.GetID())
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(CERTAIN, UNDECIDED)
        display.AutoThresholdOff()
        display.SetThreshold(CERTAIN, max(float(array.max()), UNDECIDED) + 1)
        display.ApplyThresholdOn()
        display.InterpolateOn()  # as the image; edges of voxels would hide those of organs
    return node


def set_uncertainty_visible(scene: Any, visible: bool) -> None:
    """Show or hide the uncertainty over the image in all slice views; nothing if there is none."""
    nodes = _overlays(scene)
    if not nodes:
        return
    for view in nodes_of_class(scene, "vtkMRMLSliceCompositeNode"):
        if visible:
            view.SetForegroundVolumeID(nodes[0].GetID())
            view.SetForegroundOpacity(OPACITY)
        elif view.GetForegroundVolumeID() == nodes[0].GetID():
            view.SetForegroundVolumeID(None)
            view.SetForegroundOpacity(0.0)


def is_uncertainty_visible(scene: Any) -> bool:
    """Return whether a slice view shows the uncertainty."""
    shown = {node.GetID() for node in _overlays(scene)}
    return any(
        view.GetForegroundVolumeID() in shown and view.GetForegroundOpacity() > 0
        for view in nodes_of_class(scene, "vtkMRMLSliceCompositeNode")
    )


def remove_uncertainty(scene: Any) -> None:
    """Remove the overlay and its colours from the scene."""
    set_uncertainty_visible(scene, False)
    colors = [n for n in nodes_of_class(scene, "vtkMRMLColorTableNode") if n.GetAttribute(_ROLE)]
    remove_nodes(scene, [*_overlays(scene), *colors])


def slice_offset_ras(
    volume_node: Any, axis: int, index: int
) -> tuple[str, tuple[float, float, float]]:
    """Return the view that shows a slice best, and the slice's centre.

    Args:
        volume_node: the image.
        axis: of the KJI array, the one that the slice is across.
        index: of the slice along it.

    Returns:
        "Axial", "Sagittal" or "Coronal", whichever is nearest to the slice, and R, A, S in mm.
    """
    geometry = geometry_of(volume_node)
    column = 2 - axis
    to_ras = ijk_to_ras(geometry)
    orientation = _ORIENTATIONS[int(np.argmax(np.abs(to_ras[:3, column])))]
    voxel = np.append((np.array(geometry.size) - 1) / 2, 1.0)
    voxel[column] = index
    r, a, s = (float(value) for value in (to_ras @ voxel)[:3])
    return orientation, (r, a, s)


def jump_to(scene: Any, ras: tuple[float, float, float]) -> None:
    """Move every slice view to the slice through a point; zoom and pan stay."""
    offset = slicer.vtkMRMLSliceNode.OffsetJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *(float(value) for value in ras), offset)


def _overlays(scene: Any) -> list[Any]:
    return [n for n in nodes_of_class(scene, "vtkMRMLScalarVolumeNode") if n.GetAttribute(_ROLE)]


def _add_colors(scene: Any, key: str) -> Any:
    node = add_node(scene, "vtkMRMLColorTableNode", "ActiveSeed uncertainty", key)
    node.SetAttribute(_ROLE, "colors")
    node.SetHideFromEditors(True)
    with slicer.util.NodeModify(node):
        node.SetTypeToUser()
        node.SetNumberOfColors(_COLORS)
        for index, color in enumerate(_colors()):
            node.SetColor(index, f"{index / (_COLORS - 1):.2f}", *color.tolist(), 1.0)
    return node


def _colors() -> NDArray[np.float64]:
    """Return `_COLORS` colours, [N, 3], linear between those of the scale."""
    steps = np.linspace(0, len(SCALE) - 1, _COLORS)
    channels = [
        np.interp(steps, range(len(SCALE)), channel) for channel in zip(*SCALE, strict=True)
    ]
    return np.stack(channels, axis=1)
