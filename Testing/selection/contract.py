"""A pool of which everything is known, so that every strategy can choose from it."""

import dataclasses

import numpy as np

from ActiveSeedLib.selection.strategy import Candidates, strategies

# What is registered when the package is imported; a new strategy is under the contract at once.
NAMES = [entry.name for entry in strategies.entries()]
# The measures of a pool that are one number a case.
SCORES = (
    "foreground_entropy",
    "least_confidence",
    "margin",
    "bald",
    "tta",
    "ensemble",
    "foreground",
    "difficulty",
    "sam_uncertainty",
)
# What every pool has; anything else that a strategy names under `needs` can be missing.
ALWAYS_THERE = {"features", "coords", "nothing"}


def needs(name: str) -> set[str]:
    """Return the measures that the strategy called `name` cannot do without, entropy among them."""
    named = strategies.get(name).tags["needs"].split(",")
    return {need.strip() for need in named} - ALWAYS_THERE


def full_pool(count: int = 40, labelled: int = 4, seed: int = 0) -> Candidates:
    """Return a pool of `count` cases in three groups, all of them predicted by a model."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=10, size=(3, 2))
    coords = centres[rng.integers(0, 3, count)] + rng.normal(size=(count, 2))
    order = rng.permutation(count)
    entropy = rng.random(count)
    return Candidates(
        features=np.hstack([coords, rng.normal(size=(count, 6))]).astype(np.float32),
        coords=coords,
        candidates=np.sort(order[labelled:]),
        labelled=np.sort(order[:labelled]),
        entropy=entropy,
        seed=seed,
        scores={name: rng.random(count) for name in SCORES},
        class_scores=np.where(rng.random((count, 3)) < 0.8, rng.random((count, 3)), np.nan),
        gradients=rng.normal(size=(count, 12)),
        patients=np.where(rng.random(count) < 0.8, rng.integers(0, 12, count), -1),
        minutes=1.0 + rng.random(count) * 20,
        round=1 if labelled else 0,
    )


def equal_pool(pool: Candidates) -> Candidates:
    """Return `pool` with all cases alike in everything that can be measured."""
    count = len(pool.features)
    return dataclasses.replace(
        pool,
        features=np.ones((count, 3)),
        coords=np.ones((count, 2)),
        entropy=np.ones(count),
        scores={name: np.ones(count) for name in pool.scores},
        class_scores=np.ones((count, 3)),
        gradients=np.ones((count, 12)),
        minutes=np.ones(count),
    )


def without(pool: Candidates, need: str) -> Candidates:
    """Return `pool` as it is where the measure `need` is not known of any case."""
    if need in pool.scores:
        rest = {name: values for name, values in pool.scores.items() if name != need}
        return dataclasses.replace(pool, scores=rest)
    return dataclasses.replace(pool, **{need: None})


def unknown(pool: Candidates, need: str) -> Candidates:
    """Return `pool` with the measure `need` there, but NaN for every case."""
    if need in pool.scores:
        lost = np.full(len(pool.features), np.nan)
        return dataclasses.replace(pool, scores={**pool.scores, need: lost})
    shape = np.shape(getattr(pool, need))
    return dataclasses.replace(pool, **{need: np.full(shape, np.nan)})


def before_a_model(pool: Candidates) -> Candidates:
    """Return `pool` as it is while nothing has been predicted."""
    known = ("difficulty", "sam_uncertainty")
    return dataclasses.replace(
        pool,
        entropy=None,
        class_scores=None,
        gradients=None,
        scores={name: pool.scores[name] for name in known},
    )


def blank(pool: Candidates, rows: np.ndarray) -> None:
    """Overwrite all that is known of `rows` by NaN."""
    arrays = [pool.features, pool.coords, pool.entropy, pool.class_scores]
    arrays += [pool.gradients, pool.minutes, *pool.scores.values()]
    for array in arrays:
        assert array is not None
        array[rows] = np.nan


def shuffled(pool: Candidates, seed: int) -> tuple[Candidates, np.ndarray]:
    """Return `pool` in another order, and for each of its rows the row that it was."""
    order = np.random.default_rng(seed).permutation(len(pool.features))
    place = np.argsort(order)
    moved = dataclasses.replace(
        pool,
        features=pool.features[order],
        coords=pool.coords[order],
        candidates=np.sort(place[pool.candidates]),
        labelled=np.sort(place[pool.labelled]),
        scores={name: values[order] for name, values in pool.scores.items()},
        **{
            name: getattr(pool, name)[order]
            for name in ("entropy", "class_scores", "gradients", "patients", "minutes")
        },
    )
    return moved, order
