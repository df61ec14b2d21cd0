"""The file of a trained model: weights, and as JSON everything that is needed to use them."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ActiveSeedLib import __version__, files
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """A trained network.

    Attributes:
        network: on the CPU, in evaluation.
        plan: how images come to its grid.
        values: the label values of its classes 1, 2, ...
        info: settings, provenance (versions, seed, cases and hashes of their labels), history.
    """

    network: torch.nn.Module
    plan: Plan
    values: tuple[int, ...]
    info: dict[str, Any]


def save_model(
    path: Path,
    weights: Mapping[str, torch.Tensor],
    plan: Plan,
    values: tuple[int, ...],
    info: Mapping[str, Any],
) -> None:
    """Write the model atomically; `info` must be JSON."""
    whole = {"format": FORMAT, "plan": plan.to_json(), "values": list(values), **info}
    save_tensors(path, {"weights": plain(weights), "info": json.dumps(whole)})


def load_model(path: Path) -> Model:
    """Return the model at `path`; only tensors and plain values are ever unpickled.

    Raises:
        InputError: the file is missing, damaged, or not a model of this program.
    """
    content = load_tensors(path)
    try:
        info = json.loads(content["info"])
        if info["format"] != FORMAT:
            raise InputError(
                f"The model {path} was written by a newer ActiveSeed (format {info['format']}): "
                "update ActiveSeed or train again."
            )
        plan, values = Plan.from_json(info["plan"]), tuple(info["values"])
        network = build(plan, len(values) + 1)
        network.load_state_dict(content["weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"The model {path} does not fit this program: {error}") from error
    return Model(network.eval(), plan, values, info)


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values atomically."""
    with files.replacing(path) as temporary:
        torch.save(dict(content), temporary)


def load_tensors(path: Path) -> dict[str, Any]:
    """Return what `save_tensors` wrote, or raise `InputError`."""
    if not path.is_file():
        raise InputError(f"There is no model at {path}: train one first.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise InputError(f"{path} is damaged and cannot be read: train again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a model of ActiveSeed.")
    return content


def plain(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return copies of the weights on the CPU, in the usual layout, as one dictionary."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    import monai

    return {
        "activeseed": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "monai": str(monai.__version__),
        "numpy": np.__version__,
    }
