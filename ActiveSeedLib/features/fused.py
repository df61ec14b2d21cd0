"""The encoder `fused`: what several encoders see, side by side and with equal say.

Each encoder keeps its own vectors, so nothing is computed twice. What they see is put together for
one pool: the numbers of each encoder are centred and scaled so that its vectors differ, in the mean
over all pairs of cases, by as much as those of any other. Else the one with the largest numbers
would decide alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder, encoders, identity, make_encoder
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.selection.feature_space import centre_and_scale

NAME = "fused"
_VERSION = 1
"""Raise when the same vectors would be put together in another way."""


@dataclass(frozen=True)
class FusedParameters:
    """Which encoders are put together."""

    of: str = field(
        default="descriptor+cscs",
        metadata={"help": "names of two encoders or more, joined by +, with their defaults"},
    )

    def __post_init__(self) -> None:
        names = self.members
        for name in names:
            encoders.get(name)  # tells of one that there is not
        if NAME in names:
            raise InputError(f"{NAME} cannot hold {NAME}: name other encoders.")
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(
                f"{NAME} takes two different encoders or more, joined by +, such as "
                f"descriptor+cscs, not {self.of!r}."
            )

    @property
    def members(self) -> list[str]:
        """The names of the encoders."""
        return [name.strip() for name in self.of.split("+")]


class FusedEncoder:
    """Several encoders; `features.store` asks each for its own vectors.

    Attributes:
        members: the encoders.
    """

    def __init__(self, members: Sequence[Encoder]) -> None:
        self.members = tuple(members)
        self.name = NAME
        self.dimension = sum(member.dimension for member in members)
        self.hash = identity(
            encoder=NAME, version=_VERSION, members=[member.hash for member in members]
        )
        self.provenance: dict[str, Any] = {
            "encoder": NAME,
            "hash": self.hash,
            "dimension": self.dimension,
            "members": [member.provenance for member in members],
            "balance": "centred on the pool; equal shares in a mean squared distance of 1",
        }

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return the members' vectors side by side, [n, D], not yet in balance."""
        return np.hstack([member.encode(images) for member in self.members])


def balanced(
    encoder: Encoder, pool: NDArray[np.float32], *others: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Return vectors with equal say for each member of a fused encoder; of any other as they are.

    For the pool it is `selection.feature_space.fuse_features` of the members.

    Args:
        encoder: that made them.
        pool: [N, D]; what the scales are taken from.
        others: [n, D] each, such as test cases, that are scaled in the same way.
    """
    if not isinstance(encoder, FusedEncoder):
        return [pool, *others]
    results = [array.astype(np.float32, copy=True) for array in (pool, *others)]
    start = 0
    for member in encoder.members:
        block = slice(start, start + member.dimension)
        start += member.dimension
        centre, scale = centre_and_scale(pool[:, block], 1 / len(encoder.members))
        for result in results:
            result[:, block] = (result[:, block] - centre) * scale
    return results


@encoders.register(
    NAME,
    summary="Several encoders side by side, each with equal say, such as descriptor+cscs.",
    citation="Vectors side by side, scaled to equal mean distance; ActiveSeed",
    parameters=FusedParameters,
    needs="what the encoders need",
)
def make_fused(parameters: FusedParameters) -> Encoder:
    """Return the encoders that are named, together; `InputError` where one cannot be made."""
    return FusedEncoder([make_encoder(name) for name in parameters.members])
