"""Medoids against all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.clusters import cluster, medoids, nearest_to_centroid
from ActiveSeedLib.selection.strategy import Candidates, select


def _medoids_by_all_pairs(points: np.ndarray, labels: np.ndarray) -> list[int]:
    found = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        sums = cdist(points[members], points[members]).sum(axis=1)
        found.append(int(members[np.argmax(sums <= sums.min() * (1 + 1e-12))]))
    return found


@given(st.integers(1, 60), st.integers(1, 5), st.sampled_from([1, 2, 4, 40]), st.integers(0, 10**6))
def test_medoids_are_those_of_all_pairs(count: int, kinds: int, dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, kinds, size=count)
    for points in (
        rng.integers(-3, 4, (count, dims)).astype(float),
        rng.normal(size=(count, dims)),
    ):
        assert medoids(points, labels).tolist() == _medoids_by_all_pairs(points, labels)


@pytest.mark.parametrize("spread", [[1, 1], [1, 1e-4], [1, 0]])
def test_medoids_of_large_clusters_are_those_of_all_pairs(spread: list[float]) -> None:
    rng = np.random.default_rng(7)
    points = rng.standard_t(2, size=(3000, 2)) * spread
    labels = (rng.random(3000) < 0.3).astype(int)
    assert medoids(points, labels).tolist() == _medoids_by_all_pairs(points, labels)


@pytest.mark.parametrize("far", [0.0, 1e5])
def test_in_many_dimensions_where_no_member_is_central(far: float) -> None:
    # All sums are alike: bounds by tangents leave every member to be evaluated.
    points = far + np.random.default_rng(8).normal(size=(1200, 60))
    points[700] = points[3]
    labels = np.arange(1200) % 2
    assert medoids(points, labels).tolist() == _medoids_by_all_pairs(points, labels)
    mirrored = np.concatenate([points, 2 * far - points])  # each sum is there twice
    assert medoids(mirrored, np.zeros(2400)).tolist() == _medoids_by_all_pairs(
        mirrored, np.zeros(2400)
    )


def test_medoids_by_hand() -> None:
    assert medoids([[0.0], [1.0], [2.0], [10.0], [11.0]], [1, 1, 1, 0, 0]).tolist() == [3, 1]
    assert medoids(np.zeros((4, 2)), [0, 0, 0, 0]).tolist() == [0]
    square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert medoids(square, [5, 5, 5, 5]).tolist() == [0]


def test_nearest_to_centroid_by_hand() -> None:
    # The mean of 0, 1, 2, 10 is 3.25, so 2 is nearest although 1 is the medoid.
    points = [[0.0], [1.0], [2.0], [10.0], [20.0]]
    assert nearest_to_centroid(points, [0, 0, 0, 0, 1]).tolist() == [2, 4]
    assert medoids(points, [0, 0, 0, 0, 1]).tolist() == [1, 4]


def test_clusters_repeat_with_the_seed() -> None:
    points = np.random.default_rng(0).normal(size=(300, 2))
    np.testing.assert_array_equal(cluster(points, 5, seed=1), cluster(points, 5, seed=1))
    assert set(cluster(points, 5, seed=1)) == set(range(5))


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="each of the 2 points"):
        medoids([[0.0], [1.0]], [0])


@pytest.mark.filterwarnings("error")
def test_points_that_only_rounding_parts_are_clustered_without_a_warning() -> None:
    # Zero, and vectors of one direction: at unit length equal but for the last bit.
    features = 0.1 * np.arange(8)[:, None] * np.ones((1, 2))
    rows = np.arange(8)
    pool = Candidates(features, features, rows, rows[:0])
    assert len({pick.index for pick in select("usl", pool, 3).picks}) == 3
