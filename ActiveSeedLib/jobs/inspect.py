"""Whether an encoder is worth trusting on a pool, before any budget is spent."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.features.map2d import map_pool
from ActiveSeedLib.jobs.difficulty import difficulty_of, must_train
from ActiveSeedLib.jobs.encode import Embedding, EncodeParameters, embed
from ActiveSeedLib.jobs.opening import on_project
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.selection.inspection import Inspection, Maps
from ActiveSeedLib.selection.inspection import inspect as measure
from ActiveSeedLib.selection.near_copies import Neighbours

Floats = NDArray[np.float64]
ENCODING = 0.5  # share of the job's time


@dataclass(frozen=True)
class InspectParameters:
    """Which encoder is looked at, and for how many picks."""

    budget: int = 8
    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    map_method: str = "tsne"
    seed: int = 43
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise InputError(f"The budget must be at least 1, not {self.budget}.")


@on_project(InspectParameters)
def inspect(project: Project, parameters: InspectParameters, progress: Progress) -> dict[str, Any]:
    """Encode what is not encoded yet, and measure what the encoder is good for on this pool."""
    choice = EncodeParameters(
        encoder=parameters.encoder,
        encoder_parameters=parameters.encoder_parameters,
        map_method=parameters.map_method,
        seed=parameters.seed,
    )
    embedding = embed(project, choice, progress.part(0.0, ENCODING))
    found = measure(
        embedding.features,
        embedding.coords,
        parameters.budget,
        parameters.seed,
        _maps(parameters.map_method),
        _difficulty(project, embedding, parameters, progress),
        progress.part(ENCODING, 1.0).update,
    )
    progress.update(1.0, "Inspected the encoder")
    return {
        "unit": "slice" if project.takes_slices else "case",
        "encoder": embedding.encoder.name,
        "encoder_hash": embedding.encoder.hash,
        "map": embedding.map.name,
        "map_method": embedding.map.facts["method"],
        "seed": parameters.seed,
        **_plain(found, [case.name for case in embedding.cases]),
    }


def _maps(method: str) -> Maps:
    """Return how the project makes its map, and the settings that it might as well have had."""

    def scaled(scale: float) -> Callable[[NDArray[np.floating], int], Floats]:
        def make(features: NDArray[np.floating], seed: int) -> Floats:
            usual = min(30.0, (len(features) - 1) / 3)
            return map_pool(features, seed, perplexity=usual * scale).coords

        return make

    def by(name: str) -> Callable[[NDArray[np.floating], int], Floats]:
        return lambda features, seed: map_pool(features, seed, name).coords

    others = {"half the perplexity": scaled(0.5), "twice the perplexity": scaled(2.0)}
    others |= {"principal components": by("pca")} if method == "tsne" else {"t-SNE": by("tsne")}
    return Maps(by(method), others)


def _difficulty(
    project: Project, embedding: Embedding, parameters: InspectParameters, progress: Progress
) -> Floats | None:
    """Return how hard each case is, if the pool's autoencoder is there; none is trained for it."""
    if must_train(project, "cscs", {}, parameters.seed):
        return None
    part = progress.part(ENCODING, ENCODING)
    known = difficulty_of(project, parameters.device, parameters.seed, part)
    return np.array([known.get(case.key, math.nan) for case in embedding.cases])


def _plain(found: Inspection, names: list[str]) -> dict[str, Any]:
    """Return the measures as values that go into JSON, rows by the names of their cases."""
    curve = found.curve
    return {
        "verdict": found.verdict,
        "cases": found.cases,
        "dimension": found.dimension,
        "budget": found.budget,
        "sample": found.sample,
        "map_sample": found.map_sample,
        "structure": _facts(found.structure),
        "clusters": _facts(found.tendency),
        "silhouettes": None
        if curve is None
        else {
            "k": curve.k,
            "by_chance": found.map_by_chance,
            "sample": curve.sampled,
            "curve": {str(k): _number(s) for k, s in zip(curve.ks, curve.silhouettes, strict=True)},
        },
        "gain": _facts(found.gain),
        "map_gain": _facts(found.map_gain),
        "stability_over_seeds": _facts(found.seeds),
        "stability_over_maps": _facts(found.maps),
        "dcr": None if found.dcr is None else {"value": found.dcr, "cases": found.dcr_cases},
        **_neighbours(found.neighbours, names),
    }


def _neighbours(found: Neighbours, names: list[str]) -> dict[str, Any]:
    return {
        "near_copies": [[names[row] for row in group] for group in found.copies],
        "outliers": [
            {"case": names[row], "times": float(times)}
            for row, times in zip(found.outliers, found.times, strict=True)
        ],
        "typical_distance": found.typical,
        "neighbours_exact": found.exact,
    }


def _facts(measured: Any) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        name: _number(value)
        if isinstance(value, float)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in asdict(measured).items()
    }


def _number(value: float) -> float | None:
    """Return `value`, or None where there is none: JSON knows no NaN."""
    return float(value) if math.isfinite(value) else None
