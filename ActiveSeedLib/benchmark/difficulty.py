"""How hard each case of a simulation's pool is, by an autoencoder trained on that pool alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.features.masked_autoencoder import load_autoencoder
from ActiveSeedLib.features.masked_autoencoder_difficulty import Difficulty
from ActiveSeedLib.features.masked_autoencoder_images import (
    AutoencoderSettings,
    axes_of,
    fingerprint,
)
from ActiveSeedLib.features.masked_autoencoder_training import train_autoencoder
from ActiveSeedLib.features.network import chosen_device
from ActiveSeedLib.features.store import FeatureStore, measure_pool
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.reproducible import reproducible

if TYPE_CHECKING:
    from ActiveSeedLib.benchmark.cohort import Cohort
    from ActiveSeedLib.benchmark.split import Split


def pool_difficulty(
    cohort: "Cohort",
    split: "Split",
    settings: Mapping[str, Any],
    device: str,
    folder: Path,
    store: FeatureStore,
    progress: Progress,
) -> NDArray[np.float64]:
    """Return the difficulty of each case of the split's pool, NaN where it cannot be measured.

    Args:
        cohort: the images.
        split: the pool, and the seed of the autoencoder; test cases take no part.
        settings: fields of `AutoencoderSettings` that differ.
        device: "auto", "cpu" or "cuda".
        folder: where the autoencoders lie, one a pool and seed; a killed training resumes.
        store: where the difficulties are kept.
        progress: of training and measuring.
    """
    wanted = AutoencoderSettings.from_json(dict(settings))
    keys = [case.key for case in split.pool]
    name = fingerprint(keys, wanted, split.seed, axes_of(split.pool))
    place = chosen_device(device)
    with reproducible(split.seed):
        path = train_autoencoder(
            split.pool,
            cohort.load_image,
            wanted,
            split.seed,
            place,
            folder / name,
            progress.part(0.0, 0.8),
        )
    measure = Difficulty(load_autoencoder(path, place))
    part = progress.part(0.8, 1.0, "Difficulty: ")
    return measure_pool(split.pool, cohort.load_image, measure, store, part)
