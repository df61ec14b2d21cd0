"""The one-pass silhouette, against scikit-learn's for each labeling."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection import silhouette
from ActiveSeedLib.selection.clusters import cluster
from ActiveSeedLib.selection.silhouette import silhouettes


@given(st.integers(3, 40), st.integers(1, 12), st.integers(1, 4), st.integers(0, 10**6))
def test_equals_scikit_learn(count: int, kinds: int, dimensions: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-5, 6, size=(count, dimensions)).astype(float)
    labelings = rng.integers(0, kinds, size=(5, count))
    for labels, score in zip(labelings, silhouettes(points, labelings), strict=True):
        if 2 <= len(np.unique(labels)) < count:
            assert score == pytest.approx(silhouette_score(points, labels), abs=1e-10)
        else:
            assert np.isnan(score)


def test_the_scan_over_k_of_colossal(shared: Path) -> None:
    v = np.load(shared / "vectors" / "colossal_div_a_n80_b5.npz")
    ks = range(2, len(v["selected_kmeans"]) + 1)
    labelings = [KMeans(k, random_state=0).fit_predict(v["features"]) for k in ks]
    np.testing.assert_array_equal(ks, v["silhouette_k"])
    np.testing.assert_allclose(silhouettes(v["features"], labelings), v["silhouette_s"], rtol=1e-5)


def test_equals_scikit_learn_over_many_blocks_and_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(700, 2))
    labelings = [cluster(points, k, seed=0) for k in range(2, 27)]
    expected = [silhouette_score(points, labels) for labels in labelings]
    np.testing.assert_allclose(silhouettes(points, labelings), expected, rtol=0, atol=1e-12)
    monkeypatch.setattr(silhouette, "_BLOCK", 700 * 13)
    np.testing.assert_allclose(silhouettes(points, labelings), expected, rtol=0, atol=1e-12)


def test_by_hand() -> None:
    # Point 0: a = 1, b = mean(4, 5) = 4.5; its mirror images likewise. Points 1, 2: a = 1, b = 3.5.
    line = [[0.0], [1.0], [4.0], [5.0]]
    expected = (2 * (1 - 1 / 4.5) + 2 * (1 - 1 / 3.5)) / 4
    assert silhouettes(line, [[7, 7, -1, -1]]) == pytest.approx(expected)


def test_one_cluster_or_only_singletons_are_not_defined() -> None:
    scores = silhouettes([[0.0], [1.0], [5.0]], [[0, 0, 0], [0, 1, 2], [0, 0, 1]])
    assert np.isnan(scores).tolist() == [True, True, False]


def test_equal_points_score_nothing() -> None:
    assert silhouettes(np.zeros((4, 2)), [[0, 0, 1, 1]]).tolist() == [0.0]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="every one of the 3 points, but there are 2"):
        silhouettes([[0.0], [1.0], [2.0]], [[0, 1]])
