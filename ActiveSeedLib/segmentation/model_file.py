"""The file of a trained model: weights, and as JSON everything that is needed to use them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.tensor_files import read_tensors, save_tensors

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


def load_tensors(path: Path) -> dict[str, Any]:
    """Return the file of a model, or of a training that goes on; or raise `InputError`."""
    missing = f"There is no model at {path}: train one first."
    return read_tensors(path, "a model", missing=missing, remedy="train again")


def plain(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return copies of the weights on the CPU, in the usual layout, as one dictionary."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }
