"""How good a prediction is: Dice and the 95th percentile Hausdorff distance, per class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError

Mask = NDArray[np.bool_]


def score(
    prediction: NDArray[np.integer],
    reference: NDArray[np.integer],
    spacing: tuple[float, float, float],
    values: Sequence[int],
) -> dict[str, Any]:
    """Return Dice and HD95 (mm) of every label value, and their means over the values.

    A value that is in neither map scores Dice 1 and HD95 0; one that is in only one of them scores
    Dice 0 and, as HD95, the diagonal of the image: the worst that could be. So no score is ever
    missing, and a mean never hides a class that was not found.

    Args:
        prediction: label map, KJI.
        reference: label map of the same shape.
        spacing: millimetres along I, J, K.
        values: the label values to score, without background.

    Returns:
        {"dice": mean, "hd95": mean in mm, "classes": {value: {"dice", "hd95"}}}, the values as
        strings so that the result is JSON.
    """
    if prediction.shape != reference.shape:
        raise InputError(
            f"The prediction has {prediction.shape} voxels and the reference {reference.shape}: "
            "only label maps of the same image can be compared."
        )
    classes = {}
    for value in values:
        ours, theirs = prediction == value, reference == value
        classes[str(value)] = {"dice": dice(ours, theirs), "hd95": hd95(ours, theirs, spacing)}
    means = {n: float(np.mean([c[n] for c in classes.values()])) for n in ("dice", "hd95")}
    return {**means, "classes": classes}


def dice(first: Mask, second: Mask) -> float:
    """Return 2|A∩B| / (|A|+|B|); 1 where both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def hd95(first: Mask, second: Mask, spacing: tuple[float, float, float]) -> float:
    """Return the 95th percentile Hausdorff distance in mm between two KJI masks.

    The larger of the two directed 95th percentiles (linear interpolation) of the distance from
    each surface voxel's centre to the nearest surface voxel's centre of the other mask. A surface
    voxel has a face neighbour outside the mask or lies on the image's border. `spacing` is along
    I, J, K. Both empty: 0; one empty: the image's diagonal between voxel centres.
    """
    from scipy.spatial import cKDTree

    steps = np.asarray(spacing[::-1], dtype=np.float64)
    if not first.any() or not second.any():
        diagonal = float(np.linalg.norm((np.asarray(first.shape) - 1) * steps))
        return 0.0 if first.any() == second.any() else diagonal
    ours, theirs = surface(first) * steps, surface(second) * steps
    there = cKDTree(theirs).query(ours)[0]
    back = cKDTree(ours).query(theirs)[0]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def surface(mask: Mask) -> NDArray[np.int64]:
    """Return the indices (n, 3) of the voxels of a 3-D `mask` that have a face to the outside.

    Axes of a single voxel are not looked along: the surface of a 2-D mask is its contour.
    """
    inner = mask.copy()
    for axis in (a for a in range(mask.ndim) if mask.shape[a] > 1):
        padded = np.moveaxis(np.pad(mask, [(int(a == axis),) * 2 for a in range(3)]), axis, 0)
        inner &= np.moveaxis(padded[:-2] & padded[2:], 0, axis)
    return np.argwhere(mask & ~inner)
