"""Every kind of odd or broken input is used rightly or refused in a sentence; see `__init__.py`."""

import subprocess
import sys

import pytest

from Testing.sweeps.inputs import all_kinds
from Testing.sweeps.inputs.sweep import ROOT, sweep

KINDS = all_kinds()


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted({kind.family for kind in KINDS.values()}))
def test_every_kind_is_used_rightly_or_refused_in_a_sentence(family: str) -> None:
    results = list(sweep(kind for kind in KINDS.values() if kind.family == family))
    assert results
    failed = [f"{r.outcome} {r.kind.id}: {' '.join(r.said)}" for r in results if r.failed]
    assert not failed, "\n".join(failed)


@pytest.mark.slow
def test_all_of_them_in_one_folder_stop_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "Testing.sweeps.inputs.together"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "used or repeated" in run.stdout


def test_there_are_kinds_enough() -> None:
    assert len(KINDS) >= 900
