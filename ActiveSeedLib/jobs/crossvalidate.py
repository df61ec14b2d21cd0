"""How good a model is, where no test case can tell: cross-validation on the labelled cases."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.executor.work import Reader
from ActiveSeedLib.files import write_json
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.jobs.train import training_case
from ActiveSeedLib.jobs.units import label_reader, labelled_units, reading
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import WITHOUT_INFLUENCE, TrainSettings
from ActiveSeedLib.segmentation.training import train

SPLIT = "cross-validation"


@dataclass(frozen=True)
class CrossValidateParameters:
    """Into how many folds the patients are divided, and on which device (None: as trained)."""

    folds: int = 3
    device: str | None = None

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise InputError(f"Cross-validation needs at least 2 folds, not {self.folds}.")


@dataclass(frozen=True)
class _Fold:
    """One fold: what is trained on, what is scored, and where its scores are kept."""

    number: int
    training: list[Case]
    held_out: list[Case]
    stored: Path
    digest: str


@on_project(CrossValidateParameters)
def cross_validate(
    project: Project, parameters: CrossValidateParameters, progress: Progress
) -> dict[str, Any]:
    """Score the latest model's settings on its own label maps, held out fold by fold.

    Whole patients are divided into folds; for each, a network is trained from scratch on the other
    folds' label maps and scores the fold's. A fold that is done is not done again; a cancelled or
    killed one goes on at its last checkpoint. Test cases take no part. What cannot be used is noted
    and left out.
    """
    model = project.latest_model()
    if model is None:
        raise InputError("There is no trained model yet: train one first.")
    settings = TrainSettings.from_json(model.settings)
    if parameters.device is not None:
        settings = replace(settings, device=parameters.device)
    folds = _folds(project, model, settings, _labelled(project, model), parameters.folds)
    if not folds:
        progress.note(
            "Cross-validation needs label maps of at least two patients; the model is not scored."
        )
        return {"model": model.id, SPLIT: None}
    require_images(project)
    cases: list[dict[str, Any]] = []
    for fold in folds:
        part = progress.part(
            (fold.number - 1) / len(folds),
            fold.number / len(folds),
            f"Fold {fold.number} of {len(folds)}: ",
        )
        cases += _scores(project, fold, settings, part)
    means = _means(cases, len(folds))
    if means is not None:
        project.add_metrics(model.id, SPLIT, cases, means)
    progress.update(1.0, f"Scored {len(cases)} cases")
    return {"model": model.id, SPLIT: means}


def divide(patients: Sequence[str], folds: int) -> list[int]:
    """Return the fold (from 0) of each case: whole patients, folds of about equal size.

    Args:
        patients: of each case; equal ones stay together.
        folds: how many, at most; never more than patients. Empty for fewer than two patients.
    """
    from sklearn.model_selection import GroupKFold

    count = min(folds, len(set(patients)))
    if count < 2:
        return []
    index = np.zeros(len(patients), dtype=int)
    split = GroupKFold(count).split(np.zeros(len(patients)), groups=np.array(patients))
    for number, (_, held_out) in enumerate(split):
        index[held_out] = number
    return [int(number) for number in index]


def _labelled(project: Project, model: ModelRecord) -> list[Case]:
    """Return the units that `model` was trained on, as far as they are still there."""
    known = model.provenance.get("labels", {})
    return [
        unit
        for unit in labelled_units(project)
        if unit.key in known and project.label_path(split_key(unit.key)[0]) is not None
    ]


def _folds(
    project: Project,
    model: ModelRecord,
    settings: TrainSettings,
    units: list[Case],
    count: int,
) -> list[_Fold]:
    # A patient and a case without one can have the same text, so the kind goes with it.
    owners = [
        f"patient {one.patient}" if one.patient is not None else f"case {one.key}" for one in units
    ]
    index = divide(owners, count)
    labels = {key: saved.sha256 for key, saved in project.labels().items()}
    plain = {k: v for k, v in settings.to_json().items() if k not in WITHOUT_INFLUENCE}
    folds = []
    for number in sorted(set(index)):
        inside = [one for one, at in zip(units, index, strict=True) if at == number]
        outside = [one for one, at in zip(units, index, strict=True) if at != number]
        facts = [
            plain,
            sorted(project.schema.values),
            *(
                [[one.key, labels[split_key(one.key)[0]]] for one in part]
                for part in (outside, inside)
            ),
        ]
        text = json.dumps(facts, sort_keys=True)
        stored = model.folder / SPLIT / f"fold-{number + 1}.json"
        digest = hashlib.sha256(text.encode()).hexdigest()
        folds.append(_Fold(number + 1, outside, inside, stored, digest))
    return folds


def _scores(
    project: Project, fold: _Fold, settings: TrainSettings, progress: Progress
) -> list[dict[str, Any]]:
    """Return the scores of a fold's cases: those kept, if of the same data, or new ones."""
    kept = _kept(fold)
    if kept is not None:
        progress.update(1.0, "done before")
        return kept
    labels = label_reader(project)
    folder = fold.stored.with_suffix("")
    try:
        with reading(project) as load:
            trained = train(
                [training_case(unit, load, labels) for unit in fold.training],
                tuple(sorted(project.schema.values)),
                settings,
                folder,
                progress.part(0.0, 0.9),
            )
            predictor = Predictor(trained.path, device=settings.device)
            cases = _score_cases(project, fold, predictor, load, progress.part(0.9, 1.0))
    except InputError as error:  # none of the other folds' cases can be used
        progress.note(f"Fold {fold.number} is left out: {error}")
        return []
    write_json(fold.stored, {"digest": fold.digest, "cases": cases})
    shutil.rmtree(folder, ignore_errors=True)  # the scores are kept, the weights are not
    return cases


def _kept(fold: _Fold) -> list[dict[str, Any]] | None:
    try:
        content = json.loads(fold.stored.read_text(encoding="utf-8"))
        cases: list[dict[str, Any]] = content["cases"]
        return cases if content["digest"] == fold.digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _score_cases(
    project: Project, fold: _Fold, predictor: Predictor, load: Reader, progress: Progress
) -> list[dict[str, Any]]:
    cases = []
    values = tuple(sorted(project.schema.values))
    labels = label_reader(project)
    for index, unit in enumerate(fold.held_out):
        progress.update(index / len(fold.held_out), f"scoring case {index + 1}")
        try:
            reference = labels(unit).array.astype(np.int32)
            found = predictor.predict(load(unit), progress)
            predicted = found.labels.astype(np.int32)
            scores = score(predicted, reference, unit.geometry.spacing, values)
        except NO_CASE_TO_BLAME:
            raise
        except ActiveSeedError as error:
            progress.note(f"Left out of the scores: {unit.name}: {error}")
            continue
        one = {"case": unit.name, "key": unit.key, "fold": fold.number}
        doubt = {
            "mean_entropy": found.mean_entropy,
            "foreground_entropy": found.foreground_entropy,
        }
        cases.append({**one, **scores, **doubt})
    return cases


def _means(cases: Sequence[dict[str, Any]], folds: int) -> dict[str, Any] | None:
    if not cases:
        return None
    return {
        "cases": len(cases),
        "folds": folds,
        "dice": float(np.mean([case["dice"] for case in cases])),
        "hd95": float(np.mean([case["hd95"] for case in cases])),
    }
