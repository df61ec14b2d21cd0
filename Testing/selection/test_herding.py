"""MaxHerding and UHerding: the worked vectors, by hand, and the greedy rule as the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection import neighbours
from ActiveSeedLib.selection.herding import adaptive_width, herding, kernel, unit_features
from ActiveSeedLib.selection.strategy import Candidates, select


def _unsure(logits: np.ndarray) -> np.ndarray:
    """Return 1 − the margin of softmax probabilities."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    top = np.sort(odds / odds.sum(axis=1, keepdims=True), axis=1)
    doubt: np.ndarray = 1 - (top[:, -1] - top[:, -2])
    return doubt


def test_the_authors_maxherding(shared: Path) -> None:
    v = np.load(shared / "vectors" / "maxherding_a_n200_empty.npz")
    np.testing.assert_allclose(kernel(v["features"], 1.0), v["kernel"], rtol=1e-5)
    chosen = herding(v["features"], 12, v["lSet"])
    np.testing.assert_array_equal(chosen.picks, v["selected"])
    pool = Candidates(v["features"], v["features"][:, :2], np.arange(200), np.arange(0))
    through = select("maxherding", pool, 12)
    assert [pick.index for pick in through.picks] == v["selected"].tolist()


def test_the_authors_uherding(shared: Path) -> None:
    v = np.load(shared / "vectors" / "uherding_a_margin.npz")
    # Their arrays stand in the order labelled, unlabelled; ours in that of the pool.
    known, order = v["lSet"], v["relevant_indices"]
    width = adaptive_width(v["features"], known)
    assert width == pytest.approx(0.6619709134101868, rel=1e-5)
    there = kernel(v["features"], width)[np.ix_(order, order)]
    np.testing.assert_allclose(there, v["kernel"], rtol=1e-4)
    doubt = _unsure(v["logits"].astype(np.float64))
    chosen = herding(v["features"], 12, known, doubt, width)
    np.testing.assert_array_equal(chosen.picks, v["selected"])
    pool = Candidates(
        v["features"],
        v["features"][:, :2],
        np.setdiff1d(np.arange(240), known),
        known,
        scores={"margin": np.where(np.isin(np.arange(240), known), np.nan, doubt)},
    )
    through = select("uherding", pool, 12, {"measure": "margin"})
    assert [pick.index for pick in through.picks] == v["selected"].tolist()
    assert through.facts["width"] == pytest.approx(width)


def test_by_hand() -> None:
    # Directions 0°, 10°, 20° and 90°: the second resembles most.
    angles = np.radians([0.0, 10, 20, 90])
    features = 3.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    squared = 2 - 2 * np.cos(angles[:, None] - angles)
    np.testing.assert_allclose(kernel(features, 0.5), np.exp(-squared / 0.25), rtol=1e-12)
    chosen = herding(features, 2, width=0.5)
    assert chosen.picks.tolist() == [1, 3]
    near = np.exp(-squared / 0.25)
    np.testing.assert_allclose(chosen.gains, [near[1].sum() / 4, (1 - near[1, 3]) / 4], rtol=1e-6)
    assert chosen.represented == pytest.approx((2 * near[1, 0] + 2) / 4)
    np.testing.assert_allclose(
        chosen.levels, [0, near[1].sum() / 4, chosen.represented], rtol=1e-6, atol=1e-7
    )
    # Where only the last two are in doubt, the third stands for one of them; all else is nothing.
    doubted = herding(features, 2, weights=[0, 0, 1, 0.5], width=0.5)
    assert doubted.picks.tolist() == [2, 3]
    halfway = (1 + 0.5 * near[2, 3]) / 1.5
    np.testing.assert_allclose(doubted.levels, [0, halfway, 1], rtol=1e-6, atol=1e-7)
    assert herding(features, 1, [3], [1, 1, 1, np.nan], 0.5).picks.tolist() == [1]


def test_the_width_by_hand() -> None:
    features = np.array([[1.0, 0], [2, 0], [0, 5], [-1, 0], [0, 0]])
    np.testing.assert_array_equal(unit_features(features)[[1, 4]], [[1, 0], [0, 0]])
    assert adaptive_width(features, [2, 3]) == pytest.approx(np.sqrt(2))
    # Copies among the labelled would make it 0 and the kernel NaN.
    assert adaptive_width(features, [0, 1, 3]) == pytest.approx(2)
    assert adaptive_width(features, [0, 1]) == 1.0
    assert adaptive_width(features, [], 0.7) == 0.7


@given(st.integers(1, 40), st.booleans(), st.booleans(), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_it_is_the_rule(
    count: int, on_grid: bool, weighted: bool, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3)).round(0 if on_grid else 6)
    weights = rng.random(count) if weighted else np.ones(count)
    labelled = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1)))
    budget = data.draw(st.integers(1, count - len(labelled)))
    unit = unit_features(features)
    near = np.exp(-cdist(unit, unit, "sqeuclidean") / 0.64)
    current = near[labelled].max(axis=0) if labelled else np.zeros(count)
    free = np.setdiff1d(np.arange(count), labelled)
    expected: list[int] = []
    while len(expected) < budget:
        gains = np.full(count, -np.inf)
        gains[free] = (np.maximum(near - current, 0) @ weights)[free]
        gains[expected] = -np.inf
        if gains.max() < 1e-9:
            break
        expected.append(int(np.argmax(gains >= gains.max() * (1 - 1e-10))))
        current = np.maximum(current, near[expected[-1]])
    chosen = herding(features, budget, labelled, weights, 0.8)
    assert chosen.picks.tolist()[: len(expected)] == expected
    assert len({*chosen.picks.tolist(), *labelled}) == budget + len(labelled)


def test_single_precision_picks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(3).normal(size=(300, 40)).astype(np.float32)
    exact = herding(points, 15, [7])
    monkeypatch.setattr(neighbours, "_KEPT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_BLOCK", 3000)
    monkeypatch.setattr(neighbours, "_DOUBLE_UP_TO", 0)
    chosen = herding(points, 15, [7])
    np.testing.assert_array_equal(chosen.picks, exact.picks)
    np.testing.assert_allclose(chosen.gains, exact.gains, rtol=1e-4)


def test_what_is_unpredicted_counts_as_the_median() -> None:
    features = np.eye(6)
    entropy = np.array([0.1, np.nan, 0.9, 0.5, 0.4, np.nan])
    pool = Candidates(features, features[:, :2], np.arange(6), np.arange(0), entropy)
    selection = select("uherding", pool, 6)
    # No case resembles another more than the rest do: the order is that of the weights.
    assert [pick.index for pick in selection.picks[:2]] == [2, 3]
    assert selection.picks[2].index == 1
    assert selection.picks[2].why["weight"] == pytest.approx(0.45)
    assert selection.facts["note"] == (
        "2 of 6 candidates have no prediction; each counts as much as the median case."
    )


def test_where_nothing_is_gained_all_are_equal_and_the_lowest_index_comes_first() -> None:
    features = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0]])
    pool = Candidates(features, features, np.arange(1, 4), np.array([0]), np.zeros(4))
    selection = select("uherding", pool, 2)
    assert [pick.index for pick in selection.picks] == [1, 2]
    assert selection.picks[0].why["role"] == "adds nothing"
    # Copies of what is labelled add nothing, whatever rounding makes of their kernel.
    copies = np.tile([[0.1, -0.1], [0.6, 0.1]], (10, 1))
    for labelled in ([0, 1], [18, 19], [6, 11]):
        free = np.setdiff1d(np.arange(20), labelled)
        assert herding(copies, 9, labelled).picks.tolist() == free[:9].tolist()
    # Of one direction but for the rounding of the lengths: one case represents all.
    lengths = np.arange(1, 9)[:, None] * 0.1
    assert herding(lengths * [[0.3, 0.7]], 4, [4, 5]).picks.tolist() == [0, 1, 2, 3]


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 3 cases"):
        herding(np.eye(5), 4, [0, 1])
    for weights in ([1.0, 1.0], [1, 1, 1, 1, -1], [1, 1, 1, 1, np.nan]):
        with pytest.raises(InputError, match="5 weights"):
            herding(np.eye(5), 1, weights=weights)
    with pytest.raises(InputError, match="width of the kernel"):
        herding(np.eye(5), 1, width=0)
    pool = Candidates(np.eye(5), np.eye(5)[:, :2], np.arange(5), np.arange(0))
    with pytest.raises(InputError, match="width of the kernel"):
        select("maxherding", pool, 1, {"width": 0.0})


def test_each_reason_says_what_the_case_adds() -> None:
    # Three copies of one direction and one case across: kernel e^(-2) between the two.
    features = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
    pool = Candidates(features, features, np.arange(4), np.arange(0))
    first, second = select("maxherding", pool, 2).picks
    assert first.reason.endswith("with it, the chosen stand for 78.4 % of the pool instead of 0 %.")
    assert second.reason.endswith("stand for 100 % of the pool instead of 78.4 %.")
