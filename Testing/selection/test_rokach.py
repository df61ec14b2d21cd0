"""Uniform draws among the β per cent that the model is least sure about."""

import dataclasses

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.rokach import top_share, uniform_among_top
from ActiveSeedLib.selection.strategy import select
from Testing.selection.contract import full_pool


def test_the_top_by_hand() -> None:
    doubt = np.array([0.1, 0.9, 0.5, 0.9, 0.3, 0.2, 0.0, 0.8, 0.4, 0.6])
    assert top_share(doubt, 20).tolist() == [1, 3]
    assert top_share(doubt, 21).tolist() == [1, 3, 7]  # rounded up
    assert top_share(doubt, 30).tolist() == [1, 3, 7]  # 0.3·10 is not 3.0000000000000004
    assert top_share(doubt, 10, at_least=4).tolist() == [1, 3, 7, 9]
    assert len(top_share(doubt, 100)) == 10


def test_each_of_the_top_is_as_likely() -> None:
    doubt = np.arange(50.0)
    drawn = [uniform_among_top(doubt, 4, 20, seed=seed) for seed in range(1500)]
    assert all(len(set(picks.tolist())) == 4 for picks in drawn)
    often = np.bincount(np.concatenate(drawn), minlength=50) / 1500
    assert (often[:40] == 0).all()
    np.testing.assert_allclose(often[40:], 0.4, atol=0.05)


def test_a_budget_beyond_the_share_takes_the_highest() -> None:
    doubt = np.arange(20.0)
    assert sorted(uniform_among_top(doubt, 6, 10, seed=0).tolist()) == list(range(14, 20))
    with pytest.raises(PoolTooSmallError):
        uniform_among_top(doubt, 21, 10, seed=0)


def test_the_strategy_draws_among_the_top_candidates() -> None:
    pool = full_pool()
    assert pool.entropy is not None
    top = {int(pool.candidates[i]) for i in top_share(pool.entropy[pool.candidates], 20)}
    found = [select("rokach", dataclasses.replace(pool, seed=s), 3) for s in range(40)]
    assert set().union(*({p.index for p in f.picks} for f in found)) == top
    assert found[0].facts["among"] == len(top) == 8  # 20 % of 36, rounded up
    assert "8 of 36 cases" in found[0].picks[0].reason
    whole = select("rokach", pool, 3, {"beta": 100.0, "measure": "margin"})
    assert whole.facts["among"] == 36
    with pytest.raises(InputError, match="beta must be above 0"):
        select("rokach", pool, 3, {"beta": 0.0})
