"""How hard each case is to reconstruct, U of CSCS (imports torch)."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.features.encoder import identity
from ActiveSeedLib.features.masked_autoencoder import Autoencoder
from ActiveSeedLib.pool.case import Image

_VERSION = 1
"""Raise when the same image and autoencoder would give another difficulty."""


class Difficulty:
    """The difficulty as an encoder of one number, so that the feature store keeps it as well.

    The masks of a case follow from the case itself and the seed of the autoencoder: a case has the
    same difficulty whatever else is in the pool and in whatever order it comes.
    """

    def __init__(self, autoencoder: Autoencoder) -> None:
        self._autoencoder = autoencoder
        settings = autoencoder.settings
        self._seed = int(autoencoder.info["seed"])
        self.name = "difficulty"
        self.dimension = 1
        facts: dict[str, Any] = {
            "weights": autoencoder.weights_hash,
            "seed": self._seed,
            "rotations": settings.rotations,
            "views": settings.views,
            "hidden": settings.hidden,
            "patch": settings.patch(autoencoder.axes),
        }
        self.hash = identity(measure=self.name, version=_VERSION, **facts)
        self.provenance: dict[str, Any] = {
            "measure": "mean variance over masked reconstructions",
            "citation": "CSCS, arXiv:2606.20765",
            "hash": self.hash,
            "autoencoder": autoencoder.info["fingerprint"],
            **facts,
        }

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return U of each image, [n, 1]."""
        values = [self._autoencoder.difficulty(image, self._masks(image)) for image in images]
        return np.asarray(values, dtype=np.float32).reshape(len(images), 1)

    def _masks(self, image: Image) -> np.random.Generator:
        content = hashlib.sha256(np.ascontiguousarray(image.array).tobytes()).digest()
        return np.random.default_rng([self._seed, int.from_bytes(content[:8], "big")])
