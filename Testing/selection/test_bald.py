"""BALD and BatchBALD by hand, against the stored vectors and against brute force."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.bald import bald, batch_bald, conditional_entropy, entropy

RTOL = 1e-5


@pytest.fixture(scope="module")
def vector(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / "batchbald_a_exact.npz") as file:
        return {key: file[key] for key in file.files}


def test_the_stored_vector(vector: dict[str, np.ndarray]) -> None:
    p = np.exp(vector["log_probs"])
    np.testing.assert_allclose(entropy(p), vector["entropy"], rtol=RTOL)
    np.testing.assert_allclose(conditional_entropy(p), vector["cond_entropy"], rtol=RTOL)
    scores = bald(p)
    order = np.argsort(-scores, kind="stable")[:5]
    np.testing.assert_array_equal(order, vector["bald_indices"])
    np.testing.assert_allclose(scores[order], vector["bald_scores"], rtol=RTOL)
    picks, joint = batch_bald(p, 5)
    np.testing.assert_array_equal(picks, vector["batchbald_indices"])
    np.testing.assert_allclose(joint, vector["batchbald_scores"], rtol=RTOL)


def test_by_hand() -> None:
    agree = [[0.5, 0.5], [0.5, 0.5]]
    differ = [[1.0, 0.0], [0.0, 1.0]]
    sure = [[1.0, 0.0], [1.0, 0.0]]
    p = np.array([agree, differ, sure])
    np.testing.assert_allclose(entropy(p), [math.log(2), math.log(2), 0])
    np.testing.assert_allclose(conditional_entropy(p), [math.log(2), 0, 0])
    np.testing.assert_allclose(bald(p), [0, math.log(2), 0])


def test_voxels_are_scored_one_by_one() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 4, 5, 6))
    found = bald(p)
    assert found.shape == (2, 4, 5)
    assert found[1, 2, 3] == pytest.approx(bald(p[1, 2, 3][None])[0])


def _joint_information(p: np.ndarray) -> float:
    """Mutual information of the labels of all cases of `p` and the weights, by enumeration."""
    count, passes, classes = p.shape
    total = 0.0
    for labels in itertools.product(range(classes), repeat=count):
        each = np.prod([p[n, :, c] for n, c in enumerate(labels)], axis=0)
        mean = each.sum() / passes
        total -= mean * math.log(mean)
    return total - float(conditional_entropy(p).sum())


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_the_batch_is_the_greedy_one(seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(3, 0.3) + 0.05, size=(7, 4)) + 1e-9
    p /= p.sum(axis=-1, keepdims=True)
    picks, scores = batch_bald(p, 3)
    assert len(set(picks.tolist())) == 3
    for step in range(3):
        before = picks[:step].tolist()
        gains = {n: _joint_information(p[[*before, n]]) for n in range(7) if n not in before}
        assert scores[step] == pytest.approx(max(gains.values()), abs=1e-9)
        assert gains[int(picks[step])] == pytest.approx(scores[step], abs=1e-9)


def test_two_equal_cases_are_worth_one() -> None:
    twin = np.array([[0.9, 0.1], [0.1, 0.9]])
    other = np.array([[0.8, 0.2], [0.2, 0.8]])
    independent = np.array([[0.5, 0.5], [0.5, 0.5]])
    p = np.stack([np.concatenate([a, b]) for a, b in ((twin, twin), (twin, twin))])
    p = np.concatenate([p, np.concatenate([other, other[::-1]])[None]])
    assert batch_bald(p, 2)[0].tolist() == [0, 2]  # by BALD alone it would be 0 and 1
    assert np.argsort(-bald(p), kind="stable")[:2].tolist() == [0, 1]
    assert bald(independent[None])[0] == 0


def test_what_it_cannot_use_is_said() -> None:
    p = np.full((20, 3, 4), 0.25)
    assert batch_bald(p, 3)[0].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="lower the budget"):
        batch_bald(p, 10)
    with pytest.raises(PoolTooSmallError):
        batch_bald(p[:2], 3)
    with pytest.raises(InputError, match="NaN"):
        bald(np.full((2, 2), np.nan))
    with pytest.raises(InputError, match="passes × classes"):
        bald(np.ones(3))
    with pytest.raises(InputError, match="cases × passes × classes"):
        batch_bald(np.ones((3, 2)), 1)
