"""Images become volume nodes in exactly their place."""

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.scene.volumes import add_volume, geometry_of, ijk_to_ras, set_sensible_window
from Testing.host import core
from Testing.scene.conftest import GEOMETRIES, census, directions, grey, rotation


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_voxels_and_their_places_stay(scene: Any, geometry: Geometry) -> None:
    image = grey(geometry)
    node = add_volume(scene, image, "case", "abc")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), image.array)
    back = geometry_of(node)
    assert back.size == geometry.size
    np.testing.assert_allclose(back.spacing, geometry.spacing, rtol=0, atol=1e-13)
    np.testing.assert_allclose(back.origin, geometry.origin, rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.direction, geometry.direction, rtol=0, atol=1e-15)
    assert node.GetAttribute("ActiveSeed.case") == "abc"
    assert node.GetName() == "case"


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_slicer_sees_a_voxel_where_simpleitk_does(scene: Any, geometry: Geometry) -> None:
    import SimpleITK as sitk

    image = grey(geometry)
    itk = sitk.GetImageFromArray(image.array)
    itk.SetSpacing(geometry.spacing)
    itk.SetOrigin(geometry.origin)
    itk.SetDirection(geometry.direction)
    node = add_volume(scene, image, "case", "abc")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    corner = tuple(length - 1 for length in geometry.size)
    x, y, z = itk.TransformIndexToPhysicalPoint(corner)
    np.testing.assert_allclose(matrix.MultiplyPoint((*corner, 1)), (-x, -y, z, 1), atol=1e-9)
    np.testing.assert_allclose((ijk_to_ras(geometry) @ (*corner, 1))[:3], (-x, -y, z), atol=1e-9)


@settings(max_examples=40)
@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.tuples(*[st.floats(0.01, 20)] * 3),
    st.tuples(*[st.floats(-1000, 1000)] * 3),
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.booleans(),
)
def test_any_geometry_stays(
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    angles: tuple[float, float, float],
    mirrored: bool,
) -> None:
    core.start()
    matrix = rotation(angles[0], 0) @ rotation(angles[1], 1) @ rotation(angles[2], 2)
    if mirrored:
        matrix[:, 2] *= -1
    geometry = Geometry(size, spacing, origin, directions(matrix))
    node = add_volume(slicer.mrmlScene, grey(geometry), "case", "abc")
    back = geometry_of(node)
    slicer.mrmlScene.RemoveNode(node)
    assert back.size == size
    np.testing.assert_allclose(back.spacing, spacing, rtol=1e-12)
    np.testing.assert_allclose(back.origin, origin, rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.direction, geometry.direction, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "shown"),
    [
        ("u1", "u1"), ("i1", "i1"), ("u2", "u2"), ("i2", "i2"), ("u4", "u4"), ("i4", "i4"),
        ("f4", "f4"), ("f8", "f8"), ("?", "u1"), ("f2", "f4"), ("i8", "i4"), ("u8", "i4"),
        (">i2", "i2"), (">f4", "f4"), ("longdouble", "f8"),
    ],
)  # fmt: skip
def test_every_type_of_number_can_be_shown(scene: Any, dtype: str, shown: str) -> None:
    geometry = GEOMETRIES["plain"]
    array = (np.arange(315).reshape(geometry.shape) % 100).astype(dtype)
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    found = slicer.util.arrayFromVolume(node)
    assert found.dtype == np.dtype(shown)
    np.testing.assert_array_equal(found, array)


def test_whole_numbers_beyond_32_bits_keep_their_values(scene: Any) -> None:
    geometry = Geometry((2, 1, 1))
    array = np.array([[[-(2**40), 2**50]]], np.int64)
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    assert slicer.util.arrayFromVolume(node).tolist() == [[[-(2**40), 2**50]]]


def test_a_view_that_is_not_contiguous_arrives_whole(scene: Any) -> None:
    geometry = GEOMETRIES["plain"]
    array = np.arange(315, dtype=np.int16).reshape(geometry.shape[::-1]).transpose(2, 1, 0)
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), array)
    array[0, 0, 0] = 999
    assert slicer.util.arrayFromVolume(node)[0, 0, 0] == 0, "the node has a copy of its own"


@pytest.mark.parametrize("array", [np.zeros((5, 7, 9), complex), np.zeros((5, 7, 8))])
def test_what_cannot_be_shown_is_refused_and_leaves_nothing(scene: Any, array: Any) -> None:
    before = census(scene)
    with pytest.raises(InputError):
        add_volume(scene, Image(array, GEOMETRIES["plain"]), "case", "abc")
    assert census(scene) == before


def window(node: Any) -> tuple[float, float]:
    display = node.GetScalarVolumeDisplayNode()
    assert not display.GetAutoWindowLevel()
    return display.GetWindow(), display.GetLevel()


def test_ct_is_shown_as_soft_tissue(scene: Any) -> None:
    geometry = GEOMETRIES["plain"]
    array = np.full(geometry.shape, -1000, np.int16)
    array[2:] = 60
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    set_sensible_window(node, "CT")
    assert window(node) == (400, 40)


def test_mr_is_shown_without_its_background_and_its_extremes(scene: Any) -> None:
    geometry = Geometry((50, 50, 20))
    array = np.zeros(geometry.shape, np.float32)
    array[10:] = np.linspace(100, 300, 25000).reshape(10, 50, 50)
    array[15, 25, 25] = 1e6
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    width, level = window(node)
    assert 195 < width < 201
    assert 199 < level < 201


@pytest.mark.parametrize("value", [0, -3000, 7])
def test_a_flat_image_has_a_window_too(scene: Any, value: int) -> None:
    geometry = GEOMETRIES["one slice"]
    array = np.full(geometry.shape, value, np.int16)
    node = add_volume(scene, Image(array, geometry), "case", "abc")
    width, _ = window(node)
    assert width > 0
