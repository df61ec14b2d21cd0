"""Equality with the worked vectors of the families levy and kmb."""

from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.selection.clusters import cluster, medoids, nearest_to_centroid
from ActiveSeedLib.selection.levy import (
    acquisition,
    active_selection,
    choose_k,
    cold_start,
    diversity,
    normalise_entropy,
    proportional_allocation,
)
from ActiveSeedLib.selection.silhouette import silhouettes

RTOL = 1e-5


def _load(shared: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def test_choice_of_k(shared: Path) -> None:
    v = _load(shared, "levy_cs_a_n60_b8")
    np.testing.assert_allclose(
        silhouettes(v["coords"], v["labels_per_k"]), v["silhouette"], rtol=RTOL
    )
    for k, labels in zip(v["k_values"], v["labels_per_k"], strict=True):
        np.testing.assert_array_equal(cluster(v["coords"], int(k), seed=43), labels)
    choice = choose_k(v["coords"], budget=8, seed=43)
    assert choice.k == v["k_hat"]
    assert choice.ks == tuple(v["k_values"])
    np.testing.assert_allclose(choice.silhouettes, v["silhouette"], rtol=RTOL)
    np.testing.assert_array_equal(choice.labels, v["labels"])


def test_cold_start_from_coordinates_alone(shared: Path) -> None:
    v = _load(shared, "levy_cs_a_n60_b8")
    np.testing.assert_array_equal(cold_start(v["coords"], 8, seed=43).order, v["selected"])


@pytest.mark.parametrize("name", ["levy_cs_a_n60_b8", "levy_cs_l_given_round_under"])
def test_cold_start_given_labels(shared: Path, name: str) -> None:
    v = _load(shared, name)
    budget, k = len(v["selected"]), len(v["medoids"])
    sizes, extra = np.bincount(v["labels"]), budget - k
    np.testing.assert_array_equal(sizes, v["sizes"])
    assert extra == v["R"]
    # Clusters so large that all shares are whole, and none is capped, show the shares unrounded.
    shares = proportional_allocation(sizes * (extra + 1), extra * int(sizes.sum()))
    np.testing.assert_allclose(shares / sizes.sum(), v["raw_quota"], rtol=RTOL)
    start = cold_start(v["coords"], budget, seed=0, labels=v["labels"])
    np.testing.assert_array_equal(medoids(v["coords"], v["labels"]), v["medoids"])
    np.testing.assert_array_equal(proportional_allocation(v["sizes"], int(v["R"])), v["alloc"])
    np.testing.assert_array_equal(start.medoids, v["medoids"])
    np.testing.assert_array_equal(start.allocation, v["alloc"])
    np.testing.assert_array_equal(start.order, v["selected"])
    np.testing.assert_array_equal(start.order[k:], v["fps_order"])
    np.testing.assert_allclose(start.distance[k:], v["fps_min_dist"], rtol=RTOL)
    from_all = cold_start(v["coords"], budget, seed=0, labels=v["labels"], farthest_from="all")
    np.testing.assert_array_equal(from_all.order, v["selected_alt_fps_vs_all_selected"])


@pytest.mark.parametrize(("alpha", "suffix"), [(0, "00"), (0.3, "03"), (0.5, "05"), (1, "10")])
def test_active_selection(shared: Path, alpha: float, suffix: str) -> None:
    v = _load(shared, "levy_al_a_n60_b5_a5")
    coords, entropy, labelled = v["coords"], v["entropy"], v["labelled"]
    chosen = active_selection(coords, entropy, labelled, 5, alpha)
    np.testing.assert_array_equal(chosen.picks, v[f"sel_a{suffix}"])
    np.testing.assert_allclose(chosen.scores, v[f"score_a{suffix}"], rtol=RTOL)
    np.testing.assert_allclose(chosen.dtilde, v[f"dtilde_a{suffix}"], rtol=RTOL)
    np.testing.assert_allclose(chosen.dmax, v[f"dmax_a{suffix}"], rtol=RTOL)
    alone = active_selection(coords, entropy, labelled, 5, alpha, count_labelled=False)
    np.testing.assert_array_equal(alone.picks, v[f"sel_a{suffix}_Sexcl"])
    fixed = active_selection(coords, entropy, labelled, 5, alpha, dmax_over="round")
    np.testing.assert_array_equal(fixed.picks, v[f"sel_a{suffix}_dmaxround"])
    scored = active_selection(coords, entropy, labelled, 5, alpha, first="score")
    np.testing.assert_array_equal(scored.picks, v[f"sel_a{suffix}_firstscore"])


@pytest.mark.parametrize(("alpha", "suffix"), [(0, "00"), (0.3, "03"), (0.5, "05"), (1, "10")])
def test_scores_of_all_candidates(shared: Path, alpha: float, suffix: str) -> None:
    v = _load(shared, "levy_al_a_n60_b5_a5")
    unlabelled = np.setdiff1d(np.arange(60), v["labelled"])
    doubt = np.full(60, np.nan)
    doubt[unlabelled] = normalise_entropy(v["entropy"][unlabelled])
    first = v[f"sel_a{suffix}"][0]
    spread = diversity(v["coords"], [*v["labelled"], first], unlabelled[unlabelled != first])
    np.testing.assert_allclose(
        acquisition(spread, doubt, alpha), v[f"allscores_step2_a{suffix}"], rtol=RTOL
    )


@pytest.mark.parametrize(("alpha", "suffix"), [(0, "00"), (0.3, "03"), (0.5, "05"), (1, "10")])
def test_how_near_the_second_best_comes(shared: Path, alpha: float, suffix: str) -> None:
    v = _load(shared, "levy_al_a_n60_b5_a5")
    unlabelled = np.setdiff1d(np.arange(60), v["labelled"])
    doubt = np.full(60, np.nan)
    doubt[unlabelled] = normalise_entropy(v["entropy"][unlabelled])
    gaps = []
    for step in range(5):
        picked = v[f"sel_a{suffix}"][:step]
        left = np.setdiff1d(unlabelled, picked)
        spread = diversity(v["coords"], [*v["labelled"], *picked], left)
        score = acquisition(spread, doubt, alpha if step else 0)[left]
        gaps.append(score.max() - np.sort(score)[-2])
    np.testing.assert_allclose(min(gaps), v[f"min_gap_a{suffix}"], rtol=RTOL)


def test_medoids_of_k_means_to_budget(shared: Path) -> None:
    v = _load(shared, "kmb_a_n105_b13")
    np.testing.assert_array_equal(cluster(v["features"], 13, seed=43), v["labels"])
    np.testing.assert_array_equal(medoids(v["features"], v["labels"]), v["medoids"])
    np.testing.assert_array_equal(
        nearest_to_centroid(v["features"], v["labels"]), v["nearest_to_centroid"]
    )
