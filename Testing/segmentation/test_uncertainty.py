"""Entropy by hand, and the dilated foreground against brute force."""

import math

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import strategies
from hypothesis.extra.numpy import arrays

from ActiveSeedLib.segmentation.uncertainty import (
    dilated_foreground,
    entropy_map,
    foreground_entropy,
    mean_entropy,
    most_uncertain_slice,
)


def test_entropy_by_hand():
    columns = [(0.5, 0.5, 0.0), (1.0, 0.0, 0.0), (0.25, 0.25, 0.5), (1 / 3, 1 / 3, 1 / 3)]
    probabilities = np.array(columns, np.float32).T.reshape(3, 1, 1, 4)
    expected = [math.log(2), 0.0, 1.5 * math.log(2), math.log(3)]
    found = entropy_map(probabilities)
    assert found.shape == (1, 1, 4)
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-6)
    assert mean_entropy(found) == pytest.approx(sum(expected) / 4, abs=1e-6)


def test_foreground_of_one_voxel():
    """Spacing 2×2×4 mm and radius 3 mm: the voxel and its four neighbours in the slice."""
    labels = np.zeros((3, 5, 5), np.uint8)
    labels[1, 2, 2] = 7
    entropy = np.zeros((3, 5, 5), np.float32)
    entropy[1, 2, 2], entropy[1, 2, 3], entropy[0] = 0.6, 0.4, 9.0
    assert foreground_entropy(entropy, labels, (2.0, 2.0, 4.0)) == pytest.approx(1.0 / 9)  # and
    # the diagonal ones, √8 = 2.83 mm away; so nine voxels share 1.0


def test_nothing_predicted_means_the_whole_image():
    entropy = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    assert foreground_entropy(entropy, np.zeros((2, 2, 2), np.uint8), (1, 1, 1)) == 3.5


@over(
    arrays(np.uint8, (3, 5, 4), elements=strategies.sampled_from((0, 0, 0, 0, 2))),
    strategies.sampled_from(((1.0, 1.0, 1.0), (0.7, 1.3, 3.0))),
    strategies.sampled_from((0.0, 1.5, 3.0)),
)
def test_dilation_equals_brute_force(labels, spacing, radius):
    steps = np.array(spacing[::-1])
    places = np.argwhere(labels) * steps
    found = dilated_foreground(labels, spacing, radius)
    if not len(places):
        assert found is None
        return
    reach = max(radius, min(spacing))
    expected = np.zeros(labels.shape, bool)
    for index in np.ndindex(labels.shape):
        expected[index] = np.linalg.norm(places - index * steps, axis=1).min() <= reach + 1e-6
    box, mask = found
    whole = np.zeros(labels.shape, bool)
    whole[box] = mask
    np.testing.assert_array_equal(whole, expected)


def test_most_uncertain_slice_and_its_ties():
    entropy = np.zeros((4, 2, 2), np.float32)
    entropy[2, 0, 0] = entropy[3, 1, 1] = 1
    assert most_uncertain_slice(entropy) == 2
    assert most_uncertain_slice(entropy, axis=2) == 0
