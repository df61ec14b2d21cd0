"""Foreground-aware random: how many show foreground, and what happens with too few."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.foreground_random import foreground_aware, with_foreground
from ActiveSeedLib.selection.strategy import Candidates, select
from Testing.selection.contract import full_pool


@pytest.mark.parametrize(
    ("budget", "share", "wanted"),
    [(1, 0.66, 1), (3, 0.66, 2), (10, 0.66, 7), (100, 0.66, 66), (50, 0.66, 33), (5, 0.0, 0)],
)
def test_two_thirds_rounded_up(budget: int, share: float, wanted: int) -> None:
    assert with_foreground(budget, share) == wanted


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 10**6), st.data())
def test_at_least_the_share_shows_foreground(
    shows: list[bool], seed: int, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, len(shows)))
    picks, wanted = foreground_aware(shows, budget, seed=seed)
    assert len(set(picks.tolist())) == len(picks) == budget
    shown = sum(shows[i] for i in picks.tolist())
    assert shown >= min(with_foreground(budget), sum(shows)) == wanted
    assert all(shows[i] for i in picks[:wanted].tolist())


def test_the_rest_is_drawn_among_all() -> None:
    shows = np.arange(30) < 10
    drawn = [foreground_aware(shows, 6, seed=s)[0] for s in range(2000)]
    often = np.bincount(np.concatenate(drawn), minlength=30) / 2000
    # four of the ten, and of the 26 left (six of them with foreground) two
    np.testing.assert_allclose(often[:10], 0.4 + 0.6 * 2 / 26, atol=0.05)
    np.testing.assert_allclose(often[10:], 2 / 26, atol=0.03)
    with pytest.raises(PoolTooSmallError):
        foreground_aware(shows, 31, seed=0)


def _sparse(shown: int) -> Candidates:
    pool = full_pool()
    foreground = np.zeros(40)
    foreground[pool.candidates[:shown]] = 0.2
    foreground[pool.labelled] = 0.5
    foreground[pool.candidates[-5:]] = np.nan
    return dataclasses.replace(pool, scores={"foreground": foreground})


def test_the_strategy_tells_what_was_drawn_for_what() -> None:
    selection = select("foreground-random", _sparse(12), 9)
    roles = [pick.why["role"] for pick in selection.picks]
    assert roles == ["random with foreground"] * 6 + ["random"] * 3
    assert all(pick.why["foreground"] == 0.2 for pick in selection.picks[:6])
    assert selection.picks[0].reason == (
        "Drawn at random from the 12 cases in which the model segments something."
    )
    assert "note" not in selection.facts


def test_with_too_few_cases_that_show_something_all_of_them_are_taken() -> None:
    pool = _sparse(2)
    selection = select("foreground-random", pool, 9)
    assert {pick.index for pick in selection.picks[:2]} == set(pool.candidates[:2].tolist())
    assert selection.facts["note"] == (
        "The model segments something in only 2 of 36 cases, not in the 6 that were to be drawn "
        "among them."
    )
    assert len(select("foreground-random", pool, 36).picks) == 36
    with pytest.raises(InputError, match="share must lie"):
        select("foreground-random", pool, 3, {"share": 1.5})
