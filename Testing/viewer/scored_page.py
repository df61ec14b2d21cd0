"""Some parts on a page of their own, with a project that has scored models."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import scored_project
from Testing.viewer.parts_page import PartsPage


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scored_project.make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def root(archive: Path, tmp_path: Path) -> Path:
    """The folder of a project of this test alone."""
    return scored_project.copy_of(archive, tmp_path)


@pytest.fixture
def serve(part: Any, root: Path, tmp_path: Path) -> Iterator[Callable[[], PartsPage]]:
    """Serves the project, however it is by then, with the part that the module names in `part`."""
    opened: list[PartsPage] = []

    def run() -> PartsPage:
        made = PartsPage(root, lambda trame, viewer: [part(trame, viewer)], tmp_path / "logs")
        opened.append(made)
        return made

    yield run
    for one in opened:
        one.close()
