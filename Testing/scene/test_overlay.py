"""The uncertainty over the image, and the way to a slice."""

from typing import Any

import numpy as np
import pytest
import slicer

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.scene.overlay import (
    CERTAIN,
    UNDECIDED,
    is_uncertainty_visible,
    jump_to,
    remove_uncertainty,
    set_uncertainty_visible,
    show_uncertainty,
    slice_offset_ras,
)
from ActiveSeedLib.scene.volumes import add_volume, ijk_to_ras
from Testing.scene.conftest import GEOMETRIES, census, grey, nodes

PLAIN = GEOMETRIES["plain"]


def entropy(geometry: Geometry) -> Image:
    array = np.linspace(0, 1.2, geometry.size[0] * geometry.size[1] * geometry.size[2])
    return Image(array.reshape(geometry.shape).astype(np.float32), geometry)


def views(scene: Any) -> list[Any]:
    return [node for node in nodes(scene) if node.IsA("vtkMRMLSliceCompositeNode")]


@pytest.fixture
def volume(scene: Any) -> Any:
    return add_volume(scene, grey(PLAIN), "case", "abc")


def test_it_is_hidden_until_it_is_asked_for(scene: Any, volume: Any) -> None:
    node = show_uncertainty(scene, volume, entropy(PLAIN), "abc")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), entropy(PLAIN).array)
    assert not is_uncertainty_visible(scene)
    set_uncertainty_visible(scene, True)
    assert is_uncertainty_visible(scene)
    assert len(views(scene)) == 3
    for view in views(scene):
        assert view.GetForegroundVolumeID() == node.GetID()
        assert 0 < view.GetForegroundOpacity() < 1
    set_uncertainty_visible(scene, False)
    assert not is_uncertainty_visible(scene)
    assert all(not view.GetForegroundVolumeID() for view in views(scene))


def test_certain_voxels_are_seen_through_and_the_others_are_not(scene: Any, volume: Any) -> None:
    node = show_uncertainty(scene, volume, entropy(PLAIN), "abc")
    display = node.GetScalarVolumeDisplayNode()
    display.SetInputImageDataConnection(node.GetImageDataConnection())
    display.UpdateImageDataPipeline()
    port = display.GetOutputImageDataConnection()
    port.GetProducer().Update()
    from vtk.util.numpy_support import vtk_to_numpy

    image = port.GetProducer().GetOutputDataObject(port.GetIndex())
    rgba = vtk_to_numpy(image.GetPointData().GetScalars())
    values = entropy(PLAIN).array.ravel()
    assert not rgba[values < CERTAIN, 3].any()
    assert rgba[values > CERTAIN, 3].all()
    light = rgba[:, :3].astype(float) @ (0.2126, 0.7152, 0.0722)
    shown = light[(values > CERTAIN) & (values < UNDECIDED)]
    assert (np.diff(shown) >= -1).all(), "the less certain the lighter"
    assert shown[-1] > shown[0] + 150
    assert len(np.unique(rgba[values > UNDECIDED], axis=0)) <= 2, "the brightest from there on"


def test_a_foreground_of_the_user_is_left_alone(scene: Any, volume: Any) -> None:
    other = add_volume(scene, grey(PLAIN), "PET", "")
    show_uncertainty(scene, volume, entropy(PLAIN), "abc")
    for view in views(scene):
        view.SetForegroundVolumeID(other.GetID())
    set_uncertainty_visible(scene, False)
    remove_uncertainty(scene)
    assert {view.GetForegroundVolumeID() for view in views(scene)} == {other.GetID()}
    for view in views(scene):
        view.SetForegroundVolumeID(None)


def test_nothing_is_left(scene: Any, volume: Any) -> None:
    before = census(scene)
    for _ in range(3):  # each replaces the one before
        show_uncertainty(scene, volume, entropy(PLAIN), "abc")
        set_uncertainty_visible(scene, True)
    remove_uncertainty(scene)
    remove_uncertainty(scene)
    assert census(scene) == before
    set_uncertainty_visible(scene, False)
    assert not is_uncertainty_visible(scene)
    assert all(not view.GetForegroundVolumeID() for view in views(scene))


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("plain", ("Axial", "Coronal", "Sagittal")),
        ("flipped", ("Axial", "Coronal", "Sagittal")),
        ("oblique", ("Axial", "Coronal", "Sagittal")),
        ("permuted", ("Sagittal", "Axial", "Coronal")),
    ],
)
def test_the_view_of_a_slice_and_its_middle(
    scene: Any, name: str, axes: tuple[str, str, str]
) -> None:
    """Permuted: I runs along posterior, J along superior, K along left."""
    geometry = GEOMETRIES[name]
    volume = add_volume(scene, grey(geometry), "case", "abc")
    middle = [(length - 1) / 2 for length in geometry.size]
    for axis, orientation in enumerate(axes):
        found, ras = slice_offset_ras(volume, axis, 1)
        assert found == orientation
        voxel = [*middle]
        voxel[2 - axis] = 1
        np.testing.assert_allclose(ras, (ijk_to_ras(geometry) @ (*voxel, 1))[:3], atol=1e-9)


def test_jumping_moves_every_view_through_the_point(scene: Any) -> None:
    slices = [node for node in nodes(scene) if node.IsA("vtkMRMLSliceNode")]
    assert len(slices) == 3
    for node, orientation in zip(slices, ("Axial", "Coronal", "Sagittal"), strict=True):
        node.SetOrientation(orientation)
    zoom = [node.GetFieldOfView() for node in slices]
    jump_to(scene, (11.0, -22.0, 33.0))
    place = {"Axial": 33.0, "Sagittal": 11.0, "Coronal": 22.0}
    for node in slices:
        assert abs(node.GetSliceOffset()) == pytest.approx(place[node.GetOrientation()])
    assert [node.GetFieldOfView() for node in slices] == zoom
