"""Unfinished segments on disk and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.errors import ActiveSeedError, UnreadableImageError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.drafts import read_draft, write_draft
from ActiveSeedLib.scene.segments import add_segmentation, label_of, segment_id
from Testing.scene.conftest import GEOMETRIES, census, labels
from Testing.scene.test_segments import PLAIN, Opened, blob, box


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Fälle mit Leerzeichen" / "case.seg.nrrd"


def read(scene: Any, path: Path, case: Opened) -> Any:
    return read_draft(scene, path, case.volume, case.schema, "draft", "abc")


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_there_and_back(scene: Any, schema: LabelSchema, path: Path, geometry: Geometry) -> None:
    label = labels(geometry, schema)
    case = Opened(scene, schema, geometry, label)
    write_draft(case.node, path)
    node = read(scene, path, case)
    exported = label_of(node, case.volume, schema)
    np.testing.assert_array_equal(exported.image.array, label.array)
    assert node.GetAttribute("ActiveSeed.case") == "abc"
    assert node.GetName() == "draft"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_everything_the_user_did_comes_back(scene: Any, schema: LabelSchema, path: Path) -> None:
    case = Opened(scene, schema, PLAIN, labels(PLAIN, schema))
    mask = box(PLAIN, slice(1, 4), slice(0, 5))
    case.paint(segment_id(3), mask, PLAIN, over=True)
    case.paint(segment_id(1), mask, PLAIN, over=True)
    added = case.segmentation.AddEmptySegment("", "Tumour ü | x:y")
    case.paint(added, mask, PLAIN, over=True)
    case.segment(7).SetName("Milz")
    case.segment(7).SetColor(0.25, 0.5, 0.75)
    case.segmentation.SetSegmentIndex(segment_id(1), 0)
    before = case.export(1)
    assert before.overlaps
    assert before.strangers == ("Tumour ü | x:y",)

    write_draft(case.node, path)
    node = read(scene, path, case)
    after = label_of(node, case.volume, schema, (1,))
    np.testing.assert_array_equal(after.image.array, before.image.array)
    assert after.overlaps == before.overlaps
    assert after.strangers == before.strangers
    segmentation = node.GetSegmentation()
    assert segmentation.GetSegmentIDs() == case.segmentation.GetSegmentIDs()
    segment = segmentation.GetSegment(segment_id(7))
    assert segment.GetName() == "Milz"
    np.testing.assert_allclose(segment.GetColor(), (0.25, 0.5, 0.75), atol=0.01)


def test_writing_leaves_the_segmentation_as_it_is(
    scene: Any, schema: LabelSchema, path: Path
) -> None:
    """Slicer itself rearranges the layers of what it saves, in the middle of the user's work."""
    case = Opened(scene, schema, PLAIN, labels(PLAIN, schema))
    for value in (3, 1, 7):
        case.paint(segment_id(value), box(PLAIN, slice(1, 4)), PLAIN, over=True)
    before = case.export()
    told: list[str] = []
    case.segmentation.AddObserver("AnyEvent", lambda _, event: told.append(event))
    layers = [case.segment(value).GetRepresentation("Binary labelmap") for value in (7, 3, 300, 1)]
    numbers = [case.segment(value).GetLabelValue() for value in (7, 3, 300, 1)]
    nodes = census(scene)
    write_draft(case.node, path)
    write_draft(case.node, path)
    assert told == []
    assert census(scene) == nodes
    for value, layer, number in zip((7, 3, 300, 1), layers, numbers, strict=True):
        assert case.segment(value).GetRepresentation("Binary labelmap") is layer
        assert case.segment(value).GetLabelValue() == number
    np.testing.assert_array_equal(case.export().image.array, before.image.array)
    assert case.export().overlaps == before.overlaps


@pytest.mark.parametrize("voxel", [(0, 0, 0), (4, 6, 8), (2, 3, 4)])
def test_a_single_voxel_comes_back(
    scene: Any, schema: LabelSchema, path: Path, voxel: tuple[int, int, int]
) -> None:
    array = np.zeros(PLAIN.shape, np.uint8)
    array[voxel] = 3
    case = Opened(scene, schema, PLAIN, Image(array, PLAIN))
    write_draft(case.node, path)
    exported = label_of(read(scene, path, case), case.volume, schema)
    np.testing.assert_array_equal(exported.image.array, array)


def test_a_draft_without_voxels_comes_back_and_can_be_painted(
    scene: Any, schema: LabelSchema, path: Path
) -> None:
    case = Opened(scene, schema, PLAIN, None)
    write_draft(case.node, path)
    case.node = read(scene, path, case)
    assert not case.export().image.array.any()
    mask = box(PLAIN, slice(1, 2))
    for value in (300, 7):
        case.paint(segment_id(value), mask, PLAIN, over=False)
        np.testing.assert_array_equal(case.export().image.array, np.where(mask, value, 0))


def test_segments_that_a_draft_lacks_are_added(scene: Any, schema: LabelSchema, path: Path) -> None:
    """The user deleted one, and the schema has grown since."""
    less = LabelSchema(schema.segments[:2])
    label = labels(PLAIN, less)
    volume = Opened(scene, schema, PLAIN, None).volume
    node = add_segmentation(scene, volume, less, "segments", "abc", label)
    node.GetSegmentation().RemoveSegment(segment_id(7))
    write_draft(node, path)
    back = read_draft(scene, path, volume, schema, "draft", "abc")
    ids = back.GetSegmentation().GetSegmentIDs()
    assert sorted(ids) == sorted(segment_id(value) for value in schema.values)
    expected = np.where(label.array == 3, 3, 0)
    np.testing.assert_array_equal(label_of(back, volume, schema).image.array, expected)


def test_segments_turned_into_surfaces_are_kept_as_voxels(
    scene: Any, schema: LabelSchema, path: Path
) -> None:
    label = blob(schema)
    case = Opened(scene, schema, label.geometry, label)
    case.segmentation.CreateRepresentation("Closed surface")
    case.segmentation.SetSourceRepresentationName("Closed surface")
    case.segmentation.RemoveRepresentation("Binary labelmap")
    before = case.export().image.array
    write_draft(case.node, path)
    after = label_of(read(scene, path, case), case.volume, schema).image.array
    np.testing.assert_array_equal(after, before)


def test_a_damaged_draft_is_told_and_leaves_nothing(
    scene: Any, schema: LabelSchema, path: Path
) -> None:
    case = Opened(scene, schema, PLAIN, labels(PLAIN, schema))
    write_draft(case.node, path)
    whole = path.read_bytes()
    nodes = census(scene)
    for content in (None, b"", b"nonsense", whole[: len(whole) // 2], whole[:-20]):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UnreadableImageError, match=r"case\.seg\.nrrd"):
            read(scene, path, case)
        assert census(scene) == nodes


def test_a_draft_that_cannot_be_written_is_told(
    scene: Any, schema: LabelSchema, path: Path
) -> None:
    case = Opened(scene, schema, PLAIN, labels(PLAIN, schema))
    path.parent.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ActiveSeedError, match="cannot be written"):
        write_draft(case.node, path)
