"""The encoder `sam`: what the Segment Anything Model sees, weighted by where it is unsure (PGDR).

Light; torch and transformers come with its making.
"""

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ActiveSeedLib.errors import InputError, MissingDependencyError
from ActiveSeedLib.features import weights
from ActiveSeedLib.features.encoder import Encoder, encoders
from ActiveSeedLib.files import sha256
from ActiveSeedLib.registry import check_seed


@dataclass(frozen=True)
class SamParameters:
    """What can be chosen about `sam`.

    Defaults are those of SUGFW and of SAM's own automatic masks. With them ViT-B takes some 20
    minutes a slice on two CPU cores; with `side` 224 and `points` 16 half a minute.
    """

    weights: str = field(
        default="",
        metadata={"help": "file (.pth, .safetensors) or folder; empty: look in the usual places"},
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or cuda"})
    side: int = field(
        default=0,
        metadata={
            "help": "pixels of the input's side, such as 480 or 224; 0: as trained, 1024",
            "minimum": 0,
        },
    )
    points: int = field(
        default=32, metadata={"help": "points asked for along each side", "minimum": 1}
    )
    views: int = field(default=10, metadata={"help": "altered views of a slice", "minimum": 1})
    quality: float = field(
        default=0.88, metadata={"help": "quality that SAM must expect of a mask, 0 to 1"}
    )
    stability: float = field(
        default=0.95, metadata={"help": "how little a mask may depend on its threshold, 0 to 1"}
    )
    largest: float = field(
        default=0.5,
        metadata={"help": "masks of this share of the slice or more are background; 0.25 or 0.5"},
    )
    sign: Literal["+", "-"] = field(
        default="+", metadata={"help": "+: ambiguous places weigh more; -: less, as printed"}
    )
    slices: int = field(default=8, metadata={"help": "slices taken of a volume", "minimum": 1})
    seed: int = field(default=43, metadata={"help": "of the views"})

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if min(self.points, self.views, self.slices) < 1 or self.side < 0:
            raise InputError("Points, views and slices of sam must be at least 1, side at least 0.")
        if not 0 < self.largest <= 1:
            raise InputError(f"largest must lie above 0 and be at most 1, not {self.largest}.")


@encoders.register(
    "sam",
    summary="The Segment Anything Model, weighted by where its masks are unsure; needs a weights "
    "file, and minutes an image without a GPU.",
    citation="Ma et al., SUGFW, MICCAI 2025; Kirillov et al., Segment Anything, ICCV 2023",
    parameters=SamParameters,
    needs="torch, transformers, weights",
    weights=", ".join(entry.name for entry in weights.choices("sam", "auto")),
)
def make_sam(parameters: SamParameters) -> Encoder:
    """Return the encoder, its weights found and loaded; `InputError` says what is missing."""
    path = sam_file(parameters)
    from ActiveSeedLib.features.network import chosen_device
    from ActiveSeedLib.features.sam_encoder import SamEncoder
    from ActiveSeedLib.features.sam_network import load_sam

    device = chosen_device(parameters.device)
    network = load_sam(path, parameters.side, device)
    return SamEncoder(network, parameters, _provenance(path))


def sam_file(parameters: SamParameters) -> Path:
    """Return the file of the weights, verified where it is the published one.

    `InputError` says what is missing, the weights or the package that runs them.
    """
    if find_spec("transformers") is None:
        raise MissingDependencyError(
            f'The encoder sam needs the package transformers: install it with "{sys.executable}" '
            "-m pip install transformers."
        )
    if not parameters.weights:
        return weights.find(weights.choices("sam", "auto"))[1]
    path = Path(parameters.weights)
    return path / "model.safetensors" if path.is_dir() else path


def _provenance(path: Path) -> dict[str, Any]:
    checksum = sha256(path)
    for entry in weights.choices("sam", "auto"):
        if entry.sha256 == checksum:
            return dict(weights.provenance(entry, path, checksum))
    return {"weights": "the user's own", "file": path.name, "sha256": checksum}
