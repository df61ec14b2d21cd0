"""Layers become one label map: the fast way against the obvious one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.scene.layers import Placed, occupied
from ActiveSeedLib.scene.merge import merged, overlapping, translated

SHAPE = (3, 4, 5)
ORDER = [4, 2, 300, 1]


@st.composite
def placed(draw: st.DrawFn) -> Placed:
    sides = []
    for length in SHAPE:
        start = draw(st.integers(0, length - 1))
        sides.append(slice(start, draw(st.integers(start + 1, length))))
    shape = tuple(side.stop - side.start for side in sides)
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    array = random.choice(np.array([0, 0, *ORDER], np.uint16), shape)
    return Placed(array, (sides[0], sides[1], sides[2]))


def claims(parts: list[Placed], voxel: tuple[int, ...]) -> list[int]:
    found = []
    for part in parts:
        inner = tuple(at - side.start for at, side in zip(voxel, part.box, strict=True))
        if all(0 <= at < length for at, length in zip(inner, part.array.shape, strict=True)):
            found.append(int(part.array[inner]))
    return [value for value in found if value]


@given(st.lists(placed(), max_size=4), st.permutations(ORDER))
def test_the_value_that_comes_first_wins_every_voxel(
    parts: list[Placed], precedence: list[int]
) -> None:
    result = merged(parts, [*precedence, *ORDER], Geometry(SHAPE[::-1]), np.uint16)
    expected = np.zeros(SHAPE, np.uint16)
    for voxel in np.ndindex(SHAPE):
        expected[voxel] = min(claims(parts, voxel), key=precedence.index, default=0)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == np.uint16


@given(st.lists(placed(), max_size=4))
def test_every_pair_of_layers_that_disagrees_is_counted(parts: list[Placed]) -> None:
    expected: dict[tuple[int, int], int] = {}
    for voxel in np.ndindex(SHAPE):
        values = claims(parts, voxel)
        for i, one in enumerate(values):
            for other in values[i + 1 :]:
                if one != other:
                    first, second = sorted((one, other), key=ORDER.index)
                    expected[first, second] = expected.get((first, second), 0) + 1
    assert overlapping(parts, ORDER) == expected
    assert list(overlapping(parts, ORDER)) == sorted(
        expected, key=lambda pair: [ORDER.index(value) for value in pair]
    )


def test_translating_knows_only_what_the_table_knows() -> None:
    table = np.array([0, 10, 20, 0], np.uint16)
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.float32):
        array = np.array([[[0, 1, 2, 3, 100]]], dtype)
        assert translated(array, table).tolist() == [[[0, 10, 20, 0, 0]]]
    assert translated(np.array([[[-1, -7, 1]]], np.int16), table).tolist() == [[[0, 0, 10]]]


@given(placed())
def test_occupied_is_the_smallest_box(part: Placed) -> None:
    box = occupied(part.array)
    where = np.argwhere(part.array)
    if not len(where):
        assert box is None
        return
    assert box is not None
    assert [side.start for side in box] == where.min(0).tolist()
    assert [side.stop - 1 for side in box] == where.max(0).tolist()
