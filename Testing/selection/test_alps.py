"""ALPS: the case nearest to each centroid, on the worked vectors and by hand."""

from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.selection.clusters import cluster, nearest_to_centroid
from ActiveSeedLib.selection.strategy import Candidates, select


def _pool(features: np.ndarray, seed: int = 0) -> Candidates:
    rows = np.arange(len(features))
    return Candidates(features, features[:, :2], rows, rows[:0], seed=seed)


def test_the_picks_of_the_sugfw_repository(shared: Path) -> None:
    v = np.load(shared / "vectors" / "hilab_baselines_a_n90_b8.npz")
    chosen = nearest_to_centroid(v["features"], v["labels_ALPS"])
    np.testing.assert_array_equal(chosen, v["selected_ALPS"])
    # Our own k-means finds other groups; its picks are still the nearest to their centroids.
    labels = cluster(v["features"], 8, seed=0)
    through = select("alps", _pool(v["features"]), 8)
    expected = nearest_to_centroid(v["features"], labels)
    assert [pick.index for pick in through.picks] == expected.tolist()


def test_the_picks_of_colossal(shared: Path) -> None:
    # They look for the nearest case in the whole pool, which here is a member of the cluster.
    v = np.load(shared / "vectors" / "colossal_div_a_n80_b5.npz")
    chosen = nearest_to_centroid(v["features"], v["labels"])
    np.testing.assert_array_equal(chosen, v["selected_kmeans"])


def test_no_case_stands_for_two_groups() -> None:
    # A ring about a small group has the same centre: in the whole pool both would get case 0.
    ring = [[5.0, 0], [-5, 0], [0, 5], [0, -5]]
    features = np.array([[0.0, 0], [0.1, 0], [-0.1, 0], *ring])
    assert nearest_to_centroid(features, [0, 0, 0, 1, 1, 1, 1]).tolist() == [0, 3]


def test_equally_near_ones_go_by_index_whatever_the_rounding() -> None:
    # 1 and 5 are equally far from 3, the middle of 0, 1, 5 and 6; times 0.1 rounding parts them.
    line = 0.1 * np.arange(8)[:, None] * np.ones((1, 8))
    assert nearest_to_centroid(line, [1, 1, 0, 0, 0, 1, 1, 0]).tolist() == [4, 1]


def test_by_hand() -> None:
    features = np.array([[0.0, 0], [1, 0], [3, 0], [50, 0], [51, 0], [53, 0], [99, 9]])
    selection = select("alps", _pool(features), 3)
    told = {pick.index: pick for pick in selection.picks}
    assert set(told) == {1, 4, 6}
    assert told[1].reason == "The case in the middle of a group of 3 similar cases."
    assert told[6].reason == "The case in the middle of a group that it alone makes up."
    assert told[4].why["cluster_share"] == pytest.approx(3 / 7)
    assert selection.facts["k"] == 3


def test_copies_fill_up_what_clusters_cannot() -> None:
    features = np.repeat([[0.0, 0.0], [5.0, 5.0]], 4, axis=0)
    selection = select("alps", _pool(features), 5)
    assert [pick.why["role"] for pick in selection.picks[2:]] == ["copy"] * 3
    assert len({pick.index for pick in selection.picks}) == 5
