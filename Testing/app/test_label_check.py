"""What is odd about a label map."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ActiveSeedLib.app.label_check import STRAY_SHARE, check_label
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project import LabelSchema

SCHEMA = LabelSchema.parse("1=liver,5=kidneys")
BIG = Geometry((40, 40, 40))


def big() -> np.ndarray:
    array = np.zeros(BIG.shape, np.uint8)
    array[5:30, 5:30, 5:20] = 1
    return array


def kinds(array: np.ndarray, geometry: Geometry = BIG, usual: tuple[int, ...] = ()) -> list[str]:
    return [f.kind for f in check_label(Image(array, geometry), geometry, SCHEMA, usual)]


def test_a_good_label_map_has_no_finding() -> None:
    assert kinds(big(), usual=(1,)) == []


def test_an_empty_one_is_only_empty() -> None:
    found = check_label(Image(np.zeros(BIG.shape, np.uint8), BIG), BIG, SCHEMA, (1, 5))
    assert [f.kind for f in found] == ["empty"]


def test_another_geometry_is_said_as_saving_would() -> None:
    other = Geometry(BIG.size, (1.0, 1.0, 2.0))
    found = check_label(Image(big(), BIG), other, SCHEMA, ())
    assert [f.kind for f in found] == ["geometry"]
    assert "spacing" in found[0].sentence
    assert kinds(big()[:-1]) == ["geometry"]


def test_two_kidneys_are_no_finding() -> None:
    array = big()
    array[10:18, 10:18, 25:29] = 5
    array[10:16, 10:18, 33:37] = 5
    assert kinds(array) == []


def test_a_lesion_of_five_millimetres_is_none_either_but_a_spot_is() -> None:
    array = big()
    array[33:37, 33:37, 33:37] = 1  # 64 mm³, below 1 % of the liver
    assert kinds(array) == []
    array[33:37, 33:37, 33:37] = 0
    array[33, 33:35, 33:35] = 1
    array[2, 38, 1] = 1
    found = check_label(Image(array, BIG), BIG, SCHEMA, ())
    assert [f.kind for f in found] == ["islands"]
    assert "liver has 2 stray islands" in found[0].sentence
    assert "the largest has 4 voxels" in found[0].sentence
    assert found[0].position in set(product((33, 34), (33, 34), (33,)))


def test_a_position_is_ijk() -> None:
    array = big()
    array[2, 38, 1] = 1
    (found,) = check_label(Image(array, BIG), BIG, SCHEMA, ())
    assert found.position == (1, 38, 2)
    assert "1 stray island apart from its main part; the largest has 1 voxel." in found.sentence


def test_a_few_large_voxels_are_stray_too() -> None:
    geometry = Geometry(BIG.size, (4.0, 4.0, 4.0))  # one voxel is 64 mm³
    array = big()
    array[35, 35, 35] = 1
    assert kinds(array, geometry) == ["islands"]


def test_parts_that_touch_at_an_edge_alone_are_apart() -> None:
    array = big()
    array[30, 30, 10] = 1  # shares an edge with the block, no face
    assert kinds(array) == ["islands"]
    array[29, 30, 10] = 1
    assert kinds(array) == []


def test_a_flat_picture_is_checked_alike() -> None:
    flat = Geometry((64, 64, 1), (0.2, 0.2, 1.0))
    array = np.zeros(flat.shape, np.uint8)
    array[0, 5:45, 5:45] = 1
    assert kinds(array, flat) == []
    array[0, 60, 60:62] = 1
    assert kinds(array, flat) == ["islands"]


def test_every_usual_structure_is_missed_and_no_other() -> None:
    array = np.where(big() == 1, 5, 0).astype(np.uint16)
    found = check_label(Image(array, BIG), BIG, SCHEMA, (1, 5))
    assert [(f.kind, f.position) for f in found] == [("missing", None)]
    assert found[0].sentence.startswith("There is no liver")
    assert kinds(array) == []


def parts(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
    """Return the face-connected parts of a mask by flooding, voxel by voxel."""
    left = {tuple(map(int, voxel)) for voxel in np.argwhere(mask)}
    found = []
    while left:
        part, front = set(), [left.pop()]
        while front:
            voxel = front.pop()
            part.add(voxel)
            for axis, step in product(range(3), (-1, 1)):
                near = tuple(v + step * (a == axis) for a, v in enumerate(voxel))
                if near in left:
                    left.remove(near)
                    front.append(near)
        found.append(part)
    return found


@given(arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, 0, 1, 5])), st.booleans())
def test_islands_are_those_that_flooding_finds(array: np.ndarray, with_block: bool) -> None:
    whole = np.zeros((12, 10, 60), np.uint8)
    whole[:4, :5, 54:] = array
    if with_block:
        whole[:, :, :50] = 1
    geometry = Geometry((60, 10, 12))
    found = check_label(Image(whole, geometry), geometry, SCHEMA, ())
    told = {f.sentence.split(" has ")[0]: f for f in found if f.kind == "islands"}
    for segment in SCHEMA.segments:
        all_parts = parts(whole == segment.value)
        most = max(map(len, all_parts), default=0)
        stray = [p for p in all_parts if len(p) < STRAY_SHARE * most and len(p) <= 50]
        assert (segment.name in told) == bool(stray)
        if stray:
            position = told[segment.name].position
            assert position is not None
            largest = max(map(len, stray))
            assert any(position[::-1] in p and len(p) == largest for p in stray)
            assert f"has {len(stray)} stray island" in told[segment.name].sentence


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint16, np.float32])
def test_any_array_of_whole_numbers_is_read(kind: type) -> None:
    assert kinds(big().astype(kind), usual=(1,)) == []
