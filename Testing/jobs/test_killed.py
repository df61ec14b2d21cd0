"""SIGKILL in the middle of encoding, training and prediction: nothing is lost, all resumes."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.files import sha256
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.worker.client import WorkerClient
from ActiveSeedLib.worker.stream import WorkerDiedError
from Testing.jobs.conftest import SETTINGS, copy_of, do

LONGER = {**SETTINGS, "epochs": 6, "checkpoint_seconds": 0.0}


def _kill_when(
    client: WorkerClient, job: str, params: dict[str, Any], word: str, count: int
) -> None:
    """Run `job` and kill its process at the `count`-th progress whose step holds `word`."""
    seen = 0
    struck = threading.Event()

    def on_event(event: dict[str, Any]) -> None:
        nonlocal seen
        if event["event"] == "progress" and word in event["step"]:
            seen += 1
            if seen == count:
                struck.set()
                os.kill(client.pid, signal.SIGKILL)

    with pytest.raises(WorkerDiedError):
        client.run(job, params, on_event)
    assert struck.is_set()


@pytest.fixture
def client(tmp_path: Path) -> Any:
    worker = WorkerClient(log_folder=tmp_path / "logs")
    yield worker
    worker.close()


def _label_hashes(root: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted((root / "labels").glob("*.nii.gz"))}


def _labelled(project: Path, cohort: Path) -> dict[str, str]:
    do("suggest", project=str(project), budget=3)
    with Project.open(project, write=False) as opened:
        names = [item.record.case.name for item in opened.queue()]
    do("import-labels", project=str(project), labels=str(cohort / "labels"), cases=names)
    return _label_hashes(project)


def test_encoding(project: Path, client: WorkerClient, tmp_path: Path) -> None:
    twin = copy_of(project, tmp_path / "twin")
    _kill_when(client, "suggest", {"project": str(project), "budget": 3}, "Encoding", 1)
    with Project.open(project) as opened:
        assert opened.rounds() == []
        assert opened.queue() == []
    resumed = do("suggest", project=str(project), budget=3)
    assert resumed["picks"] == do("suggest", project=str(twin), budget=3)["picks"]


def test_training(project: Path, cohort: Path, client: WorkerClient, tmp_path: Path) -> None:
    before = _labelled(project, cohort)
    twin = copy_of(project, tmp_path / "twin")
    params = {"project": str(project), "settings": LONGER}
    _kill_when(client, "train", params, "epoch 4", 1)
    with Project.open(project, write=False) as opened:
        unfinished = opened.unfinished_model()
        assert unfinished is not None
        assert opened.latest_model() is None
    assert _label_hashes(project) == before
    resumed = do("train", project=str(project), settings=LONGER)
    assert resumed["model"] == unfinished.id
    whole = do("train", project=str(twin), settings=LONGER)
    assert resumed["metrics"] == whole["metrics"]


def test_prediction(project: Path, cohort: Path, client: WorkerClient, tmp_path: Path) -> None:
    before = _labelled(project, cohort)
    model = do("train", project=str(project), settings=SETTINGS)["model"]
    twin = copy_of(project, tmp_path / "twin")
    _kill_when(client, "predict", {"project": str(project)}, "Predicting", 3)
    with Project.open(project, write=False) as opened:
        kept = opened.predictions(model)
    resumed = do("predict", project=str(project))
    assert 1 <= len(kept) < len(resumed["cases"])
    assert resumed["predicted"] == len(resumed["cases"]) - len(kept)
    assert resumed["cases"] == do("predict", project=str(twin))["cases"]
    assert _label_hashes(project) == before


def test_scoring(project: Path, cohort: Path, client: WorkerClient, tmp_path: Path) -> None:
    do("import-labels", project=str(project), labels=str(cohort / "labels"))
    twin = copy_of(project, tmp_path / "twin")
    params = {"project": str(project), "settings": SETTINGS}
    _kill_when(client, "train", params, "Predicting", 1)
    resumed = do("train", project=str(project), settings=SETTINGS)
    assert resumed["model"] == "model-001"
    assert resumed["test"] == do("train", project=str(twin), settings=SETTINGS)["test"]
    with Project.open(project, write=False) as opened:
        assert [(m.state, list(m.scores)) for m in opened.models()] == [("finished", ["test"])]
