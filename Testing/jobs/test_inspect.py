"""The job behind `activeseed inspect`."""

import json
import shutil
from pathlib import Path

import pytest

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from Testing.jobs.conftest import do


def test_a_pool_is_inspected_and_left_as_it_was(tmp_path: Path) -> None:
    images = generate_cohort(tmp_path / "cohort", cases=24, seed=1) / "images"
    root = str(tmp_path / "project")
    do("init", project=root, images=str(images))
    found = do("inspect", project=root, budget=4)
    assert json.loads(json.dumps(found)) == found, "plain JSON values"
    assert found["verdict"] in ("trust", "care", "random")
    assert (found["unit"], found["encoder"]) == ("case", "descriptor")
    assert found["cases"] == 24
    assert found["budget"] == 4
    assert set(found["silhouettes"]["curve"]) == {"2", "3", "4"}
    assert found["stability_over_maps"]["settings"] == [
        "half the perplexity",
        "twice the perplexity",
        "principal components",
    ]
    assert found["dcr"] is None
    assert do("inspect", project=root, budget=4) == found
    with Project.open(Path(root), write=False) as project:
        assert project.rounds() == []


def test_a_small_pool_is_told_that_it_is_too_small(fresh_project: Path, tmp_path: Path) -> None:
    root = str(shutil.copytree(fresh_project, tmp_path / "project"))
    assert do("inspect", project=root)["verdict"] == "too few"


def test_bad_input_gets_one_sentence(fresh_project: Path) -> None:
    for params, words in (({"budget": 0}, "budget"), ({"encoder": "resnet"}, "no encoder called")):
        with pytest.raises(InputError, match=words):
            JOBS["inspect"]({"project": str(fresh_project), **params}, Progress())
