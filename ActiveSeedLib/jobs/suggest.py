"""Which cases to label first, and which next."""

import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.jobs.encode import Embedding, EncodeParameters, embed
from ActiveSeedLib.jobs.measures import Found, check_before, gather, is_slow
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.pool.slices import of_slices
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord, Status
from ActiveSeedLib.selection.strategy import DEFAULT_STRATEGY, Candidates, Selection, select
from ActiveSeedLib.selection.wanted import BY_PREDICTION, wanted
from ActiveSeedLib.version import __version__

CHOSEN = (Status.SUGGESTED, Status.IN_PROGRESS, Status.LABELLED)


@dataclass(frozen=True)
class SuggestParameters:
    """How many cases to suggest, and how they are chosen."""

    budget: int
    strategy: str = DEFAULT_STRATEGY
    strategy_parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 43
    encoder: str = DEFAULT_ENCODER
    encoder_parameters: dict[str, Any] = field(default_factory=dict)
    map_method: str = "tsne"
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise InputError(f"The budget must be at least 1, not {self.budget}.")


@on_project(SuggestParameters)
def suggest(project: Project, parameters: SuggestParameters, progress: Progress) -> dict[str, Any]:
    """Choose `budget` cases, say why, and put them into the queue as a new round.

    In a project that takes slices, `budget` slices.

    The measures that the strategy reads and the project lacks are computed first, and kept.
    """
    reads = wanted(parameters.strategy, parameters.strategy_parameters)
    check_before(project, parameters.strategy, reads, parameters.encoder)
    left = project.count_candidates()
    if parameters.budget > left:  # told at once, before the pool is encoded
        require_images(project)
        raise PoolTooSmallError(left, parameters.budget)
    choice = EncodeParameters(
        encoder=parameters.encoder,
        encoder_parameters=parameters.encoder_parameters,
        map_method=parameters.map_method,
        seed=parameters.seed,
    )
    encoded, predicted = (0.2, 0.4) if is_slow(reads) else (0.5, 0.89)
    embedding = embed(project, choice, progress.part(0.0, encoded))
    model = project.latest_model()
    if model is not None:
        _predict(project, model, reads.all, parameters.device, progress.part(encoded, predicted))
    found = gather(
        project,
        embedding,
        model,
        reads,
        parameters.device,
        parameters.seed,
        progress.part(predicted, 0.9),
    )
    progress.update(0.9, "Choosing the cases")
    request = _request(project, embedding, found, parameters.seed)
    selection = select(
        parameters.strategy, request, parameters.budget, parameters.strategy_parameters
    )
    spoken = _speaker(project)
    if "note" in selection.facts:
        progress.note(spoken(selection.facts["note"]))
    picks = [
        (embedding.cases[p.index].key, spoken(p.reason), _named(p.why, embedding))
        for p in selection.picks
    ]
    number = project.add_selection(
        parameters.strategy,
        parameters.strategy_parameters,
        parameters.seed,
        _provenance(parameters, embedding, selection, model, request, found),
        picks,
    )
    progress.update(1.0, f"Suggested {len(picks)} {'slices' if project.takes_slices else 'cases'}")
    return {
        "round": number,
        "strategy": parameters.strategy,
        "picks": [
            {"case": embedding.cases[p.index].name, "key": key, "reason": reason, "why": why}
            for p, (key, reason, why) in zip(selection.picks, picks, strict=True)
        ],
        "facts": _facts(selection),
    }


def _predict(
    project: Project,
    model: ModelRecord,
    reads: frozenset[str],
    device: str,
    progress: Progress,
) -> None:
    """Predict what the model has not predicted, with all that the strategy reads of it."""
    from ActiveSeedLib.jobs.predict import predict_missing

    labelled = len(project.training_labels())
    if (before := model.metrics["labelled"]) < labelled:
        progress.note(
            f"The model has seen {before} of {project.counted_labels(labelled)}: train again for "
            "better suggestions."
        )
    facts = sorted(reads & set(BY_PREDICTION) - {"entropy"})
    predict_missing(project, model, device, progress, facts=facts)


def _request(project: Project, embedding: Embedding, found: Found, seed: int) -> Candidates:
    """Return the pool as the strategies see it; cases in the queue count as already chosen."""
    statuses = project.unit_statuses(case.key for case in embedding.cases)
    apart = ("entropy", "class_scores", "gradients", "patients", "minutes")
    return Candidates(
        features=embedding.features,
        coords=embedding.coords,
        candidates=_rows(embedding, statuses, (Status.UNLABELLED,)),
        labelled=_rows(embedding, statuses, CHOSEN),
        seed=seed,
        scores={name: values for name, values in found.values.items() if name not in apart},
        round=len(project.rounds_in_brief()),
        **{name: found.values.get(name) for name in apart},
    )


def _rows(
    embedding: Embedding, statuses: dict[str, Status], wanted: tuple[Status, ...]
) -> NDArray[np.int64]:
    return np.array(
        [i for i, case in enumerate(embedding.cases) if statuses[case.key] in wanted],
        dtype=np.int64,
    )


def _speaker(project: Project) -> Callable[[str], str]:
    """Return what puts a strategy's sentence into the words of the project.

    A strategy knows cases, which may be slices, and the number of a class, which is that of a
    segment in the order of the values.
    """
    names = [s.name for s in sorted(project.schema.segments, key=lambda segment: segment.value)]

    def named(found: re.Match[str]) -> str:
        number = int(found[1])
        return names[number - 1] if 1 <= number <= len(names) else found[0]

    def speak(sentence: str) -> str:
        words = of_slices(sentence) if project.takes_slices else sentence
        return re.sub(r"\bsegment (\d+)\b", named, words)

    return speak


def _named(why: dict[str, Any], embedding: Embedding) -> dict[str, Any]:
    """Return `why` with the nearest case by name instead of by its row."""
    nearest = why.get("nearest")
    if nearest is None:
        return why
    return {**why, "nearest": embedding.cases[nearest].name}


def _facts(selection: Selection) -> dict[str, Any]:
    return {name: fact for name, fact in selection.facts.items() if name != "labels"}


def _clusters(selection: Selection, embedding: Embedding) -> dict[str, int]:
    """Return the cluster of each case that was a candidate, by key; empty without clusters."""
    labels = selection.facts.get("labels", [])
    return {
        case.key: int(label)
        for case, label in zip(embedding.cases, labels, strict=False)
        if label >= 0
    }


def _provenance(
    parameters: SuggestParameters,
    embedding: Embedding,
    selection: Selection,
    model: ModelRecord | None,
    request: Candidates,
    found: Found,
) -> dict[str, Any]:
    """Return all that is needed to repeat and to audit the selection."""
    return {
        "seed": parameters.seed,
        "budget": parameters.budget,
        "encoder": embedding.encoder.provenance,
        "encoder_hash": embedding.encoder.hash,
        "map": embedding.map.name,
        "map_facts": embedding.map.facts,
        "model": model.id if model else None,
        "measures": found.how,
        "candidates": len(request.candidates),
        "already_chosen": [embedding.cases[i].key for i in request.labelled],
        "facts": _facts(selection),
        "clusters": _clusters(selection, embedding),
        "versions": {
            "activeseed": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "SimpleITK")},
        },
    }
