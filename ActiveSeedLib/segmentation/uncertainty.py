"""How unsure a prediction is: entropy by voxel, over the image and around the foreground."""

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-8
DILATION_MM = 3.0


def entropy_term(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one class's share −p·ln(p + ε) of the entropy (Levy et al. 2026, eq. 5)."""
    return np.asarray(-probability * np.log(probability + np.float32(EPSILON)), dtype=np.float32)


def entropy_map(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the entropy in nats of every voxel (eq. 5).

    Args:
        probabilities: (classes, ...) summing to 1 over the first axis.
    """
    total = np.zeros(probabilities.shape[1:], dtype=np.float32)
    for probability in probabilities:
        total += entropy_term(probability)
    return np.maximum(total, 0)


def mean_entropy(entropy: NDArray[np.float32]) -> float:
    """Return the mean over all voxels (eq. 6)."""
    return float(entropy.mean(dtype=np.float64))


def foreground_entropy(
    entropy: NDArray[np.float32],
    labels: NDArray[np.integer],
    spacing: tuple[float, float, float],
    radius_mm: float = DILATION_MM,
) -> float:
    """Return the mean entropy over the predicted foreground, dilated by a ball.

    Whole-volume means are ruled by the background; this one is not. Where nothing is predicted it
    is the mean over the whole image.

    Args:
        entropy: KJI.
        labels: KJI, 0 is background.
        spacing: millimetres along I, J, K.
        radius_mm: radius of the ball; at least one voxel of the finest axis is taken.
    """
    around = dilated_foreground(labels, spacing, radius_mm)
    if around is None:
        return mean_entropy(entropy)
    box, mask = around
    return float(entropy[box][mask].mean(dtype=np.float64))


def dilated_foreground(
    labels: NDArray[np.integer],
    spacing: tuple[float, float, float],
    radius_mm: float = DILATION_MM,
) -> tuple[tuple[slice, ...], NDArray[np.bool_]] | None:
    """Return the box around the foreground and, in it, the voxels within `radius_mm` of it.

    None where there is no foreground. Arrays are KJI, `spacing` is along I, J, K.
    """
    from scipy import ndimage

    foreground = labels != 0
    found = ndimage.find_objects(foreground.astype(np.uint8))
    if not found:
        return None
    steps = spacing[::-1]
    radius = max(radius_mm, min(steps))
    box = tuple(
        slice(max(0, part.start - margin), part.stop + margin)
        for part, margin in zip(found[0], (int(radius / s) + 1 for s in steps), strict=True)
    )
    distance = ndimage.distance_transform_edt(~foreground[box], sampling=steps)
    return box, np.asarray(distance <= radius + 1e-6)


def most_uncertain_slice(entropy: NDArray[np.float32], axis: int = 0) -> int:
    """Return the index along `axis` (0 is K) of the highest mean entropy; ties to the lowest."""
    others = tuple(a for a in range(entropy.ndim) if a != axis)
    return int(np.argmax(entropy.mean(axis=others, dtype=np.float64)))
