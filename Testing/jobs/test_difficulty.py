"""The difficulty of a pool, kept with its project, and the encoder `cscs` in the loop."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.jobs.difficulty import difficulty_of
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from Testing.jobs.conftest import copy_of, do, kill_when
from Testing.jobs.struck_jobs import METRIC

SMALL = {"steps": 8, "batch": 2, "channels": [8, 16], "side_3d": 16, "checkpoint_seconds": 0.0}


def _measure(project: Path, **params: Any) -> dict[str, Any]:
    return do("difficulty", project=str(project), device="cpu", **params)


def _weights(project: Path) -> list[Path]:
    return sorted(project.glob("features/autoencoders/*/autoencoder.pt"))


@pytest.fixture(scope="module")
def measured(fresh_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose difficulty has been measured."""
    root = copy_of(fresh_project, tmp_path_factory.mktemp("measured") / "project")
    _measure(root, settings=SMALL)
    return root


def test_every_case_of_the_pool_has_a_difficulty_and_no_test_case(measured: Path) -> None:
    result = _measure(measured)
    with Project.open(measured, write=False) as opened:
        pool = {r.case.key for r in opened.cases() if not r.held_out}
        test = {r.case.key for r in opened.cases() if r.held_out}
    assert {case["key"] for case in result["cases"]} == pool
    assert test
    values = [case["difficulty"] for case in result["cases"]]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0
    assert result["left_out"] == []


def test_it_is_computed_once(measured: Path, tmp_path: Path) -> None:
    project = copy_of(measured, tmp_path / "project")
    steps: list[str] = []
    listen = Progress(lambda kind, v: steps.append(v["step"]) if kind == "progress" else None)
    again = JOBS["difficulty"]({"project": str(project), "device": "cpu"}, listen)
    assert not [step for step in steps if "Training" in step or "Encoding" in step]
    assert again == _measure(measured)
    with Project.open(project) as opened:
        found = difficulty_of(opened, "cpu", 43, Progress())
    assert found == {case["key"]: case["difficulty"] for case in again["cases"]}


def test_another_seed_is_another_autoencoder_and_both_are_kept(
    measured: Path, tmp_path: Path
) -> None:
    project = copy_of(measured, tmp_path / "project")
    first, other = _measure(project), _measure(project, seed=44)
    assert first["cases"] != other["cases"]
    assert len(_weights(project)) == 2
    assert _measure(project) == first


def test_a_killed_training_goes_on_to_the_same_difficulty(
    measured: Path, fresh_project: Path, tmp_path: Path
) -> None:
    project = copy_of(fresh_project, tmp_path / "project")
    metrics: list[dict[str, Any]] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "metric":
            metrics.append(event["values"])

    params = {"project": str(project), "device": "cpu", "settings": SMALL}
    kill_when("difficulty", params, METRIC, 1, tmp_path / "logs", on_event)
    assert len(metrics) == 1
    assert set(metrics[0]) == {"epoch", "step", "loss"}
    assert not _weights(project)
    notes: list[str] = []
    listen = Progress(lambda kind, v: notes.append(v["text"]) if kind == "note" else None)
    resumed = JOBS["difficulty"]({"project": str(project), "device": "cpu"}, listen)
    assert any("goes on after step" in note for note in notes)
    assert resumed == _measure(measured)


def test_a_broken_image_is_noted_and_left_out(
    fresh_project: Path, cohort: Path, tmp_path: Path
) -> None:
    images = Path(shutil.copytree(cohort / "images", tmp_path / "images"))
    project = copy_of(fresh_project, tmp_path / "project")
    do("rescan", project=str(project), images=str(images), patients=str(cohort / "patients.csv"))
    with Project.open(project, write=False) as opened:
        broken = next(r.case for r in opened.cases() if not r.held_out)
    path = images / broken.path
    path.write_bytes(path.read_bytes()[:2000])
    notes: list[str] = []
    listen = Progress(lambda kind, v: notes.append(v["text"]) if kind == "note" else None)
    params = {"project": str(project), "device": "cpu", "settings": SMALL}
    result = JOBS["difficulty"](params, listen)
    assert result["left_out"] == [broken.name]
    assert sum(broken.name in note for note in notes) == 2  # in training and in measuring


def test_the_encoder_is_trained_on_the_way_and_shared_with_the_difficulty(
    measured: Path, fresh_project: Path, tmp_path: Path
) -> None:
    project = copy_of(fresh_project, tmp_path / "project")
    with Project.open(project) as opened:
        opened.change_settings({"autoencoder": SMALL})
    encoder = {"encoder": "cscs", "encoder_parameters": {"device": "cpu"}}
    result = do("suggest", project=str(project), budget=3, **encoder)
    assert len(result["picks"]) == 3
    assert len(_weights(project)) == 1
    with Project.open(project, write=False) as opened:
        provenance = opened.rounds()[0].provenance["encoder"]
    assert provenance["trained_on"] == len(_measure(measured)["cases"])
    assert provenance["settings"]["steps"] == SMALL["steps"]
    assert _measure(project) == _measure(measured)
    assert len(_weights(project)) == 1
