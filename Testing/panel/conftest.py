"""A panel with a small project, for the tests of its sections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing import host

host.start()

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel import cases  # noqa: E402


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that every test gets a copy of."""
    return cases.make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def panel(archive: Path, tmp_path: Path) -> Iterator[Panel]:
    """A panel with a project of seven cases open: three queued, one for testing."""
    panel = cases.make_panel()
    with pump.no_errors():
        assert panel.open_project(cases.copy_of(archive, tmp_path)), panel.notice_text
        cases.settle(panel)
        yield panel
        cases.close_panel(panel)
