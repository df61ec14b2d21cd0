"""A case comes into the scene and leaves no trace."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from ActiveSeedLib.errors import InputError, UnreadableImageError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import read_file, read_label, write_label
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.drafts import snapshot
from ActiveSeedLib.scene.overlay import is_uncertainty_visible, set_uncertainty_visible
from ActiveSeedLib.scene.segments import label_of
from Testing.scene.conftest import GEOMETRIES, census, grey, labels, nodes
from Testing.scene.test_overlay import entropy

OBLIQUE = GEOMETRIES["oblique"]


def test_opening_and_closing_twenty_times_leaves_the_scene_as_it_was(
    scene: Any, schema: LabelSchema, tmp_path: Path
) -> None:
    draft = tmp_path / "case.seg.nrrd"
    first = SceneCase(scene, grey(OBLIQUE), schema, "k", "n", label=labels(OBLIQUE, schema))
    snapshot(first.segmentation).write(draft)
    first.close()
    before = census(scene)
    for number in range(20):
        case = SceneCase(
            scene, grey(OBLIQUE), schema, f"key{number}", f"case {number}", modality="CT",
            label=labels(OBLIQUE, schema, number), draft=draft if number % 3 == 0 else None,
        )  # fmt: skip
        for view in nodes(scene):
            if view.IsA("vtkMRMLSliceCompositeNode"):
                view.SetBackgroundVolumeID(case.volume.GetID())
        case.add_uncertainty(entropy(OBLIQUE))
        set_uncertainty_visible(scene, True)
        assert is_uncertainty_visible(scene)
        case.segmentation.GetSegmentation().CreateRepresentation("Closed surface")
        assert case.is_open
        case.close()
        assert not case.is_open
        assert census(scene) == before
    case.close()
    assert census(scene) == before
    for view in nodes(scene):
        if view.IsA("vtkMRMLSliceCompositeNode"):
            assert not view.GetBackgroundVolumeID()
            assert not view.GetForegroundVolumeID()


def test_the_voxels_are_let_go(scene: Any, schema: LabelSchema) -> None:
    gone: list[str] = []
    case = SceneCase(scene, grey(OBLIQUE), schema, "k", "n", label=labels(OBLIQUE, schema))
    image = case.volume.GetImageData()
    image.AddObserver("DeleteEvent", lambda *_: gone.append("volume"))
    layer = (
        case.segmentation.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    )
    layer.AddObserver("DeleteEvent", lambda *_: gone.append("layer"))
    del image, layer
    case.close()
    del case
    gc.collect()
    assert sorted(gone) == ["layer", "volume"]


def test_what_is_not_of_the_case_stays(scene: Any, schema: LabelSchema) -> None:
    other = SceneCase(scene, grey(OBLIQUE), schema, "other", "other")
    mine = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "my point")
    case = SceneCase(scene, grey(OBLIQUE), schema, "k", "n")
    case.close()
    assert other.is_open
    assert mine.GetScene() is not None
    other.close()


def test_closing_the_scene_closes_the_case(scene: Any, schema: LabelSchema) -> None:
    case = SceneCase(scene, grey(OBLIQUE), schema, "k", "n", label=labels(OBLIQUE, schema))
    case.add_uncertainty(entropy(OBLIQUE))
    scene.Clear(0)
    assert not case.is_open
    case.close()


def test_a_case_that_cannot_be_opened_leaves_nothing(
    scene: Any, schema: LabelSchema, tmp_path: Path
) -> None:
    before = census(scene)
    elsewhere = Geometry((3, 3, 3))
    with pytest.raises(InputError):
        SceneCase(scene, grey(OBLIQUE), schema, "k", "n", label=labels(elsewhere, schema))
    with pytest.raises(UnreadableImageError):
        SceneCase(scene, grey(OBLIQUE), schema, "k", "n", draft=tmp_path / "gone.seg.nrrd")
    assert census(scene) == before


def test_ct_gets_its_window(scene: Any, schema: LabelSchema) -> None:
    array = np.full(OBLIQUE.shape, -1000, np.int16)
    case = SceneCase(scene, Image(array, OBLIQUE), schema, "k", "n", modality="CT")
    assert case.volume.GetScalarVolumeDisplayNode().GetWindow() == 400


def test_real_images_and_labels_go_through_file_by_file(
    scene: Any, shared: Path, tmp_path: Path
) -> None:
    """What Slicer itself reads of the saved label map lies where the segments were."""
    folder = shared / "data" / "hippocampus"
    pairs = [(path, folder / "labels" / path.name) for path in (folder / "images").iterdir()]
    schema = LabelSchema.parse("1=anterior,2=posterior")
    for image, label in sorted(pairs)[:5]:
        truth = read_label(label)
        case = SceneCase(scene, read_file(image), schema, "k", "n", label=truth)
        exported = label_of(case.segmentation, case.volume, schema)
        np.testing.assert_array_equal(exported.image.array, truth.array)
        assert exported.image.geometry.is_close(truth.geometry, 1e-4)
        write_label(tmp_path / "saved.nii.gz", exported.image.array, exported.image.geometry)
        again = read_label(tmp_path / "saved.nii.gz")
        assert again.geometry.is_close(read_file(image).geometry)
        case.close()


def test_slicer_s_own_reader_sees_the_same_place(scene: Any, tmp_path: Path) -> None:
    """A volume of ours lies where Slicer puts the file of the same image."""
    import SimpleITK as sitk

    geometry = OBLIQUE
    itk = sitk.GetImageFromArray(grey(geometry).array)
    itk.SetSpacing(geometry.spacing)
    itk.SetOrigin(geometry.origin)
    itk.SetDirection(geometry.direction)
    path = tmp_path / "image.nrrd"
    sitk.WriteImage(itk, str(path))
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    theirs = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "theirs")
    assert storage.ReadData(theirs)
    case = SceneCase(scene, read_file(path), LabelSchema.parse("1=a"), "k", "n")
    from ActiveSeedLib.scene.volumes import geometry_of

    assert geometry_of(case.volume).is_close(geometry_of(theirs), 1e-6)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(case.volume), slicer.util.arrayFromVolume(theirs)
    )
