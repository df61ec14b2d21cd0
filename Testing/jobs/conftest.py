"""A small generated cohort, and a project made of it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.worker.client import OnEvent, WorkerClient
from ActiveSeedLib.worker.stream import WorkerDiedError
from Testing.jobs import struck_jobs

SETTINGS = {"epochs": 2, "channels": [8, 16, 32], "device": "cpu"}


def do(job: str, **params: Any) -> dict[str, Any]:
    """Run a job in this process."""
    return JOBS[job](params, Progress())


def kill_when(
    job: str,
    params: dict[str, Any],
    word: str,
    count: int,
    logs: Path,
    on_event: OnEvent | None = None,
) -> None:
    """Run `job` in a worker that is killed at the `count`-th progress whose step holds `word`."""
    env = {**os.environ, struck_jobs.WORD: word, struck_jobs.COUNT: str(count)}
    with (
        WorkerClient(log_folder=logs, env=env, jobs=struck_jobs.NAME) as client,
        pytest.raises(WorkerDiedError, match="SIGKILL"),
    ):
        client.run(job, params, on_event)


def make_project(cohort: Path, root: Path, test_fraction: float = 0.25, **params: Any) -> Path:
    """Make a project of a cohort in the folder `root`, and return it."""
    do(
        "init",
        project=str(root),
        images=str(cohort / "images"),
        patients=str(cohort / "patients.csv"),
        segments="1=liver,2=kidney",
        test_fraction=test_fraction,
        **params,
    )
    return root


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, labels and patients.csv."""
    return generate_cohort(tmp_path_factory.mktemp("cohort"), cases=14, seed=1)


@pytest.fixture(scope="session")
def fresh_project(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a test split whose cases have label maps; nothing else has happened."""
    return make_project(cohort, tmp_path_factory.mktemp("project") / "project")


@pytest.fixture
def project(fresh_project: Path, tmp_path: Path) -> Path:
    """A copy of the fresh project for one test."""
    return copy_of(fresh_project, tmp_path / "project")


def copy_of(project: Path, target: Path) -> Path:
    """Return a copy of a project that may be changed."""
    return Path(shutil.copytree(project, target))
