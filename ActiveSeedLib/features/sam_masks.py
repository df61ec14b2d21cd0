"""SAM's automatic masks: which of the masks that it offers for a grid of points are kept.

The procedure and its thresholds are those of Kirillov et al., Segment Anything, ICCV 2023,
section 5 and appendix B, without their zoomed-in crops. Masks are judged on the decoder's own grid,
a quarter of the input's resolution, and only those that are kept are enlarged.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_OFFSET = 1.0
"""How far the threshold of the logits is moved to see how stable a mask is."""
_OVERLAP = 0.7
"""Of two boxes that overlap more than this (intersection over union) the worse one goes."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Offered:
    """Masks with what SAM thinks of them.

    Attributes:
        logits: [M, h, w] on the decoder's grid, above 0 inside.
        quality: [M] the intersection over union with the true mask that SAM expects.
    """

    logits: Tensor
    quality: Tensor


def point_grid(points: int, height: int, width: int) -> Floats:
    """Return points² points (x, y) in the middle of equal parts of an area, [points², 2]."""
    middles = (np.arange(points) + 0.5) / points
    x, y = np.meshgrid(middles * width, middles * height)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def stable(logits: Tensor) -> Tensor:
    """Return how little each mask depends on its threshold, [M]; 0 for empty masks.

    That is the number of pixels above a raised threshold by the number above a lowered one, which
    is their intersection over union.
    """
    inner = (logits > _OFFSET).flatten(1).sum(dim=1)
    outer = (logits > -_OFFSET).flatten(1).sum(dim=1)
    return inner / outer.clamp(min=1)


def worth_keeping(offered: Offered, quality: float, stability: float) -> Offered:
    """Return the masks that SAM expects to be good, that are stable and not empty."""
    good = offered.quality > quality
    logits, expected = offered.logits[good], offered.quality[good]
    steady = (stable(logits) >= stability) & (logits > 0).flatten(1).any(dim=1)
    return Offered(logits[steady], expected[steady])


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (left, top, right, bottom) of each mask [M, h, w], none of them empty: [M, 4].

    Right and bottom lie just outside.
    """
    columns = np.asarray(masks.any(axis=1))
    rows = np.asarray(masks.any(axis=2))
    sides = [
        columns.argmax(axis=1),
        rows.argmax(axis=1),
        columns.shape[1] - columns[:, ::-1].argmax(axis=1),
        rows.shape[1] - rows[:, ::-1].argmax(axis=1),
    ]
    return np.stack(sides, axis=1)


def without_doubles(boxes: NDArray[np.int64], quality: Floats) -> NDArray[np.intp]:
    """Return the boxes [M, 4] that no better one overlaps, best first (non-maximum suppression).

    Ties go to the lower index.
    """
    left = np.argsort(-quality, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        corner = np.maximum(boxes[best, :2], boxes[left, :2])
        end = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.prod(np.maximum(end - corner, 0), axis=1)
        left = left[shared <= _OVERLAP * (areas[best] + areas[left] - shared)]
    return np.array(kept, dtype=np.intp)


def enlarged(logits: Tensor, side: int, height: int, width: int) -> NDArray[np.bool_]:
    """Return masks of the page, [M, height, width], of logits [M, h, w] of the whole square."""
    large = torch.nn.functional.interpolate(
        logits[:, None].float(), size=(side, side), mode="bilinear", align_corners=False
    )
    masks: NDArray[np.bool_] = (large[:, 0, :height, :width] > 0).cpu().numpy()
    return masks
