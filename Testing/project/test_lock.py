"""Who may write, tried with real processes."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ActiveSeedLib.errors import InputError, ProjectLockedError
from ActiveSeedLib.project import Project

# Opens a project, says "open" or the error, then closes it when told to, or at the end of stdin.
HOLDER = """
import sys
from pathlib import Path
from ActiveSeedLib.project import Project
try:
    project = Project.open(Path(sys.argv[1]), session=sys.argv[2] or None)
except Exception as error:
    print(type(error).__name__, error, flush=True)
else:
    print("open", project.session, flush=True)
    sys.stdin.readline()
    project.close()
    print("closed", flush=True)
    sys.stdin.readline()
"""

Holder = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def hold() -> Iterator[Holder]:
    """(root, session) → a process that holds the project, ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(root: Path, session: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(root), session]
        started.append(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split(maxsplit=1)


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def root(project: Project) -> Path:
    """A project that nobody has open."""
    project.close()
    return project.root


def test_another_process_is_told_who_writes_since_when_and_what_to_do(
    root: Path, hold: Holder
) -> None:
    holder = hold(root)
    assert line(holder)[0] == "open"
    with pytest.raises(ProjectLockedError) as caught:
        Project.open(root)
    sentence = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()} since 20" in sentence
    assert "close it there" in sentence
    assert "\n" not in sentence


def test_a_reader_needs_no_lock_and_changes_nothing(root: Path, hold: Holder) -> None:
    assert line(hold(root))[0] == "open"
    with Project.open(root, write=False) as reader:
        assert len(reader.cases()) == 6
        assert reader.session is None
        with pytest.raises(InputError, match="reading only"):
            reader.add_seconds(reader.cases()[0].case.key, 1.0)


def test_a_reader_sees_what_the_writer_has_written(project: Project, key) -> None:
    with Project.open(project.root, write=False) as reader:
        project.add_seconds(key(0), 5.0)
        assert reader.case(key(0)).seconds == 5.0


def test_the_token_lets_a_worker_join(project: Project, hold: Holder) -> None:
    worker = hold(project.root, project.session)
    assert line(worker) == ["open", f"{project.session}\n"]
    project.log("front end writes while the worker is there")
    tell(worker)
    assert line(worker) == ["closed"]
    assert not list((project.root / "lock").glob("joined-*"))


def test_a_wrong_token_does_not_let_in(project: Project, hold: Holder) -> None:
    stranger = hold(project.root, "0" * 32)
    assert line(stranger)[0] == "ProjectLockedError"


def test_the_token_cannot_be_read_from_the_project(project: Project) -> None:
    assert project.session is not None
    for path in project.root.rglob("*"):
        if path.is_file() and path.name != "writer.lock":
            assert project.session.encode() not in path.read_bytes()


def test_closing_lets_the_next_one_in(root: Path, hold: Holder) -> None:
    holder = hold(root)
    assert line(holder)[0] == "open"
    tell(holder)
    assert line(holder) == ["closed"]
    Project.open(root).close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_the_lock_vanishes_with_a_killed_holder(root: Path, hold: Holder) -> None:
    holder = hold(root)
    assert line(holder)[0] == "open"
    os.kill(holder.pid, signal.SIGKILL)
    with Project.open(root) as project:
        assert json.loads((root / "lock" / "writer.json").read_text())["process"] == os.getpid()
        assert project.session


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_the_worker_of_a_killed_front_end_keeps_others_out_until_it_ends(
    root: Path, hold: Holder
) -> None:
    front_end = hold(root)
    session = line(front_end)[1].strip()
    worker = hold(root, session)
    assert line(worker)[0] == "open"
    os.kill(front_end.pid, signal.SIGKILL)
    with pytest.raises(ProjectLockedError, match=f"process {worker.pid} "):
        Project.open(root)
    second = hold(root, session)  # of the same session: it takes the place of the front end
    assert line(second) == ["open", f"{session}\n"]
    os.kill(second.pid, signal.SIGKILL)
    os.kill(worker.pid, signal.SIGKILL)
    Project.open(root).close()


def test_of_many_that_come_at_once_exactly_one_gets_in(root: Path, hold: Holder) -> None:
    processes = [hold(root) for _ in range(5)]
    answers = [line(process)[0] for process in processes]
    assert sorted(answers) == ["ProjectLockedError"] * 4 + ["open"]


def test_the_second_opening_in_one_process_is_refused_too(project: Project) -> None:
    before = time.monotonic()
    with pytest.raises(ProjectLockedError):
        Project.open(project.root)
    assert time.monotonic() - before < 5
    with Project.open(project.root, session=project.session) as joined:
        joined.log("joined")
    assert project.history()[-1].event == "joined"


def test_a_file_system_without_locks_is_noted_and_work_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("ActiveSeedLib.project.lock._try_lock", refuse)
    with Project.open(root) as project:
        project.log("works")
        assert "has no locks" in project.notes[0]
