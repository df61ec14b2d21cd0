"""A prediction with all that it tells of itself, as plain values to be kept."""

from typing import Any

import numpy as np

from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.slices import SLICES, cut
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.assess import grid_spacing
from ActiveSeedLib.segmentation.blocks import is_large, predict_by_blocks
from ActiveSeedLib.segmentation.inference import Prediction, Predictor, summarise
from ActiveSeedLib.segmentation.measures import prediction_scores
from ActiveSeedLib.segmentation.preprocess import image_on_grid
from ActiveSeedLib.segmentation.uncertainty import (
    foreground_entropy,
    mean_entropy,
    most_uncertain_slice,
)


def predict_and_tell(
    predictor: Predictor, image: Image, progress: Progress | None = None
) -> tuple[Prediction, dict[str, Any]]:
    """Return what `Predictor.predict` does, and the facts of the one pass that this takes.

    The facts are "mean_entropy", "foreground_entropy", "most_uncertain_slice", the scores of
    `measures.prediction_scores`, and "class_scores", None for a class that is predicted nowhere.
    """
    progress = progress or Progress()
    if is_large(image.geometry, predictor.plan):
        found, scores, class_scores = predict_by_blocks(predictor, image, progress)
    else:
        found, scores, class_scores = _predict_whole(predictor, image, progress)
    return found, {
        "mean_entropy": found.mean_entropy,
        "foreground_entropy": found.foreground_entropy,
        "most_uncertain_slice": found.most_uncertain_slice,
        **scores,
        "class_scores": class_scores,
    }


def _predict_whole(
    predictor: Predictor, image: Image, progress: Progress
) -> tuple[Prediction, dict[str, float], list[float | None]]:
    frame, grid = image_on_grid(image, predictor.plan)
    probabilities = predictor.probabilities(grid, progress)
    spacing = grid_spacing(frame, image.geometry)
    scores, found_by_class, _ = prediction_scores(probabilities, spacing)
    class_scores = [float(one) if np.isfinite(one) else None for one in found_by_class]
    found = summarise(probabilities, frame, image.geometry, predictor.values)
    return found, scores, class_scores


def predict_slices_and_tell(
    predictor: Predictor, image: Image, axis: int, progress: Progress | None = None
) -> tuple[Prediction, dict[str, Any]]:
    """Return the same for a volume that is predicted slice by slice, each as an image of its own.

    A model that was trained on single slices (`pool.slices`) sees them as it did in training. The
    facts are those of the volume that can be taken from its maps, and under "slices" those of each.

    Args:
        predictor: the model.
        image: of the whole volume.
        axis: the KJI axis of its slices.
        progress: asked for cancel between slices.
    """
    shape = image.array.shape
    maps: list[Prediction] = []
    told: dict[str, dict[str, Any]] = {}
    for index in range(shape[axis]):
        found, facts = predict_and_tell(predictor, cut(image, axis, index), progress)
        del facts["most_uncertain_slice"]
        maps.append(found)
        told[str(index)] = facts

    def together(name: str) -> Any:
        stack = np.concatenate([getattr(one, name) for one in maps])
        return np.ascontiguousarray(np.moveaxis(stack, 0, axis))

    labels, entropy = together("labels"), together("entropy_map")
    whole = Prediction(
        labels=labels,
        entropy_map=entropy,
        mean_entropy=mean_entropy(entropy),
        foreground_entropy=foreground_entropy(entropy, labels, image.geometry.spacing),
        confidence=float(np.mean([one.confidence for one in maps])),
        most_uncertain_slice=most_uncertain_slice(entropy, axis),
    )
    return whole, {
        "mean_entropy": whole.mean_entropy,
        "foreground_entropy": whole.foreground_entropy,
        "most_uncertain_slice": whole.most_uncertain_slice,
        SLICES: told,
    }
