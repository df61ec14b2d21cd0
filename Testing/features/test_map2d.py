"""The map."""

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import map2d
from ActiveSeedLib.features.map2d import map_pool, place


def clusters(count: int, dimension: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    label = np.arange(count) % 4
    centres = random.normal(0, 6, size=(4, dimension))
    return (centres[label] + random.normal(size=(count, dimension))).astype(np.float32), label


def separation(coords: np.ndarray, label: np.ndarray) -> float:
    distance = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((label[distance.argmin(axis=1)] == label).mean())


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_the_smallest_pools_have_a_map(count: int, method: str) -> None:
    result = map_pool(clusters(count)[0], 3, method)
    assert result.coords.shape == (count, 2)
    assert result.coords.dtype == np.float64
    assert np.isfinite(result.coords).all()
    if count > 1:
        assert np.ptp(result.coords, axis=0).max() > 0
    if method == "tsne" and count > 3:
        assert result.facts["perplexity"] == pytest.approx((count - 1) / 3)


@pytest.mark.parametrize(
    "features",
    [
        np.ones((9, 5)),
        np.repeat(clusters(4)[0], 6, axis=0),
        np.arange(12.0)[:, None],
        np.hstack([clusters(20)[0], np.zeros((20, 3))]),
        clusters(20)[0].astype(np.float64) * 1e-200,
    ],
    ids=["all equal", "repeated", "one dimension", "constant columns", "minute"],
)
def test_odd_features_have_a_map(features: np.ndarray) -> None:
    for method in ("tsne", "pca"):
        coords = map_pool(features, 0, method).coords
        assert coords.shape == (len(features), 2)
        assert np.isfinite(coords).all()


def test_two_points_are_as_far_apart_as_their_features() -> None:
    coords = map_pool(np.array([[0.0, 3], [4, 0]]), 0).coords
    assert np.linalg.norm(coords[0] - coords[1]) == pytest.approx(5)


def test_equal_input_and_seed_give_equal_maps() -> None:
    features, label = clusters(300)
    first, again = map_pool(features, 7), map_pool(features, 7)
    np.testing.assert_array_equal(first.coords, again.coords)
    assert first.facts == again.facts
    assert first.facts["perplexity"] == 30
    assert separation(first.coords, label) > 0.99


def test_a_large_pool_goes_through_components_and_fft(monkeypatch) -> None:
    monkeypatch.setattr(map2d, "_EXACT_UP_TO", 200)  # the same way, in a second
    features, label = clusters(210, dimension=70)
    first = map_pool(features, 7)
    assert "openTSNE" in first.facts["implementation"]
    assert first.facts["principal_components"] == 50
    assert separation(first.coords, label) > 0.99


def test_wrong_input_is_said() -> None:
    with pytest.raises(InputError, match="no map called 'umap'"):
        map_pool(np.ones((4, 2)), 0, "umap")
    with pytest.raises(InputError, match="finite"):
        map_pool(np.array([[1.0, np.nan]]), 0)


def test_new_cases_lie_between_their_neighbours() -> None:
    pool = np.array([[0.0, 0], [10, 0], [1000, 0]])
    coords = np.array([[0.0, 0], [4, 8], [-50, 50]])
    new = np.array([[10.0, 0], [4, 0]])
    placed = place(pool, coords, new, k=2)
    np.testing.assert_allclose(placed[0], coords[1])  # equal to a pool case
    weights = np.array([1 / 4, 1 / 6]) / (1 / 4 + 1 / 6)
    np.testing.assert_allclose(placed[1], weights @ coords[:2])
    assert place(pool, coords, new[:0]).shape == (0, 2)
    np.testing.assert_allclose(place(pool[:1], coords[:1], new), np.zeros((2, 2)))
