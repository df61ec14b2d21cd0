"""SAM-based uncertainty-guided feature weighting, SUGFW (Ma et al., MICCAI 2025).

SAM segments everything in an image, K times under augmentations that are mapped back; where the K
results disagree the image is ambiguous. PGDR weighs SAM's patch features by that uncertainty into
one vector an image, GSCU picks one image a cluster so that their uncertainties are spread out.

Where paper and code differ: uncertainty is m(1 − m) + 0.5 as in the code, since the paper's minus
would weigh ambiguous regions down, against its own text; uncertainty is pooled onto the very grid
of the patches, which the code misses for images that do not fill SAM's square input.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.selection.clusters import members_of
from ActiveSeedLib.selection.geometry import Floats, Indices

# Masks of half the image or more are background; the authors' code draws the line at a quarter.
LARGEST_MASK = 0.5


def union_of_masks(masks: ArrayLike, largest: float = LARGEST_MASK) -> NDArray[np.bool_]:
    """Return the union of those masks that cover less than `largest` of the image (equation 2).

    Args:
        masks: [M, H, W] masks of one view, nonzero inside; M may be 0.
        largest: share of the image, 0 to 1.

    Returns:
        [H, W].
    """
    array = np.asarray(masks) != 0
    if array.ndim != 3:
        raise InputError(f"Masks must be an array of masks × H × W, not of shape {array.shape}.")
    sizes = array.sum(axis=(1, 2))
    kept: NDArray[np.bool_] = array[sizes < largest * array.shape[1] * array.shape[2]].any(axis=0)
    return kept


def uncertainty_map(masks: ArrayLike, sign: Literal["+", "-"] = "+") -> Floats:
    """Return U = ±m(1 − m) + 0.5 of each pixel, m the mean of the K views (equation 3).

    Args:
        masks: [..., K, H, W] the union of masks of each view, mapped back to the image; 0 or 1, or
            shares between.
        sign: "+", which is high where the views disagree; "-" as printed in the paper.

    Returns:
        [..., H, W], 0.5 to 0.75 (0.25 to 0.5 for "-"), computed one image after the other.
    """
    array = np.asarray(masks)
    if array.ndim < 3 or array.shape[-3] == 0:
        raise InputError(
            f"Masks must be an array of views × H × W with at least one view, "
            f"not of shape {array.shape}."
        )
    if sign not in ("+", "-"):
        raise InputError(f"sign must be '+' or '-', not {sign!r}.")
    lead = array.shape[:-3]
    result = np.empty((*lead, *array.shape[-2:]))
    for place in np.ndindex(*lead):
        mean = array[place].mean(axis=0, dtype=np.float64)
        if not ((mean >= 0.0) & (mean <= 1.0)).all():
            raise InputError("Masks must lie between 0 and 1; make them binary first.")
        spread = mean * (1.0 - mean)
        result[place] = (spread if sign == "+" else -spread) + 0.5
    return result


def pool_uncertainty(
    uncertainty: ArrayLike,
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
) -> Floats:
    """Return the mean uncertainty within each patch of the encoder's grid.

    Args:
        uncertainty: [..., H, W] of the image.
        grid: (h, w), the encoder's patches along H and W.
        extent: how many patches the image itself covers along H and W, if the encoder padded it
            below and to the right, as SAM does with images that are not square; (64, 48.0) for one
            of 3:4. By default all.

    Returns:
        [..., h, w]; of a patch that shows the image in part, the mean over that part; 0 in patches
        that show nothing of it.
    """
    array = np.asarray(uncertainty, dtype=np.float64)
    if array.ndim < 2 or min(array.shape[-2:]) == 0:
        raise InputError(f"Uncertainty must be an array of H × W, not of shape {array.shape}.")
    rows, columns = extent or grid
    if not (0 < rows <= grid[0] and 0 < columns <= grid[1]):
        raise InputError(f"The image covers {rows} × {columns} patches of a grid of {grid}.")
    height, width = array.shape[-2:]
    if extent is None and height % grid[0] == 0 and width % grid[1] == 0:
        blocks = (grid[0], height // grid[0], grid[1], width // grid[1])
        whole: Floats = array.reshape(*array.shape[:-2], *blocks).mean(axis=(-3, -1))
        return whole
    down, across = _overlaps(height, grid[0], rows), _overlaps(width, grid[1], columns)
    result: Floats = down @ array @ across.T
    return result


def _overlaps(pixels: int, patches: int, extent: float) -> Floats:
    """Return the share [patches, pixels] that each pixel has in the mean of each patch."""
    edges = np.linspace(0.0, extent, pixels + 1)
    left, right = np.arange(patches)[:, None], np.arange(1, patches + 1)[:, None]
    shared = np.minimum(right, edges[1:]) - np.maximum(left, edges[:-1])
    # Below a billionth of a pixel it is rounding that makes an edge cross into the next patch.
    shared = np.where(shared > 1e-9 * extent / pixels, shared, 0.0)
    total = shared.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)
    return shares


def pgdr(features: ArrayLike, uncertainty: ArrayLike | None = None) -> Floats:
    """Return the patch features weighted by uncertainty, Σ F·U / ΣU (PGDR, equation 4).

    Args:
        features: [..., C, h, w] patch features of SAM's image encoder. Of a pool in one array one
            image after the other is read.
        uncertainty: [..., h, w] on the same grid (`pool_uncertainty`); without it the plain mean
            over the patches in their own precision, the paper's ablation.

    Returns:
        [..., C]; the plain mean for an image whose uncertainty is 0 everywhere.
    """
    array = np.asarray(features)
    if array.ndim < 3:
        raise InputError(
            f"Patch features must be an array of channels × h × w, not of shape {array.shape}."
        )
    if uncertainty is None:
        return np.asarray(array.mean(axis=(-2, -1)), dtype=np.float64)
    grid = array.shape[-2:]
    lead = array.shape[:-3]
    weights = np.asarray(uncertainty)
    if weights.shape != (*lead, *grid):
        raise InputError(
            f"The uncertainty has the shape {weights.shape}, the patches {(*lead, *grid)}: "
            "pool the uncertainty onto the grid of the patches first."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError("Uncertainty must be finite and not negative.")
    result = np.empty((*lead, array.shape[-3]))
    for place in np.ndindex(*lead):
        weight = weights[place].astype(np.float64).ravel()
        if not weight.any():
            weight = np.ones(len(weight))
        patches = array[place].reshape(array.shape[-3], -1).astype(np.float64)
        result[place] = patches @ (weight / weight.sum())
    return result


def image_uncertainty(uncertainty: ArrayLike) -> Floats:
    """Return the mean uncertainty of each image (equation 5), [...] of maps [..., H, W]."""
    array = np.asarray(uncertainty)
    if array.ndim < 2:
        raise InputError(f"Uncertainty must be an array of H × W, not of shape {array.shape}.")
    result: Floats = array.mean(axis=(-2, -1), dtype=np.float64)
    return result


@dataclass(frozen=True)
class SpreadPicks:
    """What GSCU picked.

    Attributes:
        picks: [B] indices in the order picked: the first `clusters` of them in label order.
        gaps: [B] distance of each pick's uncertainty to the nearest one picked before it; of the
            first, to the median of its cluster.
        clusters: the number of picks that were the first of their cluster.
    """

    picks: Indices
    gaps: Floats
    clusters: int


def gscu(labels: ArrayLike, uncertainty: ArrayLike, budget: int | None = None) -> SpreadPicks:
    """Pick one case a cluster so that their uncertainties are spread out (GSCU, equation 7).

    The clusters are visited in label order: of the first the case nearest to the median of its
    uncertainties, of each other the case whose uncertainty is farthest from all picked ones.

    Args:
        labels: [N] clusters.
        uncertainty: [N] mean uncertainty of each image.
        budget: how many to pick; by default one a cluster. Beyond that the clusters are visited
            again in the same order, exhausted ones passed over.
    """
    values = np.asarray(uncertainty, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError("Uncertainty must be one number a case.")
    if broken := int(np.count_nonzero(~np.isfinite(values))):
        raise InputError(
            f"{broken} of {len(values)} cases have an uncertainty that is NaN or infinite; "
            "encode these cases again or leave them out."
        )
    left = members_of(labels, len(values))
    count = len(left)
    wanted = count if budget is None else budget
    if wanted < 1:
        raise InputError(f"The budget must be at least 1, not {wanted}.")
    if wanted > len(values):
        raise PoolTooSmallError(len(values), wanted)
    picks: list[int] = []
    gaps: list[float] = []
    nearest = np.full(len(values), np.inf)  # of each case to the picked uncertainties
    while len(picks) < wanted:
        for cluster, members in enumerate(left):
            if not len(members) or len(picks) == wanted:
                continue
            if picks:
                place = int(np.argmax(nearest[members]))
                gaps.append(float(nearest[members[place]]))
            else:
                away = np.abs(values[members] - np.median(values[members]))
                place = int(np.argmin(away))
                gaps.append(float(away[place]))
            pick = int(members[place])
            picks.append(pick)
            left[cluster] = np.delete(members, place)
            np.minimum(nearest, np.abs(values - values[pick]), out=nearest)
    return SpreadPicks(np.array(picks), np.array(gaps), min(count, wanted))
