"""A label map as segments of a vtkMRMLSegmentationNode, and back, voxel for voxel.

Slicer's own export numbers segments by position or name, flattens overlaps silently and drops what
lies beyond its tables. Here a value belongs to a segment by its id, whatever its name, place,
visibility or number within Slicer becomes; all segments share one layer until they overlap.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.label_checks import check_geometry
from ActiveSeedLib.project.schema import LARGEST_VALUE, LabelSchema, Segment
from ActiveSeedLib.scene.layers import Placed, make_layer, occupied, read_layer, representation_name
from ActiveSeedLib.scene.merge import merged, overlapping, translated
from ActiveSeedLib.scene.nodes import add_node
from ActiveSeedLib.scene.volumes import geometry_of

VALUE = "ActiveSeed.value"
"""The tag of a segment that holds its value in label maps."""
OWNER = "ActiveSeed.segment"
"""The tag that holds the id of the segment that `VALUE` is meant for; a copy has another id."""


@dataclass(frozen=True)
class Overlap:
    """Voxels that two segments claim: their names, values, and how many voxels."""

    first: str
    second: str
    first_value: int
    second_value: int
    voxels: int


@dataclass(frozen=True)
class Exported:
    """The label map of a segmentation.

    Attributes:
        image: uint8 or uint16 on the voxels of the volume.
        overlaps: what was decided by precedence, in the order of the schema.
        strangers: names of segments that hold voxels but have no value in the schema; their
            voxels are not in the image.
    """

    image: Image
    overlaps: tuple[Overlap, ...]
    strangers: tuple[str, ...]


def add_segmentation(
    scene: Any,
    volume_node: Any,
    schema: LabelSchema,
    name: str,
    key: str,
    label: Image | None,
    terminologies: Mapping[int, str] | None = None,
) -> Any:
    """Add a segmentation with one segment for each value of the schema, empty ones too.

    Args:
        scene: the vtkMRMLScene.
        volume_node: the image that is segmented; its voxels are the segmentation's.
        schema: values, names and colours.
        name: of the node.
        key: of the case.
        label: what the segments hold at first, or None for nothing.
        terminologies: value → terminology entry as Slicer writes it down, where one is known.

    Raises:
        InputError: the label map is not on the voxels of the volume, or has values that are not
            in the schema; nothing is added.
    """
    layer = _checked_layer(volume_node, schema, label)
    node = add_node(scene, "vtkMRMLSegmentationNode", name, key)
    node.CreateDefaultDisplayNodes()
    prepare_segmentation(node, volume_node, schema, layer, terminologies or {})
    return node


def prepare_segmentation(
    node: Any,
    volume_node: Any,
    schema: LabelSchema,
    layer: Any,
    terminologies: Mapping[int, str],
) -> None:
    """Give a segmentation the geometry of the volume and the segments that it lacks, on `layer`."""
    numbers = _numbers(schema)
    with slicer.util.NodeModify(node):
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        segmentation = node.GetSegmentation()
        for segment in schema.segments:
            if segmentation.GetSegment(segment_id(segment.value)) is None:
                made = _made_segment(segment, terminologies.get(segment.value))
                made.SetLabelValue(numbers[segment.value])
                made.AddRepresentation(representation_name(), layer)
                segmentation.AddSegment(made, segment_id(segment.value))


def segment_id(value: int) -> str:
    """Return the id of the segment that holds a value of the schema."""
    return f"ActiveSeed_{value}"


def set_label(segmentation_node: Any, volume_node: Any, schema: LabelSchema, label: Image) -> None:
    """Replace what the segments of the schema hold; ids, names and colours stay.

    Segments that the user added stay too; they are emptied if they counted for a value. A
    segment that the user deleted comes back.
    """
    layer = _checked_layer(volume_node, schema, label)
    segmentation = segmentation_node.GetSegmentation()
    own = {segment_id(value) for value in schema.values}
    surfaces = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    has_surfaces = segmentation.ContainsRepresentation(surfaces)
    with slicer.util.NodeModify(segmentation_node):
        _keep_as_labelmaps(segmentation)
        for identifier in segmentation.GetSegmentIDs():
            if identifier not in own:
                segmentation.SeparateSegmentLabelmap(identifier)
                if value_of(segmentation, identifier, schema) is not None:
                    segmentation.ClearSegment(identifier)
        for value, number in _numbers(schema).items():
            segment = segmentation.GetSegment(segment_id(value))
            if segment is not None:
                segment.AddRepresentation(representation_name(), layer)
                segment.SetLabelValue(number)
        prepare_segmentation(segmentation_node, volume_node, schema, layer, {})
        layer.Modified()
        if has_surfaces:
            segmentation.CreateRepresentation(surfaces, True)


def label_of(
    segmentation_node: Any, volume_node: Any, schema: LabelSchema, winners: Sequence[int] = ()
) -> Exported:
    """Return what the segments hold as one label map on the voxels of the volume.

    A segment counts for the value it was made for, whatever its name is now; one that the user
    added counts if it was adopted or bears a name of the schema (upper and lower case alike).

    Args:
        segmentation_node: as `add_segmentation` made it, however edited since.
        volume_node: the image.
        schema: the values that count.
        winners: where segments overlap, a value named earlier here wins over a later one, those
            named win over the others, and the others rank by the schema's order.

    Raises:
        InputError: segmentation and volume were moved apart by a transform.
    """
    if segmentation_node.GetTransformNodeID() != volume_node.GetTransformNodeID():
        raise InputError(
            f"{segmentation_node.GetName()} and {volume_node.GetName()} are under different "
            "transforms: take both out of their transforms, then save again."
        )
    segmentation = source_as_labelmaps(segmentation_node)
    geometry = geometry_of(volume_node)
    dtype = np.uint8 if max(schema.values) <= np.iinfo(np.uint8).max else np.uint16
    parts: list[Placed] = []
    strangers: list[str] = []
    names: dict[int, str] = {}
    for placed, owners in _claims(segmentation, geometry):
        table = np.zeros(max(owners) + 2, dtype)
        for number, identifier in owners.items():
            name = segmentation.GetSegment(identifier).GetName()
            value = value_of(segmentation, identifier, schema)
            if value is not None:
                table[number] = value
                names.setdefault(value, name)
            elif (placed.array == number).any():
                strangers.append(name)
        if table.any():
            parts.append(Placed(translated(placed.array, table), placed.box))
    order = [segment.value for segment in schema.segments]
    overlaps = tuple(
        Overlap(names[first], names[second], first, second, voxels)
        for (first, second), voxels in overlapping(parts, order).items()
    )
    array = merged(parts, [*winners, *order], geometry, dtype)
    return Exported(Image(array, geometry), overlaps, tuple(strangers))


def value_of(segmentation: Any, identifier: str, schema: LabelSchema) -> int | None:
    """Return the value of the schema that a segment of a vtkSegmentation counts for, if any."""
    segment = segmentation.GetSegment(identifier)
    tag = tag_of(segment, VALUE)
    if tag_of(segment, OWNER) == identifier and tag.isdecimal() and int(tag) in schema.values:
        return int(tag)
    name = (segment.GetName() or "").strip().casefold()
    return next((s.value for s in schema.segments if s.name.casefold() == name), None)


def tag_of(segment: Any, name: str) -> str:
    """Return a tag of a vtkSegment, "" if it has none of that name."""
    found = vtk.reference("")
    return str(found) if segment.GetTag(name, found) else ""


def adopt_stranger(segmentation_node: Any, segment_name: str, value: int) -> None:
    """Let a segment that the user added count for a value of the schema from now on."""
    segmentation = segmentation_node.GetSegmentation()
    identifier = segmentation.GetSegmentIdBySegmentName(segment_name)
    if not identifier:
        raise InputError(f"There is no segment named {segment_name!r}.")
    _tag(segmentation.GetSegment(identifier), identifier, value)


def source_as_labelmaps(segmentation_node: Any) -> Any:
    """Return the vtkSegmentation with label maps: the node's own, or a converted copy of it.

    The copy is made where the user turned the segments into surfaces for good.
    """
    segmentation = segmentation_node.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0 or segmentation.ContainsRepresentation(
        representation_name()
    ):
        return segmentation
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    if not copy.CreateRepresentation(representation_name()):
        raise InputError(
            f"The segments of {segmentation_node.GetName()} cannot be turned into a label map: "
            "undo the conversion of their representation in the module Segmentations."
        )
    return copy


def _checked_layer(volume_node: Any, schema: LabelSchema, label: Image | None) -> Any:
    """Return the label map, or nothing, as a layer on the voxels of the volume."""
    geometry = geometry_of(volume_node)
    if label is None:
        return make_layer(np.zeros((1, 1, 1), np.uint8), geometry)
    check_geometry(volume_node.GetName(), label, geometry)
    array = label.array
    if array.dtype not in (np.uint8, np.uint16):
        array = np.clip(array, 0, LARGEST_VALUE).astype(np.uint16)
        if not np.array_equal(array, label.array):
            raise InputError(
                f"The label map of {volume_node.GetName()} holds values that are not whole "
                f"numbers from 0 to {LARGEST_VALUE}."
            )
    part = array[occupied(array) or ()]
    known = np.zeros(LARGEST_VALUE + 1, bool)
    known[[0, *schema.values]] = True
    unknown = sorted({int(v) for k in part if not known[k].all() for v in np.unique(k[~known[k]])})
    if unknown:
        raise InputError(
            f"The label map of {volume_node.GetName()} holds the values {unknown}, which the "
            f"project's schema does not have (it has {sorted(schema.values)})."
        )
    numbers = _numbers(schema)
    if any(value != number for value, number in numbers.items()):
        table = np.zeros(LARGEST_VALUE + 1, np.min_scalar_type(max(numbers.values())))
        table[list(numbers)] = list(numbers.values())
        array = translated(array, table)
    return make_layer(array, geometry)


def _numbers(schema: LabelSchema) -> dict[int, int]:
    """Return value → number within a layer: the value itself if a byte holds all of them.

    Slicer (5.11) loses what is painted under a number above 255 into a layer that is empty.
    """
    if max(schema.values) <= np.iinfo(np.uint8).max:
        return {value: value for value in schema.values}
    return {segment.value: place + 1 for place, segment in enumerate(schema.segments)}


def _made_segment(segment: Segment, terminology: str | None) -> Any:
    made = slicer.vtkSegment()
    made.SetName(segment.name)
    made.SetColor(*(int(segment.color[start : start + 2], 16) / 255 for start in (1, 3, 5)))
    # Otherwise Slicer renames and recolours the segment when its terminology changes.
    made.SetNameAutoGenerated(False)
    made.SetColorAutoGenerated(False)
    if terminology is not None:
        made.SetTag(made.GetTerminologyEntryTagName(), terminology)
    _tag(made, segment_id(segment.value), segment.value)
    return made


def _tag(segment: Any, identifier: str, value: int) -> None:
    segment.SetTag(VALUE, str(value))
    segment.SetTag(OWNER, identifier)


def _keep_as_labelmaps(segmentation: Any) -> None:
    """Make label maps what the segmentation is edited as, whatever it was turned into."""
    name = representation_name()
    if segmentation.GetSourceRepresentationName() != name:
        segmentation.CreateRepresentation(name)
        segmentation.SetSourceRepresentationName(name)


def _claims(segmentation: Any, geometry: Geometry) -> Iterator[tuple[Placed, dict[int, str]]]:
    """Yield the values of each layer on the image, and number → segment id of who owns them."""
    layers: list[tuple[Any, dict[int, str]]] = []
    for identifier in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(identifier)
        layer = segment.GetRepresentation(representation_name())
        number = segment.GetLabelValue()
        if layer is None or number <= 0:
            continue
        for known, owners in layers:
            if known is layer and number not in owners:
                owners[number] = identifier
                break
        else:
            layers.append((layer, {number: identifier}))
    for layer, owners in layers:
        placed = read_layer(layer, geometry)
        if placed is not None:
            yield placed, owners
