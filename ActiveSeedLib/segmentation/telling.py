"""A prediction with all that it tells of itself, as plain values to be kept."""

from typing import Any

import numpy as np

from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.assess import grid_spacing
from ActiveSeedLib.segmentation.inference import Prediction, Predictor, summarise
from ActiveSeedLib.segmentation.measures import prediction_scores
from ActiveSeedLib.segmentation.preprocess import image_on_grid


def predict_and_tell(
    predictor: Predictor, image: Image, progress: Progress | None = None
) -> tuple[Prediction, dict[str, Any]]:
    """Return what `Predictor.predict` does, and the facts of the one pass that this takes.

    The facts are "mean_entropy", "foreground_entropy", "most_uncertain_slice", the scores of
    `measures.prediction_scores`, and "class_scores", None for a class that is predicted nowhere.
    """
    progress = progress or Progress()
    frame, grid = image_on_grid(image, predictor.plan)
    probabilities = predictor.probabilities(grid, progress)
    spacing = grid_spacing(frame, image.geometry)
    scores, class_scores, _ = prediction_scores(probabilities, spacing)
    found = summarise(probabilities, frame, image.geometry, predictor.values)
    return found, {
        "mean_entropy": found.mean_entropy,
        "foreground_entropy": found.foreground_entropy,
        "most_uncertain_slice": found.most_uncertain_slice,
        **scores,
        "class_scores": [float(one) if np.isfinite(one) else None for one in class_scores],
    }
