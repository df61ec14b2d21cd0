"""An image is the one that was listed, or it is refused: its label map belongs to no other."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.scan import scan
from Testing.odd_files import dicom_dataset

SHAPE = (30, 32, 40)


def write(path: Path, array: NDArray[np.int16]) -> None:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path))


def image(path: Path, seed: int, suffix: str = ".nii.gz") -> None:
    array = np.random.default_rng(seed).integers(0, 1000, SHAPE).astype(np.int16)
    write(path.with_name(path.name + suffix), array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_another_image_of_the_same_size_is_refused(tmp_path: Path, suffix: str) -> None:
    image(tmp_path / "a", 1, suffix)
    image(tmp_path / "b", 2, suffix)
    first, second = scan(tmp_path).cases
    image(tmp_path / "a", 3, suffix)
    with pytest.raises(UnreadableImageError, match=rf"a\{suffix}.*another one has taken its place"):
        read_image(tmp_path, first)
    assert read_image(tmp_path, second).array.shape == SHAPE
    (again, _) = scan(tmp_path).cases
    assert read_image(tmp_path, again).array.shape == SHAPE


def test_two_images_that_change_places_are_both_refused(tmp_path: Path) -> None:
    image(tmp_path / "a", 1)
    image(tmp_path / "b", 2)
    cases = scan(tmp_path).cases
    (tmp_path / "a.nii.gz").rename(tmp_path / "c")
    (tmp_path / "b.nii.gz").rename(tmp_path / "a.nii.gz")
    (tmp_path / "c").rename(tmp_path / "b.nii.gz")
    for case in cases:
        with pytest.raises(UnreadableImageError, match="scan the folder again"):
            read_image(tmp_path, case)


def test_images_that_only_all_their_bytes_tell_apart_are_known(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", 2)):
        array = np.zeros(SHAPE, np.int16)
        array[10, 5, 5] = value  # where no glance falls
        write(tmp_path / f"{name}.nii", array)
    cases = scan(tmp_path).cases
    assert len({case.key for case in cases}) == 2
    assert sorted(read_image(tmp_path, case).array.max() for case in cases) == [1, 2]
    (tmp_path / "a.nii").write_bytes((tmp_path / "b.nii").read_bytes())
    with pytest.raises(UnreadableImageError, match="another one has taken its place"):
        read_image(tmp_path, cases[0])


def test_one_slice_of_a_series_replaced_is_noticed(tmp_path: Path) -> None:
    def put(index: int, value: int) -> None:
        pixels = np.full((12, 10), value, np.uint16)
        dataset = dicom_dataset(
            tmp_path / f"{index}.dcm",
            pixels,
            SeriesInstanceUID="1.2.3",
            SOPInstanceUID=f"1.2.3.{index}",
            InstanceNumber=index,
            ImagePositionPatient=[0, 0, 2.0 * index],
        )
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)

    for index in range(5):
        put(index, index)
    (case,) = scan(tmp_path).cases
    assert read_image(tmp_path, case).array[3].max() == 3
    put(3, 77)
    with pytest.raises(UnreadableImageError, match="another one has taken its place"):
        read_image(tmp_path, case)
