import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import sha256
from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.pool.readers import read_label, write_label
from ActiveSeedLib.project import LabelSchema, Project, Status

Key = Callable[[int], str]
MakeLabel = Callable[..., Image]


def test_a_label_map_comes_back_as_it_was_saved(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    label = make_label(1)
    saved = project.save_label(key(0), label, seconds=20, source="user")
    assert saved.path == project.root / "labels" / "case_0.nii.gz" == project.label_path(key(0))
    back = read_label(saved.path)
    np.testing.assert_array_equal(back.array, label.array)
    assert back.geometry.is_close(label.geometry)
    assert saved.sha256 == sha256(saved.path)
    assert saved.voxels == {int(v): int((label.array == v).sum()) for v in np.unique(label.array)}
    record = project.case(key(0))
    assert (record.status, record.label, record.seconds) == (Status.LABELLED, 1, 20)
    assert project.labels() == {key(0): saved}


def test_a_test_case_gets_its_label_map_and_stays_a_test_case(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    project.save_label(key(5), make_label(1), source="expert")
    assert project.case(key(5)).status is Status.TEST
    assert project.label_path(key(5)) is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spacing": (1.0, 1.5, 2.5)}, r"spacing \(1, 1.5, 2.5\), but the image has \(1, 1.5, 2\)"),
        ({"origin": (0.0, 20.5, 3.0)}, r"origin \(0, 20.5, 3\)"),
        ({"direction": (-1.0, 0, 0, 0, 1, 0, 0, 0, 1)}, "direction"),
        ({"spacing": (9.0, 1.5, 2.0), "origin": (0.0, 0.0, 0.0)}, "elsewhere in space"),
    ],
)
def test_another_geometry_is_refused(
    project: Project,
    key: Key,
    make_label: MakeLabel,
    change: dict[str, tuple[float, ...]],
    said: str,
) -> None:
    label = make_label(1)
    with pytest.raises(InputError, match=said):
        project.save_label(
            key(0), Image(label.array, replace(label.geometry, **change)), source="user"
        )
    assert project.label_path(key(0)) is None
    assert not list((project.root / "labels").iterdir())


def test_another_size_is_refused(project: Project, key: Key) -> None:
    small = Image(np.zeros((3, 4, 4), np.uint8), Geometry((4, 4, 3)))
    with pytest.raises(InputError, match="4×4×3 voxels, but the image has 5×4×3"):
        project.save_label(key(0), small, source="user")


@pytest.mark.parametrize(
    ("value", "said"),
    [(7, "the value 7, which"), (-1, "from -1"), (70000, "to 70000"), (0.5, "fractions")],
)
def test_values_that_mean_nothing_are_refused_by_name(
    project: Project, key: Key, make_label: MakeLabel, value: float, said: str
) -> None:
    label = make_label(1)
    array = label.array.astype(type(value))
    array[0, 0, 0] = value
    with pytest.raises(InputError, match=said):
        project.save_label(key(0), Image(array, label.geometry), source="user")
    assert project.case(key(0)).status is Status.UNLABELLED


def test_a_replaced_label_map_is_kept_and_can_be_restored(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    for seed in (1, 2, 3):
        project.save_label(key(0), make_label(seed), source=f"try {seed}")
    versions = project.label_versions(key(0))
    assert [(v.version, v.source, v.current) for v in versions] == [
        (1, "try 1", False),
        (2, "try 2", False),
        (3, "try 3", True),
    ]
    for seed, version in enumerate(versions, start=1):
        assert version.path is not None
        np.testing.assert_array_equal(read_label(version.path).array, make_label(seed).array)
    restored = project.restore_label(key(0), 1)
    np.testing.assert_array_equal(read_label(restored.path).array, make_label(1).array)
    assert restored.version == 4
    assert all(version.path for version in project.label_versions(key(0)))
    with pytest.raises(InputError, match="no version 9; its versions are: 1, 2, 3, 4"):
        project.restore_label(key(0), 9)


def test_saving_the_same_again_makes_no_version(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    for _ in range(3):
        project.save_label(key(0), make_label(1), seconds=5, source="user")
    assert len(project.label_versions(key(0))) == 1
    assert not list((project.root / "backups").rglob("*.nii.gz"))
    assert project.case(key(0)).seconds == 15


def test_what_another_program_wrote_over_a_label_map_is_kept_too(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    path = project.save_label(key(0), make_label(1), source="user").path
    write_label(path, make_label(2).array, make_label(2).geometry)
    project.save_label(key(0), make_label(3), source="user")
    versions = project.label_versions(key(0))
    assert [v.source for v in versions] == ["user", "found on disk", "user"]
    assert versions[1].path is not None
    np.testing.assert_array_equal(read_label(versions[1].path).array, make_label(2).array)


def test_opening_takes_over_what_lies_on_disk(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    path = project.save_label(key(0), make_label(1), source="user").path
    project.close()
    label = make_label(2)
    write_label(path, label.array, label.geometry)
    write_label(path.with_name("case_1.nii.gz"), label.array, label.geometry)
    path.with_name("case_2.nii.gz").write_bytes(b"torn")
    path.with_name("case_3.nii.gz").write_bytes(b"")
    (path.parent / ".tmp-1-2-case_4.nii.gz").write_bytes(b"half")
    with Project.open(project.root) as again:
        assert again.case(key(0)).label == 2
        assert again.case(key(1)).status is Status.LABELLED
        assert again.labels()[key(1)].sha256 == sha256(path.with_name("case_1.nii.gz"))
        for number in (2, 3):
            assert again.case(key(number)).status is Status.UNLABELLED
            assert "cannot be used" in str(again.case(key(number)).note)
        assert not list(path.parent.glob(".tmp-*"))
        assert len(again.notes) == 2
        again.save_label(key(2), label, source="user")
        assert again.case(key(2)).note is None


def test_a_removed_label_map_is_noticed_and_an_earlier_one_comes_back(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    project.save_label(key(0), make_label(1), source="user")
    project.save_label(key(0), make_label(2), source="user").path.unlink()
    project.close()
    with Project.open(project.root) as again:
        record = again.case(key(0))
        assert (record.status, record.label) == (Status.UNLABELLED, None)
        assert "removed" in str(record.note)
        assert [v.path is None for v in again.label_versions(key(0))] == [False, True]
        with pytest.raises(InputError, match="No copy is left of version 2"):
            again.restore_label(key(0), 2)
        again.restore_label(key(0), 1)
        assert again.case(key(0)).status is Status.LABELLED
        assert again.case(key(0)).label == 3


def test_a_touched_file_is_no_new_version(
    project: Project, key: Key, make_label: MakeLabel
) -> None:
    path = project.save_label(key(0), make_label(1), source="user").path
    project.close()
    os.utime(path, (1, 1))
    with Project.open(project.root) as again:
        assert again.case(key(0)).label == 1
        assert again.notes == []


def test_cases_whose_names_a_file_system_mixes_up_have_files_of_their_own(
    tmp_path: Path,
    make_case: Callable[..., Case],
    make_pool: Callable[..., Pool],
    schema: LabelSchema,
    make_label: MakeLabel,
    key: Key,
) -> None:
    names = [
        "scan.nii.gz",
        "SCAN.nii.gz",
        "🦴.nii.gz",
        "x" * 300 + ".nii.gz",
        "a/con.nii.gz",
        "con.nii.gz",
    ]
    pool = make_pool(*(make_case(n, name) for n, name in enumerate(names)))
    with Project.create(tmp_path / "p", pool, schema) as project:
        paths = {project.save_label(key(n), make_label(n), source="x").path for n in range(6)}
        assert len({path.name.casefold() for path in paths}) == 6
        for n in range(6):
            path = project.label_path(key(n))
            assert path is not None
            np.testing.assert_array_equal(read_label(path).array, make_label(n).array)


def test_large_values_fit(
    tmp_path: Path, make_pool: Callable[..., Pool], key: Key, make_label: MakeLabel
) -> None:
    label = make_label(1)
    array = np.where(label.array == 1, 65535, 0)
    with Project.create(tmp_path / "p", make_pool(), LabelSchema.parse("65535=all")) as project:
        saved = project.save_label(key(0), Image(array, label.geometry), source="user")
        np.testing.assert_array_equal(read_label(saved.path).array, array)
