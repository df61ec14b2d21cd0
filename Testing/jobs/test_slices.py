"""A project that takes slices, through the loop: suggested, labelled, trained on, predicted."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.slices import SliceState
from Testing.features.sam_small import SMALL as SMALL_SAM
from Testing.features.sam_small import write_small
from Testing.jobs.conftest import SETTINGS, copy_of, do, make_project

SMALL = {**SETTINGS, "size_2d": [32, 32]}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, labels and patients.csv: some 200 slices."""
    return generate_cohort(tmp_path_factory.mktemp("cohort"), cases=8, seed=1)


@pytest.fixture(scope="module")
def fresh(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(cohort, tmp_path_factory.mktemp("slices") / "project", unit="slice")


def label_suggested(root: Path, cohort: Path) -> None:
    """Save what a person would draw: the truth on the suggested slices, nothing elsewhere."""
    with Project.open(root) as project:
        for key, indices in project.slices_to_label().items():
            record = project.case(key)
            truth = read_label(cohort / "labels" / f"{record.case.name}.nii.gz")
            axis = project.slice_axis(record.case)
            saved = project.label_path(key)
            drawn = read_label(saved).array.copy() if saved else np.zeros_like(truth.array)
            pick = [slice(None)] * 3
            for index in indices:
                pick[axis] = slice(index, index + 1)
                drawn[tuple(pick)] = truth.array[tuple(pick)]
            project.save_label(key, Image(drawn, truth.geometry), source="user", seconds=60.0)


def suggested(root: Path, **params: Any) -> list[str]:
    return [pick["key"] for pick in do("suggest", project=str(root), **params)["picks"]]


@pytest.fixture(scope="module")
def trained(fresh: Path, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_of(fresh, tmp_path_factory.mktemp("trained") / "project")
    suggested(root, budget=9)
    label_suggested(root, cohort)
    do("train", project=str(root), settings=SMALL)
    return root


def test_slices_are_suggested_and_wait_with_their_case(fresh: Path, tmp_path: Path) -> None:
    root = copy_of(fresh, tmp_path / "project")
    picks = suggested(root, budget=9)
    assert len(set(picks)) == 9
    with Project.open(root) as project:
        waiting = project.slices_to_label()
        assert {split_key(unit) for unit in picks} == {
            (key, index) for key, indices in waiting.items() for index in indices
        }
        assert set(waiting) == {item.record.case.key for item in project.queue()}
        assert project.rounds()[0].size == 9
        assert not {split_key(unit)[0] for unit in picks} & {
            record.case.key for record in project.cases(Status.TEST)
        }
        item = project.queue()[0]
        first = waiting[item.record.case.key][0]
        assert re.match(rf"Slices? {first + 1}[,:]", item.reason), item.reason
        assert not re.search(r"\bcases?\b", item.reason)
        left = project.count_candidates()
    again = suggested(root, budget=4)
    assert not set(again) & set(picks)
    with Project.open(root, write=False) as project:
        assert project.count_candidates() == left - 4


def test_the_same_seed_suggests_the_same_slices(fresh: Path, tmp_path: Path) -> None:
    roots = [copy_of(fresh, tmp_path / name) for name in ("one", "two")]
    assert suggested(roots[0], budget=6) == suggested(roots[1], budget=6)


def test_training_uses_the_labelled_slices_alone(trained: Path, cohort: Path) -> None:
    with Project.open(trained, write=False) as project:
        model = project.latest_model()
        assert model is not None
        assert model.metrics["labelled"] == 9
        assert set(model.provenance["labels"]) == set(project.training_labels())
        assert project.slices_to_label() == {}
        assert project.queue() == []
        done = project.cases(Status.LABELLED)
        assert sum(len(project.slices(r.case.key, SliceState.LABELLED)) for r in done) == 9
        # Scored on whole volumes, whose label maps are whole.
        assert model.scores == {}


def test_a_test_volume_is_scored_whole(trained: Path, cohort: Path, tmp_path: Path) -> None:
    root = copy_of(trained, tmp_path / "project")
    with Project.open(root) as project:
        tests = [r.case.name for r in project.cases(Status.TEST)]
    do("import-labels", project=str(root), labels=str(cohort / "labels"), cases=tests)
    made = do("train", project=str(root), settings={**SMALL, "seed": 44})
    assert made["test"]["cases"] == len(tests)
    with Project.open(root, write=False) as project:
        record = project.case(tests[0])
        predicted = read_label(project.prediction_path(record.case.key, made["model"]))
        assert predicted.geometry.is_close(record.case.geometry)
        assert predicted.array.shape == record.case.geometry.shape


def test_later_rounds_pick_other_slices_by_what_the_model_says_of_each(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    root = copy_of(trained, tmp_path / "project")
    with Project.open(root, write=False) as project:
        before = set(project.training_labels())
    found = do("suggest", project=str(root), budget=5, strategy="entropy")
    picks = [pick["key"] for pick in found["picks"]]
    assert not set(picks) & before
    with Project.open(root, write=False) as project:
        model = project.latest_model()
        assert model is not None
        entropies = project.entropies(model.id)
        statuses = project.unit_statuses(entropies)
        free = [
            unit
            for unit, status in statuses.items()
            if status in (Status.UNLABELLED, Status.SUGGESTED)
        ]
        best = sorted(free, key=lambda unit: -entropies[unit])[:5]
        assert set(picks) == set(best)
        # The facts of the volume go with those of its slices.
        key = split_key(picks[0])[0]
        whole = project.prediction(key, model.id)
        assert whole is not None
        own = [facts["mean_entropy"] for facts in whole["slices"].values()]
        assert np.mean(own) == pytest.approx(whole["mean_entropy"], rel=1e-5)
        assert int(np.argmax(own)) == whole["most_uncertain_slice"]
    # A labelled case waits again, and trains meanwhile with the slices that are done.
    again = {split_key(unit)[0] for unit in picks} & {split_key(unit)[0] for unit in before}
    with Project.open(root, write=False) as project:
        assert set(project.training_labels()) == before
        for one in again:
            assert project.case(one).status is Status.SUGGESTED
    label_suggested(root, cohort)
    with Project.open(root, write=False) as project:
        assert set(project.training_labels()) == before | set(picks)


@pytest.mark.parametrize("strategy", ["tta", "badge", "random", "levy-plus", "per-minute"])
def test_strategies_of_every_kind_pick_slices(trained: Path, tmp_path: Path, strategy: str) -> None:
    root = copy_of(trained, tmp_path / "project")
    assert len(suggested(root, budget=3, strategy=strategy, device="cpu")) == 3


def test_sugfw_looks_at_slices(fresh: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    root = copy_of(fresh, tmp_path / "project")
    with Project.open(root) as project:  # two volumes are left to choose from
        free = [r.case.key for r in project.cases(Status.UNLABELLED)]
        project.set_status(free[2:], Status.EXCLUDED)
    sam = {"weights": str(write_small(tmp_path)), **SMALL_SAM}
    found = do(
        "suggest",
        project=str(root),
        budget=3,
        strategy="sugfw",
        encoder="sam",
        encoder_parameters=sam,
        device="cpu",
    )
    assert all(0.25 <= pick["why"]["sam_uncertainty"] <= 0.75 for pick in found["picks"])
    assert {split_key(pick["key"])[0] for pick in found["picks"]} <= set(free[:2])


def test_cscs_learns_from_slices(fresh: Path, tmp_path: Path) -> None:
    root = copy_of(fresh, tmp_path / "project")
    with Project.open(root) as project:
        project.change_settings({"autoencoder": {"side_2d": 32, "steps": 2, "channels": [4, 8]}})
    assert len(suggested(root, budget=3, strategy="cscs", device="cpu")) == 3
    # Its bottleneck and the default encoder, side by side.
    assert len(suggested(root, budget=3, strategy="kmeans", encoder="fused")) == 3


def test_cross_validation_scores_slices_and_divides_no_volume(
    trained: Path, tmp_path: Path
) -> None:
    root = copy_of(trained, tmp_path / "project")
    found = do("cross-validate", project=str(root), folds=2)
    assert found["cross-validation"]["cases"] == 9
    with Project.open(root, write=False) as project:
        model = project.latest_model()
        assert model is not None
        cases = model.scores["cross-validation"]["cases"]
    fold_of: dict[str, int] = {}
    for one in cases:
        assert fold_of.setdefault(split_key(one["key"])[0], one["fold"]) == one["fold"]


def test_the_map_holds_slices(trained: Path, tmp_path: Path) -> None:
    drawn = do("map", project=str(trained), out=str(tmp_path / "map.png"))
    assert drawn["counts"]["cold start"] == 9
    assert (tmp_path / "map.png").stat().st_size > 5000
    with Project.open(trained, write=False) as project:
        rows, places = project.mapped_rows()
        assert len(rows) == len(places) == sum(drawn["counts"].values())
        assert sum(row.status is Status.LABELLED for row in rows) == 9
        assert all(split_key(row.key)[1] is not None for row in rows)
