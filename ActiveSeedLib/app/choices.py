"""What a user may choose for the loop, with defaults that need no thought."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.registry import parse_parameters
from ActiveSeedLib.selection.strategy import DEFAULT_STRATEGY


@dataclass(frozen=True)
class Choices:
    """What the steps of the loop are asked to do.

    Attributes:
        budget: cases a suggestion adds to the queue.
        strategy: how they are chosen; a name of the registry.
        strategy_parameters: what differs from the strategy's defaults, such as {"alpha": 0.5}.
        encoder: how an image becomes a vector; a name of the registry.
        seed: fixes everything by chance.
        device: "auto", "cpu" or "cuda".
        epochs: passes of a training over the label maps; None: as the training chooses.
        map_method: "tsne" or "pca".
        cross_validate: score a model by cross-validation where no test case can.
    """

    budget: int = 8
    strategy: str = DEFAULT_STRATEGY
    strategy_parameters: dict[str, Any] = field(default_factory=dict)
    encoder: str = DEFAULT_ENCODER
    seed: int = 43
    device: str = "auto"
    epochs: int | None = None
    map_method: str = "tsne"
    cross_validate: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the choices as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "Choices":
        """Return what `to_json` gave; what is unknown or of another type is left at its default.

        Another version of ActiveSeed may have written it, and a front end must open all the same.
        """
        kept: dict[str, Any] = {}
        for one in dataclasses.fields(cls):
            if isinstance(values, Mapping) and one.name in values:
                try:
                    parse_parameters("choices", cls, {one.name: values[one.name]})
                except InputError:
                    continue
                kept[one.name] = values[one.name]
        return cls(**kept)
