"""Atomic writes, backups, checksums."""

import hashlib
import json
from pathlib import Path

import pytest

from ActiveSeedLib import files
from ActiveSeedLib.errors import DiskError


def test_a_failing_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "label.nii.gz"
    files.write_bytes(path, b"old")

    def fail() -> None:
        with files.replacing(path) as temporary:
            assert temporary.name.endswith(".nii.gz")
            temporary.write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["label.nii.gz"]


def test_json_is_readable_and_keeps_umlauts(tmp_path: Path) -> None:
    files.write_json(tmp_path / "new" / "facts.json", {"name": "Müller"})
    text = (tmp_path / "new" / "facts.json").read_text(encoding="utf-8")
    assert "Müller" in text
    assert json.loads(text) == {"name": "Müller"}


def test_backups_never_replace_each_other(tmp_path: Path) -> None:
    path = tmp_path / "case.nii.gz"
    assert files.back_up(path, tmp_path / "backups") is None
    kept = []
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        kept.append(files.back_up(path, tmp_path / "backups"))
    assert [p.read_bytes() for p in kept if p] == [b"1", b"2", b"3"]
    assert all(p is not None and p.name.endswith(".nii.gz") for p in kept)


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_what_the_disk_refuses_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(b"a file where a folder should be")
    path = tmp_path / "labels" / "case.nii.gz"
    with pytest.raises(
        DiskError, match=r"case.nii.gz cannot be written or read \(.*\): check that"
    ):
        files.write_bytes(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["labels"]


def test_a_project_on_a_drive_that_is_gone_does_not_begin_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="check that its disk is there"):
        files.write_bytes(tmp_path / "gone" / "labels" / "case.nii.gz", b"new")
    assert not list(tmp_path.iterdir())
