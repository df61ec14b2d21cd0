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


KINDS = (
    "killed_at_a_write",
    "disk_full",
    "write_fails",
    "project_vanishes",
    "database_damaged",
    "checkpoint_damaged",
)


@pytest.mark.slow
def test_faults_lose_no_label_map() -> None:
    words = ["--moments", "12", "--seed", "7", "--json", "--only", *KINDS]
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
    assert [one for one in seen if one["lost"] or one["odd"]] == []
    assert all(one["opens"] and one["finishes"] for one in seen)
    assert len({one["kind"] for one in seen}) == len(KINDS)
    assert sum(one["held"] for one in seen) > 0
