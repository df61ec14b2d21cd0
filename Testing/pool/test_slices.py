"""Slices of volumes as cases: where their voxels lie, their names, how often a file is read."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.pool.case import Case, Geometry, Image
from ActiveSeedLib.pool.slices import (
    SliceReader,
    common_slice_axis,
    cut,
    slice_axis,
    slice_key,
    slices_of,
    split_key,
)

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # I runs along P, J along S, K along L


def _image(geometry: Geometry) -> Image:
    array = np.arange(np.prod(geometry.size), dtype=np.int32).reshape(geometry.shape)
    return Image(array, geometry)


def _case(geometry: Geometry, key: str = "a" * 32) -> Case:
    return Case(key, "liver_04", "liver_04.nii.gz", "nifti", ("liver_04.nii.gz",), geometry)


def _as_sitk(geometry: Geometry) -> sitk.Image:
    image = sitk.Image(*geometry.size, sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image


@settings(max_examples=25)
@given(
    axis=st.integers(0, 2),
    index=st.integers(0, 3),
    turn=st.floats(-3, 3).map(lambda turn: round(turn, 9)),  # less, SimpleITK cannot invert
    size=st.tuples(*[st.integers(4, 5)] * 3),
)
def test_every_voxel_of_a_slice_lies_where_it_lay_in_the_volume(
    axis: int, index: int, turn: float, size: tuple[int, int, int]
) -> None:
    turned = sitk.Euler3DTransform((0, 0, 0), turn, turn / 2, -turn).GetMatrix()
    geometry = Geometry(size, (0.7, 1.1, 2.3), (4.0, -5.0, 6.0), tuple(turned))
    image = _image(geometry)
    piece = cut(image, axis, index)
    assert piece.array.shape == piece.geometry.shape
    assert piece.geometry.size[2] == 1
    whole, flat = _as_sitk(geometry), _as_sitk(piece.geometry)
    for j in range(piece.geometry.size[1]):
        for i in range(piece.geometry.size[0]):
            place = flat.TransformIndexToPhysicalPoint((i, j, 0))
            i_, j_, k_ = whole.TransformPhysicalPointToIndex(place)
            assert piece.array[0, j, i] == image.array[k_, j_, i_]


def test_slices_are_cut_across_the_coarsest_axis_of_the_pool() -> None:
    axial = Geometry((40, 40, 10), (1.0, 1.0, 5.0))
    sagittal = Geometry((40, 40, 10), (1.0, 1.0, 5.0), (0.0, 0.0, 0.0), SAGITTAL)
    assert common_slice_axis([axial, axial, sagittal]) == 0
    assert common_slice_axis([sagittal, sagittal, axial]) == 2
    assert common_slice_axis([Geometry((40, 40, 40))]) == 0
    assert common_slice_axis([Geometry((40, 40, 1), (1.0, 1.0, 9.0))]) == 0
    assert slice_axis(axial, 0) == 0
    assert slice_axis(sagittal, 0) == 1
    assert slice_axis(Geometry((40, 40, 1)), 2) == 0


def test_slices_are_cases_of_the_same_patient() -> None:
    slices = slices_of(_case(Geometry((4, 5, 3), (1.0, 1.0, 5.0))), 0)
    assert [one.name for one in slices] == [f"liver_04, slice {n}" for n in (1, 2, 3)]
    assert [split_key(one.key) for one in slices] == [("a" * 32, n) for n in range(3)]
    assert {one.patient for one in slices} == {"a" * 32}
    assert all(one.is_2d for one in slices)
    assert split_key("a" * 32) == ("a" * 32, None)
    assert sorted(slice_key("b", n) for n in range(120)) == [slice_key("b", n) for n in range(120)]


def test_a_volume_is_read_once_for_its_slices_by_any_number_of_threads() -> None:
    geometry = Geometry((4, 5, 6), (1.0, 1.0, 5.0))
    cases = [_case(geometry, letter * 32) for letter in "abcdef"]
    read: list[str] = []

    def load(case: Case) -> Image:
        read.append(case.key)
        return _image(geometry)

    # all kept, since a thread that the system holds up asks for its slice late
    reader = SliceReader(cases, load, 0, kept=len(cases))
    units = [unit for case in cases for unit in slices_of(case, 0)]
    with ThreadPoolExecutor(3) as threads:
        images = list(threads.map(reader, units))
    assert sorted(read) == sorted(case.key for case in cases)
    for unit, image in zip(units, images, strict=True):
        _, index = split_key(unit.key)
        np.testing.assert_array_equal(image.array[0], _image(geometry).array[index])
        assert image.geometry == unit.geometry
    np.testing.assert_array_equal(reader(cases[-1]).array, _image(geometry).array)


def test_what_a_file_brings_is_the_matter_of_its_own_slices() -> None:
    geometry = Geometry((4, 5, 6), (1.0, 1.0, 5.0))
    cases = [_case(geometry, letter * 32) for letter in "ab"]

    def load(case: Case) -> Image:
        if case.key.startswith("a"):
            raise OSError("gone")
        return _image(geometry)

    reader = SliceReader(cases, load, 0)
    with pytest.raises(OSError, match="gone"):
        reader(slices_of(cases[0], 0)[0])
    assert reader(slices_of(cases[1], 0)[2]).array.shape == (1, 5, 4)
