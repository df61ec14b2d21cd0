"""`activeseed view` as a person types it, up to its link and down to its end; no browser here."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ActiveSeedLib.app.session import Session
from Testing import labelling
from Testing.cli.test_cli import PROJECT, activeseed

SECONDS = 60
WIDE = "anyone who has the link can see the images and change the labels"
COMMAND = [sys.executable, "-m", "ActiveSeedLib.cli", "view"]


class Viewing:
    """The command at work.

    Attributes:
        process: its process.
        link: where it serves.
        said: what it printed until then.
    """

    def __init__(self, root: Path, *options: str, command: list[str] = COMMAND) -> None:
        self.process = subprocess.Popen(
            [*command, str(root), *options],
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said, self.link = "", ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"http://[^\s\"]+", line):
                self.link = found[0]
            if line.startswith(("Ctrl+C", "{")):  # the last words, in text or for a script
                break

    def end(self, number: int) -> str:
        """Send a signal, and return what was printed to the error stream; it must end well."""
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=SECONDS)
        self.said += rest
        assert self.process.returncode == 0, errors
        return errors

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelling.make_archive(tmp_path_factory.mktemp("made") / "archive") / "project"


@pytest.fixture(scope="module")
def viewing(root: Path) -> Iterator[Viewing]:
    """The command as a script on a server would start it, until it is told to end."""
    made = Viewing(root, "--json", "--host", "0.0.0.0")
    yield made
    made.kill()


def test_json_is_one_line_with_the_link_and_the_warning(viewing: Viewing, root: Path) -> None:
    answer = json.loads(viewing.said)
    assert viewing.said.count("\n") == 1
    assert WIDE in answer.pop("warning")
    assert answer == {"link": viewing.link, "project": str(root)}
    assert re.fullmatch(r"http://\S+:\d+/\?token=\S{20,}", viewing.link)


def test_a_second_one_on_the_same_project_says_that_it_is_in_use(
    viewing: Viewing, root: Path
) -> None:
    assert viewing.process.poll() is None
    second = activeseed("view", str(root))
    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    assert str(viewing.process.pid) in second.stderr or "in use" in second.stderr, second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_no_such_project(tmp_path: Path) -> None:
    done = activeseed("view", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"The project folder {tmp_path / 'nowhere'} is not there")
    done = activeseed("view", str(tmp_path))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_port_that_is_taken(root: Path, tmp_path: Path, viewing: Viewing) -> None:
    assert viewing.link
    copy = labelling.copy_of(root.parent, tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = activeseed("view", str(copy), "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"Port {port} on 127.0.0.1 is taken")


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in its own way")
def test_ctrl_c_ends_it_and_the_project_is_free_again(viewing: Viewing, root: Path) -> None:
    assert viewing.end(signal.SIGINT) == ""
    Session.open(root).close()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in its own way")
def test_listening_wider_is_warned_of_in_words_and_a_closed_terminal_ends_it(root: Path) -> None:
    made = Viewing(root, "--host", "0.0.0.0")
    try:
        assert made.end(signal.SIGHUP) == ""
    finally:
        made.kill()
    assert WIDE in made.said
    assert "Ctrl+C ends it; nothing that was drawn is lost." in made.said
    Session.open(root).close()


@pytest.mark.parametrize("package", ["trame_slicer", "trame_vuetify"])
def test_missing_packages_say_what_to_install(root: Path, tmp_path: Path, package: str) -> None:
    # Hides one package, as if it had never been installed.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.machinery, sys\n"
        "class Hidden(importlib.machinery.PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        "            return None\n"
        "        return super().find_spec(name, path, target)\n"
        "sys.meta_path[:] = [Hidden if f is importlib.machinery.PathFinder else f\n"
        "                    for f in sys.meta_path]\n"
    )
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*COMMAND, str(root)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 2, done.stderr
    assert 'pip install "activeseed[viewer]"' in done.stderr
    assert "Traceback" not in done.stderr
