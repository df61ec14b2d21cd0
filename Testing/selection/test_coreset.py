"""K-centre greedy: the worked vectors, small cases by hand, all pairs as the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.coreset import farthest_pairs, k_centre_greedy, most_central
from ActiveSeedLib.selection.strategy import Candidates, select


def _pool(features: np.ndarray, labelled: tuple[int, ...] = ()) -> Candidates:
    candidates = np.setdiff1d(np.arange(len(features)), labelled)
    return Candidates(features, features[:, :2], candidates, np.array(labelled, dtype=int))


def test_the_authors_picks(shared: Path) -> None:
    v = np.load(shared / "vectors" / "coreset_a_n200_empty_b12.npz")
    chosen = k_centre_greedy(v["features"], 12, v["lSet"])
    np.testing.assert_array_equal(chosen.picks, v["selected"])
    np.testing.assert_allclose(chosen.radius, v["radius_trace"], rtol=1e-5)
    through = select("coreset", _pool(v["features"]), 12)
    assert [pick.index for pick in through.picks] == v["selected"].tolist()
    assert through.facts["covering_radius"] == pytest.approx(v["radius_trace"][-1])


def test_two_of_each_group(shared: Path) -> None:
    v = np.load(shared / "vectors" / "hilab_baselines_a_n90_b8.npz")
    pairs = farthest_pairs(v["features"], v["labels_FPS"])
    np.testing.assert_array_equal(pairs, v["selected_FPS"])
    # An odd budget once took the last group's first member, which may be picked already.
    odd = select("fps", _pool(v["features"]), 9, {"within": "groups"})
    assert len({pick.index for pick in odd.picks}) == 9
    assert "differ most in a group of" in odd.picks[0].reason
    assert odd.picks[8].why["role"] == "farthest"


def test_pairs_by_hand() -> None:
    features = np.array([[0.0], [5.0], [2.0], [8.0], [8.0], [9.0]])
    assert farthest_pairs(features, [0, 0, 0, 1, 1, 2]).tolist() == [0, 1, 3, 5]


def test_by_hand() -> None:
    line = np.array([[0.0], [1.0], [4.0], [10.0], [3.0]])
    fresh = k_centre_greedy(line, 3)
    # From 0 the farthest is 10; then 4 lies 4 from the nearest of the two.
    assert fresh.picks.tolist() == [0, 3, 2]
    assert fresh.radius.tolist() == [np.inf, 10, 4, 1]
    assert fresh.nearest.tolist() == [-1, 0, 0]
    later = k_centre_greedy(line, 2, labelled=[3])
    assert later.picks.tolist() == [0, 2]
    assert later.radius.tolist() == [10, 4, 1]
    assert most_central(line) == 2  # the mean is 3.6
    central = select("fps", _pool(np.hstack([line, line])), 2).picks
    assert [pick.index for pick in central] == [2, 3]
    assert central[0].reason == "The choice begins in this pool with its most central case."
    assert central[1].why["farthest_from"] == 2


@given(st.integers(1, 40), st.booleans(), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_it_is_that_of_all_pairs(count: int, on_grid: bool, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(scale=2, size=(count, 3)).round(0 if on_grid else 6)
    labelled = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1)))
    budget = data.draw(st.integers(1, count - len(labelled)))
    chosen, expected = list(labelled), []
    for _ in range(budget):
        left = [i for i in range(count) if i not in chosen]
        gaps = (
            cdist(features[left], features[chosen]).min(axis=1) if chosen else np.zeros(len(left))
        )
        best = left[int(np.argmax(gaps >= gaps.max() * (1 - 1e-12)))]
        expected.append(best)
        chosen.append(best)
    picked = k_centre_greedy(features, budget, labelled)
    assert picked.picks.tolist() == expected
    finite = picked.radius[np.isfinite(picked.radius)]
    assert (np.diff(finite) <= 1e-9).all()
    assert picked.radius[-1] == pytest.approx(cdist(features, features[chosen]).min(axis=1).max())


def test_single_precision_far_from_the_origin() -> None:
    points = np.random.default_rng(0).normal(size=(80, 300)).astype(np.float32) + np.float32(1000)
    exact = k_centre_greedy(points.astype(np.float64), 20, [5])
    chosen = k_centre_greedy(points, 20, [5])
    np.testing.assert_array_equal(chosen.picks, exact.picks)
    np.testing.assert_allclose(chosen.radius, exact.radius, rtol=1e-6)


def test_within_twice_the_least_radius() -> None:
    # The least radius of three centres on this line is 1; the greedy choice is within twice that.
    line = np.array([[0.0], [1], [2], [10], [11], [12], [20], [21], [22]])
    assert k_centre_greedy(line, 3).radius[-1] <= 2


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 3 cases"):
        k_centre_greedy(np.eye(5), 4, [0, 1])
    with pytest.raises(InputError, match="1 of 2 cases have features"):
        k_centre_greedy([[0.0], [np.inf]], 1)
    with pytest.raises(InputError, match="cases × numbers"):
        k_centre_greedy([1.0, 2.0], 1)
    with pytest.raises(InputError, match="within of fps"):
        select("fps", _pool(np.eye(5)), 1, {"within": "nothing"})
