"""What is needed, found without importing it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ActiveSeedLib import requirements as module
from ActiveSeedLib.requirements import missing, requirements

PROJECT = Path(__file__).resolve().parents[1]


def test_they_are_those_of_the_package() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    ours = {str(Requirement(one.requirement)) for one in requirements()}
    # `packaging` itself reads them; Slicer brings it along.
    assert ours | {"packaging>=23"} == {str(Requirement(text)) for text in declared}


def test_all_are_here_and_torch_comes_first() -> None:
    found = requirements()
    assert missing() == []
    assert [one.package for one in found[:2]] == ["torch", "monai"]
    assert all(one.ok and one.installed and one.why for one in found)


def test_what_is_missing_or_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module,
        "_NEEDED",
        {"torch>=999": "trains", "no-such-package>=1": "nothing", "numpy>=2.0": "arrays"},
    )
    monkeypatch.setattr(module, "_HELPFUL", {"no-such-helper>=1": "little"})
    assert [(one.package, bool(one.installed)) for one in missing()] == [
        ("torch", True),
        ("no-such-package", False),
    ]
    assert [one.ok for one in requirements()] == [False, False, True, False]


def test_nothing_heavy_is_imported_by_any_part_of_app() -> None:
    code = (
        "import sys, pkgutil, importlib, ActiveSeedLib.app as app\n"
        "for one in pkgutil.iter_modules(app.__path__):\n"
        "    importlib.import_module(f'ActiveSeedLib.app.{one.name}')\n"
        "from ActiveSeedLib.requirements import requirements; requirements()\n"
        "print(set(sys.modules) & {'torch', 'monai', 'sklearn', 'openTSNE', 'matplotlib', "
        "'SimpleITK', 'pydicom'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert done.stdout.strip() == "set()"


def test_what_slicer_built_itself_counts_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_version(name: str) -> str:
        raise module.PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", no_version)
    lacking = [one.package for one in missing()]
    assert lacking == ["torch", "monai", "scikit-learn"]
