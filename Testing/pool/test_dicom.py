"""DICOM folders: series become cases, and every trap is named."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.scan import scan

TURNED = [0.8, 0.6, 0.0, -0.6, 0.8, 0.0]


def only_reason(folder: Path) -> str:
    pool = scan(folder)
    assert pool.cases == ()
    assert len(pool.refused) == 1, pool.refused
    assert "\n" not in pool.refused[0].reason
    return pool.refused[0].reason


def test_a_series_is_ordered_by_position(tmp_path, write_series) -> None:
    volume = write_series(tmp_path / "ct", [8, 0, 4, 2, 6], RescaleIntercept=-1024)
    (case,) = scan(tmp_path).cases
    assert case.format == "dicom"
    assert case.path == "ct"
    assert case.geometry.size == (5, 6, 5)
    assert case.geometry.spacing == (0.75, 0.5, 2.0)
    assert case.geometry.origin == (-10.0, -20.0, 0.0)
    image = read_image(tmp_path, case)
    np.testing.assert_array_equal(image.array, volume[[1, 3, 2, 4, 0]] - 1024)


def test_geometry_and_voxels_equal_simpleitks(tmp_path, write_series, write_dicom) -> None:
    normal = np.cross(TURNED[:3], TURNED[3:])
    for index in range(4):
        write_dicom(
            tmp_path / f"s{index}.dcm",
            np.random.default_rng(index).integers(0, 999, (6, 5)),
            ImageOrientationPatient=TURNED,
            ImagePositionPatient=(np.array([5, 6, 7]) + 2.5 * index * normal).tolist(),
            RescaleSlope=2,
            RescaleIntercept=-7,
        )
    (case,) = scan(tmp_path).cases
    theirs = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = read_image(tmp_path, case)
    np.testing.assert_array_equal(image.array, SimpleITK.GetArrayFromImage(theirs))
    np.testing.assert_allclose(image.geometry.spacing, theirs.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(image.geometry.origin, theirs.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(image.geometry.direction, theirs.GetDirection(), atol=1e-6)


def test_two_series_in_one_folder_and_one_series_in_two(tmp_path, write_series) -> None:
    write_series(tmp_path / "mixed", SeriesInstanceUID="1.1", SeriesNumber=1)
    for index, path in enumerate(sorted((tmp_path / "mixed").iterdir())):
        path.rename(path.with_name(f"a{index}"))
    write_series(tmp_path / "mixed", SeriesInstanceUID="1.2", SeriesNumber=2)
    write_series(tmp_path / "far" / "one", [0, 2], SeriesInstanceUID="1.3", SeriesNumber=3)
    write_series(tmp_path / "far" / "two", [4, 6], SeriesInstanceUID="1.3", SeriesNumber=3)
    pool = scan(tmp_path)
    assert sorted(case.name for case in pool.cases) == [
        "far__series-3",
        "mixed__series-1",
        "mixed__series-2",
    ]
    assert sorted(case.geometry.size[2] for case in pool.cases) == [4, 5, 5]


@pytest.mark.parametrize(
    ("heights", "words"),
    [
        ([0, 2, 4, 8, 10], "1 of its slices is missing"),
        ([0, 2, 4, 8, 10, 16], "3 of its slices are missing"),
        ([0, 2, 4, 6.9, 9], "unevenly spaced"),
        ([0, 2, 4, 0, 2, 4], "2 images at each of 3 positions"),
        ([0, 2, 4, 4, 6], "5 slices lie in only 4 positions"),
    ],
)
def test_slices_that_do_not_make_a_volume(tmp_path, write_series, heights, words) -> None:
    write_series(tmp_path / "ct", heights)
    assert words in only_reason(tmp_path)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
        ({"ImagePositionPatient": None}, "no position"),
    ],
)
def test_series_that_are_none(tmp_path, write_series, attributes, words) -> None:
    write_series(tmp_path / "ct", **attributes)
    assert words in only_reason(tmp_path)


def test_a_scout_in_two_directions(tmp_path, write_series, write_dicom) -> None:
    write_series(tmp_path, [0, 2])
    write_dicom(tmp_path / "x", np.ones((6, 5)), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    assert "scout of 3 slices in 2 directions" in only_reason(tmp_path)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"StudyInstanceUID": "9.9"}, "2 different studies"),
        ({"PatientID": "other"}, "2 different patients"),
        ({"PixelSpacing": [1, 1]}, "2 different pixel spacings"),
        ({"ImageOrientationPatient": TURNED}, "2 different directions"),
    ],
)
def test_mixed_series(tmp_path, write_series, write_dicom, odd, words) -> None:
    write_series(tmp_path)
    write_dicom(tmp_path / "x", np.ones((6, 5)), **{"ImagePositionPatient": [-10, -20, 10]} | odd)
    assert words in only_reason(tmp_path)


def test_mixed_sizes(tmp_path, write_series, write_dicom) -> None:
    write_series(tmp_path)
    write_dicom(tmp_path / "x", np.ones((7, 5)), ImagePositionPatient=[-10, -20, 10])
    assert "2 different image sizes" in only_reason(tmp_path)


def test_a_tilted_gantry(tmp_path, write_dicom) -> None:
    for index in range(5):
        place = [0, 3.0 * index, 5.0 * index]
        write_dicom(tmp_path / str(index), np.ones((6, 5)), ImagePositionPatient=place)
    assert "tilted gantry" in only_reason(tmp_path)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour"),
        ({"NumberOfFrames": 12}, "12 frames"),
        ({"Modality": "RTSTRUCT", "Rows": None}, "contours"),
        ({"Modality": "SEG"}, "segmentation"),
        ({"Rows": None, "Columns": None}, "no image"),
    ],
)
def test_files_that_are_no_grey_image(tmp_path, write_dicom, attributes, words) -> None:
    write_dicom(tmp_path / "x.dcm", np.ones((6, 5)), **attributes)
    assert words in only_reason(tmp_path)


def test_what_is_named_dicom_but_is_none(tmp_path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"hello, this is a text" * 30)
    assert "does not hold a DICOM header" in only_reason(tmp_path)


def test_repeated_instances_are_left_out_with_a_note(tmp_path, write_series) -> None:
    write_series(tmp_path / "ct")
    copy = tmp_path / "ct" / "copy"
    copy.write_bytes((tmp_path / "ct" / "001").read_bytes())
    pool = scan(tmp_path)
    assert pool.cases[0].geometry.size[2] == 5
    assert "1 repeated" in pool.notes[0].reason


def test_each_x_ray_is_a_case(tmp_path, write_dicom) -> None:
    flat = {
        "Modality": "DX",
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "PixelSpacing": None,
        "ImagerPixelSpacing": [0.2, 0.1],
    }
    pixels = np.random.default_rng(0).integers(0, 4000, (6, 5))
    write_dicom(tmp_path / "ap.dcm", pixels, **flat)
    write_dicom(
        tmp_path / "lat.dcm", pixels + 1, **flat | {"PhotometricInterpretation": "MONOCHROME1"}
    )
    ap, lateral = scan(tmp_path).cases
    assert (ap.name, lateral.name) == ("ap", "lat")
    assert ap.is_2d
    assert ap.geometry.spacing[:2] == (0.1, 0.2)
    assert ap.patient == lateral.patient
    np.testing.assert_array_equal(read_image(tmp_path, ap).array[0], pixels)
    turned = read_image(tmp_path, lateral).array[0]
    np.testing.assert_array_equal(np.argsort(turned, axis=None), np.argsort(-pixels, axis=None))


def test_the_patient_is_known_but_not_named(tmp_path, write_series) -> None:
    write_series(tmp_path / "one", SeriesInstanceUID="1.1", PatientID="Jane Doe")
    write_series(tmp_path / "two", SeriesInstanceUID="1.2", PatientID="Jane Doe")
    write_series(tmp_path / "three", SeriesInstanceUID="1.3", PatientID="John Roe")
    write_series(tmp_path / "four", SeriesInstanceUID="1.4", PatientID=None)
    pool = scan(tmp_path)
    patients = {case.path: case.patient for case in pool.cases}
    assert patients["one"] == patients["two"] != patients["three"]
    assert patients["four"] is None
    assert patients["one"].startswith("P-")
    assert len(patients["one"]) == 12
    assert "Doe" not in repr(pool)


def test_directories_of_dicom_files_are_passed_over(tmp_path, write_series, write_dicom) -> None:
    write_series(tmp_path / "ct")
    write_dicom(
        tmp_path / "DICOMDIR", np.ones((6, 5)), SOPClassUID="1.2.840.10008.1.3.10", Rows=None
    )
    pool = scan(tmp_path)
    assert len(pool.cases) == 1
    assert pool.refused == ()


def test_a_truncated_slice_is_found(tmp_path, write_series) -> None:
    write_series(tmp_path / "ct")
    path = tmp_path / "ct" / "001"
    assert verify(path) is None
    path.write_bytes(path.read_bytes()[:-20])
    assert "cut short" in verify(path)
