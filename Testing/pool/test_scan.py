"""What a folder becomes: cases with an identity, and a reason for all the rest."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.progress import Progress


@pytest.fixture
def volume(write_nifti):
    """Write a small volume whose content is made of a seed."""

    def write(path: Path, seed: int, **fields) -> Path:
        array = np.random.default_rng(seed).integers(0, 99, (4, 5, 6)).astype(np.int16)
        return write_nifti(path, array, **fields)

    return write


def test_everything_below_the_folder_in_order(tmp_path, volume) -> None:
    volume(tmp_path / "b" / "deep" / "x.nii.gz", 1)
    volume(tmp_path / "a.nii", 2)
    Pillow.fromarray(np.eye(5, dtype=np.uint8)).save(tmp_path / "z.PNG")
    pool = scan(tmp_path)
    assert [case.path for case in pool.cases] == ["a.nii", "b/deep/x.nii.gz", "z.PNG"]
    assert [case.name for case in pool.cases] == ["a", "b__deep__x", "z"]
    assert [case.format for case in pool.cases] == ["nifti", "nifti", "image2d"]
    assert [case.is_2d for case in pool.cases] == [False, False, True]
    assert pool.root == str(tmp_path.resolve())
    assert all(case.files == (case.path,) for case in pool.cases)
    assert scan(tmp_path) == pool


def test_hidden_and_other_files_are_passed_over(tmp_path, volume) -> None:
    volume(tmp_path / "a.nii", 1, qform=1)
    volume(tmp_path / "._a.nii", 2)
    volume(tmp_path / ".git" / "b.nii", 3)
    for name in ("readme.md", "table.csv", "noext", "voxels.raw"):
        (tmp_path / name).write_text("text")
    (tmp_path / "zero").touch()
    pool = scan(tmp_path)
    assert [case.path for case in pool.cases] == ["a.nii"]
    assert pool.refused == pool.notes == pool.duplicates == ()


def test_links_and_loops(tmp_path, volume) -> None:
    volume(tmp_path / "pool" / "real" / "a.nii", 1)
    volume(tmp_path / "outside" / "b.nii", 2)
    pool_folder = tmp_path / "pool"
    (pool_folder / "aaa").symlink_to(pool_folder / "real", target_is_directory=True)
    (pool_folder / "real" / "loop").symlink_to(pool_folder, target_is_directory=True)
    (pool_folder / "out").symlink_to(tmp_path / "outside", target_is_directory=True)
    (pool_folder / "broken.nii.gz").symlink_to(tmp_path / "nowhere")
    pool = scan(pool_folder)
    assert [case.path for case in pool.cases] == ["out/b.nii", "real/a.nii"]
    assert [entry.path for entry in pool.refused] == ["broken.nii.gz"]


def test_identity_survives_moving_and_renaming(tmp_path, volume, write_series) -> None:
    volume(tmp_path / "one" / "a.nii.gz", 1)
    volume(tmp_path / "one" / "sub" / "b.nii", 2)
    write_series(tmp_path / "one" / "ct")
    before = {case.key for case in scan(tmp_path / "one").cases}
    (tmp_path / "one" / "a.nii.gz").rename(tmp_path / "one" / "sub" / "c.nii.gz")
    (tmp_path / "one" / "ct").rename(tmp_path / "one" / "series")
    (tmp_path / "one").rename(tmp_path / "two")
    assert {case.key for case in scan(tmp_path / "two").cases} == before
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in before)


def test_names_never_collide(tmp_path, volume) -> None:
    for seed, name in enumerate(["a/x.nii", "b/x.nii", "a__x.nii", "y.nii", "y.nii.gz", "Y.nrrd"]):
        volume(tmp_path / name, seed)
    image = SimpleITK.GetImageFromArray(np.ones((2, 2, 2), np.uint8))
    SimpleITK.WriteImage(image, str(tmp_path / "Y.nrrd"))
    cases = scan(tmp_path).cases
    names = [case.name for case in cases]
    assert len({name.casefold() for name in names}) == 6
    assert "b__x" in names
    assert all(name.split("-")[0].casefold() in {"a__x", "b__x", "y"} for name in names)


def test_duplicates_are_named_and_confirmed(tmp_path, write_nifti) -> None:
    blank = np.zeros((40, 40, 40), np.float32)
    other = blank.copy()
    other[10, 3, 3] = 1  # beyond what the quick key sees
    write_nifti(tmp_path / "a.nii", blank)
    write_nifti(tmp_path / "copies" / "b.nii", blank)
    write_nifti(tmp_path / "other.nii", other)
    write_nifti(tmp_path / "other_copy.nii", other)
    pool = scan(tmp_path)
    assert [case.path for case in pool.cases] == ["a.nii", "other.nii"]
    assert pool.cases[0].key != pool.cases[1].key
    assert {(d.path, d.same_as) for d in pool.duplicates} == {
        ("copies/b.nii", "a.nii"),
        ("other_copy.nii", "other.nii"),
    }


def test_the_voxels_of_a_detached_header_count(tmp_path) -> None:
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        image = SimpleITK.GetImageFromArray(np.full((9, 9, 9), value, np.uint8))
        SimpleITK.WriteImage(image, str(tmp_path / name / "image.mhd"))
    pool = scan(tmp_path)
    assert len({case.key for case in pool.cases}) == 2
    (tmp_path / "a" / "image.raw").unlink()
    pool = scan(tmp_path)
    assert [case.path for case in pool.cases] == ["b/image.mhd"]
    assert "image.raw" in pool.refused[0].reason


def test_folders_whose_names_are_no_text(tmp_path, volume) -> None:
    folder = tmp_path / os.fsdecode(b"im\xff")
    volume(folder / "a.nii", 1)
    with pytest.raises(InputError, match=r"im\\xff is not text; rename it"):
        scan(folder)


def test_one_bad_case_never_stops_the_pool(tmp_path, volume) -> None:
    volume(tmp_path / "good.nii.gz", 1)
    volume(tmp_path / "cut.nii", 2)
    (tmp_path / "cut.nii").write_bytes((tmp_path / "cut.nii").read_bytes()[:-7])
    volume(tmp_path / "four.nii.gz", 3, dims=(4, 6, 5, 2, 2))
    for name in ("text.nii", "text.nii.gz", "text.nrrd", "text.mha", "text.png", "text.dcm"):
        (tmp_path / name).write_text("This is no image at all. " * 20)
    for name in ("empty.nii.gz", "empty.png", "empty.nrrd"):
        (tmp_path / name).touch()
    (tmp_path / "gz.nii.gz").write_bytes(b"\x1f\x8b" + bytes(range(200)))
    (tmp_path / "brain.mgz").write_bytes(b"freesurfer")
    pool = scan(tmp_path)
    assert [case.name for case in pool.cases] == ["good"]
    assert len(pool.refused) == 13
    for entry in pool.refused:
        assert entry.reason.endswith(".")
        assert "\n" not in entry.reason
        assert len(entry.reason) < 300


def test_a_header_that_would_end_the_process_is_refused(tmp_path) -> None:
    image = SimpleITK.GetImageFromArray(np.ones((4, 5, 6), np.uint8))
    SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
    content = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(content.replace(b"NDims = 3", b"NDims =73"))
    assert "NDims = 73" in scan(tmp_path).refused[0].reason


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom and Pillow
@pytest.mark.parametrize("seed", range(3))
def test_no_damage_stops_a_scan(tmp_path, write_dicom, seed) -> None:
    rng = np.random.default_rng(seed)
    volume = SimpleITK.GetImageFromArray(rng.integers(0, 99, (9, 10, 11)).astype(np.int16))
    for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha"):
        SimpleITK.WriteImage(volume, str(tmp_path / name))
    picture = Pillow.fromarray(rng.integers(0, 255, (40, 40)).astype(np.uint8))
    for name in ("a.png", "a.jpg", "a.tif"):
        picture.save(tmp_path / name)
    write_dicom(tmp_path / "a.dcm", np.ones((6, 5)))
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for index in range(15):
            content = bytearray(whole)
            for _ in range(1 + index % 4):
                content[rng.integers(0, min(len(content), 600))] = rng.integers(0, 256)
            kept = len(content) if index % 3 else int(rng.integers(0, len(content)))
            path.with_name(f"{index}{path.name}").write_bytes(content[:kept])
    pool = scan(tmp_path)
    assert len(pool.cases) >= 7
    assert len(pool.refused) >= 20
    for entry in pool.refused:
        assert entry.reason.endswith(".")
        assert "\n" not in entry.reason
        assert len(entry.reason) < 300
    for path in tmp_path.iterdir():
        verify(path)


def test_odd_but_usable_cases_get_a_note(tmp_path, volume) -> None:
    volume(tmp_path / "a.nii.gz", 1)
    rows = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    volume(tmp_path / "b.nii.gz", 2, sform=1, rows=rows, spacing=(2, 2, 2))
    volume(tmp_path / "c.nii.gz", 3, sform=1, rows=rows)
    notes = {note.path: note.reason for note in scan(tmp_path).notes}
    assert "no orientation" in notes["a.nii.gz"]
    assert "disagree" in notes["b.nii.gz"]
    assert "c.nii.gz" not in notes


def test_folders_that_give_no_pool(tmp_path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        scan(tmp_path / "missing")
    with pytest.raises(InputError, match="no image"):
        scan(tmp_path)
    (tmp_path / "readme.txt").write_text("text")
    with pytest.raises(InputError, match="no image"):
        scan(tmp_path)
    (tmp_path / "bad.nii").write_text("text")
    pool = scan(tmp_path)
    assert pool.cases == ()
    assert len(pool.refused) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator reads all")
def test_folders_without_permission(tmp_path, volume) -> None:
    volume(tmp_path / "a.nii", 1)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    pool = scan(tmp_path)
    locked.chmod(0o700)
    assert pool.refused[0].path == "locked"


def test_progress_and_cancelling_leave_no_thread(tmp_path, volume) -> None:
    for seed in range(200):
        volume(tmp_path / f"{seed}.nii", seed)
    seen: list[float] = []
    scan(tmp_path, progress=Progress(lambda kind, values: seen.append(values["fraction"])))
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 1
    with pytest.raises(CancelledError):
        scan(tmp_path, progress=Progress(cancelled=lambda: len(seen) > 2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]


def test_importing_the_pool_is_light() -> None:
    code = (
        "import sys, ActiveSeedLib.pool, ActiveSeedLib.pool.scan, ActiveSeedLib.pool.readers, "
        "ActiveSeedLib.pool.patients; "
        "heavy = {'SimpleITK', 'pydicom', 'PIL', 'torch', 'sklearn'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_real_duplicates_are_found(shared) -> None:
    pool = scan(shared / "data" / "cxr_lung" / "images")
    for duplicate in pool.duplicates:
        folder = Path(pool.root)
        assert (folder / duplicate.path).read_bytes() == (folder / duplicate.same_as).read_bytes()
    assert len(pool.cases) + len(pool.duplicates) == 240
