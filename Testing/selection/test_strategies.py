"""What every registered strategy promises, and what the Levy strategies do with what they get."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.levy import active_selection, cold_start
from ActiveSeedLib.selection.strategy import Candidates, Pick, Selection, select, strategies

# What is registered when the package is imported; a new strategy is under this contract at once.
NAMES = [entry.name for entry in strategies.entries()]
# Those that cannot choose before a model has predicted the pool.
NEED_ENTROPY = {"levy-active", "entropy"}


def _pool(count: int = 40, labelled: int = 4, seed: int = 0, entropy: bool = True) -> Candidates:
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=10, size=(3, 2))
    coords = centres[rng.integers(0, 3, count)] + rng.normal(size=(count, 2))
    order = rng.permutation(count)
    return Candidates(
        features=np.hstack([coords, rng.normal(size=(count, 6))]).astype(np.float32),
        coords=coords,
        candidates=np.sort(order[labelled:]),
        labelled=np.sort(order[:labelled]),
        entropy=rng.random(count) if entropy else None,
        seed=seed,
    )


def test_the_methods_of_the_paper_are_there() -> None:
    assert NAMES[0] == "levy"
    known = {"levy", "levy-cold-start", "levy-active", "entropy", "distance", "random", "kmeans"}
    assert known <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestContract:
    @given(st.integers(1, 30), st.integers(0, 5), st.integers(0, 10**6), st.data())
    @settings(max_examples=12, deadline=None)
    def test_picks_exactly_the_budget_once(
        self, name: str, free: int, labelled: int, seed: int, data: st.DataObject
    ) -> None:
        budget = data.draw(st.integers(1, free) | st.just(free))
        pool = _pool(free + labelled, labelled, seed)
        selection = select(name, pool, budget)
        picked = [pick.index for pick in selection.picks]
        assert len(set(picked)) == len(picked) == budget
        assert set(picked) <= set(pool.candidates.tolist())
        again = select(name, pool, budget)
        assert again == selection

    def test_tells_why(self, name: str) -> None:
        pool = _pool()
        selection = select(name, pool, 9)
        for position, pick in enumerate(selection.picks):
            assert pick.reason.endswith(".")
            assert "nan" not in pick.reason
            assert {"role", "nearest", "nearest_distance", "entropy", "entropy_rank"} <= set(
                pick.why
            )
            before = [*pool.labelled.tolist(), *(p.index for p in selection.picks[:position])]
            distances = np.linalg.norm(pool.coords[before] - pool.coords[pick.index], axis=1)
            assert pick.why["nearest"] == before[int(distances.argmin())]
            assert pick.why["nearest_distance"] == pytest.approx(distances.min())
            assert pool.entropy is not None
            higher = pool.entropy[pool.candidates] > pool.entropy[pick.index]
            assert pick.why["entropy_rank"] == 1 + np.count_nonzero(higher)
        stored = json.dumps(
            [selection.facts, *(pick.why for pick in selection.picks)], allow_nan=False
        )
        assert json.loads(stored)[0] == selection.facts

    def test_masks_serve_as_well_as_indices(self, name: str) -> None:
        pool = _pool()
        masks = np.zeros((2, 40), dtype=bool)
        masks[0, pool.candidates], masks[1, pool.labelled] = True, True
        masked = dataclasses.replace(pool, candidates=masks[0], labelled=masks[1])
        assert select(name, masked, 5) == select(name, pool, 5)

    def test_equal_cases_do_not_stop_it(self, name: str) -> None:
        equal = dataclasses.replace(
            _pool(), features=np.ones((40, 3)), coords=np.ones((40, 2)), entropy=np.ones(40)
        )
        assert len(select(name, equal, 7).picks) == 7

    def test_rows_outside_the_pool_are_not_read(self, name: str) -> None:
        pool = _pool(labelled=4)
        test_cases = pool.candidates[-5:]
        pool = dataclasses.replace(pool, candidates=pool.candidates[:-5])
        plain = select(name, pool, 5)
        for array in (pool.features, pool.coords, pool.entropy):
            assert array is not None
            array[test_cases] = np.nan
        assert select(name, pool, 5) == plain

    def test_starts_without_a_model_or_says_that_it_needs_one(self, name: str) -> None:
        for labelled in (0, 4):
            pool = _pool(labelled=labelled, entropy=False)
            if name in NEED_ENTROPY or (name == "distance" and not labelled):
                with pytest.raises(InputError, match="train a model first"):
                    select(name, pool, 6)
            else:
                assert len(select(name, pool, 6).picks) == 6

    def test_refuses_what_it_cannot_use(self, name: str) -> None:
        pool = _pool()
        with pytest.raises(PoolTooSmallError, match="has 36 cases to choose from, but 37 were"):
            select(name, pool, 37)
        with pytest.raises(InputError, match="budget must be at least 1, not 0"):
            select(name, pool, 0)
        with pytest.raises(InputError, match="no parameter 'bogus'"):
            select(name, pool, 1, {"bogus": 1})
        for what in ("features", "coords"):
            broken = getattr(pool, what).copy()
            broken[pool.candidates[:3]] = np.nan
            with pytest.raises(InputError, match=r"3 of 40 cases have .* NaN or infinite"):
                select(name, dataclasses.replace(pool, **{what: broken}), 2)

    def test_says_what_it_is_and_where_it_comes_from(self, name: str) -> None:
        entry = strategies.get(name)
        assert entry.summary.endswith(".")
        assert entry.citation
        assert entry.tags["stage"] in {"any", "cold start", "active"}
        assert all(f.metadata["help"].endswith(".") for f in dataclasses.fields(entry.parameters))


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
