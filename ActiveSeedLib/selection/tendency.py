"""Whether a pool has any structure in feature space, and whether it falls into groups.

Two kinds of chance are compared with. Features whose values are dealt out anew among the cases,
each feature for itself, keep every feature as it is and lose all that they have in common: what a
pool does not have more of than these is noise (Horn 1965, doi:10.1007/BF02289447). A Gaussian cloud
of the same spread in every direction has structure, but no groups: only what goes beyond it counts
as clusters (Cross and Jain 1982 on the statistic of Hopkins; Rousseeuw 1987 on silhouettes).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.selection.geometry import Floats, as_points
from ActiveSeedLib.selection.levy import KChoice, choose_k

# Directions in which groups are looked for; with more of them all distances become alike.
MOST_DIRECTIONS = 10
GROUPS = (2, 3, 4, 6, 8, 10)
SHUFFLES = 20
CLOUDS = 19  # a pool beyond all of them would be there by chance once in twenty times
MAP_CLOUDS = 4

MapMaker = Callable[[NDArray[np.floating], int], Floats]
"""Features [N, D] and a seed → coordinates [N, 2]."""


@dataclass(frozen=True)
class Structure:
    """What the features of a pool have in common.

    Attributes:
        directions: principal components of the standardised features that vary more than chance.
        share: of the variance, 0 to 1, how much those components hold beyond chance.
    """

    directions: int
    share: float


@dataclass(frozen=True)
class Tendency:
    """How clearly a pool falls into groups, next to Gaussian clouds of the same shape.

    Attributes:
        hopkins: 0.5 for a cloud, towards 1 the more the cases gather.
        hopkins_by_chance: the mean of the clouds.
        k: number of groups with the highest mean silhouette.
        silhouette: that silhouette; NaN where none can be computed.
        silhouette_by_chance: the mean of the clouds' highest silhouettes.
        p: share of the clouds (the pool counted among them) whose silhouette is as high.
        hopkins_p: the same of the statistic of Hopkins.
        directions: in how many principal components they were looked for.
    """

    hopkins: float
    hopkins_by_chance: float
    k: int
    silhouette: float
    silhouette_by_chance: float
    p: float
    hopkins_p: float
    directions: int


def structure(features: ArrayLike, seed: int, shuffles: int = SHUFFLES) -> Structure:
    """Return how much of what differs among the cases is shared by several features.

    The eigenvalues of the correlation matrix, from the greatest on, as long as they are above those
    of all the shuffled features. What they hold beyond the mean of these is the share.

    Args:
        features: [N, D].
        seed: for the shuffles.
        shuffles: how often the values are dealt out anew.
    """
    points = as_points(features)
    points = points - points.mean(axis=0)
    spread = points.std(axis=0)
    points = points[:, spread > 1e-9 * max(float(spread.max()), 1e-300)]
    if points.shape[1] < 2 or len(points) < 3:
        return Structure(0, 0.0)
    points /= points.std(axis=0)
    variances = _variances(points)
    generator = np.random.default_rng(seed)
    chance = np.array(
        [_variances(generator.permuted(points, axis=0)) for _ in range(max(1, shuffles))]
    )
    above = variances > chance.max(axis=0)
    directions = int(above.argmin()) if not above.all() else len(above)
    beyond = variances[:directions] - chance.mean(axis=0)[:directions]
    return Structure(directions, float(beyond.sum() / variances.sum()))


def tendency(
    features: ArrayLike, seed: int, directions: int = MOST_DIRECTIONS, clouds: int = CLOUDS
) -> Tendency:
    """Return how clearly the cases fall into groups in their first principal components.

    Args:
        features: [N, D] of at least four cases, without outliers: a single one would pass for a
            group.
        seed: for the clouds and k-means.
        directions: principal components to look at, 2 to 10 of them.
        clouds: Gaussian clouds to compare with.
    """
    points = components(features, int(np.clip(directions, 2, MOST_DIRECTIONS)))
    generator = np.random.default_rng(seed)
    choice = _best_groups(points, seed)
    own = hopkins(points, generator)
    scores, gathered = [], []
    for _ in range(clouds):
        cloud = gaussian_like(points, generator)
        scores.append(_highest(_best_groups(cloud, seed)))
        gathered.append(hopkins(cloud, generator))
    highest = _highest(choice)
    return Tendency(
        own,
        float(np.mean(gathered)),
        choice.k,
        highest,
        float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan"),
        (1 + int(np.sum(np.array(scores) >= highest))) / (clouds + 1),
        (1 + int(np.sum(np.array(gathered) >= own))) / (clouds + 1),
        points.shape[1],
    )


def hopkins(points: ArrayLike, generator: np.random.Generator) -> float:
    """Return the statistic of Hopkins with a Gaussian cloud in the place of uniform points.

    Σ u^d / (Σ u^d + Σ w^d): u are the distances of the cloud's points to the nearest case, w those
    of the cases to the nearest other case, both divided by their greatest before the power.
    """
    from scipy.spatial import cKDTree

    array = as_points(points)
    tree = cKDTree(array)
    u = tree.query(gaussian_like(array, generator))[0]
    w = tree.query(array, k=2)[0][:, 1]
    widest = max(float(u.max()), float(w.max()))
    if widest == 0:
        return 0.5
    d = array.shape[1]
    of_cloud, of_cases = float(((u / widest) ** d).sum()), float(((w / widest) ** d).sum())
    return of_cloud / (of_cloud + of_cases)


def by_chance_on_the_map(
    features: ArrayLike, budget: int, seed: int, make_map: MapMaker, clouds: int = MAP_CLOUDS
) -> float:
    """Return the silhouette that the map of a cloud without any groups has, the mean of `clouds`.

    A map made by t-SNE draws groups even where there are none; this is how clear they are.
    """
    points = components(features, 50)
    generator = np.random.default_rng(seed)
    scores = [
        _highest(choose_k(make_map(gaussian_like(points, generator), seed), budget, seed))
        for _ in range(clouds)
    ]
    return float(np.mean(scores))


def components(features: ArrayLike, count: int) -> Floats:
    """Return the first `count` principal components [N, ≤ count] of features [N, D], exactly."""
    points = as_points(features)
    points = points - points.mean(axis=0)
    narrow = points.shape[1] <= len(points)
    values, vectors = np.linalg.eigh(points.T @ points if narrow else points @ points.T)
    order = np.argsort(-values, kind="stable")[:count]
    kept = order[values[order] > 0]
    if not len(kept):
        none: Floats = points[:, :1]
        return none
    axes = vectors[:, kept]
    found: Floats = points @ axes if narrow else axes * np.sqrt(values[kept])
    return found


def gaussian_like(points: Floats, generator: np.random.Generator) -> Floats:
    """Return a Gaussian cloud [N, d] with the variances of principal components [N, d]."""
    cloud: Floats = generator.normal(0.0, 1.0, points.shape) * points.std(axis=0)
    return cloud


def _variances(points: Floats) -> Floats:
    """Return the eigenvalues of the points' products, the greatest first."""
    few = points @ points.T if len(points) < points.shape[1] else points.T @ points
    variances: Floats = np.maximum(np.linalg.eigvalsh(few)[::-1], 0.0)
    return variances


def _best_groups(points: Floats, seed: int) -> KChoice:
    return choose_k(points, max(GROUPS), seed, GROUPS)


def _highest(choice: KChoice) -> float:
    scores = choice.silhouettes[np.isfinite(choice.silhouettes)]
    return float(scores.max()) if len(scores) else float("nan")
