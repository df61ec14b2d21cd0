"""Measures of doubt by hand, and against the selection's own definitions."""

import math

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.measures import (
    Passes,
    Region,
    agreement,
    class_entropies,
    least_confidence_map,
    likeliest,
    margin_map,
    prediction_scores,
)
from ActiveSeedLib.segmentation.uncertainty import entropy_map, foreground_entropy
from ActiveSeedLib.selection.bald import bald
from ActiveSeedLib.selection.uncertainty_strategies import least_confidence, margin


def drawn(seed, classes=3, shape=(4, 5, 6), passes=None):
    """Random probabilities (classes, ...), or (passes, classes, ...)."""
    size = shape if passes is None else (passes, *shape)
    found = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=size)
    return np.ascontiguousarray(np.moveaxis(found, -1, 0 if passes is None else 1), np.float32)


@over(st.integers(0, 10**6), st.integers(2, 6))
def test_maps_equal_the_definitions(seed, classes):
    p = drawn(seed, classes)
    each = np.moveaxis(p, 0, -1)
    np.testing.assert_allclose(least_confidence_map(p), least_confidence(each), atol=1e-6)
    np.testing.assert_allclose(margin_map(p), 1 - margin(each), atol=1e-6)


def test_class_entropies_by_hand():
    """Two voxels, three classes: H·p of class 1, and class 2, which is likeliest nowhere."""
    p = np.array([[0.5, 0.25], [0.5, 0.75], [0.0, 0.0]], np.float32).reshape(3, 1, 1, 2)
    first, second = math.log(2), -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    p[1, 0, 0, 0] += 1e-6
    found = class_entropies(p)
    assert found[0] == pytest.approx((0.5 * first + 0.75 * second) / 2, abs=1e-4)
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found, class_entropies(p, entropy_map(p)))


def test_the_region_is_the_dilated_foreground():
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[2, 3, 3:6] = 1
    values = np.random.default_rng(0).random(labels.shape, np.float32)
    spacing = (1.0, 2.0, 2.5)
    region = Region(labels, spacing)
    found = region.means("margin", values)
    assert region.share == pytest.approx(3 / labels.size)
    assert found["margin"] == pytest.approx(values.mean(), rel=1e-6)
    assert found["foreground_margin"] == foreground_entropy(values, labels, spacing)
    nothing = Region(np.zeros_like(labels), spacing).means("margin", values)
    assert nothing["foreground_margin"] == nothing["margin"]


def test_a_large_background_rules_the_whole_but_not_the_foreground():
    """The same doubtful body in a small and in a large image."""
    found = []
    for size in (12, 40):
        p = np.zeros((2, 1, size, size), np.float32)
        p[0] = 1
        p[:, 0, 4:8, 4:8] = np.array([0.4, 0.6], np.float32)[:, None, None]
        found.append(prediction_scores(p, (1.0, 1.0, 1.0))[0])
    small, large = found
    assert large["margin"] < small["margin"] / 5
    assert large["foreground_margin"] == pytest.approx(small["foreground_margin"])
    assert small["foreground"] == pytest.approx(16 / 144)
    assert small["least_confidence"] == pytest.approx(16 * 0.4 / 144, rel=1e-5)


def test_agreement_by_hand():
    one = np.array([1, 1, 0, 2], np.uint8)
    other = np.array([1, 0, 0, 2], np.uint8)
    third = np.array([0, 0, 0, 2], np.uint8)
    # class 1: 2·1/3, class 2: 1; then 0 and 1 (twice)
    assert agreement([one, other], 3) == pytest.approx((2 / 3 + 1) / 2)
    assert agreement([one, other, third], 3) == pytest.approx((5 / 6 + 0.5 + 0.5) / 3)
    assert agreement([one, one], 3) == 1.0
    assert agreement([np.zeros(4, np.uint8)] * 2, 3) == 1.0
    with pytest.raises(InputError, match="at least two"):
        agreement([one], 3)


@over(st.integers(0, 10**6), st.integers(2, 5))
def test_mutual_information_is_bald_of_every_voxel(seed, count):
    p = drawn(seed, passes=count)
    passes = Passes()
    for one in p:
        passes.add(one)
    wanted = bald(np.moveaxis(p, (0, 1), (-2, -1)))
    np.testing.assert_allclose(passes.mutual_information(), wanted, atol=2e-6)
    labels = [likeliest(one) for one in p]
    assert passes.disagreement() == pytest.approx(1 - agreement(labels, 3))


def test_equal_passes_tell_nothing_and_no_pass_is_an_error():
    passes = Passes()
    with pytest.raises(InputError, match="no prediction"):
        passes.mutual_information()
    p = drawn(0)
    kept = p.copy()
    for _ in range(3):
        passes.add(p)
    np.testing.assert_array_equal(p, kept)
    assert passes.mutual_information().max() < 1e-6
    assert passes.disagreement() == 0
