"""The viewer's packages are named to the last one, and its files come with the package."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
STATIC = PROJECT / "ActiveSeedLib/viewer/web/static"


def declared() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """Return what ActiveSeed itself takes, and its extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return (
        [Requirement(one) for one in project["dependencies"]],
        {name: [Requirement(one) for one in given] for name, given in extras.items()},
    )


def brought_by(*wanted: Requirement) -> set[str]:
    """Return the names of all that the installed packages bring along, themselves included."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(wanted)
    while todo:
        one = todo.pop()
        entry = (canonicalize_name(one.name), frozenset(one.extras))
        if entry in seen:
            continue
        seen.add(entry)
        for line in requires(one.name) or ():
            needed = Requirement(line)
            asked = ("", *one.extras)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in asked):
                todo.append(needed)
    return {name for name, _extras in seen}


def pin(one: Requirement) -> str | None:
    """Return the only version that a requirement takes, or None."""
    (only,) = list(one.specifier) or [None]
    return only.version if only is not None and only.operator == "==" else None


def test_the_extra_pins_what_the_viewer_adds_and_nothing_else() -> None:
    own, extras = declared()
    viewer = {canonicalize_name(one.name): pin(one) for one in extras["viewer"]}
    stack = brought_by(
        Requirement("trame-slicer[standalone]"), Requirement("trame-plotly"), Requirement("aiohttp")
    )
    # What ActiveSeed brings anyway stays within ActiveSeed's own bounds.
    assert set(viewer) == stack - brought_by(*own)
    assert viewer == {name: version(name) for name in viewer}


def test_nothing_but_the_viewer_and_the_cluster_is_pinned() -> None:
    own, extras = declared()
    pinned = ("viewer", "cluster")
    others = [one for name, given in extras.items() if name not in pinned for one in given]
    assert [str(one) for one in own + others if "==" in str(one.specifier)] == []


def test_the_pages_files_come_with_the_package(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        PROJECT / "ActiveSeedLib", copy / "ActiveSeedLib", ignore=shutil.ignore_patterns("*.pyc")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=copy, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert {path.relative_to(PROJECT).as_posix() for path in files} <= packed


def test_the_pages_icon_is_the_modules() -> None:
    icon = PROJECT / "ActiveSeed/Resources/Icons/ActiveSeed.png"
    assert (STATIC / "favicon.png").read_bytes() == icon.read_bytes()
