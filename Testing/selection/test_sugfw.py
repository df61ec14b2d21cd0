"""SUGFW: the worked vectors, the equations by hand, and what must always hold."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.strategy import select
from ActiveSeedLib.selection.sugfw import (
    gscu,
    image_uncertainty,
    pgdr,
    pool_uncertainty,
    uncertainty_map,
    union_of_masks,
)
from Testing.selection.contract import full_pool


def _load(shared: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(shared / "vectors" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def test_every_step_of_the_worked_vector(shared: Path) -> None:
    v = _load(shared, "sugfw_a_n60_k6")
    doubt = uncertainty_map(v["masks"])
    np.testing.assert_allclose(doubt, v["uncertainty_map"], rtol=1e-6)
    np.testing.assert_allclose(
        uncertainty_map(v["masks"], sign="-"), v["uncertainty_map_paper_eq3"], rtol=1e-6
    )
    pooled = pool_uncertainty(doubt, (8, 8))
    np.testing.assert_allclose(pooled, v["pooled_uncertainty"], rtol=1e-6)
    np.testing.assert_allclose(pgdr(v["features"], pooled), v["pgdr_feature"], rtol=1e-6)
    np.testing.assert_allclose(pgdr(v["features"]), v["gap_feature"], rtol=1e-6)
    mean = image_uncertainty(doubt)
    np.testing.assert_allclose(mean, v["image_uncertainty"], rtol=1e-6)
    np.testing.assert_array_equal(gscu(v["labels"], v["image_uncertainty"]).picks, v["selected"])
    without = gscu(v["labels_wo_pgdr"], v["image_uncertainty"])
    np.testing.assert_array_equal(without.picks, v["selected_wo_pgdr"])


def test_gscu_of_the_worked_vector(shared: Path) -> None:
    v = _load(shared, "sugfw_c_gscu_random")
    np.testing.assert_array_equal(gscu(v["labels"], v["image_uncertainty"]).picks, v["selected"])


# --- from masks to uncertainty --------------------------------------------------------------------


def test_large_masks_are_background() -> None:
    masks = np.zeros((3, 4, 4), dtype=np.uint8)
    masks[0, :2] = 1  # half of the image: not smaller than half
    masks[1, 0, 0] = 1
    masks[2, 3] = 255
    expected = np.zeros((4, 4), dtype=bool)
    expected[0, 0] = expected[3] = True
    np.testing.assert_array_equal(union_of_masks(masks), expected)
    assert union_of_masks(masks, 0.51)[1].all()
    expected[3] = False
    np.testing.assert_array_equal(union_of_masks(masks, 0.25), expected)
    assert not union_of_masks(np.zeros((0, 4, 4))).any()


def test_uncertainty_by_hand() -> None:
    # Of four views: none, one, two, all have the pixel.
    views = np.array([[[0, 1, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0, 1]], [[0, 0, 0, 1]]])
    np.testing.assert_allclose(uncertainty_map(views), [[0.5, 0.6875, 0.75, 0.5]])
    np.testing.assert_allclose(uncertainty_map(views, "-"), [[0.5, 0.3125, 0.25, 0.5]])
    np.testing.assert_allclose(
        uncertainty_map(np.stack([views, 1 - views])), [[[0.5, 0.6875, 0.75, 0.5]]] * 2
    )
    np.testing.assert_allclose(uncertainty_map(views.astype(bool)), uncertainty_map(views))


def test_many_views_do_not_overflow() -> None:
    views = np.ones((1000, 2, 2), dtype=np.uint8)
    views[:500] = 0
    np.testing.assert_allclose(uncertainty_map(views), 0.75)


def test_pooling_by_hand() -> None:
    ramp = np.arange(16.0).reshape(4, 4)
    np.testing.assert_allclose(pool_uncertainty(ramp, (2, 2)), [[2.5, 4.5], [10.5, 12.5]])
    # Three pixels on two patches: the middle one is shared.
    np.testing.assert_allclose(pool_uncertainty([[0.0, 3.0, 6.0]], (1, 2)), [[1.0, 5.0]])
    # Fewer pixels than patches: repeated.
    np.testing.assert_allclose(pool_uncertainty([[1.0, 2.0]], (1, 4)), [[1, 1, 2, 2]])


def test_pooling_an_image_that_the_encoder_padded() -> None:
    ramp = np.arange(8.0).reshape(2, 4)
    pooled = pool_uncertainty(ramp, (4, 4), extent=(2, 4))
    np.testing.assert_allclose(pooled[:2], ramp)
    assert not pooled[2:].any()
    # A row and a half of patches: the half patch has the mean of the part that shows the image.
    half = pool_uncertainty([[0.0], [6.0], [9.0]], (3, 1), extent=(1.5, 1))
    np.testing.assert_allclose(half, [[3.0], [9.0], [0.0]])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_pooling_keeps_the_mean(height: int, width: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(0).random((2, height, width))
    pooled = pool_uncertainty(values, (rows, columns))
    assert pooled.shape == (2, rows, columns)
    np.testing.assert_allclose(pooled.mean(axis=(1, 2)), image_uncertainty(values), rtol=1e-9)


# --- PGDR -----------------------------------------------------------------------------------------


def test_weighted_features_by_hand() -> None:
    features = np.array([[[1.0, 3.0]], [[10.0, 30.0]]], dtype=np.float32)
    np.testing.assert_allclose(pgdr(features, [[1.0, 3.0]]), [2.5, 25.0])
    np.testing.assert_allclose(pgdr(features, [[2.0, 6.0]]), [2.5, 25.0])
    np.testing.assert_allclose(pgdr(features), [2.0, 20.0])
    np.testing.assert_allclose(pgdr(features, [[0.0, 0.0]]), [2.0, 20.0])
    both = pgdr(np.stack([features, features]), [[[1.0, 0.0]], [[0.0, 1.0]]])
    np.testing.assert_allclose(both, [[1, 10], [3, 30]])


# --- GSCU -----------------------------------------------------------------------------------------


def test_gscu_by_hand() -> None:
    labels = [0, 0, 0, 1, 1, 2, 2]
    doubt = [1.0, 5.0, 2.0, 3.0, 9.0, 6.0, 0.0]
    chosen = gscu(labels, doubt)
    assert chosen.picks.tolist() == [2, 4, 5]  # median 2; |9 − 2| = 7; |6 − 9| = 3 > |0 − 2| = 2
    assert chosen.gaps.tolist() == [0, 7, 3]
    more = gscu(labels, doubt, 7)
    assert more.picks.tolist() == [2, 4, 5, 0, 3, 6, 1]  # 1 and 5 are as far from 2 and 6
    assert more.clusters == 3
    assert gscu(labels, doubt, 2).picks.tolist() == [2, 4]


def test_ties_go_to_the_lowest_index() -> None:
    assert gscu([3, 3, 3, 8, 8], [1.0, 1.0, 1.0, 2.0, 0.0]).picks.tolist() == [0, 3]
    assert gscu([0, 0], [1.0, 3.0]).picks.tolist() == [0]  # both as near to the median
    assert gscu([0] * 4, [1.0] * 4, 4).picks.tolist() == [0, 1, 2, 3]


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_gscu_equals_the_equation(count: int, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    labels, doubt = rng.integers(0, 6, count), rng.random(count)
    clusters = np.unique(labels)
    budget = data.draw(st.integers(1, count))
    picks = gscu(labels, doubt, budget).picks.tolist()
    assert len(set(picks)) == budget
    for step, pick in enumerate(picks[: len(clusters)]):
        members = np.flatnonzero(labels == clusters[step])
        assert pick in members
        if step == 0:
            away = -np.abs(doubt[members] - np.median(doubt[members]))
        else:
            away = np.abs(doubt[members, None] - doubt[picks[:step]]).min(axis=1)
        assert away[members.tolist().index(pick)] == away.max()


# --- the strategy ---------------------------------------------------------------------------------


def test_one_case_of_each_group() -> None:
    pool = full_pool(60, labelled=0)
    selection = select("sugfw", pool, 6)
    labels = np.array(selection.facts["labels"])
    picks = [pick.index for pick in selection.picks]
    assert labels[picks].tolist() == list(range(6))
    assert picks == gscu(labels, pool.scores["sam_uncertainty"]).picks.tolist()


def test_images_that_sam_has_not_seen_come_last() -> None:
    pool = full_pool(labelled=0)
    pool.scores["sam_uncertainty"][4:] = np.nan
    selection = select("sugfw", pool, 7)
    assert {pick.index for pick in selection.picks[:4]} == {0, 1, 2, 3}
    assert "36 of 40 candidates were not seen by SAM" in selection.facts["note"]
    assert selection.picks[5].why["role"] == "farthest"


def test_says_how_to_get_what_is_missing() -> None:
    pool = dataclasses.replace(full_pool(), scores={})
    with pytest.raises(
        InputError, match=r"sugfw chooses by SAM's doubt .* encode the pool with SAM"
    ):
        select("sugfw", pool, 3)
    short = dataclasses.replace(full_pool(), scores={"sam_uncertainty": np.ones(3)})
    with pytest.raises(InputError, match="one number for each of the 40 cases"):
        select("sugfw", short, 3)


def test_refuses_what_it_cannot_use() -> None:
    ones = np.ones((4, 4))
    for call, said in (
        (lambda: union_of_masks(ones), "masks × H × W"),
        (lambda: uncertainty_map(ones), "views × H × W"),
        (lambda: uncertainty_map(np.ones((0, 4, 4))), "at least one view"),
        (lambda: uncertainty_map(np.full((2, 4, 4), 255)), "between 0 and 1"),
        (lambda: uncertainty_map(np.full((2, 4, 4), np.nan)), "between 0 and 1"),
        (lambda: uncertainty_map(np.ones((2, 4, 4)), "x"), "sign must be"),  # type: ignore[arg-type]
        (lambda: pool_uncertainty(ones, (2, 2), (3, 1)), "covers 3 × 1 patches"),
        (lambda: pool_uncertainty(np.ones(3), (2, 2)), "H × W"),
        (lambda: pgdr(ones), "channels × h × w"),
        (lambda: pgdr(np.ones((3, 4, 4)), np.ones((2, 2))), "pool the uncertainty onto the grid"),
        (lambda: pgdr(np.ones((3, 4, 4)), -ones), "not negative"),
        (lambda: image_uncertainty(np.ones(3)), "H × W"),
        (lambda: gscu([0, 1], [1.0, np.nan]), "1 of 2 cases have an uncertainty"),
        (lambda: gscu([0], [1.0, 2.0]), "one cluster label for each"),
        (lambda: gscu([], []), "one number a case"),
        (lambda: gscu([0, 1], [1.0, 2.0], 0), "at least 1, not 0"),
    ):
        with pytest.raises(InputError, match=said):
            call()
    with pytest.raises(PoolTooSmallError):
        gscu([0, 1], [1.0, 2.0], 3)
