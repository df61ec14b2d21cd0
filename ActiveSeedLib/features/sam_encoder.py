"""PGDR of SUGFW as an encoder, and SAM's uncertainty beside it (imports torch)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.features.encoder import identity
from ActiveSeedLib.features.sam import SamParameters
from ActiveSeedLib.features.sam_network import SamNetwork
from ActiveSeedLib.features.sam_views import View, content_key, fitted, views_of
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.features.slices import evenly_spaced, intensity_window, sample, slices_of
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.selection.sugfw import (
    image_uncertainty,
    pgdr,
    pool_uncertainty,
    uncertainty_map,
    union_of_masks,
)

_VERSION = 1
"""Raise when the same image and weights would give another vector or uncertainty."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SeenSlices:
    """What SAM sees in the slices of an image.

    Attributes:
        axis: the KJI axis that the slices lie along.
        indices: [S] places of the slices on it.
        features: [S, C] PGDR of each slice.
        uncertainty: [S] mean uncertainty of each slice.
    """

    axis: int
    indices: NDArray[np.intp]
    features: Floats
    uncertainty: Floats


class SamEncoder:
    """PGDR of each slice, averaged over the slices of a volume.

    A slice is looked at once only: what was found is kept by its content.
    """

    def __init__(
        self, network: SamNetwork, parameters: SamParameters, weights: dict[str, Any]
    ) -> None:
        self._network = network
        self._parameters = parameters
        self.parameters = asdict(parameters)
        self.name = "sam"
        self.dimension = network.dimension
        facts: dict[str, Any] = {
            "weights": weights["sha256"],
            "side": network.side,
            "points": parameters.points,
            "views": parameters.views,
            "quality": parameters.quality,
            "stability": parameters.stability,
            "largest": parameters.largest,
            "sign": parameters.sign,
            "seed": parameters.seed,
        }
        self.parts = identity(encoder=self.name, version=_VERSION, unit="slice", **facts)
        self.hash = identity(encoder=self.name, version=_VERSION, slices=parameters.slices, **facts)
        self.provenance: dict[str, Any] = {
            "encoder": self.name,
            "hash": self.hash,
            "parts": self.parts,
            "dimension": self.dimension,
            "citation": "Ma et al., SUGFW, MICCAI 2025",
            "pooling": "patch features weighted by uncertainty, mean over slices",
            "slices_per_volume": parameters.slices,
            "slice_axis": "coarsest",
            "torch": torch.__version__,
            "device": str(network.device),
            **facts,
            **weights,
        }

    def encode(self, images: Sequence[Image]) -> Floats:
        """Return one vector an image, [n, C]."""
        return self.encode_kept(images, None, Progress())

    def encode_kept(
        self, images: Sequence[Image], kept: Shelf | None, progress: Progress
    ) -> Floats:
        """Return one vector an image, [n, C]; see `ThoroughEncoder`."""
        rows = [seen.features.mean(axis=0) for seen in self.each(images, kept, progress)]
        return np.asarray(rows, dtype=np.float32).reshape(len(images), self.dimension)

    def each(
        self, images: Sequence[Image], kept: Shelf | None, progress: Progress
    ) -> list[SeenSlices]:
        """Return what SAM sees in the slices of each image."""
        return [
            self.slices(image, kept, progress.part(at / len(images), (at + 1) / len(images)))
            for at, image in enumerate(images)
        ]

    def slices(self, image: Image, kept: Shelf | None, progress: Progress) -> SeenSlices:
        """Return what SAM sees in the slices of `image`, evenly spaced along its coarsest axis.

        Args:
            image: a volume, or one slice.
            kept: where results of slices are looked up and put, one row [C + 1] a slice: the
                features, then the uncertainty. Without it all is computed.
            progress: told "slice 2 of 8, view 3 of 10"; asked to stop many times a view.
        """
        axis = image.geometry.coarsest_axis
        window = intensity_window(sample(image.array))
        pages = slices_of(image, axis, self._parameters.slices, window)
        rows = []
        for at, page in enumerate(pages):
            name = f"slice {at + 1} of {len(pages)}, " if len(pages) > 1 else ""
            part = progress.part(at / len(pages), (at + 1) / len(pages), name)
            key = content_key(page)
            if kept is None or kept.missing([key]):
                row = np.append(*self.look(page, part)).astype(np.float32)
                if kept is not None:
                    kept.put([key], row[None])
            else:
                row = kept.get([key])[0]
            rows.append(row)
        found = np.stack(rows)
        indices = evenly_spaced(image.array.shape[axis], self._parameters.slices)
        return SeenSlices(axis, indices, found[:, :-1], found[:, -1])

    def look(self, page: Floats, progress: Progress) -> tuple[NDArray[np.float64], float]:
        """Return PGDR [C] and mean uncertainty of one slice [H, W] with values in [0, 1]."""
        network = self._network
        upright = fitted(page, network.side)
        features = next(network.embed([upright], progress))[0].cpu().numpy()
        uncertainty = uncertainty_map(self._unions(page, progress), sign=self._parameters.sign)
        height, width = upright.shape
        weight = pool_uncertainty(
            uncertainty,
            (network.grid, network.grid),
            extent=(height / network.patch, width / network.patch),
        )
        return pgdr(features, weight), float(image_uncertainty(uncertainty))

    def _unions(self, page: Floats, progress: Progress) -> NDArray[np.bool_]:
        """Return the union of the masks of each view of a slice, put back: [K, h, w]."""
        views = views_of(page, self._parameters.views, self._parameters.seed)
        seen = [fitted(view.of(page), self._network.side) for view in views]
        unions = []
        for at, features in enumerate(self._network.embed(seen, progress)):
            progress.update(at / len(views), f"view {at + 1} of {len(views)}")
            unions.append(self._union(features, views[at], seen[at].shape, progress))
        return np.stack(unions)

    def _union(
        self, features: torch.Tensor, view: View, shape: tuple[int, ...], progress: Progress
    ) -> NDArray[np.generic]:
        """Return the union of the masks of one view, where it lies on the page."""
        chosen = self._parameters
        union = np.zeros(shape, dtype=np.bool_)
        for masks in self._network.masks(
            features,
            (shape[0], shape[1]),
            chosen.points,
            chosen.quality,
            chosen.stability,
            progress,
        ):
            union |= union_of_masks(masks, chosen.largest)
        return view.back(union)


class SamUncertainty:
    """Mean uncertainty as an encoder of one number, so that the feature store keeps it as well.

    It shares what is kept of each slice with the encoder that it is made of.
    """

    def __init__(self, encoder: SamEncoder) -> None:
        self._encoder = encoder
        self.name = "sam_uncertainty"
        self.dimension = 1
        self.parameters = encoder.parameters
        self.parts = encoder.parts
        self.hash = identity(measure=self.name, version=_VERSION, encoder=encoder.hash)
        self.provenance: dict[str, Any] = {
            **encoder.provenance,
            "encoder": self.name,
            "hash": self.hash,
            "dimension": 1,
            "pooling": "mean uncertainty over pixels, then over slices",
        }

    def encode(self, images: Sequence[Image]) -> Floats:
        """Return the uncertainty of each image, [n, 1]."""
        return self.encode_kept(images, None, Progress())

    def encode_kept(
        self, images: Sequence[Image], kept: Shelf | None, progress: Progress
    ) -> Floats:
        """Return the uncertainty of each image, [n, 1]; see `ThoroughEncoder`."""
        seen = self._encoder.each(images, kept, progress)
        values = [one.uncertainty.mean() for one in seen]
        return np.asarray(values, dtype=np.float32).reshape(len(images), 1)
