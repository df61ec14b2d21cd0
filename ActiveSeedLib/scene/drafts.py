"""Unfinished segments on disk, exactly as they are: names, colours, overlaps, additions."""

from pathlib import Path
from typing import Any

import numpy as np
import slicer

from ActiveSeedLib.errors import ActiveSeedError, UnreadableImageError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.layers import make_layer, representation_name
from ActiveSeedLib.scene.nodes import add_node, remove_nodes
from ActiveSeedLib.scene.segments import prepare_segmentation, source_as_labelmaps
from ActiveSeedLib.scene.volumes import geometry_of

SUFFIX = ".seg.nrrd"
_ADVICE = "If there is no copy, discard the draft and begin with the saved label map."


def write_draft(segmentation_node: Any, path: Path) -> None:
    """Write the segmentation to a `.seg.nrrd` file, atomically; the node is left as it is.

    Raises:
        ActiveSeedError: the file cannot be written, such as on a full disk.
    """
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"A draft is a {SUFFIX} file, not {path.name}.")
    # Slicer rearranges the layers of what it writes, so it gets a node of its own to write.
    node = slicer.vtkMRMLSegmentationNode()
    node.SetAndObserveSegmentation(_light_copy(source_as_labelmaps(segmentation_node)))
    storage = slicer.vtkMRMLSegmentationStorageNode()
    try:
        with replacing(path) as temporary:
            storage.SetFileName(str(temporary))
            if not storage.WriteData(node) or not temporary.is_file():
                raise ActiveSeedError(
                    f"The draft {path} cannot be written: make room on the disk, or save the case."
                )
    except OSError as error:
        raise ActiveSeedError(
            f"The draft {path} cannot be written ({error.strerror}): check the project's folder."
        ) from error


def read_draft(
    scene: Any, path: Path, volume_node: Any, schema: LabelSchema, name: str, key: str
) -> Any:
    """Add the segmentation that `write_draft` wrote; segments that it lacks are added, empty.

    Raises:
        UnreadableImageError: the file is gone or damaged; nothing is added.
    """
    damage = verify(path)  # Slicer's reader ends the whole process at a file that is cut short
    if damage is not None:
        raise UnreadableImageError(f"{path}: {damage} {_ADVICE}")
    node = add_node(scene, "vtkMRMLSegmentationNode", name, key)
    node.CreateDefaultDisplayNodes()
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        remove_nodes(scene, [node])
        raise UnreadableImageError(f"{path}: Slicer cannot read it. {_ADVICE}")
    empty = make_layer(np.zeros((1, 1, 1), np.uint8), geometry_of(volume_node))
    prepare_segmentation(node, volume_node, schema, empty, {})
    return node


def _light_copy(segmentation: Any) -> Any:
    """Return a vtkSegmentation with the label maps of another one, sharing their voxels."""
    copy = slicer.vtkSegmentation()
    copy.CopyConversionParameters(segmentation)
    layers: list[tuple[Any, Any]] = []
    for identifier in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(identifier)
        layer = segment.GetRepresentation(representation_name())
        twin = next((twin for known, twin in layers if known is layer), None)
        if twin is None:
            # Removing a segment empties its layer in place, so the copy needs an object of its own.
            twin = slicer.vtkOrientedImageData()
            twin.ShallowCopy(layer)
            layers.append((layer, twin))
        made = slicer.vtkSegment()
        made.DeepCopyMetadata(segment)
        made.AddRepresentation(representation_name(), twin)
        copy.AddSegment(made, identifier)
    return copy
