"""Features of every case, and the map of the pool."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.fused import balanced
from ActiveSeedLib.features.map2d import map_pool, place
from ActiveSeedLib.features.store import FeatureStore
from ActiveSeedLib.jobs.difficulty import encoder_of, must_train
from ActiveSeedLib.jobs.encoding import encode_units
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.jobs.units import case_problems
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import MapRecord, Status
from ActiveSeedLib.registry import check_seed


@dataclass(frozen=True)
class EncodeParameters:
    """Which encoder turns images into vectors, and how the map is made of them."""

    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    map_method: str = "tsne"
    seed: int = 43

    def __post_init__(self) -> None:
        check_seed(self.seed)


@dataclass(frozen=True)
class Embedding:
    """The pool in feature space and on the map; rows follow `cases` (test cases are not here).

    In a project that takes slices, `cases` are slices (`pool.slices`).
    """

    cases: list[Case]
    features: NDArray[np.float32]
    coords: NDArray[np.float64]
    map: MapRecord
    encoder: Encoder


@on_project(EncodeParameters)
def encode(project: Project, parameters: EncodeParameters, progress: Progress) -> dict[str, Any]:
    """Encode all cases that lack a vector, and map the pool."""
    embedding = embed(project, parameters, progress)
    unusable = [r for r in project.cases() if r.problem]
    return {
        "encoder": embedding.encoder.name,
        "encoder_hash": embedding.encoder.hash,
        "cases": len(embedding.cases),
        "map": embedding.map.name,
        "unusable": [{"case": r.case.name, "reason": r.problem} for r in unusable],
    }


def embed(project: Project, parameters: EncodeParameters, progress: Progress) -> Embedding:
    """Return features and map of the pool, computing only what the project lacks.

    A case that cannot be encoded is marked with its problem and left out. Test cases are encoded,
    but placed on the finished map for display only: they never shape it.
    """
    chosen = (project, parameters.encoder, parameters.encoder_parameters, parameters.seed)
    trained = 0.6 if must_train(*chosen) else 0.0
    encoder, sources = encoder_of(*chosen, progress.part(0.0, trained))
    records = [r for r in project.cases() if r.available]
    units = project.units_of(r.case for r in records)
    store = FeatureStore(project.features_folder)
    encoding = progress.part(trained, 0.9)
    problems = encode_units(project, units, encoder, sources, store, encoding)
    if problems:
        require_images(project)
    of_case = case_problems(project, records, problems)
    for record in records:
        problem = of_case.get(record.case.key)
        if problem != record.problem:
            project.set_problem(record.case.key, problem)
    statuses = project.unit_statuses(unit.key for unit in units)
    usable = [unit for unit in units if unit.key not in problems]
    pool = [unit for unit in usable if statuses[unit.key] is not Status.TEST]
    test = [unit for unit in usable if statuses[unit.key] is Status.TEST]
    if not pool:
        raise InputError(
            "No case of the pool can be encoded; each one says why in the list of cases."
        )
    vectors = store.get([case.key for case in pool], encoder)
    test_vectors = store.get([case.key for case in test], encoder) if test else vectors[:0]
    features, test_features = balanced(encoder, vectors, test_vectors)
    progress.update(0.9, f"Mapping {len(pool)} cases")
    made = _map(project, parameters, encoder, (pool, features), (test, test_features))
    coords = np.array([made.points[case.key] for case in pool])
    progress.update(1.0, "Encoded and mapped")
    return Embedding(pool, features, coords, made, encoder)


def _map(
    project: Project,
    parameters: EncodeParameters,
    encoder: Encoder,
    of_pool: tuple[list[Case], NDArray[np.float32]],
    of_test: tuple[list[Case], NDArray[np.float32]],
) -> MapRecord:
    """Return the stored map of exactly this pool and encoder, or make and store it."""
    (pool, features), (test, test_features) = of_pool, of_test
    members = hashlib.sha256(" ".join(c.key for c in [*pool, *test]).encode()).hexdigest()[:8]
    name = f"{encoder.name}-{encoder.hash[:8]}-{parameters.map_method}-{parameters.seed}-{members}"
    stored = project.map(name)
    if stored is not None and stored.points.keys() >= {case.key for case in [*pool, *test]}:
        return stored
    result = map_pool(features, parameters.seed, parameters.map_method)
    coords = {
        case.key: (float(x), float(y)) for case, (x, y) in zip(pool, result.coords, strict=True)
    }
    if test:
        placed = place(features, result.coords, test_features)
        coords |= {c.key: (float(x), float(y)) for c, (x, y) in zip(test, placed, strict=True)}
    facts = {**result.facts, "encoder": encoder.provenance, "encoder_hash": encoder.hash}
    project.save_map(name, facts, coords)
    made = project.map(name)
    assert made is not None
    return made
