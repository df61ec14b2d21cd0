"""What a Python has of what ActiveSeed needs, found in a process of its own, nothing imported."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement as Parsed

from ActiveSeedLib.panel.process import PythonProcess
from ActiveSeedLib.panel.python import is_foreign, own_python, python_environment
from ActiveSeedLib.requirements import Requirement, requirements
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.process import worker_environment
from ActiveSeedLib.worker.stream import LineBuffer

SCRIPT = str(Path(__file__).with_name("package_process.py"))
END_SECONDS = 2.0


def judge(found: Mapping[str, str]) -> list[Requirement]:
    """Return all requirements, as a Python that has the distributions `found` meets them.

    Args:
        found: versions by name in lower case.
    """
    judged = []
    for one in requirements():
        version = found.get(one.package.lower())
        specifier = Parsed(one.requirement).specifier
        ok = version is not None and specifier.contains(version, prereleases=True)
        judged.append(replace(one, installed=version, ok=ok))
    return judged


def is_slicers(python: str) -> bool:
    """Return whether `python` is the one that Slicer ships."""
    return not is_foreign(python) and Path(own_python()).stem.lower() == "pythonslicer"


class Look:
    """Which distributions a Python has, found without importing any of them.

    Attributes:
        ended: emitted with the versions by name in lower case, or None if that Python failed.
    """

    def __init__(self, python: str) -> None:
        self.ended = Signal()
        self._found: dict[str, str] | None = None
        self._command = PackageCommand([python, SCRIPT, "look"])
        self._command.line.connect(self._on_line)
        self._command.ended.connect(self._on_ended)

    def close(self) -> None:
        """End it at once and say no more; it is nothing that could be harmed."""
        self._command.close(grace=0)

    def _on_line(self, line: str) -> None:
        with suppress(ValueError):
            self._found = json.loads(line)

    def _on_ended(self, _code: int | None) -> None:
        self.ended.emit(self._found)


class PackageCommand:
    """A run of `package_process`, line by line."""

    def __init__(self, command: Sequence[str]) -> None:
        self.line, self.ended = Signal(), Signal()
        self._out, self._err = LineBuffer(), LineBuffer()
        environment = worker_environment(python_environment(command[0]))
        self._process = PythonProcess(command, environment)
        self._process.said.connect(self._on_said)
        self._process.complained.connect(self._on_complained)
        self._process.ended.connect(self._on_ended)
        self._process.start()

    def end(self) -> None:
        """Let it end: it does when its standard input ends."""
        self._process.end(END_SECONDS)

    def close(self, grace: float = END_SECONDS) -> None:
        """End it and wait, shortly; nothing is said any more."""
        self.line, self.ended = Signal(), Signal()
        self.end()
        if not self._process.wait(grace):
            self._process.end_now()
            self._process.wait(1.0)

    def _on_said(self, data: bytes) -> None:
        for line in self._out.feed(data):
            self.line.emit(line)

    def _on_complained(self, data: bytes) -> None:
        for line in self._err.feed(data):
            self.line.emit(line)

    def _on_ended(self) -> None:
        if self._process.start_error is not None:
            self.line.emit(self._process.start_error)
        self.ended.emit(self._process.exit_code)
