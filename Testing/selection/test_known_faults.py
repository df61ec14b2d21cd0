"""What the papers' code is known to stumble over, and which test shows that ours does not.

The tests of this file are those for which there is no better place.
"""

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.selection.strategy import Candidates, select
from Testing.selection.contract import NAMES, full_pool

FAULTS = {
    "BADGE: k-means++ draws a case twice where all gradients are equal": (
        "test_badge.py::test_equal_gradients_are_never_picked_twice"
    ),
    "CALR (HiLab): fewer clusters than the budget yield fewer cases": (
        "test_contract.py::test_equal_cases_do_not_stop_it"
    ),
    "ClaSP PE: the quotas of the classes miss the budget": (
        "test_clasp_pe.py::test_quotas_add_up_to_the_budget"
    ),
    "COLosSAL, HiLab: k-means draws from the global generator, or moves it": (
        "test_contract.py::test_the_global_generator_neither_matters_nor_moves"
    ),
    "COLosSAL: two centres have the same nearest case": (
        "test_alps.py::test_no_case_stands_for_two_groups"
    ),
    "CoreSet: the picks come back sorted, their order is lost": (
        "test_coreset.py::test_the_authors_picks"
    ),
    "CSCS: clusters under three members are skipped, and diversity with them": (
        "test_cscs.py::test_thin_clusters_by_hand"
    ),
    "FPS (HiLab): an odd budget repeats a case": "test_coreset.py::test_two_of_each_group",
    "ProbCover: an index is repeated when all is covered": (
        "test_probcover.py::test_when_all_is_covered_farthest_points_follow"
    ),
    "Stochastic Batches: the rows of the incomplete last group are dropped": (
        "test_known_faults.py::test_no_case_is_always_left_out_of_the_batches"
    ),
    "SUGFW, HiLab: the seed is written into the code and the user's ignored": (
        "test_known_faults.py::test_the_seed_matters_where_something_is_drawn"
    ),
    "SUGFW: features and uncertainty lie on different patches": (
        "test_sugfw.py::test_pooling_an_image_that_the_encoder_padded"
    ),
    "TypiClust: it stops at a cluster that is picked empty": (
        "test_typiclust.py::test_an_exhausted_cluster_is_passed_over"
    ),
    "TypiClust: it stops where all clusters are small": (
        "test_typiclust.py::test_where_all_clusters_are_small_they_are_taken_all_the_same"
    ),
    "UHerding: copies among the labelled make the width 0": (
        "test_herding.py::test_the_width_by_hand"
    ),
    "USL: it stops where a case equals the pick of another cluster": (
        "test_usl.py::test_copies_in_two_clusters_do_not_stop_it"
    ),
}
# Nothing is drawn and no k-means is begun at random: the seed must not matter.
SEEDLESS = {
    "bald",
    "calr",
    "coreset",
    "distance",
    "ensemble",
    "entropy",
    "foreground-entropy",
    "fps",
    "least-confidence",
    "levy",
    "levy-active",
    "levy-plus",
    "margin",
    "maxherding",
    "one-a-patient",
    "per-minute",
    "tta",
    "uherding",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_test_is_there(fault: str) -> None:
    file, name = FAULTS[fault].split("::")
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_matters_where_something_is_drawn(name: str) -> None:
    pool = _cloud()
    chosen = {
        tuple(pick.index for pick in select(name, dataclasses.replace(pool, seed=seed), 6).picks)
        for seed in range(8)
    }
    assert len(chosen) == 1 if name in SEEDLESS else len(chosen) > 1


def test_no_case_is_always_left_out_of_the_batches() -> None:
    pool = full_pool(27, labelled=4)  # of 23 candidates in batches of five, three are left out
    last = int(pool.candidates[-1])
    pool = dataclasses.replace(pool, entropy=np.where(np.arange(27) == last, 100.0, pool.entropy))
    picked = 0
    for seed in range(40):
        chosen = select("stochastic-batches", dataclasses.replace(pool, seed=seed), 5)
        picked += last in {pick.index for pick in chosen.picks}
    assert 25 <= picked < 40  # 20 of 23 times on average


def _cloud() -> Candidates:
    """Return a pool without groups, so that k-means depends on how it is begun."""
    pool = full_pool(60, labelled=4)
    features = np.random.default_rng(1).normal(size=(60, 8))
    return dataclasses.replace(pool, features=features, coords=features[:, :2])
