"""Encoding, predicting, measuring and scoring in tasks gives what it gives in one process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.settings import VARIABLE
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.features.store import FeatureStore
from ActiveSeedLib.files import sha256
from ActiveSeedLib.project.project import Project
from Testing.features.sam_small import SMALL, write_small
from Testing.jobs.conftest import SETTINGS, copy_of, do, make_project

TASKS = {"array_width": 2}


def what_is_known(root: Path) -> dict[str, Any]:
    """Return all that per-case work has left in a project, byte by byte."""
    with Project.open(root, write=False) as project:
        model = project.latest_model()
        store = FeatureStore(project.features_folder)
        names = sorted(path.parent.name for path in store.folder.glob("*/shard-*.npz"))
        found = {
            "vectors": {name: _rows(store.folder / name) for name in names},
            "failures": {name: store.failures(name) for name in names},
            "thumbnails": sorted(path.name for path in (root / "thumbnails").glob("*.png")),
            "verified": sorted(json.loads((root / "cache" / "verified.json").read_text())),
        }
        if model is None:
            return found
        files = list((root / "predictions").rglob("*.nii.gz"))
        return found | {
            "facts": project.predictions(model.id),
            "files": {path.relative_to(root).as_posix(): sha256(path) for path in sorted(files)},
            "scores": model.scores,
        }


def trained(project: Path, cohort: Path) -> None:
    """Label a few cases of a project, and its test cases, and train a model without predicting."""
    with Project.open(project, write=False) as opened:
        names = [r.case.name for r in opened.cases()]
        tests = [r.case.name for r in opened.cases() if r.held_out]
    wanted = [*tests, *[name for name in names if name not in tests][:3]]
    do("import-labels", project=str(project), labels=str(cohort / "labels"), cases=wanted)
    do("train", project=str(project), settings=SETTINGS)


@pytest.mark.slow
def test_the_loop_in_tasks_is_the_loop_in_one_process(
    project: Path, cohort: Path, tmp_path: Path
) -> None:
    trained(project, cohort)
    twin = copy_of(project, tmp_path / "twin")
    ask = {"budget": 2, "strategy": "badge", "device": "cpu"}
    here = do("suggest", project=str(project), **ask)
    there = do("suggest", project=str(twin), executor=TASKS, **ask)
    assert there["picks"] == here["picks"]
    known = what_is_known(project)
    assert known["files"]
    assert len(known["vectors"]) == 1
    assert what_is_known(twin) == known
    assert not list((twin / "cache" / "shards").iterdir())


def test_slices_in_tasks(cohort: Path, tmp_path: Path) -> None:
    root = make_project(cohort, tmp_path / "project", unit="slice")
    twin = copy_of(root, tmp_path / "twin")
    here = do("encode", project=str(root))
    there = do("encode", project=str(twin), executor=TASKS)
    assert there == here
    assert what_is_known(twin) == what_is_known(root)


@pytest.mark.slow
def test_what_sam_has_seen_in_tasks_is_not_looked_at_again(project: Path, tmp_path: Path) -> None:
    chosen = {"weights": str(write_small(tmp_path)), "device": "cpu", "slices": 2, **SMALL}
    sam = {"encoder": "sam", "encoder_parameters": chosen}
    twin = copy_of(project, tmp_path / "twin")
    here = do("encode", project=str(project), **sam)
    there = do("encode", project=str(twin), executor=TASKS, **sam)
    assert there == here
    assert what_is_known(twin) == what_is_known(project)
    folders = (twin / "features").iterdir()
    (parts,) = [path for path in folders if not (path / "encoder.json").exists()]
    rows = {key: np.frombuffer(row, dtype=np.float32).copy() for key, row in _rows(parts).items()}
    for row in rows.values():
        row[-1] = 0.5  # the uncertainty of the slice
    Shelf(parts).put(list(rows), np.stack(list(rows.values())))
    ask = {"budget": 3, "strategy": "sugfw", "device": "cpu", **sam}
    picks = do("suggest", project=str(twin), executor=TASKS, **ask)["picks"]
    assert {pick["why"]["sam_uncertainty"] for pick in picks[1:]} == {0.5}


def _rows(folder: Path) -> dict[str, bytes]:
    """Return key → vector of all that lies in a folder of vectors."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.glob("shard-*.npz")):
        with np.load(path) as shard:
            keys, vectors = shard["keys"].tolist(), shard["vectors"]
        found |= {key: row.tobytes() for key, row in zip(keys, vectors, strict=True)}
    return found


def test_the_environment_names_the_executor(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "executor=local array_width=none")
    with pytest.raises(InputError, match="array_width of executor is 'none'"):
        do("encode", project=str(project))
    monkeypatch.setenv(VARIABLE, "array_width=0")
    with pytest.raises(InputError, match="array width must be at least 1, not 0"):
        do("encode", project=str(project))
