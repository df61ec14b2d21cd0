"""Whether choosing by an encoder beats chance, as far as can be told before any case is labelled.

Everything is measured on features alone, and deterministic by the seed. What would take too long
on a large pool is measured on a seeded sample of it, and the report holds how many cases that were.
No measure needs or knows what is to be segmented: an encoder that finds structure may still find
the wrong one. An encoder that finds none is as good as chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.clusters import cluster_at_most, nearest_to_centroid
from ActiveSeedLib.selection.cscs import dcr, neighbours_for, typicality
from ActiveSeedLib.selection.feature_space import principal_points
from ActiveSeedLib.selection.geometry import Floats, Indices
from ActiveSeedLib.selection.levy import KChoice, choose_k, cold_start
from ActiveSeedLib.selection.near_copies import Neighbours, neighbours
from ActiveSeedLib.selection.neighbours import Distances, checked_features
from ActiveSeedLib.selection.tendency import (
    MapMaker,
    Structure,
    Tendency,
    by_chance_on_the_map,
    components,
    structure,
    tendency,
)

FEWEST = 20  # cases below which nothing is said
SAMPLE = 1_000  # cases that structure and gain are measured on at most
MAP_SAMPLE = 500  # cases of a map that is made only to compare with
EXACT_NEIGHBOURS_UP_TO = 5_000
RANDOM_SETS = 50

LEAST_SHARE = 0.05
LEAST_GAIN = 0.03
GOOD_GAIN = 0.08
STEADY = 0.5

Verdict = Literal["trust", "care", "random", "too few"]


@dataclass(frozen=True)
class Gain:
    """How much nearer the cases of a pool are to chosen ones than to ones drawn at random.

    Attributes:
        gain: 1 − the mean distance to the nearest chosen case over the same of random sets; 0 is
            as good as random.
        beaten: share of the random sets that are worse.
    """

    gain: float
    beaten: float


@dataclass(frozen=True)
class Stability:
    """How far other settings lead to other picks.

    Attributes:
        distance: mean distance from a pick to the nearest pick of the other settings, over that to
            the nearest of as many random cases: 0 the same picks, 1 no nearer than random.
        shared: mean share of the picks that are the very same (Jaccard index).
        shared_by_chance: the same of random sets.
        settings: what was compared with.
    """

    distance: float
    shared: float
    shared_by_chance: float
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What was measured of an encoder on a pool.

    Attributes:
        verdict: "trust", with "care", "random" (choosing is no better), or "too few" cases.
        cases: N.
        dimension: D.
        budget: B, the number of picks that gain and stability are of.
        sample: cases that structure, tendency and gain were measured on.
        map_sample: cases that maps were made of to compare with.
        structure: what the features have in common.
        tendency: whether there are groups.
        curve: the silhouettes on the map by number of groups, as the cold start chooses it.
        map_by_chance: the highest silhouette on the map of a pool without groups.
        gain: of picks spread in feature space.
        map_gain: of the cold start's picks on the map.
        seeds: stability over seeds.
        maps: stability over settings of the map.
        neighbours: near-copies and outliers.
        dcr: Difficulty-Coverage Ratio, where difficulty is known.
        dcr_cases: cases whose difficulty is known.
    """

    verdict: Verdict
    cases: int
    dimension: int
    budget: int
    sample: int
    map_sample: int
    neighbours: Neighbours
    structure: Structure | None = None
    tendency: Tendency | None = None
    curve: KChoice | None = None
    map_by_chance: float | None = None
    gain: Gain | None = None
    map_gain: Gain | None = None
    seeds: Stability | None = None
    maps: Stability | None = None
    dcr: float | None = None
    dcr_cases: int = 0


@dataclass(frozen=True)
class Maps:
    """How maps are made: the project's own way, and other settings that are as good.

    Attributes:
        own: features and seed → coordinates.
        others: the same by name of the setting.
    """

    own: MapMaker
    others: Mapping[str, MapMaker] = field(default_factory=dict)


def inspect(
    features: ArrayLike,
    coords: ArrayLike,
    budget: int,
    seed: int,
    maps: Maps,
    difficulty: ArrayLike | None = None,
    tell: Callable[[float, str], None] = lambda _fraction, _step: None,
) -> Inspection:
    """Measure whether choosing `budget` cases by these features can be better than at random.

    Args:
        features: [N, D].
        coords: [N, 2] of the project's map.
        budget: B; at most half of the pool is looked at.
        seed: for samples, k-means and everything drawn by chance.
        maps: how maps are made.
        difficulty: [N], NaN where it is not known.
        tell: is told the fraction done and the step.

    Raises:
        InputError: features that are NaN, or coordinates that do not fit them.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    points = checked_features(features)
    places = np.asarray(coords, dtype=np.float64)
    count = len(points)
    if places.shape[:1] != (count,):
        raise InputError(f"There are {count} cases but {len(places)} places on the map.")
    if budget < 1:
        raise InputError(f"The budget must be at least 1, not {budget}.")
    # One thread: many small products gain nothing by more, and lose much on a busy machine.
    with threadpool_limits(limits=1):
        return _inspect(
            points, places, max(1, min(budget, count // 2)), seed, maps, difficulty, tell
        )


def _inspect(
    points: NDArray[np.floating],
    places: Floats,
    budget: int,
    seed: int,
    maps: Maps,
    difficulty: ArrayLike | None,
    tell: Callable[[float, str], None],
) -> Inspection:
    count = len(points)
    tell(0.0, f"Comparing {count} cases with each other")
    reduced = points if count <= EXACT_NEIGHBOURS_UP_TO else principal_points(points, seed)
    rows, few = sample_rows(count, SAMPLE, seed), sample_rows(count, MAP_SAMPLE, seed)
    begun = Inspection(
        verdict="too few",
        cases=count,
        dimension=points.shape[1],
        budget=budget,
        sample=len(rows),
        map_sample=len(few),
        neighbours=neighbours(points, reduced),
    )
    if count < FEWEST:
        return begun
    begun = _with_difficulty(begun, reduced, difficulty)
    tell(0.2, f"Looking for structure in {len(rows)} cases")
    sample = np.asarray(points[rows], dtype=np.float64)
    common = structure(sample, seed)
    shared = beyond_chance(sample, common)
    tell(0.4, "Comparing choices with random ones")
    begun = replace(
        begun,
        structure=common,
        curve=choose_k(places, budget, seed),
        gain=coverage_gain(shared, spread_picks(sample, budget, seed), seed),
        map_gain=coverage_gain(shared, cold_start(places[rows], budget, seed=seed).order, seed),
    )
    tell(0.5, f"Comparing maps of {len(few)} cases")
    some = np.asarray(points[few], dtype=np.float64)
    usual = some[~np.isin(few, begun.neighbours.outliers)]
    begun = replace(begun, tendency=tendency(usual, seed, common.directions))
    begun = _with_maps(begun, some, places if len(few) == count else None, seed, maps, tell)
    return replace(begun, verdict=verdict_of(begun))


def verdict_of(measured: Inspection) -> Verdict:
    """Return what the measures come to; the rule is this function.

    "random": the features have next to nothing in common, or chosen cases are hardly nearer to the
    pool than random ones. "trust": choosing gains clearly, and other settings of the map lead to
    much the same picks. "care" is what lies between.
    """
    common, gain, maps = measured.structure, measured.gain, measured.maps
    if common is None or gain is None or maps is None:
        return "too few"
    if common.share < LEAST_SHARE or gain.gain < LEAST_GAIN:
        return "random"
    return "trust" if gain.gain >= GOOD_GAIN and maps.distance <= STEADY else "care"


def coverage_gain(
    features: ArrayLike, picks: ArrayLike, seed: int, sets: int = RANDOM_SETS
) -> Gain:
    """Return how much better `picks` cover the pool than as many random cases do.

    Args:
        features: [N, D].
        picks: [B] rows.
        seed: for the random sets.
        sets: how many of them.
    """
    distances = Distances(features)
    chosen: Indices = np.asarray(picks, dtype=np.int64)
    generator = np.random.default_rng(seed)
    count = len(distances)
    drawn = [generator.choice(count, len(chosen), replace=False) for _ in range(sets)]
    own = _mean_to_nearest(distances, chosen)
    random = np.array([_mean_to_nearest(distances, rows) for rows in drawn])
    if random.mean() <= 1e-9 * np.abs(distances.points).max():
        return Gain(0.0, 0.0)
    return Gain(float(1 - own / random.mean()), float(np.mean(random > own)))


def beyond_chance(features: Floats, common: Structure) -> Floats:
    """Return the first principal components, as many as `common` has directions; or `features`.

    [N, D] becomes [N, directions]. What lies outside of them is noise, which would drown how near
    to each other two cases are that the encoder takes for alike.
    """
    return components(features, common.directions) if common.directions else features


def spread_picks(features: ArrayLike, budget: int, seed: int) -> Indices:
    """Return the cases nearest to the centres of `budget` k-means clusters."""
    return nearest_to_centroid(features, cluster_at_most(features, budget, seed))


def stability(
    features: ArrayLike, picks: ArrayLike, others: Mapping[str, ArrayLike], seed: int
) -> Stability:
    """Return how far from `picks` those of other settings are, next to random ones.

    Args:
        features: [N, D].
        picks: [B] rows.
        others: [B] rows each, by the name of the setting.
        seed: for the random sets.
    """
    distances = Distances(features)
    own: Indices = np.asarray(picks, dtype=np.int64)
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(len(distances), len(own), replace=False) for _ in range(RANDOM_SETS)]
    given: list[Indices] = [np.asarray(rows, dtype=np.int64) for rows in others.values()]
    between = np.sqrt(distances.squared(own))
    apart = float(np.mean([between[:, rows].min(axis=1).mean() for rows in given]))
    random = float(np.mean([between[:, rows].min(axis=1).mean() for rows in drawn]))
    return Stability(
        apart / random if random > 0 else 1.0,
        float(np.mean([_jaccard(own, rows) for rows in given])),
        float(np.mean([_jaccard(own, rows) for rows in drawn])),
        tuple(others),
    )


def sample_rows(count: int, most: int, seed: int) -> Indices:
    """Return at most `most` of `count` rows, drawn by the seed, ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _with_difficulty(
    begun: Inspection, reduced: NDArray[np.floating], difficulty: ArrayLike | None
) -> Inspection:
    if difficulty is None:
        return begun
    hard = np.asarray(difficulty, dtype=np.float64)
    if hard.shape != (len(reduced),):
        raise InputError(f"There are {len(reduced)} cases but {hard.size} difficulties.")
    known = np.isfinite(hard)
    typical = typicality(reduced, neighbours_for(len(reduced)))
    return replace(begun, dcr=dcr(hard[known], typical[known]), dcr_cases=int(known.sum()))


def _with_maps(
    begun: Inspection,
    some: Floats,
    places: Floats | None,
    seed: int,
    maps: Maps,
    tell: Callable[[float, str], None],
) -> Inspection:
    """Add what takes maps of `some` cases; `places` are theirs where these are the whole pool."""
    own = maps.own(some, seed) if places is None else places
    shared = beyond_chance(some, begun.structure or Structure(0, 0.0))
    budget = min(begun.budget, len(some) // 2)
    first = cold_start(own, budget, seed=seed).order
    seeds = {
        f"seed {other}": cold_start(own, budget, seed=other).order
        for other in ((seed + step) % 2**32 for step in (1, 2, 3))
    }
    others = {}
    for done, (name, make) in enumerate(maps.others.items()):
        tell(0.5 + 0.25 * done / len(maps.others), f"Comparing the map with another: {name}")
        others[name] = cold_start(make(some, seed), budget, seed=seed).order
    tell(0.75, "Comparing the map with those of pools without groups")
    return replace(
        begun,
        map_by_chance=by_chance_on_the_map(some, budget, seed, maps.own),
        seeds=stability(shared, first, seeds, seed),
        maps=stability(shared, first, others, seed),
    )


def _mean_to_nearest(distances: Distances, rows: Indices) -> float:
    return float(np.sqrt(distances.squared(rows).min(axis=0)).mean())


def _jaccard(one: Indices, other: Indices) -> float:
    both = len(np.intersect1d(one, other))
    return both / (len(np.union1d(one, other)))
