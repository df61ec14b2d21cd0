"""A damaged file is never taken for a whole one, and each is looked at once."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from ActiveSeedLib.pool import integrity
from ActiveSeedLib.pool.integrity import Verified, verify, verify_case
from ActiveSeedLib.pool.scan import scan

VOLUME = np.random.default_rng(0).integers(0, 99, (9, 20, 30)).astype(np.int16)


def write(path: Path, *, compress: bool = True) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOLUME), str(path), compress)
    return path


WHOLE = ["a.nii", "a.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_files(tmp_path, name, compress) -> None:
    assert verify(write(tmp_path / name, compress=compress)) is None


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("name", WHOLE)
def test_every_cut_is_found(tmp_path, name, compress) -> None:
    header = write(tmp_path / name, compress=compress)
    largest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_size)
    data = largest.read_bytes()
    for kept in (len(data) - 1, len(data) - 5, len(data) // 2, 500, 0):
        largest.write_bytes(data[:kept])
        verdict = verify(header)
        assert verdict is not None, kept
        assert "\n" not in verdict


def test_simpleitk_reads_a_cut_stream_without_an_error_but_verify_does_not(tmp_path) -> None:
    path = write(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    filled = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert filled.shape == VOLUME.shape  # the trap
    assert "cut short" in verify(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_of_the_stream_is_found(tmp_path, data) -> None:
    path = tmp_path / "a.nii.gz"
    if not (tmp_path / "whole").exists():
        write(path).rename(tmp_path / "whole")
    content = bytearray((tmp_path / "whole").read_bytes())
    at = data.draw(st.integers(20, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert verify(path) is not None


def test_members_and_padding_are_whole(tmp_path) -> None:
    plain = write(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "b.nii.gz"
    first, second = gzip.compress(plain[:1000]), gzip.compress(plain[1000:])
    path.write_bytes(first + second)
    assert verify(path) is None
    path.write_bytes(first + second + bytes(512))
    assert verify(path) is None
    path.write_bytes(first)
    assert "cut short" in verify(path)
    path.write_bytes(first + second[:-6])
    assert verify(path) is not None


def test_without_isal_the_verdicts_are_the_same(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "a.nii.gz")
    monkeypatch.setattr(integrity.inflate, "_gzip", gzip)
    assert verify(path) is None
    path.write_bytes(path.read_bytes()[:-9])
    assert verify(path) is not None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_pictures(tmp_path, suffix) -> None:
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (60, 70)).astype(np.uint8)).save(
        path
    )
    assert verify(path) is None
    path.write_bytes(path.read_bytes()[:-900])
    assert verify(path) is not None


def test_missing_and_strange_files(tmp_path) -> None:
    assert "gone" in verify(tmp_path / "a.nii.gz")
    header = write(tmp_path / "a.mhd")
    next(path for path in tmp_path.iterdir() if path != header).unlink()
    assert "missing" in verify(header)
    (tmp_path / "b.nrrd").write_bytes(b"something else")
    assert "does not hold" in verify(tmp_path / "b.nrrd")


def test_memory_stays_small(tmp_path) -> None:
    import tracemalloc

    path = tmp_path / "a.nii.gz"
    big = SimpleITK.Image([400, 400, 200], SimpleITK.sitkUInt8)
    SimpleITK.WriteImage(big, str(path))
    tracemalloc.start()
    assert verify(path) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6 < 400 * 400 * 200


def test_each_file_is_looked_at_once(tmp_path, monkeypatch) -> None:
    looked: list[Path] = []
    real = integrity.verify
    monkeypatch.setattr(integrity, "verify", lambda path: looked.append(path) or real(path))
    path = write(tmp_path / "a.nii.gz")
    store = tmp_path / "cache" / "verified.json"
    with Verified(store) as cache:
        assert cache.verdict(path) is None
        assert cache.verdict(path) is None
    with Verified(store) as cache:
        assert cache.verdict(path) is None
    assert len(looked) == 1
    path.write_bytes(path.read_bytes()[:-100])
    with Verified(store) as cache:
        assert cache.verdict(path) is not None
    assert Verified(store).verdict(path) is not None
    assert len(looked) == 2
    os.utime(path, ns=(1, 1))
    Verified(store).verdict(path)
    assert len(looked) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2, 3]}'])
def test_a_damaged_cache_is_as_good_as_none(tmp_path, content) -> None:
    store = tmp_path / "verified.json"
    store.write_text(content)
    with Verified(store) as cache:
        assert cache.verdict(write(tmp_path / "a.nii.gz")) is None
    assert len(json.loads(store.read_text())) == 1


def test_a_case_is_as_whole_as_its_worst_file(tmp_path, write_series) -> None:
    write_series(tmp_path / "ct")
    (case,) = scan(tmp_path).cases
    cache = Verified(tmp_path / "verified.json")
    assert verify_case(tmp_path, case, cache) is None
    (tmp_path / "ct" / "003").unlink()
    verdict = verify_case(tmp_path, case, cache)
    assert "003" in verdict
    assert "gone" in verdict


def test_all_real_volumes_are_whole(shared) -> None:
    for path in sorted((shared / "data" / "hippocampus").rglob("*.nii.gz")):
        assert verify(path) is None
