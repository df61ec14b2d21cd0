"""BADGE against the stored vectors, and what k-means++ must not do."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.badge import (
    gradient_embedding,
    kmeans_plus_plus,
    seeding_probabilities,
)
from ActiveSeedLib.selection.strategy import select
from Testing.selection.contract import full_pool


@pytest.fixture(scope="module")
def vector(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / "badge_a_n120_c4_b10.npz") as file:
        return {key: file[key] for key in file.files}


def test_the_embedding(vector: dict[str, np.ndarray]) -> None:
    found = gradient_embedding(vector["penultimate"], vector["probs"])
    np.testing.assert_allclose(found, vector["grad_embedding"], rtol=1e-5)
    np.testing.assert_allclose((found**2).sum(axis=1), vector["grad_norm_sq"], rtol=1e-5)


def test_what_comes_next_is_as_likely(vector: dict[str, np.ndarray]) -> None:
    sequence = vector["sequences"][0]
    for step, wanted in enumerate(vector["next_prob"]):
        found = seeding_probabilities(vector["grad_embedding"], sequence[: step + 1])
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
        assert found.sum() == pytest.approx(1.0)


def test_the_first_is_the_longest_whatever_the_seed(vector: dict[str, np.ndarray]) -> None:
    for seed in range(5):
        picks = kmeans_plus_plus(vector["grad_embedding"], 10, seed=seed)
        assert picks[0] == vector["sequences"][0, 0]
        assert len(set(picks.tolist())) == 10
        np.testing.assert_array_equal(
            picks, kmeans_plus_plus(vector["grad_embedding"], 10, seed=seed)
        )


def test_the_second_is_drawn_as_often_as_it_should(vector: dict[str, np.ndarray]) -> None:
    gradients = vector["grad_embedding"][:12]
    first = int(np.argmax((gradients**2).sum(axis=1)))
    drawn = [int(kmeans_plus_plus(gradients, 2, seed=seed)[1]) for seed in range(3000)]
    often = np.bincount(drawn, minlength=12) / 3000
    np.testing.assert_allclose(often, seeding_probabilities(gradients, [first]), atol=0.04)


def test_float32_is_as_good() -> None:
    rng = np.random.default_rng(3)
    centre = rng.normal(scale=50, size=(1, 300))
    exact = (centre + rng.normal(scale=0.01, size=(200, 300))).astype(np.float32)
    wide = exact.astype(np.float64)
    chosen = [5, 17, 100]
    squared = ((wide[:, None] - wide[chosen]) ** 2).sum(axis=2).min(axis=1)
    for gradients in (exact, wide):
        np.testing.assert_allclose(
            seeding_probabilities(gradients, chosen), squared / squared.sum(), rtol=1e-4
        )


def test_equal_gradients_are_never_picked_twice() -> None:
    """The authors' sampler repeats itself, or stops, where all distances are 0."""
    for gradients in (np.ones((9, 4)), np.zeros((9, 4), dtype=np.float32)):
        assert sorted(kmeans_plus_plus(gradients, 9, seed=1).tolist()) == list(range(9))
    two = np.repeat([[0.0, 1.0], [5.0, 0.0]], 5, axis=0)
    picks = kmeans_plus_plus(two, 10, seed=0)
    assert picks[0] == 5
    assert picks[1] < 5
    assert sorted(picks.tolist()) == list(range(10))


def test_what_it_cannot_use_is_said() -> None:
    with pytest.raises(PoolTooSmallError):
        kmeans_plus_plus(np.ones((2, 2)), 3, seed=0)
    with pytest.raises(InputError, match="NaN"):
        kmeans_plus_plus(np.array([[np.nan, 1.0]]), 1, seed=0)
    with pytest.raises(InputError, match="cases × numbers"):
        kmeans_plus_plus(np.ones(3), 1, seed=0)
    with pytest.raises(InputError, match="as many"):
        gradient_embedding(np.ones((2, 3)), np.ones((3, 2)))


def test_the_strategy_seeds_with_the_candidates_gradients() -> None:
    pool = full_pool()
    assert pool.gradients is not None
    pool.gradients[pool.candidates[:4]] = np.nan
    pool.gradients[pool.labelled] *= 100
    known = pool.candidates[4:]
    selection = select("badge", pool, 8)
    longest = known[np.linalg.norm(pool.gradients[known], axis=1).argmax()]
    assert selection.picks[0].index == longest
    assert selection.facts["note"] == "4 of 36 candidates have no prediction and were passed over."
    assert {pick.index for pick in selection.picks} <= set(known.tolist())
    other = select("badge", dataclasses.replace(pool, seed=1), 8)
    assert [p.index for p in other.picks] != [p.index for p in selection.picks]
