"""Fixtures of the stand-in, to be imported by the conftest.py of whoever tests a panel."""

from collections.abc import Iterator
from typing import Any

import pytest

from Testing import host
from Testing.host import pump


@pytest.fixture(scope="session")
def slicer_app() -> Any:
    """`slicer.app`; afterwards `import qt`, `ctk` and `slicer` work."""
    return host.start()


@pytest.fixture
def desktop(slicer_app: Any) -> Iterator[Any]:
    """A started Slicer with an empty scene; the test fails if any handler raised."""
    import slicer

    slicer.mrmlScene.Clear(0)
    slicer.util.mainWindow().show()
    with pump.no_errors():
        yield slicer_app
        pump.process()
    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().setLayout(3)
    pump.process()
