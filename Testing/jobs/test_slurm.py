"""A real SLURM: its results are those of this machine, whatever happens to its tasks.

What happens to tasks in general is tested without it, in `Testing/executor/test_outside.py`.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from ActiveSeedLib.errors import CancelledError, InputError, MissingDependencyError
from ActiveSeedLib.executor.settings import VARIABLE
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.worker.client import WorkerClient
from Testing.conftest import PROJECT
from Testing.executor.loopback import Loopback, loopback, missing, until
from Testing.jobs.conftest import copy_of, do, kill_when
from Testing.jobs.test_shards import trained, what_is_known
from Testing.jobs.test_shared import SHARED, helping

CLUSTER = {"executor": "slurm", "partition": "short", "time": 5, "array_width": 2}


@pytest.fixture(scope="module")
def running() -> Iterator[Loopback]:
    """A SLURM for the tests of this file."""
    lacking = missing() + ([] if find_spec("submitit") else ["the package submitit"])
    if lacking:
        pytest.skip(
            f"LACKING SLURM: {', '.join(lacking)} is not there, so nothing was submitted to a real "
            "SLURM; install Debian's slurm-wlm and munge, and activeseed[cluster]."
        )
    with loopback() as slurm:
        yield slurm


@pytest.fixture
def slurm(running: Loopback, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """That SLURM, idle, known to whatever this test starts."""
    monkeypatch.setenv("SLURM_CONF", str(running.conf))
    monkeypatch.setenv(VARIABLE, "poll=0.5")
    yield running
    running.resume()
    running.free()


def test_features_are_those_of_this_machine(slurm: Loopback, project: Path, tmp_path: Path) -> None:
    twin = copy_of(project, tmp_path / "twin")
    here = do("encode", project=str(project))
    there = do("encode", project=str(twin), executor=CLUSTER)
    assert there == here
    assert what_is_known(twin) == what_is_known(project)
    assert slurm.tasks("RUNNING,PENDING") == []


@pytest.mark.slow
def test_predictions_are_those_of_this_machine_whatever_happens_to_the_tasks(
    slurm: Loopback, project: Path, cohort: Path, tmp_path: Path
) -> None:
    trained(project, cohort)
    twin = copy_of(project, tmp_path / "twin")
    with Project.open(project, write=False) as opened:
        names = [r.case.name for r in opened.cases(Status.UNLABELLED)][:4]
    here = do("predict", project=str(project), cases=names, device="cpu")
    assert here["predicted"] == len(names)

    slurm.drain()
    notes: list[str] = []
    resumed = threading.Event()

    def listen(kind: str, values: dict[str, object]) -> None:
        notes.append(str(values.get("text", "")))
        if "waiting for a machine" in str(values.get("step")) and not resumed.is_set():
            assert len(slurm.tasks("PENDING")) == len(names)
            slurm.resume()
            resumed.set()

    struck: list[str] = []
    accidents = threading.Thread(target=_accidents, args=(slurm, resumed, struck))
    accidents.start()
    params = {"project": str(twin), "cases": names, "device": "cpu", "executor": CLUSTER}
    there = JOBS["predict"](params, Progress(listen))
    accidents.join()
    assert resumed.is_set()
    assert there == here
    assert what_is_known(twin) == what_is_known(project)
    assert len(struck) == 3
    # One task was killed, one cancelled. The one that SLURM began again is its own affair, unless
    # a late blow at its first life hits the second one.
    early = [note for note in notes if note.startswith("A task ended early")]
    assert len(early) in (2, 3), early
    assert all(note.endswith("1 case goes to another one.") for note in early)


def _accidents(slurm: Loopback, resumed: threading.Event, struck: list[str]) -> None:
    """Kill the process of a running task, cancel the next one, and have the third begin again.

    A task takes seconds to import PyTorch, so each is struck long before it is done.
    """
    assert resumed.wait(120)

    def strike(blow: Callable[[str], object]) -> None:
        assert until(lambda: bool(set(slurm.tasks("RUNNING")) - set(struck)))
        task = min(set(slurm.tasks("RUNNING")) - set(struck))
        blow(task)
        struck.append(task)

    def kill(task: str) -> None:
        assert until(lambda: bool(slurm.processes(task)))
        for pid in slurm.processes(task):
            os.kill(pid, signal.SIGKILL)

    def begin_again(task: str) -> None:
        slurm.say("scontrol", "requeue", task)
        assert until(lambda: task in slurm.tasks("PENDING"))
        slurm.say("scontrol", "update", f"jobid={task}", "starttime=now")  # else in two minutes

    strike(kill)
    strike(lambda task: slurm.say("scancel", task))
    strike(begin_again)


def test_a_killed_command_goes_on_with_what_its_tasks_have_done(
    slurm: Loopback, project: Path, tmp_path: Path
) -> None:
    twin = copy_of(project, tmp_path / "twin")
    params = {"project": str(twin), "executor": {**CLUSTER, "array_width": 1}}
    kill_when("encode", params, r"case ([2-9]|1\d) of", 1, tmp_path / "logs")
    orphans = slurm.tasks("PENDING,RUNNING")
    done = len(list((twin / "cache" / "shards").glob("*/done/*.json")))
    assert orphans
    assert done
    do("encode", project=str(project))
    do("encode", **params)
    assert what_is_known(twin) == what_is_known(project)
    assert not set(orphans) & set(slurm.tasks("PENDING,RUNNING"))


def test_cancel_ends_the_tasks(slurm: Loopback, project: Path) -> None:
    slurm.drain()
    stop = threading.Event()

    def listen(kind: str, values: dict[str, object]) -> None:
        if "waiting for a machine" in str(values.get("step")) and slurm.tasks("PENDING"):
            stop.set()

    with pytest.raises(CancelledError):
        JOBS["encode"](
            {"project": str(project), "executor": CLUSTER}, Progress(listen, stop.is_set)
        )
    assert until(lambda: slurm.tasks("PENDING,RUNNING") == [])


def test_the_command_line(slurm: Loopback, project: Path) -> None:
    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ActiveSeedLib.cli", "suggest", str(project)]
        return subprocess.run(
            [*command, "--budget", "2", "--executor", "slurm", *options],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            timeout=120,
            check=False,
        )

    wrong = run("--partition", "nowhere")
    assert wrong.returncode == 2
    assert "SLURM does not take the tasks" in wrong.stderr
    assert "invalid partition" in wrong.stderr
    done = run("--partition", "short", "--time", "5", "--array-width", "1")
    assert done.returncode == 0, done.stderr
    assert "Encoding case" in done.stderr
    assert "Label these, in this order" in done.stdout


def test_what_a_front_end_starts_goes_there_as_the_environment_says(
    slurm: Loopback, project: Path, tmp_path: Path
) -> None:
    twin = copy_of(project, tmp_path / "twin")
    do("encode", project=str(project))
    steps: list[str] = []
    here = "executor=slurm partition=short time=5 array_width=1 poll=0.5"
    with WorkerClient(log_folder=tmp_path, env={**os.environ, VARIABLE: here}) as client:
        client.run(
            "encode", {"project": str(twin)}, lambda event: steps.append(event.get("step", ""))
        )
    assert what_is_known(twin) == what_is_known(project)
    assert any("waiting for a machine of the cluster" in step for step in steps)
    assert any(step.startswith("Encoding case") for step in steps)


def test_a_job_elsewhere_has_its_tasks_begun_on_the_login_node(
    slurm: Loopback, project: Path, tmp_path: Path
) -> None:
    twin = copy_of(project, tmp_path / "twin")
    here = do("encode", project=str(project))
    with helping(twin, "--executor", "slurm", "--partition", "short", "--time", "5") as process:
        there = do("encode", project=str(twin), executor=SHARED)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert there == here
    assert what_is_known(twin) == what_is_known(project)
    assert "2 tasks run, 0 wait." in said
    with helping(project, "--executor", "slurm", "--partition", "nowhere"):
        (project / "features").rename(project / "earlier")
        with pytest.raises(InputError, match="SLURM does not take the tasks"):
            do("encode", project=str(project), executor=SHARED)


def test_without_slurm_the_job_says_so(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no SLURM on this machine"):
        do("encode", project=str(project), executor={"executor": "slurm"})


def test_without_submitit_the_job_says_what_to_install(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "submitit", None)  # as the import system finds none
    with pytest.raises(MissingDependencyError, match=r"pip install \"activeseed\[cluster\]\""):
        do("encode", project=str(project), executor={"executor": "slurm"})
