"""Cold start and active selection: by hand, by brute force, and what must always hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection import levy
from ActiveSeedLib.selection.clusters import cluster
from ActiveSeedLib.selection.levy import (
    acquisition,
    active_selection,
    choose_k,
    cold_start,
    diversity,
    mean_entropy,
    normalise_entropy,
    proportional_allocation,
)


def _blobs(count: int, centres: int, seed: int = 0) -> np.ndarray:
    points: np.ndarray = make_blobs(
        count, centers=centres, cluster_std=0.5, center_box=(-20, 20), random_state=seed
    )[0]
    return points


# --- the number of clusters ---------------------------------------------------------------------


def test_planted_clusters_are_found() -> None:
    choice = choose_k(_blobs(200, 4, seed=3), budget=10, seed=43)
    assert choice.k == 4
    assert choice.ks == tuple(range(2, 11))
    assert choice.silhouettes[2] == max(choice.silhouettes)


def test_k_stays_within_the_budget_and_the_root_of_the_pool() -> None:
    assert choose_k(_blobs(50, 3), budget=30, seed=0).ks == (2, 3, 4, 5, 6, 7)
    assert choose_k(_blobs(49, 3), budget=30, seed=0).ks == (2, 3, 4, 5, 6, 7)
    assert choose_k(_blobs(48, 3), budget=3, seed=0).ks == (2, 3)
    assert choose_k(_blobs(50, 3), budget=4, seed=0, ks=[9, 5]).ks == (5, 9)


@pytest.mark.parametrize(
    ("points", "budget"),
    [(_blobs(3, 1), 3), (_blobs(50, 3), 1), (np.zeros((50, 2)), 5)],
    ids=["three points", "a budget of one", "equal points"],
)
def test_where_nothing_can_be_compared_there_is_one_cluster(
    points: np.ndarray, budget: int
) -> None:
    choice = choose_k(points, budget, seed=0)
    assert (choice.k, choice.ks) == (1, ())
    assert (choice.labels == 0).all()


def test_ties_go_to_the_smallest_k() -> None:
    # Two places only: every k from 2 on would part them alike, and more places do not exist.
    choice = choose_k(np.repeat([[0.0, 0.0], [9.0, 0.0]], 20, axis=0), budget=6, seed=0)
    assert choice.k == 2
    assert choice.silhouettes.tolist() == [1.0]


def test_a_large_pool_is_judged_on_a_seeded_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levy, "EXACT_UP_TO", 400)
    points = _blobs(2000, 5, seed=1)
    choice = choose_k(points, budget=12, seed=43)
    assert (choice.k, choice.sampled) == (5, 400)
    np.testing.assert_array_equal(choice.labels, cluster(points, 5, seed=43))
    again = choose_k(points, budget=12, seed=43)
    np.testing.assert_array_equal(choice.silhouettes, again.silhouettes)


# --- sharing the budget -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "extra", "shares"),
    [
        ([50, 30, 20], 10, [5, 3, 2]),
        ([10, 10, 10], 4, [2, 1, 1]),  # equal remainders: the lowest cluster
        ([10, 10, 10], 5, [2, 2, 1]),
        ([44, 3, 5, 8], 4, [3, 0, 0, 1]),  # 2.93, 0.2, 0.33, 0.53
        ([1, 1, 98], 3, [0, 0, 3]),  # a cluster of one has only its medoid
        ([2, 2, 2], 3, [1, 1, 1]),
        ([5, 1, 1], 4, [4, 0, 0]),  # 2.86, 0.57, 0.57; full clusters pass theirs on
        ([3, 6], 6, [2, 4]),  # 2 and 4
        ([4, 4], 0, [0, 0]),
    ],
)
def test_shares_by_hand(sizes: list[int], extra: int, shares: list[int]) -> None:
    assert proportional_allocation(sizes, extra).tolist() == shares


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.data())
def test_shares_are_those_of_one_by_one(sizes: list[int], data: st.DataObject) -> None:
    extra = data.draw(st.integers(0, sum(sizes) - len(sizes)))
    shares = [min(extra * size // sum(sizes), size - 1) for size in sizes]
    # One by one to the cluster that is furthest below its due and not yet full.
    rounds = [0] * len(sizes)
    while sum(shares) < extra:
        open_ = [c for c, size in enumerate(sizes) if shares[c] < size - 1]
        best = min(open_, key=lambda c: (rounds[c], -(extra * sizes[c] % sum(sizes)), c))
        shares[best] += 1
        rounds[best] += 1
    found = proportional_allocation(sizes, extra).tolist()
    assert found == shares
    assert sum(found) == extra


def test_more_than_the_clusters_hold_is_refused() -> None:
    with pytest.raises(PoolTooSmallError):
        proportional_allocation([2, 1], 2)
    with pytest.raises(InputError, match="negative"):
        proportional_allocation([2, 1], -1)


# --- cold start ---------------------------------------------------------------------------------


def test_cold_start_by_hand() -> None:
    line = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [50.0], [51.0], [55.0]])
    start = cold_start(line, 5, seed=0, labels=[1, 1, 1, 1, 1, 0, 0, 0])
    assert start.medoids.tolist() == [6, 2]  # in label order
    assert start.allocation.tolist() == [1, 2]  # 3 · 3/8 = 1.125 and 3 · 5/8 = 1.875
    assert start.order.tolist() == [6, 2, 7, 4, 0]
    assert start.cluster.tolist() == [0, 1, 0, 1, 1]
    np.testing.assert_array_equal(start.distance, [np.nan, np.nan, 4, 8, 2])


def test_farthest_from_all_looks_beyond_the_own_cluster() -> None:
    line = np.array([[0.0], [4.0], [5.0], [6.0], [10.5], [11.0], [12.0], [13.0]])
    labels = [0, 0, 0, 0, 0, 1, 1, 1]
    own = cold_start(line, 3, seed=0, labels=labels)
    every = cold_start(line, 3, seed=0, labels=labels, farthest_from="all")
    assert (own.order.tolist(), own.distance[-1]) == ([2, 6, 4], 5.5)
    assert (every.order.tolist(), every.distance[-1]) == ([2, 6, 0], 5.0)


@given(st.integers(1, 40), st.integers(0, 10**6), st.sampled_from(["own", "all"]), st.data())
@settings(max_examples=40)
def test_cold_start_always_fills_the_budget_once(
    count: int, seed: int, farthest_from: str, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, count))
    points = np.random.default_rng(seed).integers(-4, 5, (count, 2)).astype(float)
    start = cold_start(points, budget, seed=seed, farthest_from=farthest_from)  # type: ignore[arg-type]
    assert len(set(start.order.tolist())) == budget
    again = cold_start(points, budget, seed=seed, farthest_from=farthest_from)  # type: ignore[arg-type]
    np.testing.assert_array_equal(start.order, again.order)


@pytest.mark.parametrize("seed", range(5))
def test_cold_start_does_not_depend_on_place_direction_and_scale(seed: int) -> None:
    points = _blobs(120, 4, seed=seed)
    turn = np.array([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]])
    labels = cluster(points, 4, seed=0)
    plain = cold_start(points, 15, seed=0, labels=labels)
    moved = cold_start(points @ turn * 37.0 + [5.0, -8.0], 15, seed=0, labels=labels)
    np.testing.assert_array_equal(plain.order, moved.order)
    np.testing.assert_allclose(moved.distance, plain.distance * 37.0)


def test_equal_points_are_picked_in_order() -> None:
    assert cold_start(np.ones((6, 2)), 4, seed=0).order.tolist() == [0, 1, 2, 3]


def test_cold_start_says_what_is_wrong() -> None:
    with pytest.raises(PoolTooSmallError, match="has 5 cases to choose from, but 6"):
        cold_start(np.eye(5), 6, seed=0)
    with pytest.raises(InputError, match="at least 1"):
        cold_start(np.eye(5), 0, seed=0)
    with pytest.raises(InputError, match="3 clusters but only 2"):
        cold_start(np.eye(5), 2, seed=0, labels=[0, 1, 2, 2, 2])
    with pytest.raises(InputError, match="1 of 5 points"):
        cold_start(np.where(np.eye(5) * [1, 0, 0, 0, 0], np.nan, 0.0), 2, seed=0)
    with pytest.raises(InputError, match="farthest_from"):
        cold_start(np.eye(5), 2, seed=0, farthest_from="none")  # type: ignore[arg-type]


# --- entropy ------------------------------------------------------------------------------------


def test_mean_entropy_by_hand() -> None:
    certain, undecided = [1.0, 0.0], [0.5, 0.5]
    probabilities = np.array([certain, undecided]).T.reshape(2, 1, 2)
    assert mean_entropy(probabilities) == pytest.approx(math.log(2) / 2, abs=1e-7)
    assert mean_entropy(np.full((4, 3, 3), 0.25, dtype=np.float32)) == pytest.approx(math.log(4))
    assert mean_entropy(np.array([[1.0], [0.0]])) == 0.0  # −1·log(1 + ε) is below 0
    assert math.isnan(mean_entropy(np.array([[np.nan], [0.5]])))
    with pytest.raises(InputError, match="classes × pixels"):
        mean_entropy(np.array([0.5, 0.5]))


def test_normalised_entropy_by_hand() -> None:
    np.testing.assert_allclose(normalise_entropy([1.0, 2.0, 5.0]), [0, 0.25, 1], atol=1e-8)
    np.testing.assert_allclose(normalise_entropy([-1.0, 0.0, 2.0]), [0, 0, 1], atol=1e-8)
    assert normalise_entropy([3.0, 3.0]).tolist() == [0.0, 0.0]


# --- active selection ---------------------------------------------------------------------------


def test_active_selection_by_hand() -> None:
    # On a line: labelled at 0; candidates at 1, 2, 6 and 10 with rising doubt towards 0.
    coords = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    entropy = np.array([np.nan, 1.0, 0.9, 0.6, 0.0])
    chosen = active_selection(coords, entropy, [0], 3, alpha=0.5)
    # First the most uncertain, at 1. Then D = (1, 5, 9), D_max = 8 and H̃ = (0.9, 0.6, 0), so that
    # S = (0.5125, 0.6125, 0.5625). Then D = (1, 4) and S = (0.5125, 0.25).
    assert chosen.picks.tolist() == [1, 3, 2]
    np.testing.assert_allclose(chosen.scores, [1, 0.6125, 0.5125], rtol=1e-7)
    np.testing.assert_allclose(chosen.distance, [1, 5, 1])
    np.testing.assert_allclose(chosen.dmax, [9, 8, 8])
    np.testing.assert_allclose(chosen.dtilde, [1 / 9, 5 / 8, 1 / 8], rtol=1e-7)
    assert chosen.nearest.tolist() == [0, 1, 1]


def test_without_the_labelled_cases_the_first_pick_has_no_neighbour() -> None:
    coords = np.array([[0.0], [1.0], [2.0], [9.0]])
    chosen = active_selection(coords, [0, 1, 0, 0], [3], 2, alpha=1.0, count_labelled=False)
    assert chosen.picks.tolist() == [1, 0]
    assert chosen.nearest.tolist() == [-1, 1]
    assert np.isnan([chosen.distance[0], chosen.dtilde[0]]).all()


def test_other_readings_of_the_paper_by_hand() -> None:
    # As above, but by score at once: D = (1, 2, 6, 10) and D_max = 9, so that
    # S = (0.556, 0.561, 0.633, 0.556);
    # then D = (1, 2, 4), S = (0.556, 0.561, 0.222).
    coords = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    entropy = np.array([np.nan, 1.0, 0.9, 0.6, 0.0])
    scored = active_selection(coords, entropy, [0], 2, alpha=0.5, first="score")
    assert scored.picks.tolist() == [3, 2]
    fixed = active_selection(coords, entropy, [0], 3, alpha=0.5, dmax_over="round")
    assert fixed.dmax.tolist() == [9, 9, 9]
    # Where nothing is selected there is no score to begin with.
    alone = active_selection(coords, entropy, [0], 1, first="score", count_labelled=False)
    assert alone.picks.tolist() == [1]
    with pytest.raises(InputError, match="dmax_over 'step' or 'round'"):
        active_selection(coords, entropy, [0], 1, dmax_over="ever")  # type: ignore[arg-type]


def test_diversity_by_hand() -> None:
    coords = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    spread = diversity(coords, [0, 1], [2, 3, 4])
    np.testing.assert_allclose(spread[2:], [1 / 8, 5 / 8, 9 / 8], rtol=1e-8)
    assert np.isnan(spread[:2]).all()
    np.testing.assert_allclose(acquisition([1.0, 0.5], [0.0, 1.0], 0.3), [0.3, 0.85])
    with pytest.raises(InputError, match="at least one selected"):
        diversity(coords, [], [2, 3])


def _greedy_by_all_pairs(
    coords: np.ndarray, entropy: np.ndarray, labelled: list[int], budget: int, alpha: float
) -> list[int]:
    """Equations 7 to 10 as written, every distance anew at every step."""
    left = [i for i in range(len(coords)) if i not in labelled]
    doubt = np.full(len(coords), np.nan)
    low, high = entropy[left].min(), entropy[left].max()
    doubt[left] = (entropy[left] - low) / (high - low + 1e-8)
    chosen = list(labelled)
    for step in range(budget):
        score = doubt[left]
        if step:
            nearest = cdist(coords[left], coords[chosen]).min(axis=1)
            widest = cdist(coords[left], coords[left]).max()
            score = acquisition(nearest / (widest + 1e-8), score, alpha)
        best = left[int(np.argmax(score >= score.max() - 1e-12))]
        left.remove(best)
        chosen.append(best)
    return chosen[len(labelled) :]


@given(
    st.integers(2, 30),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.booleans(),
    st.integers(0, 10**6),
    st.data(),
)
@settings(max_examples=80)
def test_active_selection_is_that_of_all_pairs(
    count: int, alpha: float, on_grid: bool, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    coords = (
        rng.integers(0, 5, (count, 2)).astype(float) if on_grid else rng.normal(size=(count, 2))
    )
    entropy = np.round(rng.random(count), 1)
    labelled = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1)))
    budget = data.draw(st.integers(1, count - len(labelled)))
    chosen = active_selection(coords, entropy, labelled, budget, alpha)
    assert chosen.picks.tolist() == _greedy_by_all_pairs(coords, entropy, labelled, budget, alpha)


def test_active_selection_does_not_depend_on_place_direction_and_scale() -> None:
    rng = np.random.default_rng(0)
    coords, entropy = rng.normal(size=(80, 2)), rng.random(80)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    plain = active_selection(coords, entropy, [3, 4], 10, 0.5)
    moved = active_selection(coords @ turn * 12.0 - 4.0, entropy * 3.0 + 1.0, [3, 4], 10, 0.5)
    np.testing.assert_array_equal(plain.picks, moved.picks)
    np.testing.assert_allclose(plain.scores, moved.scores, rtol=1e-6)


def test_only_the_candidates_matter() -> None:
    rng = np.random.default_rng(1)
    coords, entropy = rng.normal(size=(40, 2)), rng.random(40)
    pool = np.arange(10, 30)
    chosen = active_selection(coords, entropy, [0, 1], 5, candidates=pool)
    coords[30:], entropy[30:], entropy[:10] = np.nan, np.nan, np.nan
    again = active_selection(coords, entropy, [0, 1], 5, candidates=pool)
    np.testing.assert_array_equal(chosen.picks, again.picks)
    assert set(chosen.picks) <= set(pool)


def test_active_selection_says_what_is_wrong() -> None:
    coords, entropy = np.eye(4), np.array([0.1, np.nan, 0.3, 0.4])
    with pytest.raises(InputError, match="1 of 3 candidates have no finite entropy"):
        active_selection(coords, entropy, [0], 1)
    with pytest.raises(InputError, match="alpha must be between 0 and 1"):
        active_selection(coords, np.ones(4), [0], 1, alpha=1.5)
    with pytest.raises(PoolTooSmallError, match="has 3 cases"):
        active_selection(coords, np.ones(4), [0], 4)
    with pytest.raises(InputError, match="at least 1"):
        active_selection(coords, np.ones(4), [0], 0)
