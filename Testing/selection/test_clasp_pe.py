"""ClaSP PE: the stored vector, the schedule, the noise, and the quotas."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.clasp_pe import compose, noisy_scores, power, quotas
from ActiveSeedLib.selection.strategy import select
from Testing.selection.contract import full_pool


@pytest.fixture(scope="module")
def vector(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / "clasp_compose_a.npz") as file:
        return {key: file[key] for key in file.files}


def test_the_stored_vector(vector: dict[str, np.ndarray]) -> None:
    due = quotas(20, [1, 2, 3], seed=131)
    assert due == {1: 4, 2: 4, 3: 5, -1: 7}
    classes, columns = compose(
        vector["scores_by_class"], vector["class_ids"].tolist(), due, same_cases=False
    )
    np.testing.assert_array_equal(classes, vector["picked_class"])
    np.testing.assert_array_equal(columns, vector["picked_index"])


def test_a_case_is_picked_for_one_class_only(vector: dict[str, np.ndarray]) -> None:
    due = quotas(18, [1, 2, 3], seed=0)
    classes, columns = compose(vector["scores_by_class"], [1, 2, 3, -1], due)
    assert len(set(columns.tolist())) == 18
    assert np.bincount(classes + 1, minlength=5)[[2, 3, 4, 0]].tolist() == [
        due[name] for name in (1, 2, 3, -1)
    ]


@given(st.integers(1, 200), st.integers(0, 12), st.integers(0, 10**6))
def test_quotas_add_up_to_the_budget(budget: int, count: int, seed: int) -> None:
    """The authors' code takes the remainder by the number of classes and one more."""
    classes = list(range(1, count + 1))
    due = quotas(budget, classes, seed=seed)
    assert sum(due.values()) == budget
    if classes:
        assert due[-1] == budget - int(budget * 0.66)
        own = [due[name] for name in classes]
        assert max(own) - min(own) <= 1
    assert due == quotas(budget, classes, seed=seed)


def test_every_class_may_get_the_remainder() -> None:
    extra = [quotas(20, [1, 2, 3], seed=seed) for seed in range(60)]
    assert {max((1, 2, 3), key=lambda name: due[name]) for due in extra} == {1, 2, 3}


def test_beta_rises_from_1_to_100() -> None:
    np.testing.assert_allclose([power(t, 5) for t in range(5)], 100 ** (np.arange(5) / 4))
    assert power(9, 5) == power(4, 5) == 100.0
    assert power(-1, 5) == power(0, 5) == power(0, 1) == 1.0


def test_noise_draws_in_proportion_to_the_power_of_the_entropy() -> None:
    u = np.array([1.0, 2.0, 3.0, 4.0])
    for beta in (1.0, 2.0):
        best = [int(noisy_scores(u, beta, seed=seed).argmax()) for seed in range(4000)]
        often = np.bincount(best, minlength=4) / 4000
        np.testing.assert_allclose(often, u**beta / (u**beta).sum(), atol=0.03)
    late = [np.argsort(-noisy_scores(u, 100.0, seed=s)).tolist() for s in range(50)]
    assert sum(order == [3, 2, 1, 0] for order in late) >= 49


def test_zero_entropy_and_unknown_classes_are_fine() -> None:
    found = noisy_scores(np.array([0.0, np.nan, 1.0]), 100.0, seed=1)
    assert np.isfinite(found[[0, 2]]).all()
    assert np.isnan(found[1])
    assert found[0] < found[2]


def test_what_a_class_cannot_give_the_ranking_over_all_gives() -> None:
    scores = np.array([[np.nan, 0.2, np.nan, np.nan], [0.9, 0.8, 0.7, 0.6]])
    classes, columns = compose(scores, [1, -1], {1: 3, -1: 1})
    assert columns.tolist() == [1, 0, 2, 3]
    assert classes.tolist() == [1, -1, -1, -1]


def test_the_strategy_stratifies_and_its_noise_fades() -> None:
    pool = full_pool()
    assert pool.class_scores is not None
    assert pool.entropy is not None
    last = dataclasses.replace(pool, round=5)
    selection = select("clasp-pe", last, 9)
    assert selection.facts["beta"] == 100.0
    assert select("clasp-pe", pool, 9).facts["beta"] == 1.0
    due = {int(name): count for name, count in selection.facts["quotas"].items()}
    assert sum(due.values()) == 9
    assert due[-1] == 4  # 9 − int(5.94)
    for pick in selection.picks:
        name = pick.why["class"]
        values = pool.entropy if name is None else pool.class_scores[:, name - 1]
        assert pick.why["score"] == values[pick.index]
        assert name is None or f"segment {name}" in pick.reason
    assert np.mean([p.why["score"] for p in selection.picks]) > 0.7
    early = {
        tuple(p.index for p in select("clasp-pe", dataclasses.replace(pool, seed=s), 9).picks)
        for s in range(10)
    }
    assert len(early) == 10
    with pytest.raises(InputError, match="at least 1 round"):
        select("clasp-pe", pool, 3, {"rounds": 0})
