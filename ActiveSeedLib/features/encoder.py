"""What an encoder is, and the encoders one can choose by name.

An encoder turns an image into one vector; selection and the map see only the vectors.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.registry import Registry


class Encoder(Protocol):
    """Image or volume → vector.

    Attributes:
        name: the entry it was made from.
        hash: 32 hexadecimal digits; equal exactly when algorithm, weights and preprocessing are.
        dimension: D, the length of a vector.
        provenance: what to record with the features: weights file and checksum, preprocessing,
            slices, licence, citation; plain JSON values.
    """

    name: str
    hash: str
    dimension: int
    provenance: dict[str, Any]

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return one vector an image, shape [n, D]; a row depends on its own image alone."""
        ...


@runtime_checkable
class ThoroughEncoder(Encoder, Protocol):
    """An encoder that takes seconds to minutes an image: it tells how far it is and can be stopped.

    Attributes:
        parts: as `hash`, of what it keeps of the parts of an image.
    """

    parts: str

    def encode_kept(
        self, images: Sequence[Image], kept: Shelf | None, progress: Progress
    ) -> NDArray[np.float32]:
        """Return one vector an image, shape [n, D], as `encode` does.

        Args:
            images: as for `encode`.
            kept: the shelf `parts`, where what is found is looked up and put, so that nothing is
                computed twice, not even after a crash; or None.
            progress: of these images.
        """
        ...


encoders: Registry[Callable[[Any], Encoder]] = Registry("encoder")


def make_encoder(name: str, parameters: Mapping[str, Any] | None = None) -> Encoder:
    """Return the encoder called `name`; `InputError` if name, parameters or weights are wrong."""
    entry = encoders.get(name)
    return entry.make(entry.parse(parameters or {}))


def identity(**facts: Any) -> str:
    """Return 32 hexadecimal digits that stand for everything that decides a vector."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def check_image(image: Image) -> str | None:
    """Return why `image` cannot be encoded, as a sentence, or None if it can."""
    array = image.array
    if array.ndim != 3 or array.size == 0:
        return f"The image has shape {array.shape}; a volume or a slice with voxels is needed."
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        return f"The voxels are of type {array.dtype}; real numbers are needed."
    finite = array[np.isfinite(array)] if np.issubdtype(array.dtype, np.floating) else array
    if finite.size == 0:
        return "No voxel has a finite value, so there is nothing to encode."
    if finite.min() == finite.max():
        return f"Every voxel has the value {finite.flat[0]}, so there is nothing to encode."
    return None


def check_vectors(vectors: NDArray[np.float32]) -> list[str | None]:
    """Return for each row of `vectors` [n, D] why it is no use, as a sentence, or None."""
    reasons: list[str | None] = []
    for vector in vectors:
        if not np.isfinite(vector).all():
            reasons.append("The encoder gave values that are not finite; check the intensities.")
        elif vector.size > 1 and np.ptp(vector) == 0:
            reasons.append("The encoder gave one value throughout; check that the image is one.")
        else:
            reasons.append(None)
    return reasons
