"""What every test may use."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

# As the background process has it; libraries read it when they load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # several of us share the cores, and the ports
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.environ.setdefault("ACTIVESEED_FIRST_PORT", str(8890 + 100 * number))


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
