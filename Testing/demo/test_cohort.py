"""The generated cohort: what lies on disk, that it looks like bodies, and that it is repeatable."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label as components

from ActiveSeedLib.demo.cohort import POPULATIONS, generate_cohort
from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.progress import Progress

SMALL = (30, 24, 14)


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_cohort(tmp_path_factory.mktemp("made") / "cohort", cases=30, seed=1)


@pytest.fixture(scope="module")
def facts(cohort: Path) -> list[dict[str, str]]:
    cases: list[dict[str, str]] = json.loads((cohort / "cohort.json").read_text())["cases"]
    return cases


def _volume(cohort: Path, name: str) -> tuple[Image, Image]:
    return (
        read_file(cohort / "images" / f"{name}.nii.gz"),
        read_file(cohort / "labels" / f"{name}.nii.gz"),
    )


def test_the_files_belong_together(cohort: Path, facts: list[dict[str, str]]) -> None:
    names = {entry["name"] for entry in facts}
    assert len(names) == 30
    assert {p.name for p in cohort.iterdir()} == {"images", "labels", "patients.csv", "cohort.json"}
    for part in ("images", "labels"):
        assert {p.name for p in (cohort / part).iterdir()} == {f"{n}.nii.gz" for n in names}
    with (cohort / "patients.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: row["patient"] for row in rows} == {f["name"]: f["patient"] for f in facts}


def test_the_kinds_are_unequal_and_some_patients_came_twice(facts: list[dict[str, str]]) -> None:
    counts = Counter(entry["kind"] for entry in facts)
    # 30 × (.32, .20, .15, .12, .09, .07, .05) by largest remainder, worked by hand
    assert [counts[name] for name in POPULATIONS] == [10, 6, 4, 4, 3, 2, 1]
    assert sum(kind.share for kind in POPULATIONS.values()) == pytest.approx(1)
    kinds: dict[str, set[str]] = {}
    for entry in facts:
        kinds.setdefault(entry["patient"], set()).add(entry["kind"])
    assert 20 < len(kinds) < 30
    assert all(len(kind) == 1 for kind in kinds.values())


def test_names_and_order_do_not_tell_the_kind(facts: list[dict[str, str]]) -> None:
    firsts = [entry["kind"] for entry in facts[:10]]
    assert len(set(firsts)) > 2
    assert not any(kind in entry["name"] for entry in facts for kind in POPULATIONS)


def test_bodies_have_one_liver_and_two_kidneys_of_human_size(
    cohort: Path, facts: list[dict[str, str]]
) -> None:
    for entry in facts:
        image, label = _volume(cohort, entry["name"])
        assert image.array.dtype == np.int16
        assert image.geometry.is_close(label.geometry)
        assert set(np.unique(label.array)) == {0, 1, 2}
        millilitre = np.prod(image.geometry.spacing) / 1000
        liver = (label.array == 1).sum() * millilitre
        kidneys = (label.array == 2).sum() * millilitre
        enlarged = entry["kind"] == "enlarged"
        assert (1500 if enlarged else 500) < liver < (3600 if enlarged else 1900), entry
        assert 120 < kidneys < 500, entry
        pieces, count = components(label.array == 2)
        sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
        assert count >= 2
        assert sizes[1] > 0.4 * sizes[0], "a left and a right kidney"
        pieces, _ = components(label.array == 1)
        assert np.bincount(pieces.ravel())[1:].max() > 0.9 * (label.array == 1).sum()
        k, j, i = np.argwhere(label.array == 1).mean(axis=0)
        direction = np.reshape(image.geometry.direction, (3, 3))
        place = direction @ (np.array([i, j, k]) * image.geometry.spacing) + image.geometry.origin
        assert place[0] < -20, "the liver lies on the patient's right"


def test_each_kind_looks_its_own_way(cohort: Path, facts: list[dict[str, str]]) -> None:
    liver: dict[str, list[float]] = {}
    rough: dict[str, list[float]] = {}
    for entry in facts:
        image, label = _volume(cohort, entry["name"])
        inside = image.array[label.array == 1].astype(float)
        liver.setdefault(entry["kind"], []).append(float(np.median(inside)))
        rough.setdefault(entry["kind"], []).append(float(inside.std()))
    assert all(95 < value < 130 for kind in ("contrast", "enlarged") for value in liver[kind])
    assert all(45 < value < 75 for value in liver["native"])
    assert all(300 < value < 700 for value in liver["mr"])
    assert min(rough["obese"]) > max(rough["native"]), "noise"
    assert min(rough["lesions"]) > np.mean(rough["contrast"]), "holes in the liver"


def test_grids_differ_as_in_an_archive(cohort: Path, facts: list[dict[str, str]]) -> None:
    grids = {entry["name"]: _volume(cohort, entry["name"])[0].geometry for entry in facts}
    by_kind = {entry["kind"]: grids[entry["name"]] for entry in facts}
    assert by_kind["thick"].spacing[2] == pytest.approx(12)
    assert by_kind["thick"].size[2] == 16
    assert by_kind["thick"].direction[8] == pytest.approx(-1)
    assert by_kind["contrast"].size == (60, 48, 28)
    tilt = max(abs(np.degrees(np.arcsin(grid.direction[2]))) for grid in grids.values())
    assert 5 < tilt < 15, "some are oblique"
    for grid in grids.values():
        matrix = np.reshape(grid.direction, (3, 3))
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-5)


def test_two_scans_of_a_patient_show_one_anatomy(cohort: Path, facts: list[dict[str, str]]) -> None:
    patients = Counter(entry["patient"] for entry in facts)
    twice = [patient for patient, count in patients.items() if count == 2]
    assert twice
    for patient in twice:
        sizes = []
        for visit in (1, 2):
            image, label = _volume(cohort, f"{patient}_scan{visit}")
            sizes.append((label.array == 1).sum() * np.prod(image.geometry.spacing))
        assert sizes[0] != sizes[1], "but not the same scan"
        assert sizes[0] == pytest.approx(sizes[1], rel=0.08)


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    first = generate_cohort(tmp_path / "a", cases=4, seed=3, size=SMALL)
    again = generate_cohort(tmp_path / "b", cases=4, seed=3, size=SMALL)
    other = generate_cohort(tmp_path / "c", cases=4, seed=4, size=SMALL)
    assert _digests(first) == _digests(again)
    image = "images/patient001_scan1.nii.gz"
    assert _digests(first)[image] != _digests(other)[image]
    assert read_file(first / image).geometry.size[:2] == (30, 24)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    folder = generate_cohort(tmp_path / "cohort", cases=3, size=SMALL)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    generate_cohort(folder, cases=3, size=SMALL)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times


def test_an_interrupted_cohort_is_completed(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    folder = tmp_path / "cohort"
    with pytest.raises(CancelledError):
        generate_cohort(
            folder, cases=4, size=SMALL, progress=Progress(cancelled=lambda: next(asked))
        )
    assert len(list((folder / "images").iterdir())) == 2
    assert not (folder / "cohort.json").exists()
    whole = generate_cohort(tmp_path / "whole", cases=4, size=SMALL)
    assert _digests(generate_cohort(folder, cases=4, size=SMALL)) == _digests(whole)
    (folder / "labels" / "patient002_scan1.nii.gz").unlink()
    assert _digests(generate_cohort(folder, cases=4, size=SMALL)) == _digests(whole)


def test_nothing_of_others_is_touched(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "images").mkdir(parents=True)
    (mine / "images" / "patient001_scan1.nii.gz").write_bytes(b"mine")
    with pytest.raises(InputError, match="not empty"):
        generate_cohort(mine, cases=2, size=SMALL)
    assert [p.name for p in mine.rglob("*")] == ["images", "patient001_scan1.nii.gz"]
    folder = generate_cohort(tmp_path / "cohort", cases=2, size=SMALL)
    before = _digests(folder)
    with pytest.raises(InputError, match="another generated cohort"):
        generate_cohort(folder, cases=3, size=SMALL)
    assert _digests(folder) == before
    with pytest.raises(InputError, match="at least one"):
        generate_cohort(tmp_path / "none", cases=0)
