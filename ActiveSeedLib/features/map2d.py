"""The pool as a picture: feature vectors → points in the plane.

t-SNE: van der Maaten and Hinton 2008; perplexity and start as in Levy et al. 2026
(arXiv 2601.18532), that is min(30, (N − 1)/3), started from the first two principal components,
on the encoder's vectors as they are.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError

_EXACT_UP_TO = 5_000
"""Cases up to which scikit-learn's t-SNE on all dimensions is used."""
_COMPONENTS = 50
"""Principal components that t-SNE works on beyond that."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MapResult:
    """`coords` [N, 2]; `facts` says how they came about (plain JSON values)."""

    coords: Floats
    facts: dict[str, Any] = field(default_factory=dict)


def map_pool(
    features: NDArray[np.floating[Any]],
    seed: int,
    method: str = "tsne",
    perplexity: float | None = None,
) -> MapResult:
    """Return a point in the plane for each case; equal input and seed give equal points.

    Up to 5,000 cases scikit-learn's Barnes–Hut t-SNE, beyond that 50 principal components and
    openTSNE's FFT t-SNE (scikit-learn's where openTSNE is missing). Below 4 cases, where no
    perplexity is left, and for equal vectors, the principal components themselves.

    Args:
        features: [N, D], the pool alone, without test cases.
        seed: for everything random.
        method: "tsne" or "pca".
        perplexity: of t-SNE, between 1 and N − 1; by default min(30, (N − 1)/3).

    Raises:
        InputError: the method is unknown, or a value is not finite.
    """
    if method not in ("tsne", "pca"):
        raise InputError(f"There is no map called {method!r}; choose tsne or pca.")
    points = np.asarray(features, dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InputError("The map needs finite feature vectors, one row a case.")
    count = len(points)
    facts: dict[str, Any] = {
        "method": method,
        "cases": count,
        "dimension": points.shape[1],
        "seed": seed,
        "features": "as the encoder gives them",
    }
    varied = count > 1 and bool(np.ptp(points, axis=0).any())
    if method == "pca" or count < 4 or not varied:
        if method == "tsne":
            facts["method"] = "pca"
            facts["note"] = "Too few different cases for t-SNE: principal components instead."
        return MapResult(_principal_components(points, 2, seed), facts)
    facts["perplexity"] = min(30.0, (count - 1) / 3) if perplexity is None else perplexity
    coords = _tsne(points, seed, facts)
    return MapResult(coords - coords.mean(axis=0), facts)


def place(
    features_pool: NDArray[np.floating[Any]],
    coords_pool: Floats,
    features_new: NDArray[np.floating[Any]],
    k: int = 5,
) -> Floats:
    """Return where to draw cases that took no part in the map (test cases), [M, 2].

    The mean of the `k` nearest pool cases in feature space, weighted by 1/distance; on one that is
    equal, if there is one. For display only: nothing is selected by it.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(features_new) == 0:
        return np.empty((0, 2))
    search = NearestNeighbors(n_neighbors=min(k, len(features_pool)), algorithm="brute")
    distance, index = search.fit(np.asarray(features_pool, dtype=np.float64)).kneighbors(
        np.asarray(features_new, dtype=np.float64)
    )
    # Squared differences leave a residue of about 1e-7 of the norm between equal vectors.
    equal = distance <= 1e-6 * (np.abs(np.asarray(features_pool)).max() + 1e-300)
    weight = np.where(
        equal.any(axis=1, keepdims=True), equal, 1 / np.where(equal, 1.0, distance)
    ).astype(np.float64)
    weight /= weight.sum(axis=1, keepdims=True)
    placed: Floats = np.einsum("mk,mkd->md", weight, coords_pool[index])
    return placed


def _tsne(points: Floats, seed: int, facts: dict[str, Any]) -> Floats:
    """Return t-SNE coordinates [N, 2] and write into `facts` by which implementation."""
    if len(points) > _EXACT_UP_TO:
        if points.shape[1] > _COMPONENTS:
            points = _principal_components(points, _COMPONENTS, seed)
            facts["principal_components"] = _COMPONENTS
        try:
            return _open_tsne(points, seed, facts)
        except ImportError:
            facts["note"] = "openTSNE is not installed: scikit-learn's slower t-SNE instead."
    return _sklearn_tsne(points, seed, facts)


def _sklearn_tsne(points: Floats, seed: int, facts: dict[str, Any]) -> Floats:
    import sklearn
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    facts |= {"implementation": f"scikit-learn {sklearn.__version__}", "n_jobs": 1}
    # One thread: the sums of several may come together in any order.
    with threadpool_limits(limits=1):
        embedding = TSNE(
            perplexity=facts["perplexity"], init=_start(points, seed), random_state=seed, n_jobs=1
        ).fit_transform(points)
    return np.asarray(embedding, dtype=np.float64)


def _open_tsne(points: Floats, seed: int, facts: dict[str, Any]) -> Floats:
    import openTSNE

    facts |= {"implementation": f"openTSNE {openTSNE.__version__}, FFT", "n_jobs": 1}
    embedding = openTSNE.TSNE(
        perplexity=facts["perplexity"],
        initialization=_start(points, seed),
        negative_gradient_method="fft",
        random_state=seed,
        n_jobs=1,
    ).fit(points)
    return np.asarray(embedding, dtype=np.float64)


def _start(points: Floats, seed: int) -> NDArray[np.float32]:
    """Return the first two principal components, shrunk to a deviation of 1e-4 (the usual)."""
    start = _principal_components(points, 2, seed)
    if (deviation := start[:, 0].std()) > 0:  # 0 where the differences are too small to square
        start *= 1e-4 / deviation
    return start.astype(np.float32)


def _principal_components(points: Floats, count: int, seed: int) -> Floats:
    """Return the first `count` principal components [N, count]; what does not exist is 0.

    The sign of each is scikit-learn's: the largest loading is positive.
    """
    from sklearn.decomposition import PCA

    result = np.zeros((len(points), count))
    there = min(count, *points.shape)
    if len(points) > 1 and np.ptp(points, axis=0).any():
        result[:, :there] = PCA(there, random_state=seed).fit_transform(points)
    return result
