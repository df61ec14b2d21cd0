"""NIfTI read by the project equals NIfTI read by SimpleITK, and what cannot be used is said."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.readers import read_file

FIXTURES_ARE_STATELESS = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    return np.array(
        SimpleITK.VersorTransform(
            np.array(axis) / np.linalg.norm(axis), np.radians(degrees)
        ).GetMatrix()
    ).reshape(3, 3)


def assert_equals_simpleitk(path: Path) -> None:
    ours, theirs = read_file(path), SimpleITK.ReadImage(str(path))
    assert ours.geometry.size == theirs.GetSize()
    np.testing.assert_array_equal(ours.array, SimpleITK.GetArrayFromImage(theirs))
    assert ours.array.dtype == SimpleITK.GetArrayFromImage(theirs).dtype
    np.testing.assert_allclose(ours.geometry.spacing, theirs.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(ours.geometry.origin, theirs.GetOrigin(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.geometry.direction, theirs.GetDirection(), atol=1e-6)


def affine(spacing, turn=(1, 0, 0), degrees=0.0, flips=(1, 1, 1), origin=(0, 0, 0)) -> np.ndarray:
    columns = rotation(turn, degrees) * np.array(flips) * np.array(spacing)
    return np.column_stack((columns, origin))


VOLUME = np.random.default_rng(5).integers(0, 120, (4, 5, 6))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_type_in_either_byte_order(tmp_path, write_nifti, kind, order, suffix) -> None:
    path = write_nifti(tmp_path / f"a{suffix}", VOLUME.astype(kind), order=order)
    assert_equals_simpleitk(path)


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize(
    ("slope", "inter"), [(2.5, -1024.0), (1.0, 3.0), (0.0, 7.0), (float("nan"), 1.0), (1e-3, 0.0)]
)
def test_rescaling(tmp_path, write_nifti, kind, slope, inter) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", VOLUME.astype(kind), slope=slope, inter=inter)
    assert_equals_simpleitk(path)


@FIXTURES_ARE_STATELESS
@given(
    spacing=st.tuples(*[st.floats(0.2, 5.0)] * 3),
    turn=st.tuples(*[st.integers(-5, 5)] * 3).filter(any),
    degrees=st.floats(-180, 180),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
    code=st.sampled_from([1, 2]),
    units=st.sampled_from([0, 1, 2, 3]),
)
def test_oblique_and_flipped_sforms(
    tmp_path, write_nifti, spacing, turn, degrees, flips, origin, code, units
) -> None:
    rows = affine(spacing, turn, degrees, flips, origin)
    path = write_nifti(
        tmp_path / "a.nii", VOLUME.astype("i2"), spacing=spacing, rows=rows, sform=code, units=units
    )
    assert_equals_simpleitk(path)


@FIXTURES_ARE_STATELESS
@given(
    versor=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda v: np.linalg.norm(v) > 0.1),
    qfac=st.sampled_from([-1.0, 0.0, 1.0]),
    offset=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_qforms(tmp_path, write_nifti, versor, qfac, offset) -> None:
    unit = np.array(versor) / np.linalg.norm(versor)
    unit = unit if unit[0] >= 0 else -unit
    fields = {"qform": 1, "quaternion": unit[1:], "qfac": qfac, "offset": offset}
    path = write_nifti(tmp_path / "a.nii", VOLUME.astype("i2"), spacing=(0.5, 1, 3), **fields)
    assert_equals_simpleitk(path)


STRAIGHT = affine((2, 3, 4), origin=(10, 20, 30))
SHEARED = STRAIGHT + np.array([[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sform": 1, "rows": STRAIGHT, "qform": 1, "offset": (1, 2, 3)},
        {"sform": 2, "rows": STRAIGHT, "qform": 1, "offset": (1, 2, 3)},
        {"sform": 2, "rows": STRAIGHT, "qform": 1, "offset": (10, 20, 30)},
        {"sform": 1, "rows": SHEARED, "qform": 1, "offset": (1, 2, 3)},
        {"sform": 1, "rows": STRAIGHT, "spacing": (1, 1, 1)},
        {"sform": 1, "rows": STRAIGHT, "spacing": (0, 0, 0)},
        {"dims": (4, 6, 5, 4, 1)},
        {"dims": (5, 6, 5, 4, 1, 1)},
    ],
)
def test_headers_that_leave_a_choice(tmp_path, write_nifti, fields) -> None:
    path = write_nifti(
        tmp_path / "a.nii.gz", VOLUME.astype("i2"), **{"spacing": (2, 3, 4)} | fields
    )
    assert_equals_simpleitk(path)


def test_a_2d_image_is_one_slice(tmp_path, write_nifti) -> None:
    path = write_nifti(tmp_path / "a.nii", VOLUME[0].astype("u1"), spacing=(2, 3, 1))
    image = read_file(path)
    assert image.geometry.size == (6, 5, 1)
    assert image.geometry.spacing == (2.0, 3.0, 1.0)
    np.testing.assert_array_equal(image.array, VOLUME[:1])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dims": (4, 6, 5, 2, 2)}, "6 × 5 × 2 × 2"),
        ({"datatype": 128}, "colour"),
        ({"datatype": 32}, "complex"),
        ({"datatype": 1536}, "type 1536"),
        ({"sform": 1, "rows": SHEARED}, "right angles"),
        ({"spacing": (-1, 1, 1)}, "negative"),
        ({"magic": b"ni1\0"}, "one .nii.gz"),
        ({"length": 540}, "NIfTI-2"),
        ({"length": 7}, "does not hold"),
        ({"dims": (3, 0, 5, 4)}, "dimensions"),
        ({"dims": (9, 6, 5, 4)}, "dimensions"),
        ({"dims": (3, 60, 50, 40)}, "cut short"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, write_nifti, fields, words) -> None:
    path = write_nifti(tmp_path / "a.nii", VOLUME.astype("i2"), **fields)
    with pytest.raises(UnreadableImageError, match=words) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.9, -9, -1])
def test_a_truncated_stream_is_not_filled_up(tmp_path, write_nifti, kept) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", VOLUME.astype("f4"))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(UnreadableImageError):
        read_file(path)


def test_several_gzip_members_are_one_stream(tmp_path, write_nifti) -> None:
    plain = write_nifti(tmp_path / "a.nii", VOLUME.astype("i2")).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]))
    np.testing.assert_array_equal(read_file(path).array, VOLUME)


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_all_hippocampus_volumes(shared, folder) -> None:
    paths = sorted((shared / "data" / "hippocampus" / folder).glob("*.nii.gz"))
    assert len(paths) == 174
    for path in paths:
        assert_equals_simpleitk(path)


def test_a_file_that_simpleitk_wrote(tmp_path) -> None:
    image = SimpleITK.GetImageFromArray(VOLUME.astype(np.int16))
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-120.25, 33.125, 801.5))
    image.SetDirection(rotation((1, 2, 3), 37).ravel().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii.gz"))
    assert_equals_simpleitk(tmp_path / "a.nii.gz")
