"""The file of a trained model: weights, and as JSON everything that is needed to use them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ActiveSeedLib.archives import MOST_TIMES
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.tensor_files import read_tensors, save_tensors

FORMAT = 1
MOST_VOXELS = 1 << 26
"""Of one input of a network: a patch of 406³, or a slice of 8,192²."""
LEAST_SPACING = 1e-4
"""Millimetres of a network's grid; what is finer is none of an image."""


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
        _require_moderate(path, plan, len(values) + 1)
        network = build(plan, len(values) + 1)
        network.load_state_dict(content["weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"The model {path} does not fit this program: {error}") from error
    return Model(network.eval(), plan, values, info)


def _require_moderate(path: Path, plan: Plan, classes: int) -> None:
    """Raise ValueError if the plan asks for more memory than its file can have been made with."""
    with torch.device("meta"):  # which takes none
        network = build(plan, classes)
    size = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    if size > MOST_TIMES * path.stat().st_size:
        raise ValueError(f"its plan is of a network of {size:,} bytes, which are not in the file")
    voxels = math.prod(plan.patch or plan.size_2d or ())
    if voxels > MOST_VOXELS or min(plan.spacing or (1.0,)) < LEAST_SPACING:
        raise ValueError(f"its plan has inputs of {voxels:,} voxels of {plan.spacing} mm")


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
