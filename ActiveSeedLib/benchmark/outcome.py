"""One training of a simulation: train on some cases, score the test split, measure the entropy."""

import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import TrainingCase, train

if TYPE_CHECKING:
    from ActiveSeedLib.benchmark.simulate import Cohort, Split


def train_and_score(
    cohort: "Cohort",
    chosen: Sequence[Case],
    split: "Split",
    settings: TrainSettings,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Return {"means", "cases", "entropy", "seconds"} of a model trained on `chosen`.

    "means" holds the mean and median over the test cases of Dice and HD95 (each the mean over the
    classes); "entropy" the mean voxel entropy of every pool case that is not in `chosen`. The
    network's weights are not kept.
    """
    started = time.monotonic()
    model = train(
        [
            TrainingCase(
                key=case.key,
                load_image=partial(cohort.load_image, case),
                load_label=partial(cohort.load_label, case),
                geometry=case.geometry,
                patient=case.patient,
                name=case.name,
            )
            for case in chosen
        ],
        cohort.values,
        settings,
        folder,
        progress.part(0, 0.8),
    )
    trained = time.monotonic()
    predictor = Predictor(model.path, device=settings.device)
    keys = {case.key for case in chosen}
    rest = [case for case in split.pool if case.key not in keys]
    cases = []
    scoring = progress.part(0.8, 0.9)
    for index, case in enumerate(split.test):
        scoring.update(index / len(split.test), "Scoring the test cases")
        prediction = predictor.predict(cohort.load_image(case))
        reference = cohort.load_label(case)
        truth = reference.array.astype(np.int32)
        scores = score(prediction.labels, truth, case.geometry.spacing, cohort.values)
        cases.append({"case": case.name, **scores})
    entropy = {}
    measuring = progress.part(0.9, 1.0)
    for index, case in enumerate(rest):
        measuring.update(index / len(rest), "Predicting the pool")
        entropy[case.key] = predictor.predict(cohort.load_image(case)).mean_entropy
    shutil.rmtree(folder, ignore_errors=True)  # the outcome is kept, the weights are not
    dice = [c["dice"] for c in cases]
    hd95 = [c["hd95"] for c in cases]
    return {
        "means": {
            "dice": float(np.mean(dice)),
            "dice_median": float(np.median(dice)),
            "hd95": float(np.mean(hd95)),
            "hd95_median": float(np.median(hd95)),
        },
        "cases": cases,
        "entropy": entropy,
        "seconds": {"train": trained - started, "predict": time.monotonic() - trained},
    }
