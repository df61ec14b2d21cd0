"""The measures that a strategy reads: those that the project lacks are computed, and kept.

A measure has a provider, registered under its name. To add one, write a function from `Asked` to
`Found` with `@provides("name")`; strategies whose tags name the measure can then be chosen.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.sam import SamParameters, sam_file
from ActiveSeedLib.jobs.encode import Embedding
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord, Status
from ActiveSeedLib.selection.columns import (
    NEIGHBOURS,
    columns,
    patient_numbers,
    predicted_minutes,
)
from ActiveSeedLib.selection.strategy import DEFAULT_STRATEGY
from ActiveSeedLib.selection.wanted import (
    BEFORE,
    BY_PASSES,
    BY_PREDICTION,
    Wanted,
    is_of_model,
    passes,
)

# The names of measures that predictions are kept with under another name.
_FACTS = {"entropy": "mean_entropy"}


@dataclass(frozen=True)
class Asked:
    """What a provider is asked for.

    Attributes:
        project: open for writing.
        embedding: the pool; measures follow its cases.
        model: the newest one, if there is any.
        names: the measures wanted of this provider.
        device: "auto", "cpu" or "cuda".
        seed: of the selection.
        progress: of this provider alone.
    """

    project: Project
    embedding: Embedding
    model: ModelRecord | None
    names: frozenset[str]
    device: str
    seed: int
    progress: Progress

    @property
    def keys(self) -> list[str]:
        """The keys of the pool's cases, row by row."""
        return [case.key for case in self.embedding.cases]


@dataclass(frozen=True)
class Found:
    """Measures of the pool.

    Attributes:
        values: by name, [N] or, of classes and gradients, [N, …]; NaN where a case has none.
        how: by name, what is needed to repeat and to audit it; plain values.
    """

    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    how: dict[str, dict[str, Any]] = field(default_factory=dict)


Provider = Callable[[Asked], Found]
PROVIDERS: dict[str, Provider] = {}


def provides(*names: str) -> Callable[[Provider], Provider]:
    """Return a decorator that makes the function the provider of the measures `names`."""

    def decorate(provider: Provider) -> Provider:
        PROVIDERS.update(dict.fromkeys(names, provider))
        return provider

    return decorate


def check_before(project: Project, strategy: str, wanted: Wanted, encoder: str) -> None:
    """Raise `InputError` if the strategy cannot choose yet, before anything is computed for it."""
    if "sam_uncertainty" in wanted.needs and encoder != "sam":  # else the encoder says the same
        sam_file(SamParameters())
    model = project.latest_model()
    if wanted.needs_model and model is None:
        raise InputError(
            f"The strategy {strategy} chooses by what a trained model says of the cases, and there "
            "is none yet: label the cases in the queue and train one, or choose "
            f"{DEFAULT_STRATEGY}, which needs none to start."
        )
    for name in sorted(wanted.needs):
        if _provider(name) is None:
            raise InputError(
                f"The strategy {strategy} cannot choose: the measure {name} is not known to this "
                "ActiveSeed."
            )
    if model is not None and "ensemble" in passes(wanted.all):
        from ActiveSeedLib.jobs.passes import ensemble_of

        ensemble_of(project, model)
    timed = len(_timed(project))
    if "minutes" in wanted.needs and timed < NEIGHBOURS:
        raise InputError(
            f"The strategy {strategy} minds how long a case takes, which is known of {timed} "
            f"labelled cases: it takes {NEIGHBOURS} that were labelled in the panel or the viewer, "
            "which record the time."
        )


def gather(
    project: Project,
    embedding: Embedding,
    model: ModelRecord | None,
    wanted: Wanted,
    device: str,
    seed: int,
    progress: Progress,
) -> Found:
    """Return the wanted measures, and what else is known at no cost.

    What the project lacks is computed, with progress; a later call goes on where one was stopped.
    What cannot be known of any case is left out.

    Raises:
        InputError: a measure that is wanted cannot be computed; the sentence says what to do.
        CancelledError: through `progress`; what was done is kept.
    """
    names = {name for name in wanted.all if _provider(name) is not None} | {"patients"}
    if model is None:
        names = {name for name in names if not _of_model(name)}
    else:
        names |= set(BY_PREDICTION)
    by_provider: dict[Provider, set[str]] = {}
    for name in sorted(names):
        provider = _provider(name)
        assert provider is not None
        by_provider.setdefault(provider, set()).add(name)
    # Nearly all time is spent by those that are slow; the others count as a hundredth of one.
    weights = [1.0 if provider in _SLOW else 0.01 for provider in by_provider]
    found = Found()
    told = {*wanted.all, "entropy"}
    done = 0.0
    for (provider, own), weight in zip(by_provider.items(), weights, strict=True):
        start, done = done, done + weight / sum(weights)
        asked = Asked(
            project, embedding, model, frozenset(own), device, seed, progress.part(start, done)
        )
        one = provider(asked)
        found.values.update(one.values)
        found.how.update({name: how for name, how in one.how.items() if name in told})
    return found


def _provider(name: str) -> Provider | None:
    return _before if name.startswith(BEFORE) else PROVIDERS.get(name)


def _of_model(name: str) -> bool:
    return is_of_model(name) or name == "error" or name.startswith(BEFORE)


@provides(*BY_PREDICTION)
def _predicted(asked: Asked) -> Found:
    """Return what predictions tell; of the model's own label maps, what cross-validation told."""
    assert asked.model is not None
    facts = asked.project.unit_predictions(asked.model.id)
    held_out = _held_out(asked.model)
    rows = [facts.get(key) or held_out.get(key, {}) for key in asked.keys]
    return _of_facts(rows, asked, {"model": asked.model.id, "from": "predictions"})


@provides(*BY_PASSES)
def _passed(asked: Asked) -> Found:
    """Return what further passes through the model tell of the cases that may be picked."""
    from ActiveSeedLib.jobs.passes import gradients_of, make_passes, plan_passes

    project, model = asked.project, asked.model
    assert model is not None
    plan = plan_passes(project, model, passes(asked.names))
    statuses = project.unit_statuses(asked.keys)
    before = project.unit_predictions(model.id)
    units = [
        unit
        for unit in asked.embedding.cases
        if statuses[unit.key] is Status.UNLABELLED and unit.key in before
    ]
    make_passes(project, model, plan, units, asked.device, asked.progress)
    facts = project.unit_predictions(model.id)
    known = {unit.key for unit in units}
    rows = [facts.get(key, {}) if key in known else {} for key in asked.keys]
    found = _of_facts(rows, asked, {})
    for name in found.values:
        found.how[name] |= plan.how[BY_PASSES[name]]
    if "gradients" in asked.names:
        gradients = found.values["gradients"] = gradients_of(project, model, asked.keys)
        known_of = int(np.isfinite(gradients).all(axis=1).sum())
        found.how["gradients"] = {**plan.how["gradients"], "cases": known_of}
    return found


def _before(asked: Asked) -> Found:
    """Return the same measures as the model before this one gave them."""
    models = [one for one in asked.project.models() if one.state == "finished"]
    earlier = [one for one in models if asked.model is not None and one.id != asked.model.id]
    if not earlier:
        return Found()
    facts = asked.project.unit_predictions(earlier[-1].id)
    plain = {name.removeprefix(BEFORE) for name in asked.names}
    found = _of_facts(
        [facts.get(key, {}) for key in asked.keys],
        asked,
        {"model": earlier[-1].id, "from": "predictions"},
        plain,
    )
    return Found(
        {BEFORE + name: values for name, values in found.values.items()},
        {BEFORE + name: how for name, how in found.how.items()},
    )


@provides("error")
def _error(asked: Asked) -> Found:
    """Return 1 − Dice of the model's label maps, by networks that had not seen them."""
    assert asked.model is not None
    held_out = _held_out(asked.model)
    rows = [held_out.get(key, {}) for key in asked.keys]
    return _of_facts(rows, asked, {"model": asked.model.id, "from": "cross-validation"})


@provides("patients")
def _patients(asked: Asked) -> Found:
    numbers = patient_numbers([case.patient for case in asked.embedding.cases])
    if numbers is None:
        return Found()
    how = {"known": int((numbers >= 0).sum()), "patients": int(numbers.max()) + 1}
    return Found({"patients": numbers}, {"patients": how})


@provides("minutes")
def _minutes(asked: Asked) -> Found:
    """Return the minutes predicted from the recorded ones of similar cases."""
    timed = _timed(asked.project)
    spent = np.array([timed.get(key, np.nan) for key in asked.keys])
    known = int(np.isfinite(spent).sum())
    predicted = predicted_minutes(asked.embedding.features, spent)
    if predicted is None:
        asked.progress.note(
            f"How long a case takes is known of {known} labelled cases; from {NEIGHBOURS} on it is "
            "predicted for the others."
        )
        return Found()
    how = {"from": "annotation times", "cases": known, "neighbours": NEIGHBOURS}
    return Found({"minutes": predicted}, {"minutes": how})


@provides("difficulty")
def _difficulty(asked: Asked) -> Found:
    """Return how hard a case is to reconstruct, for an autoencoder trained on the pool."""
    from ActiveSeedLib.jobs.difficulty import SETTINGS, difficulty_of

    values = difficulty_of(asked.project, asked.device, asked.seed, asked.progress)
    settings = asked.project.settings.get(SETTINGS, {})
    rows = [{"difficulty": values.get(key)} for key in asked.keys]
    return _of_facts(rows, asked, {"from": "autoencoder", "seed": asked.seed, "settings": settings})


@provides("sam_uncertainty")
def _sam_uncertainty(asked: Asked) -> Found:
    """Return how ambiguous a case is for the Segment Anything Model."""
    from ActiveSeedLib.jobs.sam import sam_measure, sam_uncertainty_of

    measure = sam_measure(asked.embedding.encoder, asked.device)
    values = sam_uncertainty_of(asked.project, measure, asked.progress)
    rows = [{"sam_uncertainty": values.get(key)} for key in asked.keys]
    return _of_facts(rows, asked, {"from": "SAM", **measure.provenance})


_SLOW = {_passed, _difficulty, _sam_uncertainty}


def is_slow(wanted: Wanted) -> bool:
    """Return whether some of the measures may take longer than to encode and predict the pool."""
    return any(_provider(name) in _SLOW for name in wanted.all)


def _of_facts(
    facts: Sequence[Mapping[str, Any]],
    asked: Asked,
    how: dict[str, Any],
    names: set[str] | None = None,
) -> Found:
    """Return the named (or the asked) measures that any case has, and of how many it is known."""
    values: dict[str, NDArray[Any]] = {}
    for name in sorted(asked.names if names is None else names):
        kept_as = _FACTS.get(name, name)
        found = columns(facts, [kept_as])
        if kept_as in found:
            values[name] = found[kept_as]
    counts = {
        name: int(np.isfinite(array).reshape(len(array), -1).any(axis=1).sum())
        for name, array in values.items()
    }
    return Found(values, {name: {**how, "cases": counts[name]} for name in values})


def _held_out(model: ModelRecord) -> dict[str, dict[str, Any]]:
    """Return by key what cross-validation told of the model's own label maps, and the error."""
    cases = model.scores.get("cross-validation", {}).get("cases", [])
    return {one["key"]: {**one, "error": 1.0 - one["dice"]} for one in cases if "key" in one}


def _timed(project: Project) -> dict[str, float]:
    """Return the minutes that labelling took, by unit, where it is known.

    Slices of one case took equal parts of its time.
    """
    seconds = {r.case.key: r.seconds for r in project.cases() if r.seconds > 0}
    units = [(unit, split_key(unit)[0]) for unit in project.training_labels()]
    count = Counter(key for _, key in units)
    return {unit: seconds[key] / 60 / count[key] for unit, key in units if key in seconds}
