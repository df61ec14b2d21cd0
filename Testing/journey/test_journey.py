"""The journeys, played in the stand-in with the real background process.

The same journeys play in a real Slicer: see `Testing/slicer/run.py`. Their pictures are kept in
`panel-out/`, to be looked at.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import host

host.start()

import slicer  # noqa: E402

from Testing.host import pump  # noqa: E402

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
PICTURES = PROJECT / "panel-out"
sys.path.insert(0, str(HERE))

from activeseed_journey import JOURNEYS  # noqa: E402
from stage import Stage  # noqa: E402


@pytest.fixture
def module() -> Iterator[Any]:
    """The scripted module, loaded as Slicer does; the library afterwards as it was before."""
    from Testing.host.scripted import load_module, unload_module

    before = _library()
    slicer.util.mainWindow().show()
    yield load_module(PROJECT / "ActiveSeed" / "ActiveSeed.py")
    slicer.util.selectModule("")
    unload_module("ActiveSeed")
    pump.process()
    for name in _library():
        del sys.modules[name]
    sys.modules.update(before)


def _library() -> dict[str, Any]:
    """What is loaded of the library; a journey loads it anew."""
    return {n: m for n, m in sys.modules.items() if n.split(".")[0] == "ActiveSeedLib"}


@pytest.mark.slow
@pytest.mark.parametrize("name", JOURNEYS)
def test_journey(name: str, module: Any, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if name == "hippocampus":
        request.getfixturevalue("shared")  # skips, loudly, where the real images are not at hand
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob(f"{name}-*.png"):
        old.unlink()
    workers: list[int] = []
    with pump.no_errors():
        Stage(PICTURES, name, tmp_path, workers).playing(JOURNEYS[name])()
    assert workers, "no background process was seen"


@pytest.mark.slow
def test_slicers_own_self_test(module: Any) -> None:
    with pump.no_errors():
        slicer.selfTests["ActiveSeed"](msec=1)
