"""Strategies that pick what the model is least sure of."""

import dataclasses

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.strategy import select
from ActiveSeedLib.selection.uncertainty_strategies import least_confidence, margin
from Testing.selection.contract import full_pool

MEASURE_OF = {
    "foreground-entropy": "foreground_entropy",
    "least-confidence": "least_confidence",
    "margin": "margin",
    "bald": "bald",
    "tta": "tta",
    "ensemble": "ensemble",
}


def test_confidence_and_margin_by_hand() -> None:
    p = np.array([[[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], [[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]]])
    np.testing.assert_allclose(least_confidence(p), [[0.5, 0.0], [0.6, 0.3]])
    np.testing.assert_allclose(margin(p), [[0.2, 1.0], [0.0, 0.5]], atol=1e-15)


@pytest.mark.parametrize(("name", "measure"), MEASURE_OF.items())
def test_the_highest_come_first_and_say_their_rank(name: str, measure: str) -> None:
    pool = full_pool()
    values = pool.scores[measure]
    values[pool.candidates[7]] = values[pool.candidates[2]] = 2.0  # a tie: the lowest index first
    wanted = sorted(pool.candidates.tolist(), key=lambda row: (-values[row], row))[:6]
    selection = select(name, pool, 6)
    assert [pick.index for pick in selection.picks] == wanted
    assert "note" not in selection.facts
    for rank, pick in enumerate(selection.picks, start=1):
        assert pick.reason.startswith(f"Number {rank} of 36 cases in how ") or (
            pick.reason.startswith(f"Number {rank} of 36 cases in the model's ")
        )
        assert (pick.why["measure"], pick.why["rank"], pick.why["rank_of"]) == (measure, rank, 36)
        assert pick.why["score"] == values[pick.index]


@pytest.mark.parametrize("name", ["least-confidence", "margin", "bald", "ensemble"])
def test_the_foreground_alone_can_count(name: str) -> None:
    pool = full_pool()
    measure = f"foreground_{MEASURE_OF[name]}"
    values = np.arange(40.0)
    around = dataclasses.replace(pool, scores={**pool.scores, measure: values})
    selection = select(name, around, 3, {"over": "foreground"})
    assert [p.index for p in selection.picks] == sorted(pool.candidates.tolist())[:-4:-1]
    assert selection.picks[0].reason.endswith("in and around what it segments.")
    with pytest.raises(InputError, match=f"{measure}.*train a model"):
        select(name, pool, 3, {"over": "foreground"})


def test_cases_without_the_measure_come_last_and_are_told() -> None:
    pool = full_pool()
    pool.scores["bald"][pool.candidates[3:]] = np.nan
    passed = select("bald", pool, 2)
    assert passed.facts["note"] == "33 of 36 candidates have no prediction and were passed over."
    filled = select("bald", pool, 5)
    assert {pick.index for pick in filled.picks[:3]} == set(pool.candidates[:3].tolist())
    assert "2 of the picks have no prediction" in filled.facts["note"]
    assert [pick.why["role"] for pick in filled.picks[3:]] == ["farthest"] * 2
