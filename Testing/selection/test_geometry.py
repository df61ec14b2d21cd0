"""Diameter, nearest selected point and farthest points, against all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist, pdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.geometry import (
    CandidateDiameter,
    NearestSelected,
    diameter,
    farthest_points,
)

WHOLE = st.integers(-20, 20).map(float)


def _points(dimensions: int) -> st.SearchStrategy[np.ndarray]:
    return st.integers(1, 40).flatmap(lambda n: arrays(np.float64, (n, dimensions), elements=WHOLE))


def _circle(count: int) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


CLOUDS = {
    "round": np.random.default_rng(0).normal(size=(1500, 2)),
    "flat": np.random.default_rng(1).normal(size=(1500, 2)) * [1, 1e-3],
    "triangle": np.random.default_rng(2).dirichlet([1, 1, 1], 1500) @ [[0, 0], [1, 0], [0.5, 0.87]],
    "circle": _circle(1200),
    "line": np.linspace(0, 1, 1500)[:, None] * [3.0, 4.0],
    "two places": np.repeat([[0.0, 1.0], [2.0, 5.0]], 800, axis=0),
    "grid": np.stack(np.meshgrid(np.arange(40.0), np.arange(30.0)), axis=-1).reshape(-1, 2),
    "far away": np.random.default_rng(3).normal(size=(1500, 2)) + 1e6,
    "3-D": np.random.default_rng(4).normal(size=(1200, 3)),
    "1-D": np.random.default_rng(5).normal(size=(1200, 1)),
    "32-D": np.random.default_rng(6).normal(size=(1000, 32)),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_diameter_of_many_points_is_that_of_all_pairs(name: str) -> None:
    points = CLOUDS[name]
    distance, i, j = diameter(points)
    assert distance == pytest.approx(pdist(points).max(), rel=1e-12)
    assert distance == pytest.approx(float(np.linalg.norm(points[i] - points[j])), rel=1e-12)
    assert i < j


@given(st.integers(1, 3).flatmap(_points))
def test_diameter_of_few_points_is_that_of_all_pairs(points: np.ndarray) -> None:
    distance, i, j = diameter(points)
    assert distance == cdist(points, points).max()
    assert distance == pytest.approx(float(np.linalg.norm(points[i] - points[j])))


def test_diameter_by_hand() -> None:
    assert diameter([[0, 0], [3, 4], [1, 1]]) == (5.0, 0, 1)
    assert diameter([[7, 7]]) == (0.0, 0, 0)
    assert diameter([[1, 2], [1, 2], [1, 2]]) == (0.0, 0, 0)


@given(_points(2), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_candidate_diameter_follows_removals(points: np.ndarray, random: object) -> None:
    widest = CandidateDiameter(points)
    left = list(range(len(points)))
    while left:
        assert widest.value == cdist(points[left], points[left]).max()
        gone = random.choice(left)  # type: ignore[attr-defined]
        left.remove(gone)
        widest.remove(gone)
    assert widest.value == 0.0


@given(_points(3), st.data())
def test_nearest_selected_is_the_nearest_of_all(points: np.ndarray, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(points) - 1), min_size=1, unique=True))
    selected = NearestSelected(points)
    assert np.isinf(selected.distance).all()
    assert (selected.nearest == -1).all()
    for index in chosen:
        selected.add(points[index], index)
    table = cdist(points, points[chosen])
    np.testing.assert_allclose(selected.distance, table.min(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(selected.nearest, np.array(chosen)[table.argmin(axis=1)])


def _farthest_by_all_pairs(points: np.ndarray, start: list[int], count: int) -> list[int]:
    table, chosen = cdist(points, points), list(start)
    for _ in range(count):
        nearest = table[:, chosen].min(axis=1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return chosen[len(start) :]


@given(_points(2), st.data())
def test_farthest_points_are_those_of_all_pairs(points: np.ndarray, data: st.DataObject) -> None:
    start = data.draw(st.lists(st.integers(0, len(points) - 1), min_size=1, unique=True))
    count = data.draw(st.integers(0, len(points) - len(start)))
    picks, distances = farthest_points(points, np.arange(len(points)), start, count)
    assert picks.tolist() == _farthest_by_all_pairs(points, start, count)
    assert (np.diff(distances) <= 0).all()


def test_farthest_points_by_hand() -> None:
    line = [[0.0], [1.0], [5.0], [10.0]]
    picks, distances = farthest_points(line, [0, 1, 2, 3], 0, 3)
    assert picks.tolist() == [3, 2, 1]
    assert distances.tolist() == [10.0, 5.0, 1.0]
    assert farthest_points(line, [1, 2], 0, 1)[0].tolist() == [2]
    # 0.1 + 0.2 is not 0.3: distances that rounding alone parts are a tie for the lowest index.
    tie = [[0.0], [-0.3], [0.1 + 0.2]]
    assert farthest_points(tie, [1, 2], 0, 1)[0].tolist() == [1]


def test_too_few_members_are_said() -> None:
    with pytest.raises(PoolTooSmallError, match="has 1 cases"):
        farthest_points([[0.0], [1.0]], [0, 1], 0, 2)


def test_broken_coordinates_are_counted() -> None:
    with pytest.raises(InputError, match="2 of 3 points have coordinates that are NaN"):
        diameter([[0, 0], [np.nan, 1], [1, np.inf]])
    with pytest.raises(InputError, match="shape"):
        diameter(np.empty((0, 2)))


def test_of_equally_near_ones_the_first_selected_is_named() -> None:
    selected = NearestSelected([[0.0, 0.0], [5.0, 0.0]])
    selected.add([0.0, 1.0], 7)
    selected.add([1.0, 0.0], 4)
    assert selected.nearest.tolist() == [7, 4]
    assert selected.distance.tolist() == [1.0, 4.0]
