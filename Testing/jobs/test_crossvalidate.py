"""Cross-validation: whole patients, no test case, resumable, and no bad case stops it."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.jobs.crossvalidate import divide
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from Testing.jobs.conftest import SETTINGS, copy_of, do


@pytest.fixture(scope="module")
def trained(fresh_project: Path, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with six label maps, a model, and test cases without any label map."""
    root = copy_of(fresh_project, tmp_path_factory.mktemp("trained") / "project")
    with Project.open(root, write=False) as opened:
        names = [record.case.name for record in opened.cases(Status.UNLABELLED)][:6]
    do("import-labels", project=str(root), labels=str(cohort / "labels"), cases=names)
    assert do("train", project=str(root), settings=SETTINGS)["test"] is None
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    return copy_of(trained, tmp_path / "project")


class Log:
    """Keeps the steps and notes of a job, and cancels it at the step that holds `until`."""

    def __init__(self, until: str | None = None) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []
        self._until = until
        self.progress = Progress(self._hear, self._cancelled)

    def _hear(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "progress":
            self.steps.append(values["step"])
        elif kind == "note":
            self.notes.append(values["text"])

    def _cancelled(self) -> bool:
        return self._until is not None and any(self._until in step for step in self.steps)


def cross_validate(root: Path, log: Log | None = None, **params: Any) -> dict[str, Any]:
    return JOBS["cross-validate"]({"project": str(root), **params}, (log or Log()).progress)


def test_every_label_map_is_scored_once_and_no_test_case_is_touched(root: Path) -> None:
    with Project.open(root, write=False) as opened:
        labelled = {r.case.key for r in opened.cases(Status.LABELLED)}
        tests = {r.case.key for r in opened.cases(Status.TEST)}
    log = Log()
    means = cross_validate(root, log)["cross-validation"]
    assert means["cases"] == 6
    assert means["folds"] == 3
    with Project.open(root, write=False) as opened:
        model = opened.latest_model()
        assert model is not None
        kept = model.scores["cross-validation"]
        owners = {r.case.key: r.case.patient for r in opened.cases()}
    assert kept["means"] == means
    assert {case["key"] for case in kept["cases"]} == labelled
    assert not {case["key"] for case in kept["cases"]} & tests
    assert means["dice"] == pytest.approx(sum(c["dice"] for c in kept["cases"]) / 6)
    folds_of: dict[str | None, set[int]] = {}
    for case in kept["cases"]:
        folds_of.setdefault(owners[case["key"]], set()).add(case["fold"])
    assert all(len(folds) == 1 for folds in folds_of.values())
    assert not list((model.folder / "cross-validation").rglob("*.pt"))
    assert any(step.startswith("Fold 2 of 3: ") for step in log.steps)

    again = Log()
    assert cross_validate(root, again)["cross-validation"] == means
    assert again.steps[:3] == [f"Fold {n} of 3: done before" for n in (1, 2, 3)]


def test_a_cancelled_one_goes_on_with_the_next_fold(root: Path) -> None:
    whole = cross_validate(copy_of(root, root.with_name("whole")))
    with pytest.raises(CancelledError):
        cross_validate(root, Log(until="Fold 2 of 3: "))
    with Project.open(root, write=False) as opened:
        model = opened.latest_model()
        assert model is not None
        assert "cross-validation" not in model.scores
    log = Log()
    resumed = cross_validate(root, log)
    assert log.steps[0] == "Fold 1 of 3: done before"
    assert resumed["cross-validation"] == whole["cross-validation"]


def test_a_fold_of_changed_label_maps_is_done_again(root: Path) -> None:
    cross_validate(root)
    fold = next((root / "models").rglob("fold-1.json"))
    content = json.loads(fold.read_text())
    fold.write_text(json.dumps({**content, "digest": "of other label maps"}))
    fold.with_name("fold-2.json").write_text("spoilt")
    log = Log()
    cross_validate(root, log)
    assert log.steps[0] != "Fold 1 of 3: done before"
    assert not any("Fold 2 of 3: done before" in step for step in log.steps)
    assert "Fold 3 of 3: done before" in log.steps


def test_one_bad_case_is_named_and_left_out(root: Path) -> None:
    with Project.open(root, write=False) as opened:
        bad = opened.cases(Status.LABELLED)[0]
        path = opened.label_path(bad.case.key)
    assert path is not None
    facts = path.stat()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # unnoticed by the opening project
    log = Log()
    means = cross_validate(root, log, folds=2)["cross-validation"]
    assert means["cases"] == 5
    assert any("Left out of the scores: " + bad.case.name in note for note in log.notes)


def test_fewer_than_two_patients_cannot_be_divided(root: Path) -> None:
    with Project.open(root) as opened:
        keys = [record.case.key for record in opened.cases(Status.LABELLED)]
        opened.set_status(keys[1:], Status.EXCLUDED)
    log = Log()
    assert cross_validate(root, log)["cross-validation"] is None
    assert any("at least two patients" in note for note in log.notes)


def test_what_is_wrong_is_said_in_one_sentence(fresh_project: Path, root: Path) -> None:
    with pytest.raises(InputError, match="at least 2 folds, not 1"):
        cross_validate(root, folds=1)
    with pytest.raises(InputError, match="no trained model yet"):
        cross_validate(fresh_project)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(2, 6))
def test_patients_stay_whole_and_folds_are_fair(patients: list[str], folds: int) -> None:
    index = divide(patients, folds)
    different = len(set(patients))
    if different < 2:
        assert index == []
        return
    assert set(index) == set(range(min(folds, different)))
    assert len({(p, i) for p, i in zip(patients, index, strict=True)}) == different
    sizes = Counter(index)
    largest = max(Counter(patients).values())
    assert max(sizes.values()) - min(sizes.values()) <= largest
