"""An encoder made of a convolutional network and its weights (imports torch)."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ActiveSeedLib.archives import require_moderate
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import identity
from ActiveSeedLib.features.slices import (
    intensity_window,
    sample,
    slices_of,
    squares,
)
from ActiveSeedLib.pool.case import Image

_VERSION = 1
"""Raise when the same image and weights would give another vector."""


@dataclass(frozen=True)
class Preprocessing:
    """From grey values in [0, 1] to the three channels a network was trained on.

    A channel is (grey − mean) / deviation, in the network's own order of channels.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    side: int = 224


PREPROCESSING: dict[str, Preprocessing] = {
    "minus-one-to-one": Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "bgr-minus-mean": Preprocessing((0.406, 0.456, 0.485), (1.0, 1.0, 1.0)),
}


class NetworkEncoder:
    """Slices → network → mean over the slices.

    Args:
        name: the entry's name.
        network: maps [n, 3, side, side] to [n, D]; put into evaluation mode here.
        dimension: D.
        preprocessing: a name in `PREPROCESSING`.
        slices: slices taken of a volume at most.
        device: "auto" (the GPU when there is one), "cpu", "cuda" or "cuda:N".
        provenance: facts about the weights; must hold their "sha256".
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        dimension: int,
        *,
        preprocessing: str,
        slices: int,
        device: str,
        provenance: dict[str, Any],
    ) -> None:
        if slices < 1:
            raise InputError(f"The parameter slices is {slices}; it must be at least 1.")
        self._preprocessing = PREPROCESSING[preprocessing]
        self._slices = slices
        self._device = chosen_device(device)
        # The chunk has a fixed size, the last one filled up with blank slices: so the arithmetic,
        # to the last bit, does not depend on which images are encoded together.
        self._chunk = 16 if self._device.type == "cuda" else 8
        self._network = network.to(self._device).eval()
        self.name = name
        self.dimension = dimension
        self.hash = identity(
            encoder=name,
            version=_VERSION,
            weights=provenance["sha256"],
            preprocessing=asdict(self._preprocessing),
            slices=slices,
        )
        self.provenance = {
            "encoder": name,
            "hash": self.hash,
            "dimension": dimension,
            "preprocessing": preprocessing,
            "preprocessing_values": asdict(self._preprocessing),
            "slices_per_volume": slices,
            "slice_axis": "coarsest",
            "pooling": "mean over slices",
            "torch": torch.__version__,
            "device": str(self._device),
            **provenance,
        }

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return one vector an image, [n, D]."""
        side = self._preprocessing.side
        counts: list[int] = []

        def all_pages() -> Iterator[NDArray[np.float32]]:
            for image in images:
                window = intensity_window(sample(image.array))
                axis = image.geometry.coarsest_axis
                pages = squares(slices_of(image, axis, self._slices, window), side)
                counts.append(len(pages))
                yield from pages

        rows: list[NDArray[np.float32]] = []
        chunk: list[NDArray[np.float32]] = []
        for page in all_pages():
            chunk.append(page)
            if len(chunk) == self._chunk:
                rows.append(self._forward(chunk))
                chunk = []
        if chunk:
            rows.append(self._forward(chunk))
        vectors = np.concatenate(rows) if rows else np.empty((0, self.dimension), np.float32)
        ends = np.cumsum(counts)
        means = [
            vectors[end - count : end].mean(axis=0) for end, count in zip(ends, counts, strict=True)
        ]
        return np.asarray(means, dtype=np.float32).reshape(len(images), self.dimension)

    def _forward(self, pages: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return [n, D] of n ≤ chunk squares in [0, 1]."""
        side = self._preprocessing.side
        grey = np.zeros((self._chunk, 1, side, side), dtype=np.float32)
        grey[: len(pages), 0] = pages
        mean = torch.tensor(self._preprocessing.mean).reshape(1, 3, 1, 1)
        deviation = torch.tensor(self._preprocessing.deviation).reshape(1, 3, 1, 1)
        batch = (torch.from_numpy(grey) - mean) / deviation
        with torch.inference_mode():
            vectors: NDArray[np.float32] = (
                self._network(batch.to(self._device)).float().cpu().numpy()
            )
        return vectors[: len(pages)]


def chosen_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the GPU when there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device called {name!r}; use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("The device is cuda, but torch sees no GPU here; use auto or cpu.")
    return device


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a `.npz` or a torch file by name; code in the file is never run."""
    if not path.is_file():
        raise InputError(f"There is no weights file {path}; check the parameter 'weights'.")
    require_moderate(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        state = torch.load(path, map_location="cpu", weights_only=True)
    # torch.load raises a dozen unrelated types for what is not its format.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as weights: a torch state dict (.pth, .pt) or a .npz is "
            "needed, not a whole pickled model and not a Keras .h5 file."
        ) from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(f"{path} holds no state dict (names with tensors); export one.")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def load_strictly(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Put `state` into `network`; `InputError` unless every name and shape agrees."""
    wanted = network.state_dict()
    for name, value in wanted.items():
        # A counter that older files lack; it plays no part in evaluation.
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, value)
    missing = [name for name in wanted if name not in state]
    unknown = [name for name in state if name not in wanted]
    misshapen = [n for n in wanted if n in state and wanted[n].shape != state[n].shape]
    if missing or unknown or misshapen:
        problems = [
            f"{len(names)} {what} ({names[0]}{', …' if len(names) > 1 else ''})"
            for names, what in (
                (missing, "missing"),
                (unknown, "unknown"),
                (misshapen, "of another shape"),
            )
            if names
        ]
        raise InputError(
            f"{path} does not fit the network {type(network).__name__}: of its tensors, "
            f"{', '.join(problems)}; choose the file or the parameter 'entry' that belong together."
        )
    network.load_state_dict(state, strict=True)
