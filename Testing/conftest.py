"""What every test may use."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

# As the background process has it; libraries read it when they load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # several of us share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and all that serve pages in the same one.

    Servers that look for a free port at the same moment would find the same. Pages come first, for
    they take longest.
    """
    items.sort(key=lambda item: not _serves(item))
    for item in items:
        group = "pages" if _serves(item) else item.path.relative_to(PROJECT).as_posix()
        item.add_marker(pytest.mark.xdist_group(group))


def _serves(item: pytest.Item) -> bool:
    return item.path.parent.name == "viewer" or item.path.name == "test_view.py"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real images, weights and worked vectors."""
    folder = Path(os.environ.get("ACTIVESEED_DATA", PROJECT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(
            f"LACKING DATA: {folder / 'data'} does not exist, so this test on real data did not "
            "run; set ACTIVESEED_DATA to the folder that holds data/, weights/ and vectors/."
        )
    return folder
