"""The door to all strategies, and what the Levy strategies do with what they get."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.levy import active_selection, cold_start
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, select, strategies


def _pool(count: int = 40, labelled: int = 4, seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=10, size=(3, 2))
    coords = centres[rng.integers(0, 3, count)] + rng.normal(size=(count, 2))
    order = rng.permutation(count)
    return Candidates(
        features=np.hstack([coords, rng.normal(size=(count, 6))]).astype(np.float32),
        coords=coords,
        candidates=np.sort(order[labelled:]),
        labelled=np.sort(order[:labelled]),
        entropy=rng.random(count),
        seed=seed,
    )


def test_the_methods_of_the_paper_are_there() -> None:
    names = [entry.name for entry in strategies.entries()]
    assert names[:2] == ["auto", "levy"]
    known = {"levy", "levy-cold-start", "levy-active", "entropy", "distance", "random", "kmeans"}
    assert known <= set(names)


def test_arrays_that_do_not_fit_are_refused() -> None:
    pool = _pool()
    for change, said in (
        ({"coords": pool.coords[:-1]}, "40 rows of features, 39 of coordinates"),
        ({"entropy": np.ones(3)}, "3 of entropy"),
        ({"features": np.ones(40)}, "cases × numbers"),
        ({"candidates": np.array([1, 40])}, "between 0 and 39"),
        ({"labelled": pool.candidates[:2]}, "2 cases are both labelled and candidates"),
        ({"candidates": np.ones(3, dtype=bool)}, "must have 40 entries"),
        ({"seed": -1}, "seed must be between 0"),
    ):
        with pytest.raises(InputError, match=said):
            select("levy", dataclasses.replace(pool, **change), 1)  # type: ignore[arg-type]


def test_a_strategy_that_breaks_the_contract_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = strategies.get("random")
    twice = dataclasses.replace(
        entry, make=lambda pool, *_: Selection([Pick(int(pool.candidates[0]), "It.")] * 2)
    )
    monkeypatch.setitem(strategies._entries, "random", twice)
    with pytest.raises(RuntimeError, match="broke its contract"):
        select("random", _pool(), 2)


def test_levy_starts_cold_then_turns_to_entropy_and_distance() -> None:
    fresh = _pool(labelled=0)
    first = select("levy", fresh, 8)
    start = cold_start(fresh.coords, 8, seed=fresh.seed)
    assert [pick.index for pick in first.picks] == start.order.tolist()
    assert first.facts["stage"] == "cold start"
    assert first.facts["k"] == 3
    assert sum(first.facts["cluster_sizes"]) == 40
    pool = _pool()
    later = select("levy", pool, 6, {"alpha": 0.5})
    assert pool.entropy is not None
    chosen = active_selection(pool.coords, pool.entropy, pool.labelled, 6, 0.5)
    assert [pick.index for pick in later.picks] == chosen.picks.tolist()
    assert later.facts == {"stage": "active", "alpha": 0.5, "without_entropy": 0}


def test_cold_start_reasons_name_group_and_share() -> None:
    coords = np.array(
        [[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [50, 0], [51, 0], [52, 0], [60, 0]]
    )
    pool = Candidates(coords, coords, np.arange(9), np.arange(0), None, 0)
    picks = select("levy", pool, 3).picks
    told = {pick.index: pick for pick in picks}
    # k = 2 (3 is the root of 9); medoids 2 and 6; one more, of the larger group, farthest from 2.
    assert [*told] in ([2, 6, 0], [6, 2, 0])
    place = told[2].why["cluster"] + 1
    assert told[2].reason == (
        f"The most typical case of group {place} of 2, which holds 56% of the pool (5 of 9 cases)."
    )
    assert told[0].reason == (
        f"Of the cases in group {place} of 2, the one least like those picked before it."
    )
    assert (told[0].why["role"], told[0].why["farthest_distance"]) == ("farthest", 2.0)
    assert told[0].why["cluster_share"] == pytest.approx(5 / 9)


def test_without_a_model_levy_goes_on_by_distance_and_says_so() -> None:
    coords = np.array([[0.0, 0], [1, 0], [7, 0], [10, 0]])
    pool = Candidates(coords, coords, np.arange(1, 4), np.array([0]), None, 0)
    selection = select("levy", pool, 2)
    assert [pick.index for pick in selection.picks] == [3, 2]
    assert selection.facts["note"] == (
        "No model has predicted the pool yet, so distance alone decided."
    )
    assert "No model has judged it yet" in selection.picks[0].reason


def test_candidates_without_a_prediction_come_last() -> None:
    pool = _pool()
    assert pool.entropy is not None
    lost = pool.candidates[3:]
    pool.entropy[lost] = np.nan
    passed = select("levy-active", pool, 2)
    assert not {pick.index for pick in passed.picks} & set(lost.tolist())
    assert passed.facts["note"] == "33 of 36 candidates have no prediction and were passed over."
    filled = select("levy-active", pool, 5)
    assert {pick.index for pick in filled.picks[:3]} == set(pool.candidates[:3].tolist())
    assert "2 of the picks have no prediction" in filled.facts["note"]
    assert "entropy" not in filled.picks[4].why


def test_kmeans_takes_the_features_and_fills_up_among_equal_cases() -> None:
    features = np.repeat([[0.0, 0.0], [5.0, 5.0]], 4, axis=0)
    pool = Candidates(features, np.zeros((8, 2)), np.arange(8), np.arange(0), None, 0)
    selection = select("kmeans", pool, 5)
    assert {pick.index for pick in selection.picks[:2]} == {0, 4}
    assert selection.facts["k"] == 2


def test_entropy_and_distance_are_the_ends_of_alpha() -> None:
    pool = _pool()
    for name, alpha in (("entropy", 0.0), ("distance", 1.0)):
        plain = [p.index for p in select(name, pool, 6).picks]
        assert plain == [p.index for p in select("levy-active", pool, 6, {"alpha": alpha}).picks]


def test_listing_the_strategies_loads_neither_scipy_nor_sklearn() -> None:
    code = (
        "import sys; import ActiveSeedLib.selection.strategy; "
        "print(sorted({'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_random_in_a_later_round_owes_nothing_to_the_first() -> None:
    rows, near = np.arange(200), []
    for seed in range(30):
        pool = dataclasses.replace(_pool(200, 0, seed), seed=seed)
        first = [pick.index for pick in select("random", pool, 8).picks]
        later = dataclasses.replace(
            pool, labelled=np.sort(first), candidates=np.setdiff1d(rows, first)
        )
        second = [pick.index for pick in select("random", later, 8).picks]
        near += [min(abs(one - other) for other in first) <= 2 for one in second]
    assert np.mean(near) < 0.3  # 0.15 by chance; 0.91 when both rounds drew from one stream
