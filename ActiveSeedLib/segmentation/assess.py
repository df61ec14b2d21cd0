"""What a model, or several, say of how sure they are of an image: all measures in one go.

Everything is computed on the network's grid, where predictions are made, so that no pass has to be
brought back to the image's own voxels.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.orientation import canonical_axes
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.forward import dropouts
from ActiveSeedLib.segmentation.gradients import gradient_embedding
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.measures import Floats, Passes, prediction_scores
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.preprocess import Frame, image_on_grid
from ActiveSeedLib.segmentation.reproducible import reproducible

DROPOUT_PASSES = 10
GAMMAS = (0.75, 4 / 3)
EXTRAS = ("bald", "tta", "ensemble", "gradients")
"""What costs more than the one prediction that every assessment begins with."""


@dataclass(frozen=True)
class Assessment:
    """How unsure a model is of one image; of every score the higher is the less sure.

    Attributes:
        scores: always "least_confidence", "margin" and "foreground" (share of voxels predicted as
            foreground); "bald", "tta" and "ensemble" where asked for. All but "foreground" and
            "tta" also as "foreground_…", over the dilated predicted foreground.
        class_scores: (classes − 1,) mean of p·H, NaN for a class that is predicted nowhere.
        gradient: gradient embedding (BADGE), where asked for.
    """

    scores: dict[str, float]
    class_scores: NDArray[np.float64]
    gradient: Floats | None = None


def assess(
    predictor: Predictor,
    image: Image,
    extras: Collection[str] = (),
    *,
    others: Sequence[Predictor] = (),
    passes: int = DROPOUT_PASSES,
    seed: int = 0,
    views: Literal["natural", "mirrored"] = "natural",
    progress: Progress | None = None,
) -> Assessment:
    """Return all that is asked for of one image; equal seeds give equal numbers in any order.

    Args:
        predictor: the model.
        image: any image of the pool.
        extras: some of `EXTRAS`; each costs further predictions: bald `passes`, tta 3, ensemble
            one of each of `others`, gradients about one.
        others: the rest of an ensemble, trained on the same grid with the same label values.
        passes: predictions with dropout, for bald.
        seed: for dropout.
        views: of tta, `natural_passes` or `mirrored_passes`.
        progress: asked for cancel between batches.

    Raises:
        InputError: an unknown extra, a model without dropout, or an ensemble that does not fit.
    """
    if unknown := sorted(set(extras) - set(EXTRAS)):
        raise InputError(f"There is no measure {unknown[0]!r}; choose among: {', '.join(EXTRAS)}.")
    progress = progress or Progress()
    frame, grid = image_on_grid(image, predictor.plan)
    plain = predictor.probabilities(grid, progress)
    scores, class_scores, region = prediction_scores(plain, grid_spacing(frame, image.geometry))
    if "bald" in extras:
        found = _collected(dropout_passes(predictor, grid, passes, seed, progress))
        scores |= region.means("bald", found.mutual_information())
    if "tta" in extras:
        if views == "natural":
            axis = left_right_axis(frame, image.geometry)
            altered = natural_passes(predictor, grid, axis, plain, progress)
        else:
            altered = mirrored_passes(predictor, grid, plain, progress)
        found = _collected(altered)
        scores["tta"] = found.disagreement()
    if "ensemble" in extras:
        found = _collected(ensemble_passes(predictor, others, image, plain, progress))
        scores |= region.means("ensemble", found.mutual_information())
    gradient = gradient_embedding(predictor, grid, progress) if "gradients" in extras else None
    return Assessment(scores, class_scores, gradient)


def dropout_passes(
    predictor: Predictor,
    grid: Floats,
    passes: int = DROPOUT_PASSES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Iterator[Floats]:
    """Yield class probabilities (classes, *grid.shape) of passes with other features dropped.

    MC dropout: Gal and Ghahramani 2016, arXiv:1506.02142. Pass i of an image drops the same
    features whatever was predicted before it.

    Raises:
        InputError: the model has no dropout, so that all passes would be equal.
    """
    if not dropouts(predictor.network):
        raise InputError(
            "This model drops no features, so its passes cannot differ: train with a dropout "
            "above 0 (dropout in 2-D, dropout_3d in 3-D), or use tta or an ensemble."
        )
    if passes < 2:
        raise InputError(f"There must be at least 2 passes with dropout, not {passes}.")
    for number in range(passes):
        drawn = np.random.SeedSequence([seed, number]).generate_state(1, np.uint32)[0]
        with reproducible(int(drawn)):
            found = predictor.probabilities(grid, progress, dropout=True)
        yield found


def left_right_axis(frame: Frame, geometry: Geometry) -> int | None:
    """Return the axis of the grid that runs from right to left; None if slices lie across it."""
    axis = frame.orientation.axes.index(canonical_axes(geometry)[0][2])
    return axis or None  # in 3-D it is the last one; the first one is that of slices


def bent(grid: Floats, gamma: float) -> Floats:
    """Return the image with its grey values bent by the power `gamma`, as z-scores again."""
    low, high = float(grid.min()), float(grid.max())
    if low == high:
        return grid
    values = ((grid - low) / (high - low)) ** np.float32(gamma)
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float32)


def natural_passes(
    predictor: Predictor,
    grid: Floats,
    left_right: int | None,
    plain: Floats | None = None,
    progress: Progress | None = None,
) -> Iterator[Floats]:
    """Yield class probabilities of the image and of views that might be another patient's.

    The views: left and right exchanged (and the prediction brought back), brighter, darker. Of 24
    chest X-rays their disagreement ranked the errors better (Spearman 0.51) than that of all
    mirrorings (0.31): a network that was trained without them takes an image upside down for
    something else. On hippocampus volumes those disagreed by 0.86, whatever the case.

    Args:
        predictor: the model.
        grid: z-scores on its grid.
        left_right: the axis of the grid to mirror (`left_right_axis`), or None.
        plain: the probabilities of the image as it is, if known.
        progress: asked for cancel between batches.
    """
    yield predictor.probabilities(grid, progress) if plain is None else plain
    if left_right is not None:
        yield _mirrored(predictor, grid, (left_right,), progress)
    for gamma in GAMMAS:
        yield predictor.probabilities(bent(grid, gamma), progress)


def mirrorings(plan: Plan) -> list[tuple[int, ...]]:
    """Return the axes of the grid that are mirrored in each view but the plain one.

    In 2-D rows, columns and both; in 3-D each axis alone.
    """
    if plan.is_2d:
        return [(1,), (2,), *combinations((1, 2), 2)]
    return [(0,), (1,), (2,)]


def mirrored_passes(
    predictor: Predictor,
    grid: Floats,
    plain: Floats | None = None,
    progress: Progress | None = None,
) -> Iterator[Floats]:
    """Yield class probabilities of the image as it is and mirrored, all of them mirrored back.

    Args:
        predictor: the model.
        grid: z-scores on its grid.
        plain: the probabilities of the image as it is, if known.
        progress: asked for cancel between batches.
    """
    yield predictor.probabilities(grid, progress) if plain is None else plain
    for axes in mirrorings(predictor.plan):
        yield _mirrored(predictor, grid, axes, progress)


def _mirrored(
    predictor: Predictor, grid: Floats, axes: tuple[int, ...], progress: Progress | None
) -> Floats:
    found = predictor.probabilities(np.ascontiguousarray(np.flip(grid, axes)), progress)
    return np.flip(found, tuple(axis + 1 for axis in axes))


def ensemble_passes(
    predictor: Predictor,
    others: Sequence[Predictor],
    image: Image,
    plain: Floats | None = None,
    progress: Progress | None = None,
) -> Iterator[Floats]:
    """Yield class probabilities of each model of the ensemble.

    Args:
        predictor: the first model.
        others: at least one.
        image: any image of the pool.
        plain: the first model's probabilities, if known.
        progress: asked for cancel between batches.

    Raises:
        InputError: there are no others, or they have other grids or label values.
    """
    if not others:
        raise InputError("An ensemble needs at least two models: train another one first.")
    frame, grid = image_on_grid(image, predictor.plan)
    yield predictor.probabilities(grid, progress) if plain is None else plain
    for other in others:
        own, own_grid = image_on_grid(image, other.plan)
        if own != frame or other.values != predictor.values:
            raise InputError(
                "The models of an ensemble must be trained with the same label values, and see "
                "images on the same grid: train them with equal settings."
            )
        yield other.probabilities(own_grid, progress)


def grid_spacing(frame: Frame, geometry: Geometry) -> tuple[float, float, float]:
    """Return the millimetres between voxels of the grid, along its last axis first."""
    own = geometry.spacing[::-1]  # along K, J, I
    first, second, third = (
        own[axis] * size / points
        for axis, size, points in zip(frame.orientation.axes, frame.shape, frame.grid, strict=True)
    )
    return third, second, first


def _collected(predictions: Iterator[Floats]) -> Passes:
    passes = Passes()
    for probabilities in predictions:
        passes.add(probabilities)
    return passes
