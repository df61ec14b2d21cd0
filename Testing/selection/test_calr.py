"""CALR: hierarchical clusters and information density, on the worked vectors and by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection import calr as module
from ActiveSeedLib.selection.calr import birch_labels, calr, information_density
from ActiveSeedLib.selection.strategy import Candidates, select


def _pool(features: np.ndarray) -> Candidates:
    rows = np.arange(len(features))
    return Candidates(features, features[:, :2], rows, rows[:0])


def test_the_picks_of_the_sugfw_repository(shared: Path) -> None:
    v = np.load(shared / "vectors" / "hilab_baselines_a_n90_b8.npz")
    np.testing.assert_array_equal(birch_labels(v["features"], 8), v["labels_CALR"])
    np.testing.assert_array_equal(calr(v["features"], v["labels_CALR"], 8), v["selected_CALR"])
    through = select("calr", _pool(v["features"]), 8)
    assert [pick.index for pick in through.picks] == v["selected_CALR"].tolist()


def test_without_a_radius_the_groups_are_those_of_ward(shared: Path) -> None:
    v = np.load(shared / "vectors" / "colossal_div_a_n80_b5.npz")
    labels = birch_labels(v["features"], 5, threshold=0.0)
    same = labels[:, None] == labels
    np.testing.assert_array_equal(same, v["agg_labels"][:, None] == v["agg_labels"])
    # COLosSAL draws one of each at random; calr picks one of each, too.
    assert len(set(labels[v["selected_agglomerative"]])) == len(set(labels)) == 5
    picks = select("calr", _pool(v["features"]), 5, {"threshold": 0.0}).picks
    assert len({int(labels[pick.index]) for pick in picks}) == 5


def test_density_by_hand() -> None:
    features = np.array([[2.0, 0], [1, 1], [0, 3], [0, 0], [5, 5]])
    half = np.sqrt(0.5)
    expected = [(1 + half) / 4, (1 + 2 * half) / 4, (1 + half) / 4, 0, 1]
    np.testing.assert_allclose(information_density(features, [0, 0, 0, 0, 1]), expected)
    assert calr(features, [0, 0, 0, 0, 1], 2).tolist() == [1, 4]
    # The densest of each cluster, then the second; equally dense ones by index.
    assert calr(features, [0, 0, 0, 0, 1], 5).tolist() == [1, 4, 0, 2, 3]


def test_equally_dense_ones_go_by_index_whatever_the_rounding() -> None:
    # Each of the first two resembles itself, the other and nothing else.
    features = np.array([[0.3, 0.1, 0.7], [0.2, 0.9, 0.4], [0, 0, 0]])
    for turned in (features, features[[1, 0, 2]]):
        assert calr(turned, [0, 0, 0], 3).tolist() == [0, 1, 2]


@given(st.integers(1, 30), st.integers(0, 10**6))
@settings(max_examples=40)
def test_density_is_that_of_all_pairs(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(count, 4)), rng.integers(0, 3, count)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    same = labels[:, None] == labels
    expected = (unit @ unit.T * same).sum(axis=1) / same.sum(axis=1)
    np.testing.assert_allclose(information_density(features, labels), expected, atol=1e-12)


def test_groups_are_found_and_named() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(at, 0.1, size=(9, 3)) for at in (1.0, 8.0)])
    features = np.concatenate([features, [[-9.0, 0, 0]]])
    selection = select("calr", _pool(features), 3)
    reasons = {pick.reason for pick in selection.picks}
    assert reasons == {
        "The case that resembles the others most in a group of 9 similar ones.",
        "A case so unlike the others that it is a group of its own.",
    }
    assert sorted(selection.facts["cluster_sizes"]) == [1, 9, 9]
    # Cases nearer than the threshold are merged first: with a wide one there is one group.
    wide = select("calr", _pool(features), 3, {"threshold": 50.0})
    assert wide.facts["k"] == 1
    assert wide.picks[1].reason.startswith("Of those left, the case that resembles")


def test_a_large_pool_is_refused_with_an_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CASES", 50)
    with pytest.raises(InputError, match=r"up to 50 cases, but this pool has 51: choose typiclust"):
        select("calr", _pool(np.random.default_rng(0).normal(size=(51, 3))), 5)


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 5 cases"):
        calr(np.eye(5), np.zeros(5), 6)
    with pytest.raises(InputError, match="one cluster label"):
        information_density(np.eye(5), [0, 1])
    with pytest.raises(InputError, match="must not be negative"):
        select("calr", _pool(np.eye(5)), 1, {"threshold": -1.0})
    assert select("calr", dataclasses.replace(_pool(np.eye(5)), seed=7), 2) == select(
        "calr", _pool(np.eye(5)), 2
    )
