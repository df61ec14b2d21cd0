"""The project on real images, from the scan to the imported label maps and a move."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project, Status, values_found


@pytest.fixture
def some(shared: Path, tmp_path: Path) -> Path:
    """Eight hippocampus volumes and the label maps of six of them, copied."""
    data = shared / "data" / "hippocampus"
    for part, count in (("images", 8), ("labels", 6)):
        (tmp_path / part).mkdir()
        for path in sorted((data / part).glob("*.nii.gz"))[:count]:
            shutil.copy(path, tmp_path / part)
    return tmp_path


def test_real_label_maps_come_in_unchanged_and_follow_moved_images(some: Path) -> None:
    pool = scan(some / "images")
    assert values_found(pool.cases, some / "labels") == [1, 2]
    schema = LabelSchema.parse("1=anterior,2=posterior")
    with Project.create(some / "project", pool, schema, test=[pool.cases[0].key]) as project:
        report = project.import_labels(some / "labels")
        assert (len(report.imported), report.refused) == (6, ())
        for record in project.cases(Status.LABELLED):
            path = project.label_path(record.case.key)
            assert path is not None
            original = read_label(some / "labels" / record.case.path)
            np.testing.assert_array_equal(read_label(path).array, original.array)
        with pytest.raises(InputError, match="None of the 8 cases"):
            project.relocate(some / "project" / "labels" / "..")
        before = {r.case.key: (r.status, r.label) for r in project.cases()}
        (some / "moved" / "deep").mkdir(parents=True)
        for number, path in enumerate(sorted((some / "images").iterdir())):
            path.rename(some / "moved" / "deep" / f"renamed_{number}.nii.gz")
        change = project.relocate(some / "moved")
        assert len(change.moved) == 8
        assert change.added == change.missing == ()
        assert {r.case.key: (r.status, r.label) for r in project.cases()} == before
        assert project.images_root == some / "moved"


@pytest.mark.parametrize("name", ["cxr_lung", "us_nerve_vessel"])
def test_real_pictures_and_their_label_maps(shared: Path, tmp_path: Path, name: str) -> None:
    data = shared / "data" / name
    pool = scan(data / "images")
    values = values_found(pool.cases[:30], data / "labels")
    schema = LabelSchema.parse(",".join(f"{value}=label {value}" for value in values))
    with Project.create(tmp_path / "project", pool, schema) as project:
        keys = [case.key for case in pool.cases[:10]]
        report = project.import_labels(data / "labels", keys=keys)
        assert sorted(report.imported) == sorted(keys)
        assert report.without_image == ()
