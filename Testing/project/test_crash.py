"""A project survives being killed at any moment: real processes, really killed.

Two ways: a process that kills itself after its n-th line of the project's code, for n spread over
the whole of a save and of a selection; and a busy process killed from outside at odd moments.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ActiveSeedLib.files import sha256
from ActiveSeedLib.project import Project, Status

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")

COMMON = """
import os, random, signal, sys
import numpy as np
from pathlib import Path
from ActiveSeedLib.pool.case import Image
import ActiveSeedLib.pool.readers
from ActiveSeedLib.project import Project

root, number = Path(sys.argv[1]), int(sys.argv[2])
def label(case, seed):
    array = np.random.default_rng(seed).integers(0, 3, case.geometry.shape).astype(np.uint8)
    return Image(array, case.geometry)
"""
AT_A_LINE = (
    COMMON
    + """
project = Project.open(root)
records = project.cases()
before = project.save_label(records[0].case.key, label(records[0].case, 1), source="first")
print(before.sha256, flush=True)
image = label(records[0].case, 2)
left = number
def trace(frame, event, argument):
    global left
    if os.sep + "ActiveSeedLib" + os.sep not in frame.f_code.co_filename:
        return None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace
sys.settrace(trace)
if sys.argv[3] == "save":
    project.save_label(records[0].case.key, image, source="second")
elif sys.argv[3] == "save unfinished":
    project.save_label(records[0].case.key, image, source="second", done=False)
else:
    picks = [(r.case.key, "Because.", {}) for r in records[1:4]]
    project.add_selection("levy", {}, 1, {}, picks)
sys.settrace(None)
print("survived", number - left, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
)
BUSY = (
    COMMON
    + """
project = Project.open(root)
print("ready", flush=True)
records = project.cases()
generator = random.Random(number)
while True:
    record = generator.choice(records)
    seed = generator.randrange(10**9)
    saved = project.save_label(record.case.key, label(record.case, seed), source=str(seed))
    print(saved.key, saved.sha256, flush=True)
"""
)


def run_until_killed(root: Path, line: int, what: str) -> list[str]:
    command = [sys.executable, "-c", AT_A_LINE, str(root), str(line), what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.split("\n")[:-1]


def check_whole(project: Project) -> None:
    """Files and records say the same, and nothing half-done is left."""
    connection = sqlite3.connect(project.root / "project.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert not list(project.root.rglob(".tmp-*"))
    labels = project.labels()
    on_disk = {path.name for path in (project.root / "labels").iterdir()}
    assert on_disk == {label.path.name for label in labels.values()}
    for label in labels.values():
        assert sha256(label.path) == label.sha256
        assert project.case(label.key).status in {Status.LABELLED, Status.TEST}


def copies(root: Path) -> set[str]:
    """The hashes of all label maps that the project holds, earlier versions included."""
    return {sha256(path) for path in root.rglob("*.nii.gz")}


def lines_of(root: Path, what: str) -> int:
    return int(run_until_killed(root, 10**9, what)[-1].split()[1])


def test_a_save_killed_at_any_line_loses_nothing(
    project: Project, key: Callable[[int], str]
) -> None:
    project.close()
    total = lines_of(project.root, "save")
    assert total > 50
    found = set()
    for line in range(1, total, max(1, total // 16)):
        first = run_until_killed(project.root, line, "save")[0]
        with Project.open(project.root) as again:
            check_whole(again)
            assert first in copies(project.root)
            found.add(again.labels()[key(0)].sha256 == first)
            assert {v.sha256 for v in again.label_versions(key(0)) if v.path} >= {first}
    assert found == {True, False}  # killed before and after the new one was in place


def test_an_unfinished_label_map_is_never_taken_for_a_finished_one(
    project: Project, key: Callable[[int], str]
) -> None:
    project.close()
    total = lines_of(project.root, "save unfinished")
    found = set()
    for line in range(1, total, max(1, total // 16)):
        first = run_until_killed(project.root, line, "save unfinished")[0]
        with Project.open(project.root) as again:
            is_new = again.labels()[key(0)].sha256 != first
            finished = again.case(key(0)).status is Status.LABELLED
            found.add((is_new, finished))
    assert (True, True) not in found
    assert (True, False) in found


def test_a_selection_killed_at_any_line_happened_wholly_or_not(project: Project) -> None:
    project.close()
    total = lines_of(project.root, "select")
    rounds = 1
    for line in range(1, total + 1, max(1, total // 7)):
        with Project.open(project.root) as again:
            suggested = [r.case.key for r in again.cases(Status.SUGGESTED)]
            again.set_status(suggested, Status.UNLABELLED)
        run_until_killed(project.root, line, "select")
        with Project.open(project.root) as again:
            check_whole(again)
            assert len(again.rounds()) in {rounds, rounds + 1}
            happened = len(again.rounds()) > rounds
            rounds = len(again.rounds())
            assert len(again.cases(Status.SUGGESTED)) == (3 if happened else 0)
            assert all(len(again.selection(r.number)) == 3 for r in again.rounds())


def test_a_busy_process_killed_at_odd_moments_loses_no_saved_label_map(project: Project) -> None:
    project.close()
    generator = random.Random(5)
    saved: list[tuple[str, str]] = []
    for attempt in range(8):
        command = [sys.executable, "-c", BUSY, str(project.root), str(attempt)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # However busy the machine is, something was saved by then.
        lines = [process.stdout.readline() for _ in range(1 + attempt % 2)]
        time.sleep(generator.uniform(0.0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        saved += [
            (line.split()[0], line.split()[1])
            for line in lines
            if line.endswith("\n") and len(line.split()) == 2
        ]
        with Project.open(project.root) as again:
            check_whole(again)
            kept = copies(project.root)
            assert {digest for _, digest in saved} <= kept
    assert len(saved) > 8
