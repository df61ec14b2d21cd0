"""Unfinished segments on disk, exactly as they are: names, colours, overlaps, additions.

Drafts are Slicer's own `.seg.nrrd` files. They are written here because Slicer's writer rearranges
the layers that it writes, in the middle of the user's work, and keeps the application waiting; what
`snapshot` returns can be written by another thread.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.errors import ActiveSeedError, UnreadableImageError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.layers import (
    Placed,
    common_lattice,
    make_layer,
    read_layer,
    representation_name,
)
from ActiveSeedLib.scene.nodes import add_node, remove_nodes
from ActiveSeedLib.scene.segments import (
    OWNER,
    VALUE,
    prepare_segmentation,
    source_as_labelmaps,
    tag_of,
)
from ActiveSeedLib.scene.volumes import geometry_of

SUFFIX = ".seg.nrrd"
_ADVICE = "If there is no copy, discard the draft and begin with the saved label map."
_TYPES = {"uint8": "unsigned char", "uint16": "unsigned short", "int16": "short", "int32": "int"}
_FASTEST = 1


@dataclass(frozen=True)
class Draft:
    """A segmentation at one moment, free of Slicer's objects.

    Attributes:
        geometry: of the file's voxels.
        layers: the values of each layer, in their place.
        entries: the file's key/value pairs.
    """

    geometry: Geometry
    layers: tuple[Placed, ...]
    entries: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write a `.seg.nrrd` file atomically; any thread may do so.

        Raises:
            ActiveSeedError: the file cannot be written, such as on a full disk.
        """
        if not path.name.endswith(SUFFIX):
            raise ValueError(f"A draft is a {SUFFIX} file, not {path.name}.")
        array = _stacked(self.layers, self.geometry.shape)
        try:
            with replacing(path) as temporary, temporary.open("wb") as file:
                file.write(self._header(array).encode())
                with gzip.GzipFile(
                    filename="", mode="wb", compresslevel=_FASTEST, fileobj=file, mtime=0
                ) as packed:
                    packed.write(array.data)
        except OSError as error:
            raise ActiveSeedError(
                f"The draft {path} cannot be written ({error.strerror}): make room on the disk "
                "and check that the project's folder can be written to."
            ) from error

    def _header(self, array: NDArray[Any]) -> str:
        axes = np.reshape(self.geometry.direction, (3, 3)) * self.geometry.spacing
        lists = array.ndim == 4
        fields = {
            "type": _TYPES[array.dtype.name],
            "dimension": str(array.ndim),
            "space": "left-posterior-superior",
            "sizes": " ".join(str(length) for length in reversed(array.shape)),
            "space directions": "none " * lists + " ".join(_vector(axis) for axis in axes.T),
            "kinds": "list " * lists + "domain domain domain",
            "endian": "little",
            "encoding": "gzip",
            "space origin": _vector(self.geometry.origin),
        }
        lines = [f"{name}: {value}" for name, value in fields.items()]
        lines += [f"{name}:={_escaped(value)}" for name, value in self.entries.items()]
        return "\n".join(["NRRD0005", *lines, "", ""])


def snapshot(segmentation_node: Any) -> Draft:
    """Return what a segmentation holds now; takes as long as copying its voxels."""
    segmentation = source_as_labelmaps(segmentation_node)
    layers: list[Any] = []
    segments = []
    for identifier in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(identifier)
        layer = segment.GetRepresentation(representation_name())
        if not any(known is layer for known in layers):
            layers.append(layer)
        place = next(place for place, known in enumerate(layers) if known is layer)
        segments.append((identifier, segment, place))
    filled = [layer for layer in layers if layer is not None and layer.GetNumberOfPoints()]
    geometry, offset = Geometry((2, 1, 1)), (0, 0, 0)
    if filled:
        geometry, offset = common_lattice(filled)
    parts = tuple(_copied(layer, geometry) for layer in layers)
    entries = {
        "Segmentation_MasterRepresentation": representation_name(),
        "Segmentation_ContainedRepresentationNames": f"{representation_name()}|",
        "Segmentation_ConversionParameters": segmentation.SerializeAllConversionParameters(),
        "Segmentation_ReferenceImageExtentOffset": _words(offset),
    }
    for number, (identifier, segment, place) in enumerate(segments):
        for name, value in _facts(identifier, segment).items():
            entries[f"Segment{number}_{name}"] = value
        entries[f"Segment{number}_Layer"] = str(place)
        entries[f"Segment{number}_Extent"] = _words(
            bound for side in parts[place].box[::-1] for bound in (side.start, side.stop - 1)
        )
    return Draft(geometry, parts, entries)


def read_draft(
    scene: Any, path: Path, volume_node: Any, schema: LabelSchema, name: str, key: str
) -> Any:
    """Add the segmentation that a `Draft` wrote; segments that it lacks are added, empty.

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


def _facts(identifier: str, segment: Any) -> dict[str, str]:
    """Return what a segment is, in the words of the file format."""
    tags = {
        name: tag_of(segment, name)
        for name in (
            VALUE,
            OWNER,
            segment.GetTerminologyEntryTagName(),
            slicer.vtkSlicerSegmentationsModuleLogic.GetStatusTagName(),
        )
    }
    return {
        "ID": identifier,
        "Name": segment.GetName(),
        "Color": _words(segment.GetColor()),
        "NameAutoGenerated": str(int(segment.GetNameAutoGenerated())),
        "ColorAutoGenerated": str(int(segment.GetColorAutoGenerated())),
        "LabelValue": str(segment.GetLabelValue()),
        "Tags": "".join(f"{name}:{value}|" for name, value in tags.items() if value),
    }


def _copied(layer: Any, geometry: Geometry) -> Placed:
    """Return a copy of a layer's values; of no voxels if it is empty."""
    placed = read_layer(layer, geometry) if layer is not None else None
    if placed is None:
        nothing = slice(0, 0)
        return Placed(np.zeros((0, 0, 0), np.uint8), (nothing, nothing, nothing))
    kind = placed.array.dtype.name
    return Placed(placed.array.astype(kind if kind in _TYPES else np.int32), placed.box)


def _stacked(layers: Sequence[Placed], shape: tuple[int, int, int]) -> NDArray[Any]:
    """Return the layers as one array, KJI, or KJI and layer if there are several."""
    kind = np.result_type(np.uint8, *(layer.array.dtype for layer in layers))
    array = np.zeros((*shape, max(len(layers), 1)), kind.newbyteorder("<"))
    for number, layer in enumerate(layers):
        array[..., number][layer.box] = layer.array
    return array if len(layers) > 1 else array[..., 0]


def _vector(values: Any) -> str:
    return "(" + ",".join(repr(float(value)) for value in values) + ")"


def _words(values: Any) -> str:
    return " ".join(str(value) for value in values)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
