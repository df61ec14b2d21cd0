"""levy-plus: the schedule, the balance in many dimensions, and the gate at work."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import farthest_points
from ActiveSeedLib.selection.levy_plus import balanced_picks, scheduled_alpha
from ActiveSeedLib.selection.strategy import Candidates, select
from Testing.selection.contract import before_a_model, full_pool


def test_alpha_falls_from_coverage_to_uncertainty() -> None:
    alphas = [scheduled_alpha(round_) for round_ in range(8)]
    np.testing.assert_allclose(alphas, [0.9, 0.9, 0.75, 0.6, 0.45, 0.3, 0.3, 0.3])
    assert scheduled_alpha(1, 1.0, 0.0, 1) == 0.0
    assert scheduled_alpha(2, 0.2, 0.8, 3) == pytest.approx(0.5)
    with pytest.raises(InputError, match="at least 1 round"):
        scheduled_alpha(1, rounds=0)
    with pytest.raises(InputError, match="alpha must be between"):
        scheduled_alpha(1, first=2.0)


def test_balance_by_hand() -> None:
    line = np.array([[0.0], [4.0], [6.0], [10.0]])
    doubt = np.array([9.0, 2.0, 1.0, 0.0])
    # D̃ of 1, 2, 3 from 0: .4, .6, 1; H̃: 1, .5, 0.
    chosen = balanced_picks(line, doubt, [0], 3, 0.5, [1, 2, 3])
    # .7, .55, .5; then from 0 and 4, D: 2 and 6 (of 6): .4167, .5.
    assert chosen.picks.tolist() == [1, 3, 2]
    np.testing.assert_allclose(chosen.scores, [0.7, 0.5, 0.75], rtol=1e-6)
    np.testing.assert_allclose(chosen.dtilde, [0.4, 1, 1], rtol=1e-6)
    assert chosen.nearest.tolist() == [0, 1, 1]


@given(st.integers(2, 25), st.integers(1, 5), st.floats(0, 1), st.integers(0, 10**6))
@settings(max_examples=50)
def test_balance_equals_brute_force(count: int, labelled: int, alpha: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, doubt = rng.normal(size=(count + labelled, 7)), rng.random(count + labelled)
    known, pool = np.arange(labelled), np.arange(labelled, count + labelled)
    chosen = balanced_picks(points, doubt, known, count, alpha, pool)
    low, high = doubt[pool].min(), doubt[pool].max()
    selected, left = known.tolist(), pool.tolist()
    for pick, value in zip(chosen.picks.tolist(), chosen.scores, strict=True):
        distance = cdist(points[left], points[selected]).min(axis=1)
        score = alpha * distance / (distance.max() + 1e-8)
        score += (1 - alpha) * (doubt[left] - low) / (high - low + 1e-8)
        assert score[left.index(pick)] == pytest.approx(score.max(), abs=1e-9)
        assert value == pytest.approx(score.max(), abs=1e-9)
        selected.append(pick)
        left.remove(pick)


def test_nothing_labelled_starts_with_the_highest_doubt() -> None:
    chosen = balanced_picks(np.eye(4), [0.1, 0.9, 0.3, 0.2], [], 2, 0.5, np.arange(4))
    assert chosen.picks[0] == 1
    assert chosen.nearest.tolist() == [-1, 1]
    assert np.isnan(chosen.dtilde[0])


def test_refuses_what_it_cannot_use() -> None:
    for doubt, budget, alpha, said in (
        ([0.0, np.nan, 1.0], 1, 0.5, "1 of 3 candidates have no finite"),
        ([0.0, 1.0, 2.0], 0, 0.5, "at least 1, not 0"),
        ([0.0, 1.0, 2.0], 1, 1.5, "alpha must be between"),
    ):
        with pytest.raises(InputError, match=said):
            balanced_picks(np.eye(3), doubt, [], budget, alpha, [0, 1, 2])
    with pytest.raises(PoolTooSmallError):
        balanced_picks(np.eye(3), np.ones(3), [], 4, 0.5, [0, 1, 2])


# --- the strategy ---------------------------------------------------------------------------------


def _farthest(pool: Candidates, points: np.ndarray, count: int) -> list[int]:
    picks: list[int] = farthest_points(points, pool.candidates, pool.labelled, count)[0].tolist()
    return picks


def test_the_round_sets_alpha() -> None:
    pool = full_pool(60, labelled=10)
    for round_, alpha in ((1, 0.9), (3, 0.6), (9, 0.3)):
        facts = select("levy-plus", dataclasses.replace(pool, round=round_), 5).facts
        assert facts["alpha"] == pytest.approx(alpha)
    facts = select("levy-plus", pool, 5, {"first_alpha": 0.4, "rounds": 3}).facts
    assert facts["alpha"] == pytest.approx(0.4)


def test_uncertainty_is_that_of_the_foreground() -> None:
    pool = full_pool(60, labelled=10)
    only = {"first_alpha": 0.0, "last_alpha": 0.0}
    picks = [pick.index for pick in select("levy-plus", pool, 5, only).picks]
    doubt = pool.scores["foreground_entropy"]
    assert picks == pool.candidates[np.argsort(-doubt[pool.candidates])[:5]].tolist()
    whole = dataclasses.replace(pool, scores={})
    fallen = select("levy-plus", whole, 5, only)
    assert fallen.facts["uncertainty"] == "entropy"
    asked = select("levy-plus", pool, 5, {**only, "uncertainty": "bald"})
    assert asked.picks[0].index == pool.candidates[pool.scores["bald"][pool.candidates].argmax()]


def test_distances_are_those_of_the_features_unless_the_map_is_asked_for() -> None:
    rng = np.random.default_rng(4)
    pool = dataclasses.replace(before_a_model(full_pool(80)), features=rng.normal(size=(80, 12)))
    in_features = [pick.index for pick in select("levy-plus", pool, 9).picks]
    on_map = [pick.index for pick in select("levy-plus", pool, 9, {"space": "map"}).picks]
    assert in_features == _farthest(pool, pool.features, 9)
    assert on_map == _farthest(pool, pool.coords, 9)
    fresh = before_a_model(full_pool(80, labelled=0))
    assert select("levy-plus", fresh, 9).facts["stage"] == "cold start"


def test_while_doubt_is_noise_diversity_decides() -> None:
    pool = full_pool(80, labelled=20)
    plain = select("levy-plus", pool, 6)
    assert plain.facts["note"].endswith("was not measured.")
    error = np.full(80, np.nan)
    error[pool.labelled] = -pool.scores["foreground_entropy"][pool.labelled]
    shut = select("levy-plus", dataclasses.replace(pool, scores={**pool.scores, "error": error}), 6)
    assert shut.facts["alpha"] == 1.0
    assert shut.facts["trust"]["trusted"] is False
    assert "does not tell yet where it errs" in shut.facts["note"]
    assert [pick.index for pick in shut.picks] == _farthest(pool, pool.features, 6)
    told = dataclasses.replace(pool, scores={**pool.scores, "error": -error})
    assert select("levy-plus", told, 6).facts["alpha"] == pytest.approx(0.9)
    ignored = dataclasses.replace(pool, scores={**pool.scores, "error": error})
    assert select("levy-plus", ignored, 6, {"gate": False}).picks == plain.picks


def test_the_last_models_doubt_serves_where_no_errors_are_known() -> None:
    pool = full_pool(80, labelled=20)
    noise = np.random.default_rng(5).random(80)
    noisy = {**pool.scores, "previous_foreground_entropy": noise}
    same = {**pool.scores, "previous_foreground_entropy": pool.scores["foreground_entropy"]}
    shut = select("levy-plus", dataclasses.replace(pool, scores=noisy), 6)
    assert (shut.facts["alpha"], shut.facts["trust"]["by"]) == (1.0, "another model")
    assert select("levy-plus", dataclasses.replace(pool, scores=same), 6).facts["alpha"] < 1
