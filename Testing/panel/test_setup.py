"""What is missing, installed on a click, by the real pip from a folder of tiny packages."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

from ActiveSeedLib.panel import setup_section  # noqa: E402
from ActiveSeedLib.panel.packages import judge  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.requirements import Requirement  # noqa: E402
from Testing.conftest import PROJECT  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel.wheels import make_slow_source, make_wheel, unpack  # noqa: E402

SLICERS = {
    "numpy": "2.0.2",
    "scipy": "1.13.1",
    "SimpleITK": "2.5.0",
    "pydicom": "3.0.1",
    "pillow": "11.0.0",
    "packaging": "25.0",
}
"""What Slicer ships."""
HELPFUL = {"openTSNE": "1.0.2", "isal": "1.7.1", "matplotlib": "3.9.0"}


class Environment:
    """A Python of its own, and the folder from which pip installs into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.python = folder / "venv/bin/python"
        (self.site,) = (folder / "venv/lib").glob("python*/site-packages")
        self.index = folder / "index"

    def restore(self, versions: dict[str, str]) -> None:
        """Let it hold exactly `versions`, and an empty index."""
        for path in self.site.iterdir():
            if not path.name.startswith(("pip", "_distutils", "distutils")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.index, ignore_errors=True)
        self.index.mkdir()
        for name, version in versions.items():
            unpack(make_wheel(self.folder / "own", name, version), self.site)

    def offer(self, name: str, version: str, *needs: str, **files: str) -> None:
        """Put a package into the index."""
        make_wheel(self.index, name, version, needs, files)

    def versions(self) -> dict[str, str]:
        found = distributions(path=[str(self.site)])
        return {str(one.metadata["Name"]).lower(): one.version for one in found}

    def missing(self) -> list[Requirement]:
        return [one for one in judge(self.versions()) if one.needed and not one.ok]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def environment(made: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment that lacks torch, monai and scikit-learn, which the index offers."""
    made.restore(SLICERS | HELPFUL)
    made.offer("torch", "2.9.0")
    made.offer("monai", "1.5.1", "numpy>=1.24", "torch>=2.4")
    made.offer("scikit-learn", "1.6.0", "numpy>=1.19")
    made.offer("numpy", "2.3.0")
    made.offer("torch", "2.1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.index))
    return made


@pytest.fixture
def foreign(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The environment as a Python of the user's own."""
    monkeypatch.setenv("ACTIVESEED_PYTHON", str(environment.python))
    return environment


@pytest.fixture
def slicers(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Environment:
    """The environment in the place of Slicer's own Python, behind a launcher as Slicer has it."""
    launcher = tmp_path / "bin/PythonSlicer"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\n"{environment.python}" "$@"\ncode=$?\nexit $code\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(launcher.parent), prepend=":")
    monkeypatch.setattr(setup_section, "missing", environment.missing)
    return environment


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    qt.QSettings().clear()
    panel = Panel(PROJECT / "ActiveSeed/Resources")
    panel.widget.resize(450, 900)
    panel.widget.show()
    with pump.no_errors():
        yield panel
    panel.close()
    panel.widget.deleteLater()
    pump.process()


def shown(panel: Panel) -> bool:
    return not panel.setup.widget.isHidden()


def installed(panel: Panel) -> None:
    pump.wait_until(lambda: not panel.setup.busy, 180)


def test_nothing_is_shown_where_nothing_is_missing(panel: Panel) -> None:
    assert not shown(panel)
    assert panel.setup.needs == []


def test_what_is_missing_is_told_installed_and_hidden_again(
    foreign: Environment, panel: Panel
) -> None:
    pump.wait_until(lambda: shown(panel))
    text = panel.setup.ui.whatLabel.text
    assert "needs 3 packages that are not there yet" in text
    assert "• torch: trains the models" in text
    assert str(foreign.python) in panel.setup.ui.whereLabel.text
    pump.click(panel.setup.ui.installButton)
    assert panel.setup.busy
    steps, turns = set(), []
    while panel.setup.busy:
        before = time.thread_time()
        pump.process()
        turns.append(time.thread_time() - before)
        steps.add(panel.setup.ui.stepLabel.text)
        time.sleep(0.005)
    assert len(turns) > 50
    assert max(turns) < 0.2, "the panel lives while pip works"
    assert {f"Installing {name} ({i} of 3)" for i, name in ((1, "torch"), (2, "monai"))} <= steps
    assert "Successfully installed torch-2.9.0" in panel.setup.ui.logView.plainText
    own = {name.lower(): version for name, version in SLICERS.items()}
    assert own.items() <= foreign.versions().items(), "nothing that was there is replaced"
    assert foreign.versions()["monai"] == "1.5.1"
    pump.wait_until(lambda: not shown(panel))
    assert panel.notice_text == "Everything that ActiveSeed needs is installed."


def test_one_that_fails_is_named_the_others_are_installed_and_retry_heals(
    foreign: Environment, panel: Panel
) -> None:
    (foreign.index / "scikit_learn-1.6.0-py3-none-any.whl").unlink()
    foreign.offer("monai", "1.6.0", "numpy>=2.1")  # asks for what would replace Slicer's numpy
    (foreign.index / "monai-1.5.1-py3-none-any.whl").unlink()
    pump.wait_until(lambda: shown(panel))
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    pump.wait_until(lambda: len(panel.setup.needs) == 2)
    said = panel.setup.ui.stepLabel.text
    assert "scikit-learn could not be installed (No matching distribution found for" in said
    assert "monai could not be installed (Cannot install monai==1.6.0 because these" in said
    assert foreign.versions()["numpy"] == "2.0.2"
    assert foreign.versions()["torch"] == "2.9.0"
    assert panel.setup.ui.installButton.text == "Retry"
    assert "needs 2 packages" in panel.setup.ui.whatLabel.text
    foreign.offer("scikit-learn", "1.6.0")
    foreign.offer("monai", "1.5.1")
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    pump.wait_until(lambda: not shown(panel))


def test_what_only_helps_may_fail(foreign: Environment, panel: Panel) -> None:
    shutil.rmtree(foreign.site / "isal-1.7.1.dist-info")
    for name, version in (("torch", "2.9.0"), ("monai", "1.5.1")):
        unpack(make_wheel(foreign.folder / "own", name, version), foreign.site)
    panel.setup.enter()
    pump.wait_until(lambda: len(panel.setup.needs) == 1)
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    pump.wait_until(lambda: not shown(panel))
    assert "isal could not be installed" in panel.notice_text
    assert "ActiveSeed works without it" in panel.notice_text


def test_a_replaced_package_is_told(foreign: Environment, panel: Panel) -> None:
    """Nothing keeps a package from overwriting another's files."""
    (foreign.index / "scikit_learn-1.6.0-py3-none-any.whl").unlink()
    path = "scikit_learn-1.6.0.data/purelib/numpy-2.0.2.dist-info/METADATA"
    rude = {path: "Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n"}
    make_wheel(foreign.index, "scikit-learn", "1.6.0", (), rude)
    pump.wait_until(lambda: shown(panel))
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    assert "pip has replaced numpy 2.0.2 by 9.9" in panel.notice_text
    assert panel.bar.kind == "error"


def test_cancel_stops_pip_and_what_it_has_started(foreign: Environment, panel: Panel) -> None:
    for path in foreign.index.glob("torch-*"):
        path.unlink()
    make_slow_source(foreign.index, "torch", "2.9.0")
    pump.wait_until(lambda: shown(panel))
    pump.click(panel.setup.ui.installButton)
    pump.wait_until(lambda: len(processes(foreign)) > 1)  # pip, and the slow building
    pump.click(panel.setup.ui.cancelButton)
    installed(panel)
    assert panel.setup.ui.stepLabel.text.startswith("Stopped.")
    pump.wait_until(lambda: not processes(foreign))
    assert "monai" not in foreign.versions()


def test_closing_the_panel_stops_pip(
    slicers: Environment, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even behind Slicer's launcher, whose child does not die with it."""
    unpack(make_wheel(slicers.folder / "own", "torch", "2.9.0"), slicers.site)
    (slicers.index / "monai-1.5.1-py3-none-any.whl").unlink()
    make_slow_source(slicers.index, "monai", "1.5.1")
    panel.setup.refresh()
    pump.click(panel.setup.ui.installButton)
    pump.wait_until(lambda: len(processes(slicers)) > 1)
    panel.close()
    pump.wait_until(lambda: not processes(slicers))


def test_pytorch_comes_through_its_extension(
    slicers: Environment, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.setup.refresh()
    assert shown(panel)
    assert "Slicer's own Python" in panel.setup.ui.whereLabel.text
    assert "through Slicer's extension PyTorch" in panel.setup.ui.whereLabel.text
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    assert "install that from the Extensions Manager" in panel.setup.ui.stepLabel.text
    assert {"scikit-learn"} <= slicers.versions().keys()
    assert not {"torch", "monai"} & slicers.versions().keys(), "pip brings no PyTorch of its own"

    wheel = slicers.index / "torch-2.9.0-py3-none-any.whl"
    extension = tmp_path / "extension"
    extension.mkdir()
    (extension / "PyTorchUtils.py").write_text(
        "import zipfile\n"
        "class PyTorchUtilsLogic:\n"
        "    def installTorch(self, askConfirmation=False, forceComputationBackend=None,\n"
        "                     torchVersionRequirement=None, torchvisionVersionRequirement=None):\n"
        "        assert not askConfirmation and torchVersionRequirement == '>=2.8'\n"
        "        print('light-the-torch picks a build')\n"
        f"        zipfile.ZipFile({str(wheel)!r}).extractall({str(slicers.site)!r})\n"
        "        return object()\n"
    )
    monkeypatch.syspath_prepend(extension)
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    assert not shown(panel)
    assert "light-the-torch picks a build" in panel.setup.ui.logView.plainText
    assert slicers.versions()["monai"] == "1.5.1"
    assert slicers.versions()["torch"] == "2.9.0"


def test_slicer_s_own_numpy_is_never_upgraded(slicers: Environment, panel: Panel) -> None:
    slicers.restore(SLICERS | HELPFUL | {"numpy": "1.26.4", "torch": "2.9.0", "monai": "1.5.1"})
    slicers.offer("numpy", "2.3.0")
    slicers.offer("scikit-learn", "1.6.0", "numpy>=1.19")
    panel.setup.refresh()
    pump.click(panel.setup.ui.installButton)
    installed(panel)
    assert "Slicer's own numpy is 1.26.4, but numpy>=2.0,<3 is needed" in (
        panel.setup.ui.stepLabel.text
    )
    assert slicers.versions()["numpy"] == "1.26.4"


def test_a_python_that_does_not_run_is_named(
    environment: Environment, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVESEED_PYTHON", str(tmp_path / "none"))
    panel.setup.refresh()
    pump.wait(0.2)
    assert not shown(panel), "the job, or a check under Advanced, tells"
    panel.setup.install()
    installed(panel)
    assert "none does not run" in panel.setup.ui.stepLabel.text


def processes(environment: Environment) -> list[int]:
    """Return the running processes of an environment's Python."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if str(environment.folder).encode() in command:
            found.append(int(path.parent.name))
    return found
