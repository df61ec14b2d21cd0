"""Selecting among feature vectors themselves, of one encoder or several, the map left aside."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.geometry import Floats, as_points

# As many as the map is computed from; beyond them features of medical images hold little but noise.
DIMENSIONS = 50


def centre_and_scale(features: ArrayLike, share: float = 1.0) -> tuple[Floats, float]:
    """Return what gives an encoder its share in the squared distances: (features − c) · s.

    Args:
        features: [N, D] of the pool, finite.
        share: what the mean squared distance over the pool shall be.

    Returns:
        c [D] and s; s is 0 where the encoder says the same of all cases.
    """
    points = as_points(features)
    centre: Floats = points.mean(axis=0)
    centred = points - centre
    # The mean squared distance of two cases is twice the variance.
    spread = 2 * float(np.einsum("nd,nd->", centred, centred)) / len(centred)
    return centre, float(np.sqrt(share / spread)) if spread > 0 else 0.0


def fuse_features(
    encoders: Sequence[ArrayLike], weights: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """Return one vector a case, whose squared distances are the weighted mean of the encoders'.

    Each encoder's squared distances are scaled so that their mean over the pool is 1, whatever the
    length of its vectors or the size of their numbers. The result serves any strategy as features.

    Args:
        encoders: for each encoder [N, D] features of the same N cases; D may differ.
        weights: one a encoder, not negative; equal by default.

    Returns:
        [N, sum of the D]. An encoder that says the same of all cases adds nothing.
    """
    if not encoders:
        raise InputError("There must be features of at least one encoder.")
    shares = np.ones(len(encoders)) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(encoders),) or not (np.isfinite(shares) & (shares >= 0)).all():
        raise InputError(
            f"There must be one weight, not negative, for each of the {len(encoders)} encoders."
        )
    if shares.sum() == 0:
        raise InputError("At least one encoder must have a weight above 0.")
    parts = []
    for features, share in zip(encoders, shares / shares.sum(), strict=True):
        centre, scale = centre_and_scale(features, share)
        parts.append(((np.asarray(features) - centre) * scale).astype(np.float32))
    if len({len(part) for part in parts}) > 1:
        counts = ", ".join(str(len(part)) for part in parts)
        raise InputError(f"The encoders have features of {counts} cases; they must be as many.")
    return np.hstack(parts)


def principal_points(features: ArrayLike, seed: int, dimensions: int = DIMENSIONS) -> Floats:
    """Return `features` [N, D] about their mean, at most `dimensions` principal components of them.

    Distances among the result are those among the features, but for the directions in which the
    pool varies least; 2,048 numbers a case become 50, and all picks 40 times cheaper.
    """
    points = np.asarray(features)
    if min(points.shape) <= dimensions or not np.isfinite(points).all():
        whole = as_points(points)  # refuses what is not finite
        centred: Floats = whole - whole.mean(axis=0)
        return centred
    from sklearn.decomposition import PCA

    model = PCA(dimensions, svd_solver="randomized", random_state=seed)
    with np.errstate(invalid="ignore"):  # cases that are all equal have no variance to share out
        return as_points(model.fit_transform(points))
