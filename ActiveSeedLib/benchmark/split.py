"""One seed's view of a cohort: pool and test cases, features and map, and what stands of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.protocol import STANDING, needs_of, uses_of
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.fused import balanced
from ActiveSeedLib.features.map2d import map_pool, place
from ActiveSeedLib.features.store import FeatureStore
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.patients import split_test
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.selection.columns import patient_numbers


@dataclass(frozen=True)
class Split:
    """One seed's view of the cohort.

    Attributes:
        seed: of the split and of all that follows.
        pool: cases or slices that may be labelled, by key.
        test: whole cases, by key.
        features: [N, D] of the pool.
        coords: [N, 2] the pool's map; test cases take no part in it.
        test_coords: [T, 2] where the test cases (in slices: none) would lie on it; for pictures.
        standing: measures of the pool that no training changes, such as the difficulty.
    """

    seed: int
    pool: list[Case]
    test: list[Case]
    features: np.ndarray[Any, np.dtype[np.float32]]
    coords: np.ndarray[Any, np.dtype[np.float64]]
    test_coords: np.ndarray[Any, np.dtype[np.float64]]
    standing: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)


def make_split(
    cohort: Cohort,
    without: Collection[str],
    encoder: Encoder,
    store: FeatureStore,
    seed: int,
    test_fraction: float,
) -> Split:
    """Hold out test cases and lay the others out on a map.

    Args:
        cohort: all cases, encoded in `store`.
        without: keys of the units that could not be encoded.
        encoder: whose vectors are taken.
        store: where they lie.
        seed: of the split and the map.
        test_fraction: share of the cases, whole patients.

    Raises:
        InputError: no case is left for testing.
    """
    test_keys = set(split_test(cohort.cases, test_fraction, seed))
    if not test_keys:
        raise InputError("The test split is empty: raise the test fraction or add cases.")
    units = cohort.units([case for case in cohort.cases if case.key not in test_keys])
    pool = sorted((one for one in units if one.key not in without), key=lambda one: one.key)
    test = sorted((c for c in cohort.cases if c.key in test_keys), key=lambda c: c.key)
    vectors = store.get([case.key for case in pool], encoder)
    whole = cohort.slice_axis is None
    held_out = store.get([case.key for case in test], encoder) if whole else vectors[:0]
    features, test_features = balanced(encoder, vectors, held_out)
    coords = map_pool(features, seed).coords
    return Split(
        seed=seed,
        pool=pool,
        test=test,
        features=features,
        coords=coords,
        test_coords=place(features, coords, test_features),
    )


def add_standing(
    split: Split,
    cohort: Cohort,
    strategy: str,
    encoder: Encoder,
    store: FeatureStore,
    folder: Path,
    autoencoder: Mapping[str, Any],
    device: str,
    progress: Progress,
) -> None:
    """Compute what `strategy` reads, no training changes, and `split.standing` lacks.

    Patients cost nothing, so they are there for whoever only uses them, too.
    """
    names = needs_of(strategy) | (uses_of(strategy) & {"patients"})
    for name in sorted(names & set(STANDING)):
        if name in split.standing:
            continue
        if name == "patients":
            numbers = patient_numbers([case.patient for case in split.pool])
            if numbers is not None:
                split.standing[name] = numbers
        elif name == "sam_uncertainty":
            from ActiveSeedLib.benchmark.sam import pool_uncertainty_of_sam

            split.standing[name] = pool_uncertainty_of_sam(cohort, split, encoder, store, progress)
        else:
            from ActiveSeedLib.benchmark.difficulty import pool_difficulty

            split.standing[name] = pool_difficulty(
                cohort, split, autoencoder, device, folder, store, progress
            )
