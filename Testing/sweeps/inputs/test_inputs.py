"""Every kind of odd or broken input is used rightly or refused in a sentence; see `__init__.py`."""

import pytest

from Testing.sweeps.inputs import all_kinds
from Testing.sweeps.inputs.sweep import sweep

KINDS = all_kinds()


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted({kind.family for kind in KINDS.values()}))
def test_every_kind_is_used_rightly_or_refused_in_a_sentence(family: str) -> None:
    results = list(sweep(kind for kind in KINDS.values() if kind.family == family))
    assert results
    failed = [f"{r.outcome} {r.kind.id}: {' '.join(r.said)}" for r in results if r.failed]
    assert not failed, "\n".join(failed)
