"""Stochastic Batches: the stored vector, small cases by hand, and what the strategy promises."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.stochastic_batches import best_batch, group_scores, random_batches
from ActiveSeedLib.selection.strategy import select
from Testing.selection.contract import full_pool


def test_the_stored_vector(shared: Path) -> None:
    with np.load(shared / "vectors" / "stochastic_batches_a.npz") as v:
        found = group_scores(v["uncertainty"], v["groups"])
        np.testing.assert_allclose(found, v["group_score"], rtol=1e-5)
        np.testing.assert_array_equal(best_batch(v["uncertainty"], v["groups"]), v["selected"])


def test_by_hand() -> None:
    doubt, groups = np.array([1.0, 5.0, 2.0, 4.0, 9.0, 0.0]), [[0, 1], [2, 3], [4, 5]]
    assert group_scores(doubt, groups).tolist() == [3.0, 3.0, 4.5]
    assert group_scores(doubt, groups, "max").tolist() == [5.0, 4.0, 9.0]
    assert best_batch(doubt, groups).tolist() == [4, 5]
    assert best_batch(doubt, groups[:2]).tolist() == [0, 1]  # a tie: the first


def test_the_pool_is_dealt_out_and_the_rest_left_out() -> None:
    groups = random_batches(23, 5, seed=3)
    assert groups.shape == (4, 5)
    assert len(np.unique(groups)) == 20
    np.testing.assert_array_equal(groups, random_batches(23, 5, seed=3))
    assert (groups != random_batches(23, 5, seed=4)).any()
    drawn = random_batches(8, 6, seed=0, batches=30)
    assert drawn.shape == (30, 6)
    assert all(len(set(batch)) == 6 for batch in drawn.tolist())
    assert len({tuple(batch) for batch in drawn.tolist()}) == 30
    with pytest.raises(PoolTooSmallError):
        random_batches(4, 5, seed=0)


def test_the_strategy_takes_the_batch_that_leads() -> None:
    pool = full_pool()
    assert pool.entropy is not None
    selection = select("stochastic-batches", pool, 5)
    rows = [pick.index for pick in selection.picks]
    assert selection.facts["batches"] == 7  # 36 candidates
    assert selection.facts["batch_score"] == pytest.approx(pool.entropy[rows].mean())
    assert selection.facts["batch_score"] > selection.facts["mean_batch_score"]
    more = select("stochastic-batches", pool, 5, {"batches": 2000})
    assert more.facts["batch_score"] > selection.facts["batch_score"]
    assert select("stochastic-batches", dataclasses.replace(pool, seed=9), 5) != selection


def test_any_measure_will_do() -> None:
    pool = full_pool()
    selection = select("stochastic-batches", pool, 4, {"measure": "bald"})
    rows = [pick.index for pick in selection.picks]
    assert selection.facts["batch_score"] == pytest.approx(pool.scores["bald"][rows].mean())
    without = dataclasses.replace(pool, entropy=None)
    assert len(select("stochastic-batches", without, 4, {"measure": "bald"}).picks) == 4
    with pytest.raises(InputError, match="at least 1 batch"):
        select("stochastic-batches", pool, 4, {"batches": 0})


def test_with_one_batch_it_says_that_there_was_no_choice() -> None:
    selection = select("stochastic-batches", full_pool(), 30)
    assert selection.facts["batches"] == 1
    assert "no second batch" in selection.picks[0].reason
