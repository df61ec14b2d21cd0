"""The autoencoder of the project's own pool: how hard each case is, and the encoder `cscs`."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import OutOfMemoryError
from ActiveSeedLib.features.encoder import Encoder, encoders, make_encoder
from ActiveSeedLib.features.fused import NAME as FUSED
from ActiveSeedLib.features.fused import FusedEncoder
from ActiveSeedLib.features.masked_autoencoder_images import (
    FILE,
    AutoencoderSettings,
    axes_of,
    fingerprint,
)
from ActiveSeedLib.features.store import FeatureStore
from ActiveSeedLib.jobs.encoding import Source, encode_units
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.jobs.units import reading
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.registry import check_seed
from ActiveSeedLib.segmentation.device import is_out_of_memory

SETTINGS = "autoencoder"
"""The project's setting that holds the fields of `AutoencoderSettings` that differ."""


@dataclass(frozen=True)
class DifficultyParameters:
    """Where to compute, the seed, and fields of `AutoencoderSettings` (None: as last time)."""

    device: str = "auto"
    seed: int = 43
    settings: dict[str, Any] | None = field(default=None)

    def __post_init__(self) -> None:
        check_seed(self.seed)


@on_project(DifficultyParameters)
def difficulty(
    project: Project, parameters: DifficultyParameters, progress: Progress
) -> dict[str, Any]:
    """Train the autoencoder where there is none, and say how hard each case of the pool is.

    Settings that are given are kept with the project: its encoder `cscs` and its suggestions use
    the autoencoder that they describe.
    """
    if parameters.settings is not None:
        AutoencoderSettings.from_json(parameters.settings)
        project.change_settings({SETTINGS: parameters.settings})
    found = difficulty_of(project, parameters.device, parameters.seed, progress)
    pool = sorted(_pool(project), key=lambda case: -found.get(case.key, -1.0))
    progress.update(1.0, f"Measured {len(found)} cases")
    return {
        "autoencoder": str(_folder(project, parameters.seed).relative_to(project.root)),
        "cases": [
            {"case": case.name, "key": case.key, "difficulty": found[case.key]}
            for case in pool
            if case.key in found
        ],
        "left_out": [case.name for case in pool if case.key not in found],
    }


def difficulty_of(project: Project, device: str, seed: int, progress: Progress) -> dict[str, float]:
    """Return U of each case of the pool by key: its reconstructions' mean variance.

    Computed once per case and autoencoder; test cases have none. A case that cannot be read is
    noted and left out.

    Args:
        project: open for writing.
        device: "auto", "cpu" or "cuda".
        seed: of the autoencoder; another seed is another autoencoder.
        progress: of training, where there is no autoencoder yet, and measuring.

    Raises:
        InputError: no case of the pool can be used.
        CancelledError: through `progress`; what was done is kept, a later call goes on.
    """
    training = 0.0 if (_folder(project, seed) / FILE).is_file() else 0.8
    path = autoencoder_of(project, device, seed, progress.part(0.0, training))
    pool = _pool(project)
    from ActiveSeedLib.features.masked_autoencoder import load_autoencoder
    from ActiveSeedLib.features.masked_autoencoder_difficulty import Difficulty
    from ActiveSeedLib.features.network import chosen_device

    measure = Difficulty(load_autoencoder(path, chosen_device(device)))
    names = {case.key: case.name for case in pool}
    part = progress.part(training, 1.0, "Difficulty: ")
    source = {"difficulty": str(path), "device": device}
    store = FeatureStore(project.features_folder)
    failures = encode_units(project, pool, measure, {measure.hash: source}, store, part)
    if failures:
        require_images(project)
    for key, sentence in failures.items():
        progress.note(f"The difficulty of {names[key]} is not known: {sentence}")
    known = [key for key in names if key not in failures]
    values = store.get(known, measure)
    return {key: float(value) for key, (value,) in zip(known, values, strict=True)}


def autoencoder_of(project: Project, device: str, seed: int, progress: Progress) -> Path:
    """Return the file of the autoencoder of this pool, seed and settings, trained if need be.

    Raises:
        InputError: no case of the pool can be used.
        CancelledError: through `progress`; a later call goes on.
    """
    folder = _folder(project, seed)
    if (folder / FILE).is_file():
        return folder / FILE
    require_images(project)
    for unfinished in folder.parent.glob("*/images"):
        if unfinished.parent != folder:  # of another pool or seed; read again if it ever goes on
            shutil.rmtree(unfinished, ignore_errors=True)
    from ActiveSeedLib.features.masked_autoencoder_training import train_autoencoder
    from ActiveSeedLib.features.network import chosen_device
    from ActiveSeedLib.segmentation.reproducible import reproducible

    try:
        with reading(project) as load, reproducible(seed):
            return train_autoencoder(
                _pool(project),
                load,
                _settings(project),
                seed,
                chosen_device(device),
                folder,
                progress,
            )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            "The memory does not suffice to train the autoencoder: close other programs, or run "
            "the difficulty with a smaller batch, side_3d or side_2d."
        ) from error


def must_train(project: Project, name: str, parameters: Mapping[str, Any], seed: int) -> bool:
    """Return whether the encoder called `name` has yet to be trained on the pool itself."""
    entry = encoders.get(name)
    if name == FUSED:
        return any(must_train(project, one, {}, seed) for one in entry.parse(parameters).members)
    if entry.tags.get("trained") != "pool" or entry.parse(parameters).weights:
        return False
    return not (_folder(project, seed) / FILE).is_file()


def encoder_of(
    project: Project, name: str, parameters: Mapping[str, Any], seed: int, progress: Progress
) -> tuple[Encoder, dict[str, Source]]:
    """Return the encoder called `name`, and what it, or each of its members, is made of, by hash.

    One that is made of the pool itself is trained first.
    """
    entry = encoders.get(name)
    wanted = entry.parse(parameters)
    if name == FUSED:
        members = [encoder_of(project, one, {}, seed, progress) for one in wanted.members]
        sources = {key: source for _, own in members for key, source in own.items()}
        return FusedEncoder([member for member, _ in members]), sources
    if entry.tags.get("trained") == "pool" and not wanted.weights:
        path = autoencoder_of(project, wanted.device, seed, progress)
        parameters = {**parameters, "weights": str(path)}
    encoder = make_encoder(name, parameters)
    return encoder, {encoder.hash: {"encoder": name, "parameters": dict(parameters)}}


def _pool(project: Project) -> list[Case]:
    """Return the units of the cases that are there, and never were test cases, by key."""
    return project.units_of(r.case for r in project.cases() if r.available and not r.held_out)


def _settings(project: Project) -> AutoencoderSettings:
    return AutoencoderSettings.from_json(project.settings.get(SETTINGS, {}))


def _folder(project: Project, seed: int) -> Path:
    """Return the folder of the autoencoder of this pool, seed and settings."""
    pool = _pool(project)
    name = fingerprint([case.key for case in pool], _settings(project), seed, axes_of(pool))
    return project.features_folder / "autoencoders" / name
