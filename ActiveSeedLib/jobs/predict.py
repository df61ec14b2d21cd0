"""Predictions and uncertainty of the unlabelled cases; scores of the test split."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.jobs.opening import on_project, require_images
from ActiveSeedLib.jobs.units import reading
from ActiveSeedLib.pool.readers import read_label, write_image, write_label
from ActiveSeedLib.pool.slices import SLICES
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord, ModelRecord, Status
from ActiveSeedLib.segmentation.inference import Prediction, Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.telling import predict_and_tell, predict_slices_and_tell

PREDICTED = (
    Status.UNLABELLED,
    Status.SUGGESTED,
    Status.IN_PROGRESS,
    Status.SKIPPED,
    Status.TEST,
)


@dataclass(frozen=True)
class PredictParameters:
    """Which cases (names or keys; all without a label map otherwise), on which device."""

    cases: list[str] | None = None
    device: str = "auto"


@on_project(PredictParameters)
def predict(project: Project, parameters: PredictParameters, progress: Progress) -> dict[str, Any]:
    """Predict with the latest model; cases it has predicted before are not done again."""
    model = project.latest_model()
    if model is None:
        raise InputError("There is no trained model yet: train one first.")
    records = None
    if parameters.cases is not None:
        records = [project.case(name) for name in parameters.cases]
    done = predict_missing(project, model, parameters.device, progress, records)
    facts = project.predictions(model.id)
    return {
        "model": model.id,
        "predicted": done,
        "cases": [
            {"case": r.case.name, **facts[r.case.key]}
            for r in project.cases()
            if r.case.key in facts
        ],
    }


def predict_missing(
    project: Project,
    model: ModelRecord,
    device: str,
    progress: Progress,
    records: list[CaseRecord] | None = None,
    facts: Collection[str] = (),
) -> int:
    """Predict the cases that `model` has not predicted yet and return how many that were.

    Files are written before the database knows of them, one case at a time, so that after a kill it
    goes on with the next case. A case that cannot be predicted is noted and left out. Predictions
    of an earlier version, which lack some of the `facts` that are wanted, are made again.
    """
    by_slices = project.takes_slices
    if records is None:
        # Labelled cases have other slices that may be picked.
        statuses = (*PREDICTED, Status.LABELLED) if by_slices else PREDICTED
        records = [r for r in project.cases(*statuses) if r.problem is None]
    known = project.predictions(model.id)
    missing = [
        r for r in records if r.available and _lacks(known.get(r.case.key), facts, by_slices)
    ]
    if not missing:
        return 0
    require_images(project)
    predictor = Predictor(model.folder / "model.pt", device=device)
    done = 0
    with reading(project) as load:
        for index, record in enumerate(missing):
            progress.update(index / len(missing), f"Predicting case {index + 1} of {len(missing)}")
            try:
                image = load(record.case)
                if by_slices:
                    axis = project.slice_axis(record.case)
                    found = predict_slices_and_tell(predictor, image, axis, progress)
                else:
                    found = predict_and_tell(predictor, image, progress)
                _keep(project, model, record, *found)
                done += 1
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                progress.note(f"Left out {record.case.name}: {error}")
    return done


def score_test(
    project: Project, model: ModelRecord, device: str, progress: Progress
) -> dict[str, Any] | None:
    """Return mean Dice and HD95 over the test cases that have a label map; None if none has.

    A test case whose label map cannot be read or compared is noted and left out.
    """
    tests = [r for r in project.cases(Status.TEST) if r.available and r.problem is None]
    tests = [r for r in tests if project.label_path(r.case.key) is not None]
    if not tests:
        return None
    predict_missing(project, model, device, progress, tests)
    predicted = project.predictions(model.id)
    values = tuple(sorted(project.schema.values))
    cases = []
    for record in tests:
        key = record.case.key
        path = project.label_path(key)
        if path is None or key not in predicted:
            continue
        try:
            reference = read_label(path).array.astype(np.int32)
            prediction = read_label(project.prediction_path(key, model.id)).array.astype(np.int32)
            scores = score(prediction, reference, record.case.geometry.spacing, values)
        except ActiveSeedError as error:
            progress.note(f"Left out of the scores: {record.case.name}: {error}")
            continue
        cases.append({"case": record.case.name, "key": key, **scores})
    if not cases:
        return None
    means = {
        "cases": len(cases),
        "dice": float(np.mean([c["dice"] for c in cases])),
        "hd95": float(np.mean([c["hd95"] for c in cases])),
    }
    project.add_metrics(model.id, "test", cases, means)
    return means


def _lacks(known: dict[str, Any] | None, wanted: Collection[str], by_slices: bool) -> bool:
    """Return whether a prediction is not there, or lacks a wanted fact, of any slice if by them."""
    if known is None:
        return True
    told = list(known.get(SLICES, {}).values()) if by_slices else [known]
    return not told or any(name not in one for one in told for name in wanted)


def _keep(
    project: Project,
    model: ModelRecord,
    record: CaseRecord,
    found: Prediction,
    facts: dict[str, Any],
) -> None:
    key = record.case.key
    geometry = record.case.geometry
    write_label(project.prediction_path(key, model.id), found.labels, geometry)
    write_image(project.uncertainty_path(key, model.id), found.entropy_map, geometry)
    project.add_to_prediction(key, model.id, facts)
