"""Further passes of a model through the pool: what they measure is kept with its predictions."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.executor.work import Item, Outcome, Place
from ActiveSeedLib.features.shards import Shelf, Waiting
from ActiveSeedLib.files import sha256
from ActiveSeedLib.jobs.shards import carry_out
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord
from ActiveSeedLib.segmentation.assess import DROPOUT_PASSES, assess
from ActiveSeedLib.segmentation.forward import dropouts
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.settings import WITHOUT_INFLUENCE

HOW = "how"
"""The fact of a prediction that holds, for each kind of passes, the settings they were made by."""
DROPOUT_SEED = 0
VIEWS: Literal["natural", "mirrored"] = "natural"


@dataclass(frozen=True)
class Plan:
    """Which passes are made, and how.

    Attributes:
        how: settings of each kind of passes that is wanted; plain values.
        members: the models of the ensemble besides the one, where it is wanted.
    """

    how: dict[str, dict[str, Any]]
    members: list[ModelRecord]

    @property
    def predictions(self) -> int:
        """How many predictions a case takes, about, with the plain one that is compared with."""
        each = {"bald": DROPOUT_PASSES, "tta": 3, "ensemble": len(self.members), "gradients": 1}
        return 1 + sum(each[kind] for kind in self.how)


def plan_passes(project: Project, model: ModelRecord, kinds: Collection[str]) -> Plan:
    """Return how the wanted kinds of passes are made.

    Raises:
        InputError: an ensemble is wanted, and there is no second model to ask.
    """
    how: dict[str, dict[str, Any]] = {}
    members: list[ModelRecord] = []
    for kind in sorted(kinds):
        how[kind] = {"model": model.id}
        if kind == "bald":
            how[kind] |= {"passes": DROPOUT_PASSES, "seed": DROPOUT_SEED}
        elif kind == "tta":
            how[kind] |= {"views": VIEWS}
        elif kind == "ensemble":
            members = ensemble_of(project, model)
            how[kind] |= {"models": [one.id for one in members]}
    return Plan(how, members)


def ensemble_of(project: Project, model: ModelRecord) -> list[ModelRecord]:
    """Return the other models that differ from `model` in their seed alone, the first one first.

    Earlier rounds' models are no part of it: they have seen fewer label maps, and disagreement with
    them tells what was learnt since rather than what is unsure.

    Raises:
        InputError: there is none.
    """
    wanted = _identity(model)
    others = [
        one
        for one in project.models()
        if one.id != model.id
        and one.state == "finished"
        and _identity(one) == wanted
        and (one.folder / "model.pt").is_file()
    ]
    if not others:
        seed = int(model.settings.get("seed", 0)) + 1
        raise InputError(
            f"An ensemble needs two models or more that differ in nothing but their seed, and "
            f"{model.id} is alone: train again with the same settings and another seed (such as "
            f"{seed}), then suggest again."
        )
    return others


def _identity(model: ModelRecord) -> tuple[dict[str, Any], Any]:
    without = {*WITHOUT_INFLUENCE, "seed"}
    settings = {name: value for name, value in model.settings.items() if name not in without}
    return settings, model.provenance.get("labels")


def make_passes(
    project: Project,
    model: ModelRecord,
    plan: Plan,
    units: Sequence[Case],
    device: str,
    progress: Progress,
) -> int:
    """Make the passes that `units` lack, and return for how many of them that was needed.

    One case at a time is kept, so that after a cancel or a kill it goes on with the next one (but
    for gradients of the last seconds). A case that fails is noted and left out.

    Raises:
        InputError: the model cannot make such passes.
        CancelledError: through `progress`; what was done is kept.
    """
    lacking = _lacking(project, model, plan, units)
    if not lacking:
        return 0
    progress.note(
        f"Measuring {' and '.join(sorted(plan.how))} takes about {plan.predictions} predictions "
        f"of each of {len(lacking)} cases; what is measured is kept."
    )
    paths = [one.folder / "model.pt" for one in (model, *plan.members)]
    files = [path.relative_to(project.root).as_posix() for path in paths]
    work = PassesWork(files, [sha256(path) for path in paths], device)
    items = [
        Item(unit, {"how": {kind: plan.how[kind] for kind in kinds}}) for unit, kinds in lacking
    ]
    how = {item.case.key: item.extra["how"] for item in items}
    names = {item.case.key: item.case.name for item in items}
    problems: list[str] = []
    with _gradients(project, model) as gradients:
        for found in carry_out(project, work, items, progress):
            if found.problem is not None:
                problems.append(found.problem)
                progress.note(f"Left out {names[found.key]}: {found.problem}")
                continue
            if found.vector is not None:
                gradients.add(found.key, found.vector)
            _keep(project, model, found, how[found.key])
    if len(problems) == len(lacking):
        raise InputError(problems[0])
    return len(lacking) - len(problems)


@dataclass(frozen=True)
class PassesWork:
    """Makes passes of a model, or of an ensemble, through each image.

    An item's extra holds "how" its kinds of passes are made. The vector is the gradient embedding.

    Attributes:
        models: their files below the project's folder, the one that is asked first.
        checksums: SHA-256 of each.
        device: "auto", "cpu" or "cuda".
    """

    models: list[str]
    checksums: list[str]
    device: str
    kind: ClassVar[str] = "measure"
    doing: ClassVar[str] = "Measuring"

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to make it again."""
        return asdict(self)

    def decides(self) -> dict[str, Any]:
        """Return the checksums of the models."""
        return {"models": self.checksums}

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        """Yield the scores, and the gradient embedding if it is asked for; see `Work.do`."""
        first, *others = [Predictor(place.file(path), device=self.device) for path in self.models]
        if any("bald" in item.extra["how"] for item in items) and not dropouts(first.network):
            raise InputError(
                "The model drops no features, so its passes cannot differ: train with a dropout "
                "above 0 (dropout in 2-D, dropout_3d in 3-D), or choose tta."
            )
        for index, item in enumerate(items):
            place.progress.update(index / len(items), f"Measuring case {index + 1} of {len(items)}")
            kinds = list(item.extra["how"])
            try:
                found = assess(
                    first,
                    place.load(item.case),
                    kinds,
                    others=others,
                    seed=DROPOUT_SEED,
                    views=VIEWS,
                    progress=place.progress,
                )
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                yield Outcome(item.case.key, problem=str(error))
                continue
            names = {one for kind in kinds for one in (kind, f"foreground_{kind}")}
            scores = {name: value for name, value in found.scores.items() if name in names}
            yield Outcome(item.case.key, scores, found.gradient)


def gradients_of(project: Project, model: ModelRecord, keys: Sequence[str]) -> NDArray[np.float32]:
    """Return the gradient embeddings [n, G] of `keys`, NaN where there is none."""
    shelf = Shelf(project.gradients_folder(model.id))
    missing = set(shelf.missing(keys))
    known = [index for index, key in enumerate(keys) if key not in missing]
    vectors = shelf.get([keys[index] for index in known])
    everywhere = np.full((len(keys), vectors.shape[1]), np.nan, dtype=np.float32)
    everywhere[known] = vectors
    return everywhere


def _lacking(
    project: Project, model: ModelRecord, plan: Plan, units: Sequence[Case]
) -> list[tuple[Case, list[str]]]:
    """Return the units that lack passes made in the way of `plan`, and which."""
    facts = project.unit_predictions(model.id)
    without: set[str] = set()
    if "gradients" in plan.how:  # else the shelf need not be opened
        without.update(Shelf(project.gradients_folder(model.id)).missing([u.key for u in units]))
    found = []
    for unit in units:
        how = facts.get(unit.key, {}).get(HOW, {})
        kinds = [kind for kind in plan.how if how.get(kind) != plan.how[kind]]
        if unit.key in without and "gradients" not in kinds:
            kinds.append("gradients")
        if kinds:
            found.append((unit, kinds))
    return found


def _keep(
    project: Project, model: ModelRecord, found: Outcome, how: dict[str, dict[str, Any]]
) -> None:
    known = project.unit_prediction(found.key, model.id) or {}
    facts = {**found.facts, HOW: {**known.get(HOW, {}), **how}}
    project.add_to_unit_prediction(found.key, model.id, facts)


@contextmanager
def _gradients(project: Project, model: ModelRecord) -> Iterator[Waiting]:
    waiting = Waiting(Shelf(project.gradients_folder(model.id)))
    try:
        yield waiting
    finally:
        waiting.save()
