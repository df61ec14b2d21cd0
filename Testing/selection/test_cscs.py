"""CSCS: the worked vectors, the equations by hand, and what must always hold."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import members_of
from ActiveSeedLib.selection.coreset import k_centre_greedy
from ActiveSeedLib.selection.cscs import (
    alpha_eff,
    dcr,
    difficulty,
    neighbours_for,
    pacing,
    percentile_score,
    plateau,
    ranks,
    score,
    strata,
    stratified_picks,
    typicality,
)
from ActiveSeedLib.selection.probcover import probcover
from ActiveSeedLib.selection.strategy import select
from Testing.selection.contract import before_a_model, full_pool


def _load(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / "cscs_a_n120_b12.npz") as file:
        return {key: file[key] for key in file.files}


def test_difficulty_by_hand() -> None:
    # Variances of the three voxels over two reconstructions: 1, 0 and 4.
    assert difficulty([[[0.0, 5.0, 1.0]], [[2.0, 5.0, 5.0]]]) == pytest.approx(5 / 3)
    assert difficulty(np.ones((9, 4, 4, 4), dtype=np.float32)) == 0
    with pytest.raises(InputError, match="R × voxels"):
        difficulty([1.0, 2.0])


def test_every_step_of_the_worked_vector(shared: Path) -> None:
    v = _load(shared)
    typical = typicality(v["features"])
    np.testing.assert_allclose(typical, v["typicality"], rtol=1e-9)
    ratio = dcr(v["uncertainty"], typical)
    assert ratio == pytest.approx(float(v["dcr"]), rel=1e-12)
    assert alpha_eff(12, 120) == pytest.approx(float(v["alpha_eff"]), rel=1e-15)
    gamma = pacing(ratio, 12, 120)
    assert gamma == pytest.approx(float(v["gamma"]), rel=1e-12)
    np.testing.assert_allclose(
        score(typical, v["uncertainty"], gamma), v["global_score"], rtol=1e-10
    )
    chosen = stratified_picks(typical, v["uncertainty"], v["labels"], 12, gamma)
    assert sorted(chosen.picks.tolist()) == v["selected_set"].tolist()
    assert chosen.thin == (10,)
    np.testing.assert_array_equal(strata(v["features"], 12, seed=42), v["labels"])


def test_the_strategy_reproduces_the_worked_vector(shared: Path) -> None:
    v = _load(shared)
    pool = dataclasses.replace(
        full_pool(120, labelled=0),
        features=v["features"],
        scores={"difficulty": v["uncertainty"]},
        seed=42,
    )
    selection = select("cscs", pool, 12)
    assert sorted(pick.index for pick in selection.picks) == v["selected_set"].tolist()
    assert selection.facts["gamma"] == pytest.approx(float(v["gamma"]))
    assert selection.facts["dcr"] == pytest.approx(float(v["dcr"]))
    assert selection.facts["labels"] == v["labels"].tolist()


def test_the_authors_baselines_are_variants_of_ours(shared: Path) -> None:
    """They standardise; FPS begins at random, TypiClust looks at a cluster's 20 nearest."""
    v = _load(shared)
    points = (v["features"] - v["features"].mean(axis=0)) / v["features"].std(axis=0)
    first = int(np.random.RandomState(42).randint(120))
    farthest = [first, *k_centre_greedy(points, 11, [first]).picks.tolist()]
    assert sorted(farthest) == v["baseline_fps"].tolist()
    typical = []
    for members in members_of(v["labels"], 120):
        values = typicality(points[members])
        typical.append(int(members[values.argmax()]))
    assert sorted(typical) == v["baseline_typiclust"].tolist()
    # Their δ: 1.5 · N/B cases in a ball on average, between two quantiles of the nearest distances.
    far = cdist(points, points)
    nearest = np.sort(far, axis=1)[:, 1]
    delta = float(np.clip(np.sort(far.ravel())[1800 - 1], *np.percentile(nearest, [10, 90])))
    chosen = probcover(points, 12, delta, inclusive=True)
    assert sorted(chosen.picks.tolist()) == v["baseline_probcover"].tolist()


# --- the steps by hand ----------------------------------------------------------------------------


def test_typicality_by_hand() -> None:
    line = np.array([[0.0], [1.0], [3.0], [13.0]])
    expected = [1 / 2, 1 / 1.5, 1 / 2.5, 1 / 11]
    np.testing.assert_allclose(typicality(line, k=2), expected, rtol=1e-7)
    assert typicality(np.ones((1, 3))).tolist() == [1.0]
    np.testing.assert_allclose(typicality(np.ones((3, 2))), 1e8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_typicality_equals_brute_force(dtype: type) -> None:
    rng = np.random.default_rng(1)
    features = (rng.normal(size=(300, 40)) + 50).astype(dtype)
    features[7] = features[30]  # a copy is a neighbour like any other, at no distance
    distances = np.sort(cdist(features.astype(float), features.astype(float)), axis=1)
    np.testing.assert_allclose(
        typicality(features, 15), 1 / (distances[:, 1:16].mean(axis=1) + 1e-8), rtol=1e-5
    )


def test_small_pools_have_fewer_neighbours() -> None:
    assert (neighbours_for(99), neighbours_for(100), neighbours_for(120)) == (15, 20, 20)
    assert select("cscs", full_pool(40), 3).facts["neighbours"] == 15
    assert select("cscs", full_pool(40), 3, {"neighbours": 4}).facts["neighbours"] == 4


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30))
def test_dcr_is_spearman(pairs: list[tuple[int, int]]) -> None:
    hard, typical = np.array(pairs, dtype=float).T
    if len(set(hard)) == 1 or len(set(typical)) == 1:
        assert dcr(hard, typical) == 0.0
    else:
        assert dcr(hard, typical) == pytest.approx(spearmanr(hard, typical).statistic, abs=1e-12)


def test_dcr_of_few_cases_is_nothing() -> None:
    assert dcr([1.0, 2.0], [1.0, 2.0]) == 0.0
    assert dcr([], []) == 0.0
    assert dcr([1.0, 2.0, 9.0], [1.0, 2.0, 3.0]) == pytest.approx(1.0)
    assert dcr([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]) == pytest.approx(-1.0)


def test_pacing_by_hand() -> None:
    assert pacing(1.0, 10, 100) == pytest.approx(0.5 + 0.25 * 0.5)
    assert pacing(-1.0, 10, 100) == pytest.approx(0.5 - 0.25 * 0.5)
    assert pacing(0.0, 10, 100) == 0.5
    assert pacing(1.0, 10**6, 100) == 0.7
    assert pacing(-1.0, 10**6, 100) == 0.3
    assert pacing(1.0, 30, 100, low=0.1, high=0.9) == pytest.approx(0.5 + 0.25 * 0.75)
    # A later round of 10 labelled of 100: |L|/(√N + |L|) is a half too.
    assert pacing(0.4, 10, 100) == pytest.approx(0.5 + 0.1 * 10 / (math.sqrt(100) + 10))


def test_ranks_by_hand() -> None:
    np.testing.assert_allclose(ranks([30.0, 10.0, 20.0]), [1, 0.01, 0.5])
    np.testing.assert_allclose(ranks([5.0, 5.0, 5.0]), [0.01, 0.5, 1])
    assert ranks([7.0]).tolist() == [1.0]
    np.testing.assert_allclose(ranks(np.arange(201.0))[:3], [0.01, 0.01, 0.01])


def test_score_by_hand() -> None:
    np.testing.assert_allclose(
        score([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], 0.25), [0.01**0.75, 0.5, 0.01**0.25]
    )
    assert score([4.0, 9.0], [7.0, 1.0], 0.0).tolist() == [0.01, 1.0]
    assert score([4.0, 9.0], [7.0, 1.0], 1.0).tolist() == [1.0, 0.01]


def test_the_follow_ups_score_gives_equal_values_equal_ranks() -> None:
    np.testing.assert_allclose(
        percentile_score([1.0, 1.0, 2.0], [5.0, 5.0, 0.0], 0.5),
        [math.sqrt(0.5 * 2.5 / 3)] * 2 + [math.sqrt(1 / 3)],
    )


# --- one of each cluster --------------------------------------------------------------------------


def test_thin_clusters_by_hand() -> None:
    # Clusters: 0 of four cases, 1 of one, 2 of three, 3 of two; γ = 0: typicality alone.
    labels = [0, 0, 0, 0, 1, 2, 2, 2, 3, 3]
    typical = [9.0, 8.0, 7.0, 6.0, 1.0, 5.0, 4.0, 3.0, 2.0, 2.5]
    hard = np.arange(10.0)
    by_ranking = stratified_picks(typical, hard, labels, 4, 0.0)
    assert by_ranking.picks.tolist() == [0, 5, 1, 2]
    assert by_ranking.filled.tolist() == [False, False, True, True]
    assert by_ranking.clusters.tolist() == [0, 2, 0, 0]
    assert by_ranking.thin == (1, 3)
    thin_first = stratified_picks(typical, hard, labels, 4, 0.0, fill="thin clusters")
    assert thin_first.picks.tolist() == [0, 5, 9, 4]  # of those, 9 is the more typical
    assert stratified_picks(typical, hard, labels, 4, 0.0, thin_below=1).picks.tolist() == [
        0,
        4,
        5,
        9,
    ]


def test_gaps_in_the_labels_and_missing_clusters_are_filled() -> None:
    chosen = stratified_picks(np.arange(6.0), np.arange(6.0), [7, 7, 7, -2, -2, -2], 5, 0.5)
    assert chosen.picks.tolist() == [5, 2, 4, 3, 1]
    assert chosen.clusters.tolist() == [-2, 7, -2, -2, 7]


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_always_the_budget_and_the_best_of_each_cluster(
    count: int, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    budget = data.draw(st.integers(1, count))
    fill = data.draw(st.sampled_from(["ranking", "thin clusters"]))
    typical, hard = rng.integers(0, 5, (2, count)).astype(float)
    labels = rng.integers(0, budget, count)
    gamma = float(rng.random())
    chosen = stratified_picks(typical, hard, labels, budget, gamma, fill=fill)
    assert len(set(chosen.picks.tolist())) == budget
    np.testing.assert_array_equal(labels[chosen.picks], chosen.clusters)
    for pick, cluster, filled in zip(chosen.picks, chosen.clusters, chosen.filled, strict=True):
        members = np.flatnonzero(labels == cluster)
        if not filled:
            assert len(members) >= 3
            own = score(typical[members], hard[members], gamma)
            assert members[int(own.argmax())] == pick
        elif fill == "ranking":
            rest = np.setdiff1d(np.arange(count), chosen.picks)
            overall = score(typical, hard, gamma)
            assert not len(rest) or overall[pick] >= overall[rest].max()


def test_strata_do_not_depend_on_the_scale_of_a_feature() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(60, 5))
    scaled = features * [1e6, 1, 1e-6, 3, 1] + [0, 1e3, 0, 0, 7]
    np.testing.assert_array_equal(strata(features, 4, 1), strata(scaled, 4, 1))
    still = np.hstack([features, np.full((60, 1), 0.1)])
    np.testing.assert_array_equal(strata(features, 4, 1), strata(still, 4, 1))
    assert strata(np.full((5, 2), 0.1), 3, 0).tolist() == [0] * 5


# --- later rounds ---------------------------------------------------------------------------------


def test_later_rounds_go_by_the_foregrounds_entropy_and_the_labelled_share() -> None:
    pool = full_pool(60, labelled=9)
    facts = select("cscs", pool, 5).facts
    whole = np.arange(60)
    ratio = dcr(pool.scores["difficulty"], typicality(pool.features[whole], 15))
    assert facts["uncertainty"] == "foreground_entropy"
    assert facts["dcr"] == pytest.approx(ratio)
    expected = 0.5 + ratio / 4 * 9 / (math.sqrt(60) + 9)
    assert facts["gamma"] == pytest.approx(np.clip(expected, 0.3, 0.7))


def test_later_rounds_by_the_ranking_of_the_whole_pool() -> None:
    pool = full_pool(60, labelled=9)
    selection = select("cscs", pool, 5, {"later": "ranking"})
    typical = typicality(pool.features, 15)[pool.candidates]
    unsure = pool.scores["foreground_entropy"][pool.candidates]
    values = percentile_score(typical, unsure, selection.facts["gamma"])
    best = pool.candidates[np.argsort(-values, kind="stable")[:5]]
    assert [pick.index for pick in selection.picks] == best.tolist()


def test_the_whole_images_entropy_serves_where_the_foregrounds_is_missing() -> None:
    pool = full_pool()
    pool = dataclasses.replace(pool, scores={"difficulty": pool.scores["difficulty"]})
    assert select("cscs", pool, 5).facts["uncertainty"] == "entropy"
    assert select("cscs", before_a_model(full_pool()), 5).facts["uncertainty"] == "difficulty"


def test_cases_without_a_difficulty_come_last() -> None:
    pool = before_a_model(full_pool(labelled=0))
    pool.scores["difficulty"][5:] = np.nan
    selection = select("cscs", pool, 8)
    assert {pick.index for pick in selection.picks[:5]} == set(range(5))
    assert "35 of 40 candidates have no measured difficulty" in selection.facts["note"]
    typical = typicality(pool.features, 15)
    last = [pick.index for pick in selection.picks[5:]]
    assert last == (5 + np.argsort(-typical[5:], kind="stable")[:3]).tolist()


# --- when to stop ---------------------------------------------------------------------------------


def test_a_plateau_is_two_rounds_in_a_row_that_hardly_change() -> None:
    assert not plateau([0.70, 0.80, 0.803]).reached
    reached = plateau([0.70, 0.80, 0.803, 0.801])
    assert (reached.reached, reached.flat) == (True, 2)
    assert reached.change == pytest.approx(0.002)
    assert not plateau([0.80, 0.801, 0.802, 0.85]).reached  # it moves again
    assert not plateau([0.80, 0.805, 0.810]).reached  # half a point is a change
    assert plateau([0.80, math.nan, 0.801, 0.802]).reached
    assert plateau([0.8, 0.81, 0.82], threshold=0.02).reached
    assert plateau([0.8, 0.801], patience=1).reached
    nothing = plateau([])
    assert not nothing.reached
    assert math.isnan(nothing.change)


def test_a_plateau_without_held_out_cases() -> None:
    assert plateau([0.9, 0.995, 0.996], "agreement").reached
    assert not plateau([0.995, 0.996, 0.994], "agreement").reached
    assert plateau([0.50, 0.40, 0.405, 0.400], "uncertainty").reached
    assert not plateau([0.50, 0.40, 0.39, 0.38], "uncertainty").reached
    assert plateau([0.0, 0.0, 0.0], "uncertainty").reached


# --- what it refuses ------------------------------------------------------------------------------


def test_refuses_what_it_cannot_use() -> None:
    ones = np.ones(4)
    for call, said in (
        (lambda: typicality(ones), "cases × numbers"),
        (lambda: typicality(np.full((3, 2), np.nan)), "3 of 3 cases"),
        (lambda: typicality(np.ones((3, 2)), 0), "at least 1 neighbour"),
        (lambda: dcr(ones, np.ones(3)), r"shapes are \(4,\) and \(3,\)"),
        (lambda: dcr([1.0, np.nan, 2.0], [1.0, 2.0, 3.0]), "1 of 3 cases have"),
        (lambda: pacing(0.5, 3, 0), "at least 1 case"),
        (lambda: score(ones, ones, 1.5), "gamma must be between 0 and 1"),
        (lambda: stratified_picks(ones, ones, [0, 1, 2, 2], 2, 0.5), "3 clusters but only 2"),
        (lambda: stratified_picks(ones, ones, [0, 1], 2, 0.5), "one cluster label for each"),
        (lambda: stratified_picks(ones, ones, [0] * 4, 0, 0.5), "at least 1, not 0"),
        (lambda: plateau([1.0], "loss"), "measure must be one of"),  # type: ignore[arg-type]
        (lambda: plateau([1.0], patience=0), "patience must be at least 1"),
    ):
        with pytest.raises(InputError, match=said):
            call()
    with pytest.raises(PoolTooSmallError):
        stratified_picks(ones, ones, [0] * 4, 5, 0.5)
