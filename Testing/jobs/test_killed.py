"""SIGKILL in the middle of encoding, training and prediction: nothing is lost, all resumes."""

from pathlib import Path

from ActiveSeedLib.files import sha256
from ActiveSeedLib.project.project import Project
from Testing.jobs.conftest import SETTINGS, copy_of, do, kill_when

LONGER = {**SETTINGS, "epochs": 6, "checkpoint_seconds": 0.0}


def _label_hashes(root: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted((root / "labels").glob("*.nii.gz"))}


def _labelled(project: Path, cohort: Path) -> dict[str, str]:
    do("suggest", project=str(project), budget=3)
    with Project.open(project, write=False) as opened:
        names = [item.record.case.name for item in opened.queue()]
    do("import-labels", project=str(project), labels=str(cohort / "labels"), cases=names)
    return _label_hashes(project)


def test_encoding(project: Path, tmp_path: Path) -> None:
    twin = copy_of(project, tmp_path / "twin")
    kill_when("suggest", {"project": str(project), "budget": 3}, "Encoding", 1, tmp_path / "logs")
    with Project.open(project) as opened:
        assert opened.rounds() == []
        assert opened.queue() == []
    resumed = do("suggest", project=str(project), budget=3)
    assert resumed["picks"] == do("suggest", project=str(twin), budget=3)["picks"]


def test_training(project: Path, cohort: Path, tmp_path: Path) -> None:
    before = _labelled(project, cohort)
    twin = copy_of(project, tmp_path / "twin")
    params = {"project": str(project), "settings": LONGER}
    kill_when("train", params, "epoch 4", 1, tmp_path / "logs")
    with Project.open(project, write=False) as opened:
        unfinished = opened.unfinished_model()
        assert unfinished is not None
        assert opened.latest_model() is None
    assert _label_hashes(project) == before
    resumed = do("train", project=str(project), settings=LONGER)
    assert resumed["model"] == unfinished.id
    whole = do("train", project=str(twin), settings=LONGER)
    assert resumed["metrics"] == whole["metrics"]


def test_prediction(project: Path, cohort: Path, tmp_path: Path) -> None:
    before = _labelled(project, cohort)
    model = do("train", project=str(project), settings=SETTINGS)["model"]
    twin = copy_of(project, tmp_path / "twin")
    kill_when("predict", {"project": str(project)}, "Predicting", 3, tmp_path / "logs")
    with Project.open(project, write=False) as opened:
        kept = opened.predictions(model)
    resumed = do("predict", project=str(project))
    assert 1 <= len(kept) < len(resumed["cases"])
    assert resumed["predicted"] == len(resumed["cases"]) - len(kept)
    assert resumed["cases"] == do("predict", project=str(twin))["cases"]
    assert _label_hashes(project) == before


def test_scoring(project: Path, cohort: Path, tmp_path: Path) -> None:
    do("import-labels", project=str(project), labels=str(cohort / "labels"))
    twin = copy_of(project, tmp_path / "twin")
    params = {"project": str(project), "settings": SETTINGS}
    kill_when("train", params, "Predicting", 1, tmp_path / "logs")
    resumed = do("train", project=str(project), settings=SETTINGS)
    assert resumed["model"] == "model-001"
    assert resumed["test"] == do("train", project=str(twin), settings=SETTINGS)["test"]
    with Project.open(project, write=False) as opened:
        assert [(m.state, list(m.scores)) for m in opened.models()] == [("finished", ["test"])]
