"""What every registered strategy promises."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.strategy import select, strategies
from Testing.selection.contract import (
    ALWAYS_THERE,
    NAMES,
    SCORES,
    before_a_model,
    blank,
    equal_pool,
    full_pool,
    needs,
    shuffled,
    unknown,
    without,
)

every = pytest.mark.parametrize("name", NAMES)

# Neither drawn at random nor built on k-means: only ties could depend on the order. (MaxHerding has
# ties among any cases: of two that resemble each other alone, either adds as much.)
ORDER_FREE = {
    "levy-active",
    "entropy",
    "distance",
    "coreset",
    "fps",
    "uherding",
    "margin",
    "least-confidence",
    "bald",
    "tta",
    "ensemble",
}
LIMIT = re.compile(r"up to ([\d,]+) cases")
MEASURES = {"entropy", "class_scores", "gradients", "patients", "minutes", *SCORES}


def _cost(name: str) -> str:
    return strategies.get(name).tags["cost"]


@every
@given(st.integers(1, 30), st.integers(0, 5), st.integers(0, 10**6), st.data())
@settings(max_examples=12)
def test_picks_exactly_the_budget_once(
    name: str, free: int, labelled: int, seed: int, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, free) | st.just(free))
    pool = full_pool(free + labelled, labelled, seed)
    selection = select(name, pool, budget)
    picked = [pick.index for pick in selection.picks]
    assert len(set(picked)) == len(picked) == budget
    assert set(picked) <= set(pool.candidates.tolist())
    again = select(name, pool, budget)
    assert again == selection


@every
def test_the_global_generator_neither_matters_nor_moves(name: str) -> None:
    pool = full_pool()
    chosen = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        chosen.append(select(name, pool, 6))
        assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("name", [name for name in NAMES if name in ORDER_FREE])
def test_the_order_of_the_cases_does_not_matter(name: str) -> None:
    pool = full_pool()
    moved, order = shuffled(pool, seed=5)
    plain = [pick.index for pick in select(name, pool, 9).picks]
    assert [int(order[pick.index]) for pick in select(name, moved, 9).picks] == plain


@every
def test_tells_why(name: str) -> None:
    pool = full_pool()
    selection = select(name, pool, 9)
    for position, pick in enumerate(selection.picks):
        assert pick.reason.endswith(".")
        assert "nan" not in pick.reason
        assert {"role", "nearest", "nearest_distance", "entropy", "entropy_rank"} <= set(pick.why)
        before = [*pool.labelled.tolist(), *(p.index for p in selection.picks[:position])]
        distances = np.linalg.norm(pool.coords[before] - pool.coords[pick.index], axis=1)
        assert pick.why["nearest"] == before[int(distances.argmin())]
        assert pick.why["nearest_distance"] == pytest.approx(distances.min())
        assert pool.entropy is not None
        higher = pool.entropy[pool.candidates] > pool.entropy[pick.index]
        assert pick.why["entropy_rank"] == 1 + np.count_nonzero(higher)
    stored = json.dumps([selection.facts, *(pick.why for pick in selection.picks)], allow_nan=False)
    assert json.loads(stored)[0] == selection.facts


@every
def test_masks_serve_as_well_as_indices(name: str) -> None:
    pool = full_pool()
    masks = np.zeros((2, 40), dtype=bool)
    masks[0, pool.candidates], masks[1, pool.labelled] = True, True
    masked = dataclasses.replace(pool, candidates=masks[0], labelled=masks[1])
    assert select(name, masked, 5) == select(name, pool, 5)


@every
@pytest.mark.parametrize("labelled", [0, 4])
def test_equal_cases_do_not_stop_it(name: str, labelled: int) -> None:
    equal = equal_pool(full_pool(labelled=labelled))
    for budget in (1, 7, 40 - labelled):
        assert len(select(name, equal, budget).picks) == budget


@every
def test_cases_in_one_place_but_for_one_do_not_stop_it(name: str) -> None:
    pool = equal_pool(full_pool(labelled=0))
    pool.features[7] = 5.0
    pool.coords[7] = 5.0
    assert len(select(name, pool, 12).picks) == 12


@every
def test_rows_outside_the_pool_are_not_read(name: str) -> None:
    pool = full_pool(labelled=4)
    test_cases = pool.candidates[-5:]
    pool = dataclasses.replace(pool, candidates=pool.candidates[:-5])
    plain = select(name, pool, 5)
    blank(pool, test_cases)
    assert select(name, pool, 5) == plain


@every
def test_starts_without_a_model_or_says_that_it_needs_one(name: str) -> None:
    for labelled in (0, 4):
        pool = before_a_model(full_pool(labelled=labelled))
        missing = [need for need in needs(name) if getattr(pool, need, pool.score(need)) is None]
        if missing or (name == "distance" and not labelled):
            with pytest.raises(InputError, match="train a model"):
                select(name, pool, 6)
        else:
            assert len(select(name, pool, 6).picks) == 6


@every
def test_refuses_a_pool_without_what_it_needs(name: str) -> None:
    pool = full_pool()
    for need in needs(name):
        assert need in MEASURES, f"{need} is neither in {ALWAYS_THERE} nor a measure of a pool"
        pools = [without(pool, need)]
        if need != "patients":  # whole numbers: there is no NaN
            pools.append(unknown(pool, need))
        for poorer in pools:
            with pytest.raises(InputError) as refusal:
                select(name, poorer, 3)
            sentence = str(refusal.value)
            assert sentence.endswith(".")
            assert sentence.count(". ") == 0


@every
def test_a_case_without_a_measure_does_not_stop_it(name: str) -> None:
    pool = full_pool()
    for need in needs(name) - {"patients"}:
        lost = getattr(pool, need) if need in {"entropy", *MEASURES - {*SCORES}} else None
        values = pool.scores[need] if lost is None else lost
        values[pool.candidates[:6]] = np.nan
    for budget in (5, 36):
        selection = select(name, pool, budget)
        assert len(selection.picks) == budget
        json.dumps([selection.facts, *(p.why for p in selection.picks)], allow_nan=False)


@every
def test_refuses_what_it_cannot_use(name: str) -> None:
    pool = full_pool()
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


@pytest.mark.parametrize("name", [name for name in NAMES if LIMIT.search(_cost(name))])
def test_refuses_more_cases_than_its_cost_says_and_names_another(name: str) -> None:
    stated = LIMIT.search(_cost(name))
    assert stated is not None
    most = int(stated[1].replace(",", ""))
    with pytest.raises(InputError, match=f"^{name} .* up to {most:,} cases") as refusal:
        select(name, full_pool(most + 5, labelled=4), 3)
    named = str(refusal.value).split("choose ")[1].removesuffix(".").split(" or ")
    for other in named:
        assert not LIMIT.search(_cost(other))


@every
def test_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    entry = strategies.get(name)
    assert entry.summary.endswith(".")
    assert entry.citation
    assert entry.tags["stage"] in {"any", "cold start", "active"}
    assert entry.tags["cost"]
    assert entry.tags["unit"] == "slice, case"
    assert entry.tags["needs"]
    assert all(f.metadata["help"].endswith(".") for f in dataclasses.fields(entry.parameters))
