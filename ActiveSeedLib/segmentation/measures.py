"""How unsure a prediction is, in one number a case, from class probabilities.

Of every number the higher is the less sure. Maps are averaged over voxels, never summed, which
would favour large images. Probabilities are (classes, K, J, I), class 0 being the background.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.uncertainty import DILATION_MM, dilated_foreground, entropy_map

Floats = NDArray[np.float32]
AROUND_FOREGROUND = "foreground_"
"""How the name of a measure begins that is taken over the dilated predicted foreground."""


def least_confidence_map(probabilities: Floats) -> Floats:
    """Return 1 − the highest class probability of every voxel."""
    return np.asarray(1 - probabilities.max(axis=0), dtype=np.float32)


def margin_map(probabilities: Floats) -> Floats:
    """Return 1 − (the highest − the second class probability) of every voxel."""
    first = probabilities[0].copy()
    second = np.zeros_like(first)
    for probability in probabilities[1:]:
        np.maximum(second, np.minimum(first, probability), out=second)
        np.maximum(first, probability, out=first)
    return np.asarray(1 - (first - second), dtype=np.float32)


def class_entropies(probabilities: Floats, entropy: Floats | None = None) -> NDArray[np.float64]:
    """Return for each class but the background the mean over voxels of p·H.

    The entropy H counts where the class may be (ClaSP PE: Lüth et al. 2026, arXiv:2601.13677).

    Args:
        probabilities: (classes, K, J, I).
        entropy: H, KJI in nats; taken from the probabilities where it is None.

    Returns:
        (classes − 1,), NaN for a class that is the likeliest nowhere.
    """
    doubt = entropy_map(probabilities) if entropy is None else entropy
    labels = likeliest(probabilities)
    shown = np.bincount(labels.ravel(), minlength=len(probabilities))[1:] > 0
    means = [float((p * doubt).mean(dtype=np.float64)) for p in probabilities[1:]]
    return np.where(shown, means, np.nan)


def likeliest(probabilities: Floats) -> NDArray[np.uint8]:
    """Return the index of the likeliest class of every voxel; ties to the lowest."""
    return np.asarray(probabilities.argmax(axis=0), dtype=np.uint8)


class Region:
    """Where a map is averaged: over the whole image, and around the predicted foreground.

    Args:
        labels: KJI, 0 is background.
        spacing: millimetres along I, J, K.
        radius_mm: how far the foreground is dilated (`uncertainty.dilated_foreground`).
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        spacing: tuple[float, float, float],
        radius_mm: float = DILATION_MM,
    ) -> None:
        self.share = float((labels != 0).mean(dtype=np.float64))
        self._around = dilated_foreground(labels, spacing, radius_mm)

    def means(self, name: str, values: Floats) -> dict[str, float]:
        """Return the mean of `values` (KJI) over the image, and over the dilated foreground.

        They are called `name` and "foreground_" + `name`. Where nothing is predicted the second is
        the first.
        """
        whole = float(values.mean(dtype=np.float64))
        near = whole
        if self._around is not None:
            box, mask = self._around
            near = float(values[box][mask].mean(dtype=np.float64))
        return {name: whole, AROUND_FOREGROUND + name: near}


def prediction_scores(
    probabilities: Floats, spacing: tuple[float, float, float]
) -> tuple[dict[str, float], NDArray[np.float64], Region]:
    """Return what one prediction says of itself: scores, class-wise entropies, and the region.

    The scores are "least_confidence" and "margin", each also around the foreground, and
    "foreground", the share of voxels that are predicted as any.

    Args:
        probabilities: (classes, K, J, I).
        spacing: millimetres along I, J, K.
    """
    region = Region(likeliest(probabilities), spacing)
    scores = {
        **region.means("least_confidence", least_confidence_map(probabilities)),
        **region.means("margin", margin_map(probabilities)),
        "foreground": region.share,
    }
    return scores, class_entropies(probabilities), region


def agreement(label_maps: list[NDArray[np.uint8]], classes: int) -> float:
    """Return the mean Dice of all pairs of label maps over the classes but the background.

    A class that neither of a pair shows does not count; a pair that shows none at all agrees.

    Args:
        label_maps: at least two of one shape, with class indices below `classes`.
        classes: how many there are, the background among them.
    """
    if len(label_maps) < 2:
        raise InputError("Agreement needs at least two predictions.")
    sizes = [np.bincount(labels.ravel(), minlength=classes)[1:] for labels in label_maps]
    found = []
    for one, other in combinations(range(len(label_maps)), 2):
        shared = label_maps[one][label_maps[one] == label_maps[other]]
        common = np.bincount(shared.ravel(), minlength=classes)[1:]
        total = sizes[one] + sizes[other]
        shown = total > 0
        dice = 2 * common[shown] / total[shown]
        found.append(float(dice.mean()) if len(dice) else 1.0)
    return float(np.mean(found))


class Passes:
    """Several predictions of one image, of which only sums and label maps are kept."""

    def __init__(self) -> None:
        self._sum: Floats | None = None
        self._entropy: Floats | None = None
        self._labels: list[NDArray[np.uint8]] = []
        self._classes = 0

    def add(self, probabilities: Floats) -> None:
        """Take one prediction (classes, K, J, I) into account."""
        entropy = entropy_map(probabilities)
        if self._sum is None or self._entropy is None:
            self._sum, self._entropy = probabilities.astype(np.float32), entropy
        else:
            self._sum += probabilities
            self._entropy += entropy
        self._labels.append(likeliest(probabilities))
        self._classes = len(probabilities)

    def mutual_information(self) -> Floats:
        """Return BALD of every voxel: the entropy of the mean − the mean entropy; KJI, in nats."""
        if self._sum is None or self._entropy is None:
            raise InputError("There is no prediction to compare.")
        count = np.float32(len(self._labels))
        return np.maximum(entropy_map(self._sum / count) - self._entropy / count, 0)

    def disagreement(self) -> float:
        """Return 1 − the mean Dice of all pairs (`agreement`)."""
        return 1.0 - agreement(self._labels, self._classes)
