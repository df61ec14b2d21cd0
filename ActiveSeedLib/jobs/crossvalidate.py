"""How good a model is, where no test case can tell: cross-validation on the labelled cases."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.files import write_json
from ActiveSeedLib.jobs.opening import ImageLoader, on_project, require_images
from ActiveSeedLib.jobs.train import training_case
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord, ModelRecord, Status
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import WITHOUT_INFLUENCE, train

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
    training: list[CaseRecord]
    held_out: list[CaseRecord]
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


def _labelled(project: Project, model: ModelRecord) -> list[CaseRecord]:
    """Return the cases that `model` was trained on, as far as they are still there."""
    known = model.provenance.get("labels", {})
    return [
        record
        for record in project.cases(Status.LABELLED)
        if record.case.key in known
        and record.available
        and project.label_path(record.case.key) is not None
    ]


def _folds(
    project: Project,
    model: ModelRecord,
    settings: TrainSettings,
    records: list[CaseRecord],
    count: int,
) -> list[_Fold]:
    # A patient and a case without one can have the same text, so the kind goes with it.
    owners = [
        f"patient {r.case.patient}" if r.case.patient is not None else f"case {r.case.key}"
        for r in records
    ]
    index = divide(owners, count)
    labels = {key: saved.sha256 for key, saved in project.labels().items()}
    plain = {k: v for k, v in settings.to_json().items() if k not in WITHOUT_INFLUENCE}
    folds = []
    for number in sorted(set(index)):
        inside = [r for r, at in zip(records, index, strict=True) if at == number]
        outside = [r for r, at in zip(records, index, strict=True) if at != number]
        facts = [
            plain,
            sorted(project.schema.values),
            *([[r.case.key, labels[r.case.key]] for r in part] for part in (outside, inside)),
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
    loader = ImageLoader(project)
    folder = fold.stored.with_suffix("")
    try:
        trained = train(
            [training_case(project, record, loader) for record in fold.training],
            tuple(sorted(project.schema.values)),
            settings,
            folder,
            progress.part(0.0, 0.9),
        )
        predictor = Predictor(trained.path, device=settings.device)
        cases = _score_cases(project, fold, predictor, loader, progress.part(0.9, 1.0))
    except InputError as error:  # none of the other folds' cases can be used
        progress.note(f"Fold {fold.number} is left out: {error}")
        return []
    finally:
        loader.close()
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
    project: Project, fold: _Fold, predictor: Predictor, loader: ImageLoader, progress: Progress
) -> list[dict[str, Any]]:
    cases = []
    values = tuple(sorted(project.schema.values))
    for index, record in enumerate(fold.held_out):
        progress.update(index / len(fold.held_out), f"scoring case {index + 1}")
        path = project.label_path(record.case.key)
        try:
            if path is None:
                raise InputError("its label map is gone.")
            reference = read_label(path).array.astype(np.int32)
            found = predictor.predict(loader(record.case), progress)
            predicted = found.labels.astype(np.int32)
            scores = score(predicted, reference, record.case.geometry.spacing, values)
        except ActiveSeedError as error:
            progress.note(f"Left out of the scores: {record.case.name}: {error}")
            continue
        one = {"case": record.case.name, "key": record.case.key, "fold": fold.number}
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
