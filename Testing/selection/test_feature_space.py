"""Features of several encoders as one, and their principal components."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.feature_space import fuse_features, principal_points


def _two_encoders() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)) * 1000 + 5, rng.normal(size=(40, 200)).astype(np.float32)


def test_squared_distances_are_the_mean_of_the_encoders() -> None:
    one, other = _two_encoders()
    squared = [pdist(features.astype(float)) ** 2 for features in (one, other)]
    # Over all pairs, a case with itself among them, the mean is 1.
    scaled = [values / (2 * values.sum() / 40**2) for values in squared]
    fused = pdist(fuse_features([one, other]).astype(float)) ** 2
    np.testing.assert_allclose(fused, (scaled[0] + scaled[1]) / 2, rtol=1e-4)
    weighed = pdist(fuse_features([one, other], [3, 1]).astype(float)) ** 2
    np.testing.assert_allclose(weighed, 0.75 * scaled[0] + 0.25 * scaled[1], rtol=1e-4)
    alone = pdist(fuse_features([one, other], [1, 0]).astype(float)) ** 2
    np.testing.assert_allclose(alone, scaled[0], rtol=1e-4)


def test_an_encoder_that_tells_no_cases_apart_adds_nothing() -> None:
    one, _ = _two_encoders()
    fused = fuse_features([one, np.full((40, 4), 7.0)])
    assert fused.shape == (40, 7)
    assert not fused[:, 3:].any()


def test_principal_points_keep_the_distances_of_what_varies() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 10)) @ rng.normal(size=(10, 300)) + 9
    points = principal_points(features.astype(np.float32), seed=0)
    assert points.shape == (200, 50)
    np.testing.assert_allclose(pdist(points), pdist(features), rtol=1e-3)
    np.testing.assert_array_equal(points, principal_points(features.astype(np.float32), seed=0))


def test_few_cases_or_numbers_stay_as_they_are() -> None:
    features = np.random.default_rng(2).normal(size=(12, 300))
    np.testing.assert_allclose(pdist(principal_points(features, 0)), pdist(features))
    assert principal_points(np.ones((90, 80)), 0).shape == (90, 50)
    assert not principal_points(np.ones((90, 80)), 0).any()


def test_refuses_what_it_cannot_use() -> None:
    one, other = _two_encoders()
    for encoders, weights, said in (
        ([], None, "at least one encoder"),
        ([one, other], [1.0], "for each of the 2 encoders"),
        ([one, other], [1.0, -1.0], "not negative"),
        ([one, other], [0.0, 0.0], "above 0"),
        ([one, other[:30]], None, "of 40, 30 cases"),
        ([np.full((3, 2), np.nan)], None, "3 of 3 points"),
    ):
        with pytest.raises(InputError, match=said):
            fuse_features(encoders, weights)
    with pytest.raises(InputError, match="NaN or infinite"):
        principal_points(np.full((90, 80), np.inf), 0)
