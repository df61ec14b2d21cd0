"""Installs what is missing into the Python of the background process, one package after another.

Everything runs in processes beside the panel, on a user's click. What Slicer ships stays as it is:
pip is held to the versions that are there, and they are compared afterwards.
"""

import importlib
import importlib.util
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qt
from packaging.version import Version

from ActiveSeedLib.files import write_bytes
from ActiveSeedLib.panel.packages import SCRIPT, Look, PackageCommand, is_slicers, judge
from ActiveSeedLib.requirements import Requirement
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.stream import LineBuffer

KEPT = ("numpy", "scipy", "SimpleITK", "vtk")
"""Never installed, upgraded or replaced in Slicer's own Python."""
HELD = (*KEPT, "torch", "torchvision", "pydicom", "pillow", "requests", "packaging")
"""Held at their versions, if they will do, while something else is installed."""

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


@dataclass
class Outcome:
    """What came of an installation.

    Attributes:
        failed: why, as a sentence, by package.
        replaced: what was to be held but has another version now, in words.
        cancelled: whether the user stopped it.
        missing: the packages that are still needed.
    """

    failed: dict[str, str] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    cancelled: bool = False
    missing: list[Requirement] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        if self.replaced:
            return (
                f"pip has replaced {', '.join(self.replaced)}, although it was told not to: "
                "restart Slicer, and if it misbehaves, install Slicer anew."
            )
        if self.cancelled:
            return "Stopped. What was installed so far stays; press Retry to go on."
        if self.failed:
            return " ".join(self.failed.values())
        return "Everything that ActiveSeed needs is installed."


class Installer:
    """One installation into `python`: looks, installs the next that is missing, and looks again.

    Args:
        python: where to.
        folder: for the constraints that pip gets.

    Attributes:
        line: emitted with each line of the log.
        changed: emitted when `step` or `fraction` has changed.
        ended: emitted with the `Outcome`.
        step: what it does now, in words.
        fraction: how much is done, 0 to 1.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.line, self.changed, self.ended = Signal(), Signal(), Signal()
        self.step, self.fraction = "", 0.0
        self._python = python
        self._is_slicers = is_slicers(python)
        self._constraints = folder / "constraints.txt"
        self._held: dict[str, str] | None = None
        self._tried: list[str] = []
        self._now: Requirement | None = None
        self._what = ""
        self._outcome = Outcome()
        self._error = ""
        self._processes: list[PackageCommand | Look] = []  # all: earlier ones may still speak

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._outcome.cancelled

    def start(self) -> None:
        """Begin."""
        self._say("Looking at what is there")
        self._look()

    def cancel(self) -> None:
        """Stop as soon as possible; `ended` tells when."""
        self._outcome.cancelled = True
        if isinstance(self._processes[-1], PackageCommand):
            self._processes[-1].end()
        self._say("Stopping")

    def close(self) -> None:
        """Stop at once and say no more."""
        self.line, self.changed, self.ended = Signal(), Signal(), Signal()
        self._outcome.cancelled = True
        for process in self._processes:
            process.close()

    def _look(self) -> None:
        look = Look(self._python)
        look.ended.connect(self._on_looked)
        self._processes.append(look)

    def _on_looked(self, found: dict[str, str] | None) -> None:
        if found is None:
            self._outcome.failed["Python"] = (
                f"{self._python} does not run: choose another Python under Advanced."
            )
            self._end({})
            return
        if self._held is None:
            self._held = held_versions(found)
        todo = [one for one in judge(found) if not one.ok and one.package not in self._tried]
        if not todo or self.cancelled or self._replaced(found):
            self._end(found)
            return
        self._now = todo[0]
        self._tried.append(self._now.package)
        whole = len(self._tried) + len(todo) - 1
        self.fraction = (len(self._tried) - 1) / whole
        self._what = f"Installing {self._now.package} ({len(self._tried)} of {whole})"
        self._say(self._what)
        self._install(self._now, found)

    def _install(self, wanted: Requirement, found: dict[str, str]) -> None:
        if self._is_slicers and wanted.package in KEPT:
            self._fail(
                f"Slicer's own {wanted.package} is {wanted.installed or 'not there'}, but "
                f"{wanted.requirement} is needed: use Slicer 5.10 or newer."
            )
            self._look()
        elif self._is_slicers and wanted.package == "torch":
            qt.QTimer.singleShot(100, self._install_torch)  # the step is shown before
        elif wanted.package == "monai" and "torch" in self._outcome.failed:
            self._look()  # pip would bring a PyTorch of its own
        else:
            self._install_by_pip(wanted, found)

    def _install_torch(self, *_args: object) -> None:
        """Let the PyTorch extension install PyTorch; Slicer answers slowly meanwhile."""
        if self._now is not None and not self.cancelled:
            problem = install_torch(self._now, self.line)
            if problem:
                self._fail(problem)
        self._look()

    def _install_by_pip(self, wanted: Requirement, found: dict[str, str]) -> None:
        held = held_versions(found)
        text = "".join(f"{name}=={version}\n" for name, version in held.items())
        write_bytes(self._constraints, text.encode())
        command = [self._python, SCRIPT, "pip", "install", "--no-input", "--prefer-binary"]
        command += ["--disable-pip-version-check", "--constraint", str(self._constraints)]
        if Version(found.get("pip", "0")) >= Version("24.1"):
            command += ["--progress-bar", "raw"]
        self._error = ""
        self.line.emit(f"--- pip install {wanted.requirement}")
        run = PackageCommand([*command, wanted.requirement])
        run.line.connect(self._on_line)
        run.ended.connect(self._on_installed)
        self._processes.append(run)

    def _on_line(self, line: str) -> None:
        progress = _PROGRESS.fullmatch(line.strip())
        if progress is None:
            if line.startswith("ERROR:") and "ResolutionImpossible" not in line:  # no reason
                self._error = line.removeprefix("ERROR:").strip().rstrip(".")
            self.line.emit(line)
            return
        done, total = (int(number) / 1e6 for number in progress.groups())
        if total > 10 and not self.cancelled:
            self._say(f"{self._what}: {done:.0f} of {total:.0f} MB")

    def _on_installed(self, code: int | None) -> None:
        if code != 0 and not self.cancelled and self._now is not None:
            why = self._error or f"pip ended with exit code {code}"
            hint = "check the connection and the log, then press Retry."
            if not self._now.needed:
                hint = "ActiveSeed works without it."
            self._fail(f"{self._now.package} could not be installed ({why}): {hint}")
        self._look()

    def _fail(self, sentence: str) -> None:
        assert self._now is not None
        self._outcome.failed[self._now.package] = sentence

    def _end(self, found: dict[str, str]) -> None:
        importlib.invalidate_caches()
        still = [one for one in judge(found) if not one.ok]
        self._outcome.missing = [one for one in still if one.needed]
        self._outcome.replaced = self._replaced(found)
        self.fraction = 1.0
        self._say(self._outcome.sentence)
        self.ended.emit(self._outcome)

    def _replaced(self, found: dict[str, str]) -> list[str]:
        """Return in words what has another version than at the start, though it was held."""
        if not found or self._held is None:
            return []
        return [
            f"{name} {version} by {found.get(name.lower(), 'nothing')}"
            for name, version in self._held.items()
            if found.get(name.lower()) != version
        ]

    def _say(self, step: str) -> None:
        self.step = step
        self.changed.emit()


def held_versions(found: dict[str, str]) -> dict[str, str]:
    """Return what pip must leave as it is: what is held, is there, and will do."""
    bad = {one.package for one in judge(found) if not one.ok}
    if "torch" in bad:
        bad.add("torchvision")  # goes with the PyTorch that is replaced
    return {name: found[name.lower()] for name in HELD if name not in bad and name.lower() in found}


def install_torch(wanted: Requirement, line: Signal) -> str:
    """Install PyTorch through the extension that is made for it; return what went wrong, if so."""
    if importlib.util.find_spec("PyTorchUtils") is None:
        return (
            "PyTorch comes with Slicer's extension PyTorch: install that from the Extensions "
            "Manager, restart Slicer, and press Install again."
        )
    extension = importlib.import_module("PyTorchUtils")
    specifier = wanted.requirement.removeprefix("torch")
    try:
        lines: Any = _Lines(line)
        with redirect_stdout(lines):
            found = extension.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=specifier
            )
    except Exception as error:  # whatever an extension may raise
        return f"The PyTorch extension could not install PyTorch ({error}): see the log, and retry."
    return "" if found is not None else "The PyTorch extension did not install PyTorch."


class _Lines:
    """A stream whose lines go to a signal."""

    def __init__(self, line: Signal) -> None:
        self._line = line
        self._buffer = LineBuffer()

    def write(self, text: str) -> int:
        for line in self._buffer.feed(text.encode()):
            self._line.emit(line)
        return len(text)

    def flush(self) -> None:
        pass
