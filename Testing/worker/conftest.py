"""The real worker with small jobs."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ActiveSeedLib.worker.client import WorkerClient

HERE = Path(__file__).parent
JOBS = "worker_jobs:JOBS"


@pytest.fixture
def env() -> dict[str, str]:
    """An environment in which the worker finds `worker_jobs`."""
    return os.environ | {"PYTHONPATH": str(HERE)}


@pytest.fixture
def client(tmp_path: Path, env: dict[str, str]) -> Iterator[WorkerClient]:
    with WorkerClient(log_folder=tmp_path / "logs", env=env, jobs=JOBS) as client:
        yield client


def exists(pid: int) -> bool:
    """Whether the process runs; one that has ended but is unattended does not."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return shown.stdout.strip()[:1] not in {b"", b"Z"}


def open_gates(folder: Path, *steps: int) -> None:
    """Let the job `gated` take these steps."""
    for step in steps:
        (folder / f"gate-{step}").touch()


def wait_until(true: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether `true` came true within `seconds`."""
    nothing = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return True
        nothing.wait(0.02)
    return true()
