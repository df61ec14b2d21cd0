"""USL: the worked vectors, small cases by hand, and what its code stumbles over."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.strategy import Candidates, select
from ActiveSeedLib.selection.usl import mean_squared_distance, usl


def test_the_authors_picks(shared: Path) -> None:
    v = np.load(shared / "vectors" / "usl_a_n200_b10.npz")
    spread = mean_squared_distance(v["features"], 20)
    np.testing.assert_allclose(spread, v["knn_mean"], rtol=1e-4)
    np.testing.assert_array_equal(usl(v["features"], v["labels"]), v["selected"])
    np.testing.assert_array_equal(usl(v["features"], v["labels"], spread), v["selected"])
    np.testing.assert_array_equal(usl(v["features"], v["labels"], passes=1), v["selected_noreg"])
    np.testing.assert_array_equal(usl(v["features"], v["labels"], weight=0), v["selected_noreg"])


def test_distances_by_hand() -> None:
    line = [[0.0], [1.0], [3.0]]
    np.testing.assert_allclose(mean_squared_distance(line, 2), [0.5, 0.5, 2])
    np.testing.assert_allclose(mean_squared_distance(line), [10 / 3, 5 / 3, 13 / 3])
    assert mean_squared_distance([[7.0]]).tolist() == [0]
    with pytest.raises(InputError, match="at least 1 neighbour"):
        mean_squared_distance(line, 0)


def test_the_second_pass_by_hand() -> None:
    # Two clusters; by density alone 1 and 2 are picked, which are close to each other.
    line = np.array([[0.0], [0.9], [1.1], [2.0]])
    spread, labels = [1 / 2.0, 1 / 2.1, 1 / 2.1, 1 / 2.0], [0, 0, 1, 1]
    assert usl(line, labels, spread, passes=1).tolist() == [1, 2]
    # The regulariser with α = 1 and no momentum: 1/1.21 at 0, 1/0.04 at 0.9, and so mirrored.
    assert usl(line, labels, spread, passes=2, momentum=0, alpha=1).tolist() == [0, 3]
    weak = 0.09 / (1 / 0.04 - 1 / 1.21)
    assert usl(line, labels, spread, passes=2, momentum=0, alpha=1, weight=weak).tolist() == [1, 2]
    # Beyond the horizon nothing matters.
    assert usl(line, labels, spread, horizon=0.03).tolist() == [1, 2]


def test_it_is_the_rule() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 3)), rng.integers(0, 6, 60)
    gaps = cdist(features, features, "sqeuclidean")
    density = 1 / np.sort(gaps, axis=1)[:, :20].mean(axis=1)
    average = np.zeros(60)
    for _ in range(10):
        score = np.where(labels == np.arange(6)[:, None], density - 0.5 * average, -np.inf)
        picks = score.argmax(axis=1)
        near = (labels[:, None] != np.arange(6)) & (gaps[:, picks] < 4)
        new = np.where(near, 1 / np.sqrt(np.where(near, gaps[:, picks], 1)), 0).sum(axis=1)
        average = 0.9 * average + 0.1 * new
    assert usl(features, labels).tolist() == picks.tolist()


def test_copies_in_two_clusters_do_not_stop_it() -> None:
    # The authors' code asserts that no case equals the pick of another cluster.
    features = np.zeros((6, 2))
    assert usl(features, [0, 0, 0, 1, 1, 1]).tolist() == [0, 3]
    pool = Candidates(np.ones((6, 2)), np.ones((6, 2)), np.arange(6), np.arange(0))
    selection = select("usl", pool, 4)
    assert [pick.why["role"] for pick in selection.picks] == ["density", *["copy"] * 3]


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(InputError, match="5 mean distances, not 2"):
        usl(np.eye(5), np.zeros(5), [1.0, 2.0])
    pool = Candidates(np.eye(5), np.eye(5)[:, :2], np.arange(5), np.arange(0))
    with pytest.raises(InputError, match="must not be negative"):
        select("usl", pool, 2, {"weight": -1.0})
