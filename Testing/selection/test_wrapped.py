"""Strategies that mind patients or minutes, whatever strategy they pass on to."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, select
from ActiveSeedLib.selection.wrapped import one_a_patient, per_minute, value_per_minute
from Testing.selection.contract import NAMES, full_pool

INNER = [name for name in NAMES if name not in {"one-a-patient", "per-minute"}]


def _first(pool: Candidates, budget: int) -> Selection:
    """Pick the first candidates, whatever they are; the higher the row the lower the score."""
    rows = np.asarray(pool.candidates)[:budget].tolist()
    return Selection([Pick(row, "First.", {"score": 100.0 - row}) for row in rows])


def _indices(selection: Selection) -> list[int]:
    return [pick.index for pick in selection.picks]


# --- patients -------------------------------------------------------------------------------------


def test_one_case_of_a_patient_by_hand() -> None:
    pool = dataclasses.replace(
        full_pool(8, labelled=0), patients=np.array([5, 5, 5, 2, 2, -1, -1, 9])
    )
    assert _indices(one_a_patient(_first, pool, 3)) == [0, 3, 5]
    assert _indices(one_a_patient(_first, pool, 5)) == [0, 3, 5, 6, 7]
    # All five patients are seen: the rest is free.
    assert _indices(one_a_patient(_first, pool, 7)) == [0, 3, 5, 6, 7, 1, 2]
    seen = dataclasses.replace(pool, candidates=np.array([1, 2, 4, 7]), labelled=np.array([0]))
    assert _indices(one_a_patient(_first, seen, 3)) == [4, 7, 1]


@given(st.integers(1, 30), st.integers(0, 6), st.integers(0, 10**6), st.data())
@settings(max_examples=40)
def test_no_patient_twice_before_all_are_seen(
    free: int, labelled: int, seed: int, data: st.DataObject
) -> None:
    pool = full_pool(free + labelled, labelled, seed)
    inner = data.draw(st.sampled_from(["levy", "random", "kmeans", "cscs", "entropy"]))
    budget = data.draw(st.integers(1, free))
    picks = _indices(select("one-a-patient", pool, budget, {"strategy": inner}))
    assert pool.patients is not None
    own = np.where(pool.patients < 0, 1000 + np.arange(len(pool.patients)), pool.patients)
    seen = set(own[pool.labelled].tolist())
    unseen = set(own[pool.candidates].tolist()) - seen
    for patient in own[picks].tolist():
        assert not unseen or patient in unseen
        unseen.discard(patient)


def test_where_the_inner_strategy_lacks_a_measure_distance_decides() -> None:
    pool = full_pool(20, labelled=0)
    entropy = np.full(20, np.nan)
    entropy[:4] = [4.0, 3.0, 2.0, 1.0]
    pool = dataclasses.replace(pool, entropy=entropy, patients=np.arange(20) // 2)
    selection = select("one-a-patient", pool, 12, {"strategy": "entropy"})
    assert _indices(selection)[:1] == [0]
    assert 2 in _indices(selection)
    assert any("Nothing has been measured of it" in pick.reason for pick in selection.picks)
    bare = dataclasses.replace(pool, entropy=None)
    with pytest.raises(InputError, match="train a model"):
        select("one-a-patient", bare, 3, {"strategy": "entropy"})


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("outer", ["one-a-patient", "per-minute"])
def test_every_strategy_can_be_passed_on_to(outer: str, inner: str) -> None:
    pool = full_pool()
    selection = select(outer, pool, 7, {"strategy": inner})
    assert len(selection.picks) == 7
    assert selection.facts["strategy"] == inner
    assert all(pick.reason.endswith(".") for pick in selection.picks)


# --- minutes --------------------------------------------------------------------------------------


def test_worth_a_minute_by_hand() -> None:
    np.testing.assert_allclose(value_per_minute([6.0, 6.0, 2.0], [2.0, 3.0, 1.0]), [3, 2, 2])
    np.testing.assert_allclose(value_per_minute([-1.0, 1.0], [1.0, 4.0]), [0, 0.5])
    # Without a prediction: the median, 3 minutes.
    np.testing.assert_allclose(value_per_minute([6.0] * 3, [2.0, 4.0, np.nan]), [3, 1.5, 2])
    # It is the median, 3, and not the mean, 5, that an unknown time counts as.
    np.testing.assert_allclose(value_per_minute([6.0] * 4, [1, 3, 11, np.nan])[3], 2)


def test_the_quick_cases_among_those_offered() -> None:
    minutes = np.array([50.0, 10, 90, 5, 5, 1, 1, 1])
    pool = dataclasses.replace(full_pool(8, labelled=0), minutes=minutes)
    # Offered: 0 to 5, worth 100 to 95; per minute 2, 9.9, 1.1, 19.4, 19.2, 95.
    chosen = per_minute(_first, pool, 2)
    assert _indices(chosen) == [5, 3]
    assert chosen.facts["minutes"] == pytest.approx(6.0)
    assert chosen.picks[1].why["per_minute"] == pytest.approx(97 / 5)
    assert chosen.picks[1].reason == "First; about 5 minutes of work."
    assert _indices(per_minute(_first, pool, 3, reach=1)) == [1, 0, 2]
    assert sorted(_indices(per_minute(_first, pool, 8))) == list(range(8))


def test_without_scores_all_are_worth_the_same() -> None:
    pool = full_pool(30, labelled=0)
    assert pool.minutes is not None
    offered = _indices(select("random", pool, 12))
    quickest = sorted(offered, key=lambda row: pool.minutes[row])[:4]
    assert _indices(select("per-minute", pool, 4, {"strategy": "random"})) == quickest


def test_both_can_be_nested() -> None:
    pool = full_pool(30, labelled=0)
    both = one_a_patient(lambda some, budget: per_minute(_first, some, budget), pool, 6)
    assert pool.patients is not None
    known = [patient for patient in pool.patients[_indices(both)] if patient >= 0]
    assert len(set(known)) == len(known)


def test_refuses_what_it_cannot_use() -> None:
    pool = full_pool()
    for call, said in (
        (lambda: value_per_minute([1.0], [0.0]), "must be above 0"),
        (lambda: value_per_minute([1.0], [np.nan]), "label some cases first"),
        (lambda: value_per_minute([1.0], [1.0, 2.0]), "one value and one number of minutes"),
        (lambda: per_minute(_first, pool, 2, reach=0), "At least 1 case must be offered"),
        (lambda: select("per-minute", pool, 2, {"reach": 0}), "At least 1 case must be offered"),
        (lambda: select("per-minute", pool, 2, {"strategy": "levi"}), "did you mean 'levy'"),
        (
            lambda: one_a_patient(_first, dataclasses.replace(pool, patients=np.arange(3)), 2),
            "one patient for each of the 40 cases",
        ),
        (
            lambda: per_minute(_first, dataclasses.replace(pool, minutes=np.ones(3)), 2),
            "minutes for each of the 40 cases",
        ),
    ):
        with pytest.raises(InputError, match=said):
            call()
