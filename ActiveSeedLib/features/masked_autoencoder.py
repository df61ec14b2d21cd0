"""A masked autoencoder: the network, its file, what it makes of an image (imports torch).

CSCS (arXiv:2606.20765) measures by it how hard a case is: what is hidden of a hard case is filled
in differently each time. Its bottleneck serves as an encoder too.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.masked_autoencoder_images import (
    FORMAT,
    AutoencoderSettings,
    on_grid,
    padded,
    visible,
)
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.selection.cscs import difficulty
from ActiveSeedLib.tensor_files import read_tensors, save_tensors


@dataclass(frozen=True)
class Autoencoder:
    """A trained autoencoder.

    Attributes:
        network: in evaluation, on its device.
        axes: 2 or 3, of its input.
        settings: it was trained with.
        weights_hash: SHA-256 of its weights.
        info: provenance: seed, settings, versions, hash of the pool's content, losses.
    """

    network: nn.Module
    axes: int
    settings: AutoencoderSettings
    weights_hash: str
    info: dict[str, Any]

    @property
    def dimension(self) -> int:
        """How many features its bottleneck has."""
        return self.settings.channels[-1]

    def features(self, image: Image) -> NDArray[np.float32]:
        """Return the mean of the bottleneck over all places, with nothing masked, [D]."""
        grid = padded(self._grid(image), self.settings.multiple)
        with torch.inference_mode():
            found = self._bottleneck(self._batch(grid[None]))
        pooled: NDArray[np.float32] = found.mean(dim=tuple(range(2, found.ndim)))[0].cpu().numpy()
        return pooled

    def reconstructions(self, image: Image, generator: np.random.Generator) -> NDArray[np.float32]:
        """Return what it makes of `image` under each rotation and mask, turned back: [R·V, …].

        Args:
            image: of any size; seen on the network's grid (`on_grid`).
            generator: draws the masks.
        """
        settings = self.settings
        grid = self._grid(image)
        whole = padded(grid, settings.multiple)
        real = tuple(slice(size) for size in grid.shape)
        made = []
        for turns in range(settings.rotations):
            turned = np.rot90(whole, turns, axes=(-2, -1))
            seen = np.stack(
                [
                    visible(turned.shape, settings.patch(self.axes), settings.hidden, generator)
                    for _ in range(settings.views)
                ]
            )
            with torch.inference_mode():
                found = self.network(self._batch(turned * seen)).float().cpu().numpy()[:, 0]
            made.append(np.rot90(found, -turns, axes=(-2, -1))[:, *real])
        return np.concatenate(made)

    def difficulty(self, image: Image, generator: np.random.Generator) -> float:
        """Return U of CSCS, of the reconstructions of `image`."""
        return difficulty(self.reconstructions(image, generator))

    def _grid(self, image: Image) -> NDArray[np.float32]:
        if self.axes == 2 and image.array.shape[0] != 1:
            raise InputError(
                f"The autoencoder was trained on single slices; this image has "
                f"{image.array.shape[0]}."
            )
        return on_grid(image, self.axes, self.settings.side(self.axes))

    def _batch(self, grids: NDArray[np.float32]) -> Tensor:
        given = torch.from_numpy(np.ascontiguousarray(grids, dtype=np.float32))
        return given[:, None].to(next(self.network.parameters()).device)

    def _bottleneck(self, batch: Tensor) -> Tensor:
        network = cast("Any", self.network)
        return cast("Tensor", network.intermediate(network.encode(batch))).float()


def build(axes: int, settings: AutoencoderSettings) -> nn.Module:
    """Return a new network (B, 1, …) → (B, 1, …); its weights follow torch's generator.

    Without skip connections, so that everything passes the bottleneck. Normalised in groups of
    channels within a case: no case depends on those it shares a batch with.
    """
    from monai.networks.nets import AutoEncoder

    groups = max(math.gcd(*settings.channels) // 8, 1)
    return cast(
        "nn.Module",
        AutoEncoder(
            spatial_dims=axes,
            in_channels=1,
            out_channels=1,
            channels=settings.channels,
            strides=(2,) * len(settings.channels),
            inter_channels=[settings.channels[-1]],
            norm=("GROUP", {"num_groups": groups}),
        ),
    )


def save_autoencoder(
    path: Path, network: nn.Module, axes: int, settings: AutoencoderSettings, info: dict[str, Any]
) -> None:
    """Write the autoencoder atomically; `info` must be JSON."""
    weights = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    facts = {
        **info,
        "format": FORMAT,
        "axes": axes,
        "settings": settings.to_json(),
        "weights_sha256": hash_weights(weights),
    }
    save_tensors(path, {"weights": weights, "info": json.dumps(facts)})


def load_autoencoder(path: Path, device: torch.device) -> Autoencoder:
    """Return the autoencoder at `path`, or raise `InputError`; nothing in the file is executed."""
    content = load_tensors(path)
    try:
        info = json.loads(content["info"])
        if info["format"] != FORMAT:
            raise InputError(
                f"The autoencoder {path} was written by another ActiveSeed: measure the difficulty "
                "again to train a new one."
            )
        settings = AutoencoderSettings.from_json(info["settings"])
        network = build(info["axes"], settings)
        network.load_state_dict(content["weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} holds no autoencoder of this program ({error}).") from error
    found = hash_weights(content["weights"])
    if found != info["weights_sha256"]:
        raise InputError(
            f"The weights in {path} have changed since they were trained: delete the file, and it "
            "is trained again."
        )
    return Autoencoder(network.to(device).eval(), info["axes"], settings, found, info)


def hash_weights(weights: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, shapes and values: what a file's bytes do not settle."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def load_tensors(path: Path) -> dict[str, Any]:
    """Return the file of an autoencoder, or of a training that goes on; or raise `InputError`."""
    missing = f"There is no autoencoder {path}: measure the difficulty first."
    return read_tensors(path, "an autoencoder", missing=missing, remedy="delete it")
