"""The encoder `cscs`: the bottleneck of an autoencoder trained on the project's own pool.

Light; torch comes with its making.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder, encoders, identity
from ActiveSeedLib.pool.case import Image

if TYPE_CHECKING:
    from ActiveSeedLib.features.masked_autoencoder import Autoencoder

_VERSION = 1
"""Raise when the same image and weights would give another vector."""


@dataclass(frozen=True)
class CscsEncoderParameters:
    """What can be chosen about `cscs`."""

    weights: str = field(
        default="", metadata={"help": "autoencoder file (.pt); empty: the project's own"}
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or cuda"})


class CscsEncoder:
    """Bottleneck features of a masked autoencoder, averaged over all places."""

    def __init__(self, autoencoder: "Autoencoder") -> None:
        self._autoencoder = autoencoder
        self.name = "cscs"
        self.dimension = autoencoder.dimension
        settings = autoencoder.settings
        self.hash = identity(
            encoder=self.name,
            version=_VERSION,
            weights=autoencoder.weights_hash,
            side=settings.side(autoencoder.axes),
        )
        about = ("fingerprint", "seed", "pool_sha256", "trained_on", "versions", "device")
        self.provenance: dict[str, Any] = {
            "encoder": self.name,
            "hash": self.hash,
            "dimension": self.dimension,
            "sha256": autoencoder.weights_hash,
            "citation": "CSCS, arXiv:2606.20765",
            "pooling": "mean over the bottleneck, nothing masked",
            "settings": settings.to_json(),
            **{name: autoencoder.info[name] for name in about},
        }

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return one vector an image, [n, D]."""
        rows = [self._autoencoder.features(image) for image in images]
        return np.asarray(rows, dtype=np.float32).reshape(len(images), self.dimension)


@encoders.register(
    "cscs",
    summary="Learns from the project's own images to fill in what is hidden; trained first where "
    "the project has none, which takes minutes.",
    citation="CSCS, arXiv:2606.20765",
    parameters=CscsEncoderParameters,
    needs="torch",
    trained="pool",
)
def make_cscs(parameters: CscsEncoderParameters) -> Encoder:
    """Return the encoder of the autoencoder in the file `weights`; `InputError` without one."""
    if not parameters.weights:
        raise InputError(
            "The encoder cscs is trained on the pool of a project: run it in a project, or name an "
            "autoencoder that was trained before with the parameter 'weights'."
        )
    from ActiveSeedLib.features.masked_autoencoder import load_autoencoder
    from ActiveSeedLib.features.network import chosen_device

    device = chosen_device(parameters.device)
    return CscsEncoder(load_autoencoder(Path(parameters.weights), device))
