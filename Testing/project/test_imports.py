import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.pool.readers import read_label, write_label
from ActiveSeedLib.project import LabelSchema, Project, Status, find_label_for, values_found

Key = Callable[[int], str]
MakeLabel = Callable[..., Image]


def put(path: Path, label: Image) -> None:
    write_label(path, label.array, label.geometry)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("a.nii.gz", "a.nii.gz"),
        ("a.nii.gz", "a.nrrd"),
        ("a.nii.gz", "a_seg.nii"),
        ("a.nii.gz", "A-Label.nii.gz"),
        ("a.nii.gz", "deep/er/a_mask.mha"),
        ("s1/a.nii.gz", "s1/a.nii.gz"),
        ("s1/a.nii.gz", "s1__a_gt.nii.gz"),
        ("s1/a.nii.gz", "a.png"),
        ("a.b.c.nii.gz", "a.b.c.nii.gz"),
        ("case_7_0000.nii.gz", "case_7.nii.gz"),
        ("hurt_seg.nii.gz", "hurt_seg.nii.gz"),
    ],
)
def test_a_label_map_is_found(
    tmp_path: Path, make_case: Callable[..., Case], image: str, label: str
) -> None:
    (tmp_path / label).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / label).touch()
    (tmp_path / "other.nii.gz").touch()
    (tmp_path / "aa.nii.gz").touch()
    assert find_label_for(make_case(0, image), tmp_path) == tmp_path / label


def test_the_better_match_wins_and_equal_ones_are_refused(
    tmp_path: Path, make_case: Callable[..., Case]
) -> None:
    for name in ("s1/a.nii.gz", "s2/a.nii.gz", "s3/a.nii.gz", "s3/a_seg.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_label_for(make_case(0, "s2/a.nii.gz"), tmp_path) == tmp_path / "s2/a.nii.gz"
    assert find_label_for(make_case(0, "s3/a.nii.gz"), tmp_path) == tmp_path / "s3/a.nii.gz"
    assert find_label_for(make_case(0, "b.nii.gz"), tmp_path) is None
    with pytest.raises(InputError, match="Several label maps could belong to a: "):
        find_label_for(make_case(0, "a.nii.gz"), tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_label_for(make_case(0), tmp_path / "nowhere")


def test_a_folder_is_imported_and_what_is_wrong_with_it_is_said(
    tmp_path: Path, project: Project, key: Key, make_label: MakeLabel
) -> None:
    labels = tmp_path / "made elsewhere"
    put(labels / "case_0.nii.gz", make_label(0))
    put(labels / "case_1_seg.nii.gz", make_label(1, values=5))
    (labels / "case_2.nii.gz").write_bytes(b"torn")
    put(labels / "case_5.nii.gz", make_label(5))
    put(labels / "stranger.nii.gz", make_label(6))
    put(labels / "case_4.nii.gz", make_label(4))
    project.set_status(key(4), Status.EXCLUDED)
    report = project.import_labels(labels)
    assert report.imported == (key(0), key(5))
    assert report.without_image == ("stranger.nii.gz",)
    reasons = dict(report.refused)
    assert set(reasons) == {"case_1_seg.nii.gz", "case_2.nii.gz"}
    assert "the values 3, 4" in reasons["case_1_seg.nii.gz"]
    assert project.case(key(0)).status is Status.LABELLED
    assert project.case(key(5)).status is Status.TEST
    assert project.case(key(4)).status is Status.EXCLUDED
    assert values_found([r.case for r in project.cases()], labels) == [1, 2, 3, 4]


def test_importing_again_changes_nothing_unless_told_to(
    tmp_path: Path, project: Project, key: Key, make_label: MakeLabel
) -> None:
    labels = tmp_path / "labels"
    for number in (0, 1):
        put(labels / f"case_{number}.nii.gz", make_label(number))
    assert project.import_labels(labels, keys=["case_0"]).imported == (key(0),)
    assert project.import_labels(labels).imported == (key(1),)
    assert project.import_labels(labels).unchanged == (key(0), key(1))
    put(labels / "case_0.nii.gz", make_label(9))
    report = project.import_labels(labels)
    assert report.unchanged == (key(1),)
    assert "different label map already" in report.refused[0][1]
    assert project.import_labels(labels, overwrite=True).imported == (key(0),)
    first = project.label_versions(key(0))[0]
    assert first.path is not None
    np.testing.assert_array_equal(read_label(first.path).array, make_label(0).array)


def test_one_label_map_never_goes_to_two_cases(
    tmp_path: Path,
    make_case: Callable[..., Case],
    make_pool: Callable[..., Pool],
    schema: LabelSchema,
    make_label: MakeLabel,
) -> None:
    pool = make_pool(make_case(0, "p1/img.nii.gz"), make_case(1, "p2/img.nii.gz"))
    put(tmp_path / "labels" / "img.nii.gz", make_label(0))
    with Project.create(tmp_path / "p", pool, schema) as project:
        report = project.import_labels(tmp_path / "labels")
        assert report.imported == ()
        assert "p1__img or to p2__img" in report.refused[0][1]


def test_a_label_folder_whose_name_is_no_text(
    tmp_path: Path, project: Project, key: Key, make_label: MakeLabel
) -> None:
    folder = tmp_path / os.fsdecode(b"lab\xff")
    folder.mkdir()
    put(tmp_path / "case_1.nii.gz", make_label(1))
    (tmp_path / "case_1.nii.gz").rename(folder / "case_1.nii.gz")
    (folder / "case_0.nrrd").write_bytes(b"NRRD0004")
    report = project.import_labels(folder)
    assert report.imported == (key(1),)
    assert "rename" in report.refused[0][1]
    assert "lab\\xff" in project.labels()[key(1)].source


def test_a_png_label_map_needs_only_the_size_of_its_image(tmp_path: Path, images: Path) -> None:
    case = Case("a" * 32, "x", "x.png", "image2d", ("x.png",), Geometry((6, 4, 1), (0.2, 0.2, 1.0)))
    label = Image((np.arange(24).reshape(1, 4, 6) % 2).astype(np.uint8), Geometry((6, 4, 1)))
    put(tmp_path / "labels" / "x.png", label)
    pool = Pool(str(images), (case,))
    with Project.create(tmp_path / "p", pool, LabelSchema.parse("1=lung")) as project:
        assert project.import_labels(tmp_path / "labels").imported == (case.key,)
        path = project.label_path(case.key)
        assert path is not None
        saved = read_label(path)
        np.testing.assert_array_equal(saved.array, label.array)
        assert saved.geometry.is_close(case.geometry)
        assert project.import_labels(tmp_path / "labels").unchanged == (case.key,)


@pytest.mark.parametrize(("name", "count"), [("hippocampus", 174), ("us_nerve_vessel", 122)])
def test_real_label_folders_match_their_images_one_to_one(
    shared: Path, name: str, count: int
) -> None:
    data = shared / "data" / name
    images = sorted(p for p in (data / "images").iterdir() if p.is_file())
    assert len(images) == count
    for path in images[:: count // 10]:
        relative = path.name
        case = Case("0" * 32, relative.split(".")[0], relative, "nifti", (), Geometry((1, 1, 1)))
        assert find_label_for(case, data / "labels") == data / "labels" / relative
