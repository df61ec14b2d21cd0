"""How long the simulated annotator takes for a case: an assumption, stated with the results.

Two minutes to open a case, look through it and save it, and half a minute for each structure on
each slice that shows it, as if every outline were drawn by hand. No measurement lies behind these
two numbers; what is compared are the ratios among cases, which follow from the slices to be drawn.
"""

import numpy as np
from numpy.typing import ArrayLike

from ActiveSeedLib.selection.columns import predicted_minutes
from ActiveSeedLib.selection.geometry import Floats

A_CASE = 2.0
AN_OUTLINE = 0.5
MODEL = {"minutes a case": A_CASE, "minutes a structure and slice": AN_OUTLINE}


def annotation_minutes(label: ArrayLike) -> float:
    """Return the minutes that labelling takes by the model.

    Args:
        label: [K, J, I] the label map as it will be, 0 where nothing is; slices lie along the first
            axis, an image has one.
    """
    outlines = sum(int(np.count_nonzero(np.unique(one))) for one in np.asarray(label))
    return A_CASE + AN_OUTLINE * outlines


def annotation_cost(label: ArrayLike) -> dict[str, float]:
    """Return what labelling a case costs, by several measures.

    Args:
        label: as in `annotation_minutes`.

    Returns:
        "minutes"; "slices" that show a structure; "voxels" of the case; "foreground", labelled
        voxels.
    """
    array = np.asarray(label)
    return {
        "minutes": annotation_minutes(array),
        "slices": sum(bool(one.any()) for one in array),
        "voxels": array.size,
        "foreground": int(np.count_nonzero(array)),
    }


def minutes_by_the_labelled(
    features: ArrayLike, labelled: ArrayLike, spent: ArrayLike
) -> Floats | None:
    """Return the minutes [N] as a project knows them: from what the labelled cases took.

    Args:
        features: [N, D] of the pool.
        labelled: [L] rows that are labelled.
        spent: [L] minutes that each of them took.

    Returns:
        For every case the median of the most similar labelled ones, or None where these are fewer
        than five.
    """
    minutes = np.full(len(np.asarray(features)), np.nan)
    minutes[np.asarray(labelled, dtype=np.int64)] = spent
    return predicted_minutes(features, minutes)
