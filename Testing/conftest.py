"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

# As the background process has it; libraries read it when they load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # several of us share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# And the ports: also with tests that somebody else runs here. A server that is started again needs
# its port to be free still; the system gives out those above 32768 to anybody. Set anew in each of
# xdist's processes, which would have those of the process that started them.
os.environ["ACTIVESEED_FIRST_PORT"] = str(10_000 + 100 * (os.getpid() % 220))

# How long an example takes tells of the machine; speed is measured by benchmarks.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


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
