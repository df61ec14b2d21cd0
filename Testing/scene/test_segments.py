"""A label map becomes segments and comes back, whatever the user did to them in between."""

from typing import Any

import numpy as np
import pytest
import slicer
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema, Segment
from ActiveSeedLib.scene.layers import make_layer
from ActiveSeedLib.scene.segments import (
    Overlap,
    add_segmentation,
    adopt_stranger,
    label_of,
    segment_id,
    set_label,
)
from ActiveSeedLib.scene.volumes import add_volume, scalars
from Testing.host import core
from Testing.scene.conftest import GEOMETRIES, census, grey, labels

PLAIN = GEOMETRIES["plain"]


class Opened:
    def __init__(self, scene: Any, schema: LabelSchema, geometry: Geometry, label: Image | None):
        self.schema = schema
        self.volume = add_volume(scene, grey(geometry), "case", "abc")
        self.node = add_segmentation(scene, self.volume, schema, "segments", "abc", label)
        self.segmentation = self.node.GetSegmentation()

    def export(self, *winners: int) -> Any:
        return label_of(self.node, self.volume, self.schema, winners)

    def segment(self, value: int) -> Any:
        return self.segmentation.GetSegment(segment_id(value))

    def lay(self, layer: Any) -> None:
        """Let all segments lie on a layer that holds the schema's values."""
        for value in self.schema.values:
            self.segment(value).AddRepresentation("Binary labelmap", layer)
            self.segment(value).SetLabelValue(value)

    def paint(self, identifier: str, mask: Any, geometry: Geometry, *, over: bool) -> None:
        """As the Segment Editor's brush does: over the other segments, or instead of them."""
        others = () if over else tuple(self.segmentation.GetSegmentIDs())
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        brush = make_layer(mask.astype(np.uint8), geometry)
        assert logic.SetBinaryLabelmapToSegment(
            brush, self.node, identifier, logic.MODE_MERGE_MASK, brush.GetExtent(), False, others
        )


@pytest.fixture
def opened(scene: Any, schema: LabelSchema) -> Opened:
    return Opened(scene, schema, PLAIN, labels(PLAIN, schema))


def box(geometry: Geometry, *parts: slice) -> np.ndarray:
    mask = np.zeros(geometry.shape, bool)
    mask[parts] = True
    return mask


def painted(image: Image, mask: np.ndarray, value: int) -> np.ndarray:
    array = image.array.copy()
    array[mask] = value
    return array


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_there_and_back(scene: Any, schema: LabelSchema, geometry: Geometry) -> None:
    label = labels(geometry, schema)
    case = Opened(scene, schema, geometry, label)
    exported = case.export()
    np.testing.assert_array_equal(exported.image.array, label.array)
    assert exported.image.array.dtype == np.uint16
    assert exported.image.geometry.is_close(geometry, 1e-9)
    assert (exported.overlaps, exported.strangers) == ((), ())


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_slicer_sees_each_segment_where_it_is(
    scene: Any, schema: LabelSchema, geometry: Geometry
) -> None:
    label = labels(geometry, schema)
    case = Opened(scene, schema, geometry, label)
    for value in schema.values:
        seen = slicer.util.arrayFromSegmentBinaryLabelmap(case.node, segment_id(value), case.volume)
        np.testing.assert_array_equal(seen != 0, label.array == value)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_labels_come_back(data: st.DataObject) -> None:
    core.start()
    size = data.draw(st.tuples(*[st.integers(1, 5)] * 3))
    values = data.draw(st.lists(st.integers(1, 65535), min_size=1, max_size=5, unique=True))
    held = data.draw(st.lists(st.sampled_from([0, *values]), min_size=1, max_size=12))
    schema = LabelSchema(tuple(Segment(value, f"s{value}", "#ff0000") for value in values))
    geometry = Geometry(size, (1.0, 2.0, 0.3), (-5.0, 4.0, 3.0))
    label = Image(np.resize(np.array(held, np.uint16), geometry.shape), geometry)
    case = Opened(slicer.mrmlScene, schema, geometry, label)
    exported = case.export()
    for node in (case.node, case.volume):
        slicer.mrmlScene.RemoveNode(node)
    np.testing.assert_array_equal(exported.image.array, label.array)
    assert exported.image.array.dtype == (np.uint8 if max(values) < 256 else np.uint16)


def test_segments_bear_what_the_schema_says(opened: Opened, schema: LabelSchema) -> None:
    ids = opened.segmentation.GetSegmentIDs()
    assert list(ids) == [segment_id(segment.value) for segment in schema.segments]
    for segment in schema.segments:
        found = opened.segment(segment.value)
        assert found.GetName() == segment.name
        color = [round(255 * channel) for channel in found.GetColor()]
        assert "#{:02x}{:02x}{:02x}".format(*color) == segment.color.lower()
    assert opened.node.GetAttribute("ActiveSeed.case") == "abc"
    assert opened.segmentation.GetNumberOfLayers() == 1


def test_a_terminology_is_kept_and_renames_nothing(scene: Any, schema: LabelSchema) -> None:
    volume = add_volume(scene, grey(PLAIN), "case", "abc")
    entry = f"{core.TERMINOLOGY}~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~~^^~^^"
    node = add_segmentation(scene, volume, schema, "segments", "abc", None, {3: entry})
    segment = node.GetSegmentation().GetSegment(segment_id(3))
    assert segment.GetTerminology() == entry
    assert segment.GetName() == "Liver"
    assert not segment.GetNameAutoGenerated()


@pytest.mark.parametrize("value", [1, 3, 7, 300])
def test_an_empty_segment_can_be_painted(scene: Any, schema: LabelSchema, value: int) -> None:
    case = Opened(scene, schema, PLAIN, None)
    assert not case.export().image.array.any()
    mask = box(PLAIN, slice(1, 3), slice(2, 6), slice(0, 4))
    case.paint(segment_id(value), mask, PLAIN, over=False)
    np.testing.assert_array_equal(case.export().image.array, np.where(mask, value, 0))


def test_names_order_colours_and_visibility_do_not_matter(opened: Opened) -> None:
    before = opened.export().image.array
    opened.segment(3).SetName("Spleen")  # the name of 7
    opened.segment(7).SetName("Milz ü | x:y")
    opened.segment(1).SetColor(0, 0, 0)
    opened.segmentation.SetSegmentIndex(segment_id(1), 0)
    opened.node.GetDisplayNode().SetSegmentVisibility(segment_id(300), False)
    np.testing.assert_array_equal(opened.export().image.array, before)


def test_painting_instead_of_others(opened: Opened, schema: LabelSchema) -> None:
    mask = box(PLAIN, slice(0, 3), slice(1, 5), slice(2, 9))
    opened.paint(segment_id(7), mask, PLAIN, over=False)
    exported = opened.export()
    expected = painted(labels(PLAIN, schema), mask, 7)
    np.testing.assert_array_equal(exported.image.array, expected)
    assert exported.overlaps == ()


def test_overlaps_are_counted_and_decided_by_the_winners(
    opened: Opened, schema: LabelSchema
) -> None:
    before = labels(PLAIN, schema).array
    mask = box(PLAIN, slice(0, 3), slice(1, 5), slice(2, 9))
    opened.paint(segment_id(3), mask, PLAIN, over=True)
    opened.segment(1).SetName("GB")
    assert opened.segmentation.GetNumberOfLayers() == 2
    exported = opened.export()
    counts = {value: int(np.sum(mask & (before == value))) for value in (7, 300, 1)}
    assert all(counts.values())
    assert exported.overlaps == (
        Overlap("Spleen", "Liver", 7, 3, counts[7]),
        Overlap("Liver", "Kidney (left)", 3, 300, counts[300]),
        Overlap("Liver", "GB", 3, 1, counts[1]),
    )
    for winners, stays in (((), {7}), ((3,), set()), ((1, 3), {1}), ((300, 1, 7, 3), {300, 1, 7})):
        expected = np.where(mask & ~np.isin(before, list(stays)), 3, before)
        np.testing.assert_array_equal(opened.export(*winners).image.array, expected)


def test_three_segments_on_one_voxel_are_three_overlaps(scene: Any, schema: LabelSchema) -> None:
    case = Opened(scene, schema, PLAIN, None)
    mask = box(PLAIN, slice(2, 3), slice(3, 4), slice(4, 5))
    for value in (1, 3, 7):
        case.paint(segment_id(value), mask, PLAIN, over=True)
    found = {(o.first_value, o.second_value): o.voxels for o in case.export().overlaps}
    assert found == {(7, 3): 1, (7, 1): 1, (3, 1): 1}
    assert case.export(1).image.array[2, 3, 4] == 1
    assert case.export(3, 1).image.array[2, 3, 4] == 3
    assert case.export().image.array[2, 3, 4] == 7, "the schema's order decides otherwise"


def test_the_layer_changed_directly_is_what_counts(opened: Opened, schema: LabelSchema) -> None:
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(opened.node, segment_id(3))
    array[0, 0, :] = opened.segment(300).GetLabelValue()
    expected = labels(PLAIN, schema).array
    expected[0, 0, :] = 300
    np.testing.assert_array_equal(opened.export().image.array, expected)


def test_a_deleted_segment_is_gone_and_the_others_stay(opened: Opened, schema: LabelSchema) -> None:
    opened.segmentation.RemoveSegment(segment_id(3))
    before = labels(PLAIN, schema).array
    np.testing.assert_array_equal(opened.export().image.array, np.where(before == 3, 0, before))


def test_a_segment_added_by_hand_counts_by_its_name(opened: Opened, schema: LabelSchema) -> None:
    opened.segmentation.RemoveSegment(segment_id(3))
    added = opened.segmentation.AddEmptySegment("", "LIVER")
    mask = box(PLAIN, slice(0, 2))
    opened.paint(added, mask, PLAIN, over=False)
    before = labels(PLAIN, schema).array
    expected = np.where(mask, 3, np.where(before == 3, 0, before))
    np.testing.assert_array_equal(opened.export().image.array, expected)
    assert opened.export().strangers == ()


def test_strangers_are_named_and_left_out_until_adopted(
    opened: Opened, schema: LabelSchema
) -> None:
    before = labels(PLAIN, schema).array
    added = opened.segmentation.AddEmptySegment("", "Tumour")
    opened.segmentation.AddEmptySegment("", "Nothing in it")
    assert opened.export().strangers == ()
    mask = box(PLAIN, slice(1, 3), slice(0, 5))
    opened.paint(added, mask, PLAIN, over=True)
    exported = opened.export()
    assert exported.strangers == ("Tumour",)
    assert exported.overlaps == ()
    np.testing.assert_array_equal(exported.image.array, before)

    adopt_stranger(opened.node, "Tumour", 3)
    opened.segmentation.GetSegment(added).SetName("renamed")
    exported = opened.export(3)
    assert exported.strangers == ()
    np.testing.assert_array_equal(exported.image.array, np.where(mask, 3, before))
    with pytest.raises(InputError, match="no segment named"):
        adopt_stranger(opened.node, "Tumour", 3)


def test_a_copy_of_a_segment_is_a_stranger(opened: Opened, schema: LabelSchema) -> None:
    copy = slicer.vtkSegment()
    copy.DeepCopy(opened.segment(3))
    copy.SetName("Liver before")
    opened.segmentation.AddSegment(copy, "ActiveSeed_3_1")
    exported = opened.export()
    np.testing.assert_array_equal(exported.image.array, labels(PLAIN, schema).array)
    assert exported.strangers == ("Liver before",)


@pytest.mark.parametrize(
    ("low", "high"), [((2, 1, 1), (7, 5, 4)), ((-3, -2, -1), (12, 9, 8)), ((4, 0, 0), (4, 3, 2))]
)
def test_a_segmentation_smaller_or_larger_than_the_volume(
    scene: Any, schema: LabelSchema, low: tuple[int, ...], high: tuple[int, ...]
) -> None:
    """The layer begins and ends elsewhere than the image, on the image's lattice."""
    geometry = GEOMETRIES["oblique"]
    case = Opened(scene, schema, geometry, None)
    size = tuple(b - a + 1 for a, b in zip(low, high, strict=True))
    inner = labels(Geometry((size[0], size[1], size[2])), schema).array
    layer = make_layer(np.ones(geometry.shape, np.uint8), geometry)
    layer.SetExtent(low[0], high[0], low[1], high[1], low[2], high[2])
    layer.GetPointData().SetScalars(scalars(inner))
    case.lay(layer)
    expected = np.zeros(geometry.shape, np.uint16)
    for k, j, i in np.ndindex(inner.shape):
        place = (k + low[2], j + low[1], i + low[0])
        if all(0 <= index < length for index, length in zip(place, geometry.shape, strict=True)):
            expected[place] = inner[k, j, i]
    np.testing.assert_array_equal(case.export().image.array, expected)


def test_a_layer_on_a_finer_lattice_is_read_by_nearest_voxel(
    scene: Any, schema: LabelSchema
) -> None:
    case = Opened(scene, schema, PLAIN, None)
    fine = Geometry((27, 21, 15), (1 / 3, 1 / 3, 1 / 3), (-1 / 3, -1 / 3, -1 / 3))
    coarse = labels(PLAIN, schema).array
    array = coarse.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    array[0, 0, 0] = 1 if array[0, 0, 0] != 1 else 3  # off every voxel's centre
    layer = make_layer(array, fine)
    case.lay(layer)
    np.testing.assert_array_equal(case.export().image.array, coarse)


def test_a_layer_with_other_axes_is_read_where_it_lies(scene: Any, schema: LabelSchema) -> None:
    case = Opened(scene, schema, PLAIN, None)
    label = labels(PLAIN, schema).array
    turned = Geometry((9, 7, 5), (1.0, 1.0, 1.0), (8, 6, 0), (-1, 0, 0, 0, -1, 0, 0, 0, 1))
    layer = make_layer(label[:, ::-1, ::-1], turned)
    case.lay(layer)
    np.testing.assert_array_equal(case.export().image.array, label)


def test_surfaces_shown_in_3d_change_nothing(scene: Any, schema: LabelSchema) -> None:
    label = blob(schema)
    case = Opened(scene, schema, label.geometry, label)
    assert case.segmentation.CreateRepresentation("Closed surface")
    np.testing.assert_array_equal(case.export().image.array, label.array)
    set_label(case.node, case.volume, schema, label)
    assert case.segmentation.ContainsRepresentation("Closed surface"), "still shown in 3-D"


def test_segments_turned_into_surfaces_for_good_are_still_exported(
    scene: Any, schema: LabelSchema
) -> None:
    label = blob(schema)
    case = Opened(scene, schema, label.geometry, label)
    case.segmentation.SetConversionParameter("Smoothing factor", "0.0")
    case.segmentation.CreateRepresentation("Closed surface")
    case.segmentation.SetSourceRepresentationName("Closed surface")
    case.segmentation.RemoveRepresentation("Binary labelmap")
    array = case.export().image.array
    for value in (3, 7):
        both = np.sum((array == value) & (label.array == value))
        assert 2 * both / (np.sum(array == value) + np.sum(label.array == value)) > 0.9
    assert case.segmentation.GetSourceRepresentationName() == "Closed surface", "left as it was"
    set_label(case.node, case.volume, schema, label)
    np.testing.assert_array_equal(case.export().image.array, label.array)


def blob(schema: LabelSchema) -> Image:
    geometry = Geometry((24, 24, 24))
    array = np.zeros(geometry.shape, np.uint16)
    array[4:12, 4:20, 4:20] = 3
    array[12:20, 4:20, 4:20] = 7
    return Image(array, geometry)


class TestSetLabel:
    @pytest.fixture(autouse=True)
    def _edited(self, opened: Opened, schema: LabelSchema) -> None:
        """Overlaps, an addition that counts, one that does not, a deletion, a new name."""
        self.mask = box(PLAIN, slice(1, 4))
        added = opened.segmentation.AddEmptySegment("", "liver")
        self.other = opened.segmentation.AddEmptySegment("", "Tumour")
        for identifier in (added, self.other, segment_id(7)):
            opened.paint(identifier, self.mask, PLAIN, over=True)
        opened.segmentation.RemoveSegment(segment_id(300))
        opened.segment(1).SetName("GB")

    def test_it_replaces_what_counts(self, opened: Opened, schema: LabelSchema) -> None:
        label = labels(PLAIN, schema, seed=9)
        set_label(opened.node, opened.volume, schema, label)
        exported = opened.export()
        np.testing.assert_array_equal(exported.image.array, label.array)
        assert exported.overlaps == ()

    def test_it_keeps_what_the_user_made(self, opened: Opened, schema: LabelSchema) -> None:
        set_label(opened.node, opened.volume, schema, labels(PLAIN, schema, seed=9))
        assert opened.segment(1).GetName() == "GB"
        assert opened.export().strangers == ("Tumour",)
        seen = slicer.util.arrayFromSegmentBinaryLabelmap(opened.node, self.other, opened.volume)
        np.testing.assert_array_equal(seen != 0, self.mask)

    def test_the_views_and_the_editor_are_told(self, opened: Opened, schema: LabelSchema) -> None:
        told: list[str] = []
        event = slicer.vtkSegmentation.SourceRepresentationModified
        tag = opened.segmentation.AddObserver(event, lambda *_: told.append("changed"))
        set_label(opened.node, opened.volume, schema, labels(PLAIN, schema, seed=9))
        opened.segmentation.RemoveObserver(tag)
        assert told

    def test_painting_goes_on_as_before(self, opened: Opened, schema: LabelSchema) -> None:
        label = labels(PLAIN, schema, seed=9)
        set_label(opened.node, opened.volume, schema, label)
        mask = box(PLAIN, slice(0, 2), slice(3, 5))
        opened.paint(segment_id(300), mask, PLAIN, over=False)
        np.testing.assert_array_equal(opened.export().image.array, painted(label, mask, 300))


@pytest.mark.parametrize(
    ("array", "geometry", "words"),
    [
        (np.full(PLAIN.shape, 2, np.uint8), PLAIN, "schema"),
        (np.zeros((5, 7, 8), np.uint8), PLAIN, "voxels"),
        (np.zeros(PLAIN.shape, np.uint8), Geometry(PLAIN.size, origin=(5, 0, 0)), "origin"),
        (np.full(PLAIN.shape, 0.5), PLAIN, "whole numbers"),
        (np.full(PLAIN.shape, -3), PLAIN, "whole numbers"),
    ],
)
def test_a_label_map_that_does_not_fit_is_refused_and_leaves_nothing(
    scene: Any, schema: LabelSchema, array: np.ndarray, geometry: Geometry, words: str
) -> None:
    volume = add_volume(scene, grey(PLAIN), "case", "abc")
    before = census(scene)
    with pytest.raises(InputError, match=words):
        add_segmentation(scene, volume, schema, "segments", "abc", Image(array, geometry))
    assert census(scene) == before


def test_a_label_map_of_another_type_of_number_is_taken(scene: Any, schema: LabelSchema) -> None:
    label = labels(PLAIN, schema)
    for dtype in (np.int64, np.float32, np.int16):
        case = Opened(scene, schema, PLAIN, Image(label.array.astype(dtype), PLAIN))
        np.testing.assert_array_equal(case.export().image.array, label.array)


def test_a_segmentation_moved_away_from_its_volume_is_refused(scene: Any, opened: Opened) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    opened.node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="transform"):
        opened.export()
    opened.volume.SetAndObserveTransformNodeID(transform.GetID())
    assert opened.export().image.array.any()
