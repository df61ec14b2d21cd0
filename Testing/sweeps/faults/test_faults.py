"""A sample of the faults: what `python -m Testing.sweeps.faults` plays at many more moments."""

import json
import subprocess
import sys
from typing import Any

import pytest

from Testing.conftest import PROJECT
from Testing.sweeps.faults.striking import find_compiler

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or find_compiler() is None,
    reason="LACKING COMPILER: writes can be struck only on Linux, with a C compiler",
)


def sweep(moments: int, *kinds: str) -> list[dict[str, Any]]:
    """Play so many moments of some kinds, and return what was seen."""
    words = ["--moments", str(moments), "--seed", "7", "--json", "--only", *kinds]
    done = subprocess.run(
        [sys.executable, "-m", "Testing.sweeps.faults", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    seen: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(seen) == moments
    return seen


def check(seen: list[dict[str, Any]]) -> None:
    wrong = [one for one in seen if one["lost"] or one["odd"] or not one["finishes"]]
    assert not wrong
    assert all(one["opens"] for one in seen)
    assert sum(one["held"] for one in seen) > 0


@pytest.mark.slow
def test_faults_at_a_write_lose_no_label_map() -> None:
    check(sweep(12, "killed_at_a_write", "disk_full", "write_fails", "project_vanishes"))


@pytest.mark.slow
def test_damaged_files_lose_no_label_map() -> None:
    check(sweep(8, "database_damaged", "checkpoint_damaged", "another_file_damaged"))
