"""Tasks that another machine begins: here, another process that is told the project's folder."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ActiveSeedLib.errors import CancelledError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from Testing.conftest import PROJECT
from Testing.executor.loopback import until
from Testing.jobs.conftest import copy_of, do
from Testing.jobs.test_shards import what_is_known

SHARED = {"executor": "shared", "array_width": 2}


@contextmanager
def helping(project: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `activeseed tasks` on the project."""
    command = [sys.executable, "-m", "ActiveSeedLib.cli", "tasks", str(project), *options]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


def test_a_job_waits_for_whoever_begins_its_tasks(project: Path, tmp_path: Path) -> None:
    twin = copy_of(project, tmp_path / "twin")
    here = do("encode", project=str(project))
    waiting, done = threading.Event(), threading.Event()
    steps: list[str] = []

    def listen(kind: str, values: dict[str, object]) -> None:
        steps.append(str(values.get("step", "")))
        if "waiting for activeseed tasks" in steps[-1]:
            waiting.set()

    def help_out() -> None:
        assert waiting.wait(60)
        with helping(twin, "--array-width", "2") as process:
            assert done.wait(120)
            process.send_signal(signal.SIGINT)
            said, complained = process.communicate(timeout=60)
        assert process.returncode == 130, complained
        assert "2 tasks run" in said

    helper = threading.Thread(target=help_out)
    helper.start()
    try:
        there = JOBS["encode"]({"project": str(twin), "executor": SHARED}, Progress(listen))
    finally:
        done.set()
        helper.join()
    assert there == here
    assert what_is_known(twin) == what_is_known(project)
    assert any(step.startswith("Encoding case") for step in steps)


def test_another_machine_may_see_the_folder_elsewhere(project: Path, tmp_path: Path) -> None:
    """The tasks find project and images by a link, as a share is mounted elsewhere."""
    shutil.copytree(project, tmp_path / "share" / "project")
    (tmp_path / "mounted").symlink_to(tmp_path / "share")
    with helping(tmp_path / "mounted" / "project"):
        there = do("encode", project=str(tmp_path / "share" / "project"), executor=SHARED)
    assert there == do("encode", project=str(project))


def test_cancel_ends_what_was_asked_for(project: Path) -> None:
    stop = threading.Event()

    def listen(kind: str, values: dict[str, object]) -> None:
        if str(values.get("step", "")).startswith("Encoding case"):
            stop.set()

    params = {"project": str(project), "executor": SHARED}
    with helping(project, "--array-width", "1") as process:
        with pytest.raises(CancelledError):
            JOBS["encode"](params, Progress(listen, stop.is_set))
        (work,) = (project / "cache" / "shards").iterdir()
        assert until(lambda: not (work / "asked" / "end").exists())
        assert process.poll() is None
        assert list((work / "asked").iterdir()) == []
    do("encode", project=str(project))
    assert not work.exists()


def test_the_helper_takes_projects_only(tmp_path: Path) -> None:
    with helping(tmp_path) as process:
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is not an ActiveSeed project" in complained
