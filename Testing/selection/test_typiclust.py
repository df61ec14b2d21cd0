"""TypiClust: the worked vectors, small cases by hand, and the rule written out as the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection import neighbours
from ActiveSeedLib.selection.clusters import medoids
from ActiveSeedLib.selection.strategy import Candidates, select
from ActiveSeedLib.selection.typiclust import (
    cluster_count,
    cluster_order,
    neighbour_count,
    typicality,
    typiclust,
)


@pytest.mark.parametrize("name", ["typiclust_a_n60_b5", "typiclust_e_given_labels_roundrobin"])
def test_the_authors_picks(shared: Path, name: str) -> None:
    v = np.load(shared / "vectors" / f"{name}.npz")
    budget = len(v["activeSet"])
    chosen = typiclust(v["features"], v["clusters"], budget, v["lSet"], squared=True)
    np.testing.assert_array_equal(chosen.picks, v["activeSet"])
    np.testing.assert_array_equal(chosen.neighbours, v["step_k"])
    np.testing.assert_array_equal(np.setdiff1d(v["uSet"], chosen.picks), v["remainSet"])
    left = np.ones(len(v["features"]), dtype=bool)
    margins = []
    for pick, k, expected in zip(v["activeSet"], v["step_k"], v["typicality_steps"], strict=True):
        members = np.flatnonzero((v["clusters"] == v["clusters"][pick]) & left)
        values = typicality(v["features"][members], int(k), squared=True)
        np.testing.assert_allclose(values, expected[: len(members)], rtol=1e-4)
        best, second = np.sort(values)[[-1, -2]]
        margins.append((best - second) / best)
        left[pick] = False
    np.testing.assert_allclose(margins, v["rel_margin"], rtol=1e-4)


def test_without_a_limit_on_neighbours_it_is_the_medoid(shared: Path) -> None:
    # The SUGFW repository's TypiClust takes the mean distance to all members of k = B clusters:
    # the medoid, which is the strategy kmeans.
    v = np.load(shared / "vectors" / "hilab_baselines_a_n90_b8.npz")
    found = medoids(v["features"], v["labels_TypiClust"])
    np.testing.assert_array_equal(found, v["selected_TypiClust"])


def test_typicality_by_hand() -> None:
    line = [[0.0], [1.0], [3.0], [7.0]]
    np.testing.assert_allclose(typicality(line, 1), 1 / (np.array([1, 1, 2, 4]) + 1e-5))
    np.testing.assert_allclose(typicality(line, 2), 1 / (np.array([2, 1.5, 2.5, 5]) + 1e-5))
    np.testing.assert_allclose(typicality(line, 2, squared=True)[0], 1 / (5 + 1e-5))
    np.testing.assert_allclose(typicality([[2.0, 2.0]], 0), [1e5])
    with pytest.raises(InputError, match="has 3 neighbours here, not 4"):
        typicality(line, 4)


def test_counts_by_hand() -> None:
    assert [cluster_count(3, 10), cluster_count(490, 20)] == [13, 500]
    assert [neighbour_count(n) for n in (1, 2, 3, 39, 40, 90)] == [0, 1, 1, 19, 20, 20]
    # Cluster 3 is too small; 1 has a labelled case; 0 and 2 are equally large.
    assert cluster_order([8, 9, 8, 5], [0, 1, 0, 0]).tolist() == [0, 2, 1]


def test_an_exhausted_cluster_is_passed_over() -> None:
    # Six and seven members, and a budget that takes them all and the three that were left out.
    features = np.random.default_rng(0).normal(size=(16, 3))
    labels = np.repeat([0, 1, 2], [6, 7, 3])
    chosen = typiclust(features, labels, 16)
    assert sorted(chosen.picks) == list(range(16))
    assert labels[chosen.picks].tolist() == [1, 0] * 6 + [1] + [2] * 3


def test_where_all_clusters_are_small_they_are_taken_all_the_same() -> None:
    features = np.random.default_rng(1).normal(size=(12, 3))
    chosen = typiclust(features, np.arange(12) // 3, 5, labelled=[0])
    # Cluster 0 holds a labelled case and comes last of the four.
    assert chosen.cluster.tolist() == [1, 2, 3, 0, 1]


def _by_the_rule(
    features: np.ndarray, labels: np.ndarray, budget: int, labelled: list[int], squared: bool
) -> list[int]:
    """The rule as the card has it, everything anew for every pick."""
    left = np.setdiff1d(np.arange(len(features)), labelled).tolist()
    names, sizes = np.unique(labels, return_counts=True)
    known = [int(np.isin(labelled, np.flatnonzero(labels == name)).sum()) for name in names]
    order = sorted(range(len(names)), key=lambda c: (known[c], -sizes[c], c))
    picks: list[int] = []
    for usable in ([c for c in order if sizes[c] > 5], [c for c in order if sizes[c] <= 5]):
        turn = 0
        while len(picks) < budget and any(labels[i] in names[usable] for i in left):
            name = names[usable[turn % len(usable)]]
            turn += 1
            members = [i for i in left if labels[i] == name]
            if members:
                gaps = cdist(features[members], features[members])
                k = min(20, len(members) // 2)
                near = np.sort(gaps**2 if squared else gaps, axis=1)[:, 1 : k + 1]
                values = 1 / ((near.mean(axis=1) if k else np.zeros(1)) + 1e-5)
                picks.append(members[int(np.argmax(values >= values.max() * (1 - 1e-12)))])
                left.remove(picks[-1])
    return picks


@given(st.integers(2, 70), st.booleans(), st.booleans(), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_it_is_the_rule(
    count: int, on_grid: bool, squared: bool, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3)).round(0 if on_grid else 6)
    labels = rng.integers(0, rng.integers(1, 6), count)
    labelled = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1)))
    budget = data.draw(st.integers(1, count - len(labelled)))
    chosen = typiclust(features, labels, budget, labelled, squared=squared)
    assert chosen.picks.tolist() == _by_the_rule(features, labels, budget, labelled, squared)


@pytest.mark.parametrize("double_up_to", [0, 1 << 26])
def test_neighbours_are_those_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, double_up_to: int
) -> None:
    monkeypatch.setattr(neighbours, "_DOUBLE_UP_TO", double_up_to)
    monkeypatch.setattr(neighbours, "_KEPT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_BLOCK", 1000)
    monkeypatch.setattr(neighbours, "_EXACT_BLOCK", 5000)
    points = (100 + np.random.default_rng(0).normal(size=(150, 64))).astype(np.float32)
    points[1] = points[0] + 1e-3
    exact = np.sort(cdist(points, points), axis=1)[:, 1:8].mean(axis=1)
    np.testing.assert_allclose(typicality(points, 7), 1 / (exact + 1e-5), rtol=1e-5)
    np.testing.assert_allclose(
        typicality(points, 1)[0], 1 / (cdist(points[:1], points[1:2])[0, 0] + 1e-5), rtol=1e-2
    )


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 4 cases"):
        typiclust(np.eye(5), np.zeros(5), 5, labelled=[2])
    with pytest.raises(InputError, match="one cluster label for each of the 5"):
        typiclust(np.eye(5), np.zeros(4), 2)
    with pytest.raises(InputError, match="1 of 2 cases"):
        typicality([[0.0], [np.nan]], 1)


def test_labelled_groups_wait() -> None:
    rng = np.random.default_rng(2)
    features = np.concatenate([rng.normal(at, 0.1, size=(20, 4)) for at in (0.0, 5.0, 10.0)])
    pool = Candidates(features, features[:, :2], np.arange(1, 60), np.array([0]), seed=3)
    selection = select("typiclust", pool, 2)
    assert {pick.index // 20 for pick in selection.picks} == {1, 2}
    assert selection.picks[0].reason == (
        "The most typical case of a group of 20 similar cases, none of them labelled so far."
    )
    squared = select("typiclust", pool, 2, {"distance": "squared"})
    assert len(squared.picks) == 2
