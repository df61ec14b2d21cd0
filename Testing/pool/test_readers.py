"""Pictures, label maps, values that are no numbers, and files that changed."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from ActiveSeedLib.errors import InputError, UnreadableImageError
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.readers import read_file, read_image, read_label, write_image, write_label
from ActiveSeedLib.pool.scan import scan

GREY = np.random.default_rng(1).integers(0, 256, (7, 9)).astype(np.uint8)
VOLUME = np.random.default_rng(2).integers(0, 500, (4, 5, 6)).astype(np.int16)
OBLIQUE = Geometry(
    (6, 5, 4),
    (0.5, 0.75, 3.0),
    (-12.5, 33.25, 801.5),
    (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0),
)


def save(path: Path, array: np.ndarray, mode: str | None = None) -> Path:
    picture = Pillow.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_grey_pictures(tmp_path, suffix, kind) -> None:
    array = GREY.astype(kind) * (200 if kind == "u2" else 1)
    image = read_file(save(tmp_path / f"a{suffix}", array))
    np.testing.assert_array_equal(image.array, array[None])
    assert image.array.dtype == kind
    assert image.geometry == Geometry((9, 7, 1))


def test_a_big_endian_tiff(tmp_path) -> None:
    deep = GREY.astype(np.uint16) * 200
    path = save(tmp_path / "a.tif", deep)
    Pillow.fromarray(deep.astype(">u2")).save(path)
    np.testing.assert_array_equal(read_file(path).array, deep[None])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_colour_that_is_grey_in_truth(tmp_path, mode) -> None:
    save(tmp_path / "a.png", GREY, mode)
    pool = scan(tmp_path)
    assert "grey" in pool.notes[0].reason
    np.testing.assert_array_equal(read_image(tmp_path, pool.cases[0]).array, GREY[None])


def test_16_bit_colour_keeps_its_depth(tmp_path) -> None:
    deep = GREY.astype(np.uint16) * 257 + 3
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.stack([deep] * 3, axis=-1), isVector=True),
        str(tmp_path / "a.png"),
    )
    np.testing.assert_array_equal(read_file(tmp_path / "a.png").array, deep[None])


def test_a_grey_jpeg_stored_in_colour(tmp_path) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    save(tmp_path / "a.jpg", smooth, "RGB")
    pool = scan(tmp_path)
    array = read_image(tmp_path, pool.cases[0]).array
    assert array.shape == (1, 64, 48)
    assert np.abs(array[0].astype(int) - smooth).max() < 8


def test_real_colour_is_refused(tmp_path) -> None:
    colour = np.random.default_rng(3).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    save(tmp_path / "a.png", colour)
    save(tmp_path / "b.jpg", colour)
    save(tmp_path / "c.png", GREY)
    pool = scan(tmp_path)
    assert [case.name for case in pool.cases] == ["c"]
    assert [r.path for r in pool.refused] == ["a.png", "b.jpg"]
    assert all("convert it to grey" in r.reason for r in pool.refused)
    with pytest.raises(UnreadableImageError, match="colour"):
        read_file(tmp_path / "a.png")


def test_a_tiff_with_several_pages_is_refused(tmp_path) -> None:
    pages = [Pillow.fromarray(GREY)] * 3
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert "3 pages" in scan(tmp_path).refused[0].reason


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd"])
def test_nrrd_and_metaimage(tmp_path, suffix) -> None:
    image = SimpleITK.GetImageFromArray(VOLUME)
    image.SetSpacing(OBLIQUE.spacing)
    image.SetOrigin(OBLIQUE.origin)
    image.SetDirection(OBLIQUE.direction)
    SimpleITK.WriteImage(image, str(tmp_path / f"a{suffix}"))
    (case,) = scan(tmp_path).cases
    assert case.geometry.is_close(OBLIQUE)
    np.testing.assert_array_equal(read_image(tmp_path, case).array, VOLUME)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_damaged_files_may_be_read_in_threads(tmp_path, suffix) -> None:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOLUME), str(tmp_path / f"a{suffix}"))
    content = (tmp_path / f"a{suffix}").read_bytes()
    for index in range(100):
        damaged = bytearray(content)
        damaged[10 + 2 * index] ^= 5
        (tmp_path / f"{index}{suffix}").write_bytes(damaged)

    def fails(path: Path) -> bool:
        try:
            read_file(path)
        except UnreadableImageError:
            return True
        return False

    paths = sorted(tmp_path.iterdir())
    with ThreadPoolExecutor(8) as executor:
        failed = list(executor.map(fails, paths * 10))
    assert failed == [fails(path) for path in paths] * 10
    assert 10 < sum(failed[: len(paths)]) < len(paths)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_4d_and_vectors_of_other_formats_are_refused(tmp_path, suffix) -> None:
    four = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(VOLUME)] * 2)
    SimpleITK.WriteImage(four, str(tmp_path / f"four{suffix}"))
    vector = SimpleITK.GetImageFromArray(np.stack([VOLUME] * 3, axis=-1), isVector=True)
    SimpleITK.WriteImage(vector, str(tmp_path / f"vector{suffix}"))
    one = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(VOLUME)])
    SimpleITK.WriteImage(one, str(tmp_path / f"one{suffix}"))
    pool = scan(tmp_path)
    assert [case.name for case in pool.cases] == ["one"]
    np.testing.assert_array_equal(read_image(tmp_path, pool.cases[0]).array, VOLUME)
    assert "dimensions" in pool.refused[0].reason
    assert "3 values" in pool.refused[1].reason


def test_values_that_are_no_numbers_become_the_lowest(tmp_path, write_nifti, caplog) -> None:
    array = VOLUME.astype("f8")
    array[0, 0, :3] = [np.nan, np.inf, -np.inf]
    array[1, 1, 1] = -5
    write_nifti(tmp_path / "a.nii.gz", array)
    with caplog.at_level(logging.WARNING):
        read = read_image(tmp_path, scan(tmp_path).cases[0]).array
    assert read.dtype == np.float32
    assert read[0, 0, :3].tolist() == [-5, -5, -5]
    assert "3 values" in caplog.text
    write_nifti(tmp_path / "a.nii.gz", np.full((3, 3, 3), np.nan))
    with pytest.raises(UnreadableImageError, match="no finite value"):
        read_image(tmp_path, scan(tmp_path).cases[0])


def test_an_image_that_changed_or_went_is_told(tmp_path, write_nifti) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", VOLUME)
    (case,) = scan(tmp_path).cases
    write_nifti(path, VOLUME[:3])
    with pytest.raises(UnreadableImageError, match="changed since"):
        read_image(tmp_path, case)
    path.unlink()
    with pytest.raises(UnreadableImageError, match="is gone"):
        read_image(tmp_path, case)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    high=st.sampled_from([1, 255, 256, 65535]),
    kind=st.sampled_from(["u1", "i2", "u2", "i4", "i8", "f4", "f8"]),
    seed=st.integers(0, 99),
)
def test_label_maps_come_back_bit_for_bit(tmp_path, high, kind, seed) -> None:
    if high > np.iinfo(kind).max if kind[0] in "iu" else False:
        high = 1
    labels = np.random.default_rng(seed).integers(0, high + 1, OBLIQUE.shape)
    labels[0, 0, 0] = high
    write_label(tmp_path / "a.nii.gz", labels.astype(kind), OBLIQUE)
    read = read_label(tmp_path / "a.nii.gz")
    assert read.array.dtype == (np.uint8 if high < 256 else np.uint16)
    np.testing.assert_array_equal(read.array, labels)
    assert read.geometry.is_close(OBLIQUE, tolerance=1e-4)
    other = SimpleITK.ReadImage(str(tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(other), labels)
    np.testing.assert_allclose(other.GetOrigin(), OBLIQUE.origin, atol=1e-4)


@pytest.mark.parametrize("high", [2, 300])
def test_2d_label_maps_come_back_as_png(tmp_path, high) -> None:
    labels = np.arange(63).reshape(1, 7, 9) % high
    labels[0, 0, 0] = high
    write_label(tmp_path / "a.png", labels, Geometry((9, 7, 1)))
    np.testing.assert_array_equal(read_label(tmp_path / "a.png").array, labels)
    with Pillow.open(tmp_path / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), labels[0])


def test_a_failed_write_leaves_the_old_label_map(tmp_path) -> None:
    path = tmp_path / "a.nii.gz"
    write_label(path, np.ones(OBLIQUE.shape, bool), OBLIQUE)
    before = path.read_bytes()
    with pytest.raises(InputError):
        write_label(path, np.full(OBLIQUE.shape, 0.5), OBLIQUE)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nii.gz"]


@pytest.mark.parametrize(
    ("array", "name", "words"),
    [
        (np.full(OBLIQUE.shape, 0.37), "a.nii.gz", "0.37"),
        (np.full(OBLIQUE.shape, np.nan), "a.nii.gz", "nan"),
        (np.full(OBLIQUE.shape, -1), "a.nii.gz", "-1"),
        (np.full(OBLIQUE.shape, 70000), "a.nii.gz", "70000"),
        (np.ones((4, 5, 7)), "a.nii.gz", "shape"),
        (np.ones(OBLIQUE.shape), "a.png", "volume"),
        (np.ones(OBLIQUE.shape), "a.mgz", "mgz"),
    ],
)
def test_what_is_no_label_map_is_not_written(tmp_path, array, name, words) -> None:
    with pytest.raises(InputError, match=words):
        write_label(tmp_path / name, array, OBLIQUE)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_label_map_is_not_read(tmp_path, write_nifti) -> None:
    write_nifti(tmp_path / "soft.nii.gz", VOLUME / 500.0)
    write_nifti(tmp_path / "signed.nii.gz", VOLUME - 250)
    save(tmp_path / "colour.png", GREY, "RGB")
    save(tmp_path / "lossy.jpg", GREY)
    (tmp_path / "text.txt").write_text("no image")
    for name in ("soft.nii.gz", "signed.nii.gz", "lossy.jpg", "text.txt"):
        with pytest.raises(InputError, match=name):
            read_label(tmp_path / name)
    with pytest.raises(InputError, match="colour"):
        read_label(tmp_path / "colour.png")


def test_whole_numbers_stored_as_floats_are_labels(tmp_path, write_nifti) -> None:
    write_nifti(tmp_path / "a.nii.gz", (VOLUME % 3).astype("f4"))
    read = read_label(tmp_path / "a.nii.gz")
    assert read.array.dtype == np.uint8
    np.testing.assert_array_equal(read.array, VOLUME % 3)


def test_label_maps_with_a_palette_or_one_bit_keep_their_values(tmp_path) -> None:
    indices = (GREY % 4).astype(np.uint8)
    picture = Pillow.new("P", (9, 7))
    picture.putdata(indices.ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_label(tmp_path / "palette.png").array[0], indices)
    Pillow.fromarray(indices > 1).save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read_label(tmp_path / "bit.png").array[0], indices > 1)


def test_maps_of_values_come_back(tmp_path) -> None:
    values = np.random.default_rng(0).random(OBLIQUE.shape).astype(np.float32)
    write_image(tmp_path / "a.nii.gz", values, OBLIQUE)
    image = read_file(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(image.array, values)
    assert image.geometry.is_close(OBLIQUE)
    with pytest.raises(InputError):
        write_image(tmp_path / "a.png", values, OBLIQUE)


def test_real_pictures(shared) -> None:
    for folder in ("cxr_lung", "us_nerve_vessel"):
        paths = sorted((shared / "data" / folder / "images").glob("*.png"))
        assert len(paths) > 100
        for path in paths:
            theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
            np.testing.assert_array_equal(read_file(path).array[0], theirs)
