"""One training of a simulation: train on some cases, score the test split, measure the rest."""

import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.slices import slice_axis
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.assess import assess
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.telling import predict_and_tell, predict_slices_and_tell
from ActiveSeedLib.segmentation.training import TrainingCase, train

if TYPE_CHECKING:
    from ActiveSeedLib.benchmark.cohort import Cohort
    from ActiveSeedLib.benchmark.split import Split


GRADIENTS = "gradients"
SECTIONS = "sections.npz"
MEMBERS = 2
"""Further models of an ensemble, each of another seed."""


def train_and_score(
    cohort: "Cohort",
    chosen: Sequence[Case],
    split: "Split",
    settings: TrainSettings,
    folder: Path,
    progress: Progress,
    extras: Collection[str] = (),
) -> dict[str, Any]:
    """Return {"means", "cases", "entropy", "measures", "measured", "seconds"} of a model.

    "means" holds the mean and median over the test cases of Dice and HD95 (each the mean over the
    classes); "entropy" the mean voxel entropy of every pool case that is not in `chosen`, and
    "measures" all else that its prediction tells, and what the further passes `extras`
    (`segmentation.assess`) measure. Kept in `folder` are gradients on a shelf and, for pictures,
    each test case's predicted label map where it shows most (`sections.npz`, by key); the networks'
    weights are not.
    """
    started = time.monotonic()
    predictor = _trained(cohort, chosen, settings, folder, progress.part(0, 0.8))
    trained = time.monotonic()
    keys = {case.key for case in chosen}
    rest = [case for case in split.pool if case.key not in keys]
    cases, sections = _scored(cohort, split.test, predictor, progress.part(0.8, 0.9))
    end = 0.92 if extras else 1.0
    entropy, measures = _told(cohort, rest, predictor, progress.part(0.9, end))
    predicted = time.monotonic()
    gradients: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = {}
    if extras:
        others = []
        for number in range(1, MEMBERS + 1) if "ensemble" in extras else ():
            member = replace(settings, seed=settings.seed + 1000 * number)
            part = progress.part(0.92, 0.95, f"ensemble, model {number + 1}: ")
            others.append(_trained(cohort, chosen, member, folder / f"member-{number}", part))
        measuring = progress.part(0.95, 1.0)
        for index, case in enumerate(rest):
            measuring.update(index / len(rest), "Measuring the pool")
            found = assess(predictor, cohort.load_image(case), extras, others=others)
            measures[case.key] |= found.scores
            if found.gradient is not None:
                gradients[case.key] = found.gradient
    shutil.rmtree(folder, ignore_errors=True)  # the outcome is kept, the weights are not
    with replacing(folder / SECTIONS) as temporary:
        np.savez_compressed(temporary, **sections)  # type: ignore[arg-type]
    if gradients:
        Shelf(folder / GRADIENTS).put(list(gradients), np.stack(list(gradients.values())))
    return {
        "means": _means(cases),
        "cases": cases,
        "entropy": entropy,
        "measures": measures,
        "measured": sorted(extras),
        "seconds": {
            "train": trained - started,
            "predict": predicted - trained,
            "measure": time.monotonic() - predicted,
        },
    }


def _trained(
    cohort: "Cohort",
    chosen: Sequence[Case],
    settings: TrainSettings,
    folder: Path,
    progress: Progress,
) -> Predictor:
    cases = [
        TrainingCase(
            key=case.key,
            load_image=partial(cohort.load_image, case),
            load_label=partial(cohort.load_label, case),
            geometry=case.geometry,
            patient=case.patient,
            name=case.name,
        )
        for case in chosen
    ]
    model = train(cases, cohort.values, settings, folder, progress)
    return Predictor(model.path, device=settings.device)


def fullest_section(label: Image) -> tuple[int, int]:
    """Return the KJI axis to slice along and the slice where the label map shows most."""
    axis = label.geometry.coarsest_axis
    others = tuple(a for a in range(3) if a != axis)
    return axis, int(np.count_nonzero(label.array, axis=others).argmax())


def _scored(
    cohort: "Cohort", test: Sequence[Case], predictor: Predictor, progress: Progress
) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.generic]]]:
    """Return the scores of each test case, and one section of each prediction by key."""
    cases, sections = [], {}
    for number, case in enumerate(test):
        progress.update(number / len(test), "Scoring the test cases")
        image = cohort.load_image(case)
        if cohort.slice_axis is None:
            prediction = predictor.predict(image)
        else:
            axis = slice_axis(case.geometry, cohort.slice_axis)
            prediction, _ = predict_slices_and_tell(predictor, image, axis)
        label = cohort.load_label(case)
        truth = label.array.astype(np.int32)
        scores = score(prediction.labels, truth, case.geometry.spacing, cohort.values)
        cases.append({"case": case.name, **scores})
        axis, index = fullest_section(label)
        sections[case.key] = np.take(prediction.labels, index, axis=axis)
    return cases, sections


def _told(
    cohort: "Cohort", rest: Sequence[Case], predictor: Predictor, progress: Progress
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """Return the mean entropy of each of `rest` by key, and all that its prediction tells."""
    entropy, measures = {}, {}
    for index, case in enumerate(rest):
        progress.update(index / len(rest), "Predicting the pool")
        _, facts = predict_and_tell(predictor, cohort.load_image(case))
        entropy[case.key], measures[case.key] = facts["mean_entropy"], facts
    return entropy, measures


def _means(cases: Sequence[dict[str, Any]]) -> dict[str, float]:
    dice = [c["dice"] for c in cases]
    hd95 = [c["hd95"] for c in cases]
    return {
        "dice": float(np.mean(dice)),
        "dice_median": float(np.median(dice)),
        "hd95": float(np.mean(hd95)),
        "hd95_median": float(np.median(hd95)),
    }
