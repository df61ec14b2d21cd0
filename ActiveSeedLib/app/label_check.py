"""What is odd about a label map, told before its case counts as done; never a gate."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.slices import cut
from ActiveSeedLib.project.label_checks import check_geometry
from ActiveSeedLib.project.schema import LabelSchema, Segment

STRAY_SHARE = 0.01
"""An island below this share of the segment's largest part may be stray."""
STRAY_MM3 = 50.0
"""And not above this volume: a ball 4.6 mm across, less than what is reported as a finding."""
STRAY_VOXELS = 4
"""Or not above so many voxels, where a few fill that volume already (PET, thick slices)."""


@dataclass(frozen=True)
class Finding:
    """One oddity.

    Attributes:
        kind: what sort of oddity.
        sentence: the same for the user.
        position: a voxel (I, J, K) to look at, or None.
    """

    kind: Literal["empty", "missing", "islands", "geometry"]
    sentence: str
    position: tuple[int, int, int] | None = None


def check_label(
    image: Image, geometry: Geometry, schema: LabelSchema, usual: Collection[int]
) -> list[Finding]:
    """Return what is odd about the label map `image` (KJI).

    Args:
        image: the label map.
        geometry: of the case.
        schema: its segments.
        usual: the values that a label map of this project normally holds.
    """
    try:
        check_geometry("this case", image, geometry)
    except InputError as error:
        return [Finding("geometry", str(error))]
    boxes = _boxes(image.array)
    if not boxes:
        return [Finding("empty", "The label map has no voxel: nothing is labelled yet.")]
    missing = [s for s in schema.segments if s.value in usual and s.value not in boxes]
    findings = [
        Finding("missing", f"There is no {s.name}, which label maps of this project usually have.")
        for s in missing
    ]
    for segment in (s for s in schema.segments if s.value in boxes):
        islands = _islands(image.array, boxes[segment.value], segment, geometry)
        findings += [islands] if islands else []
    return findings


def check_slices(
    image: Image, geometry: Geometry, schema: LabelSchema, axis: int, slices: Sequence[int]
) -> list[Finding]:
    """Return what is odd about single slices of a label map; the others are nobody's concern yet.

    No structure is missed in a slice, but one that is quite empty is told: was it looked at?

    Args:
        image: the label map of the whole case, KJI.
        geometry: of the case.
        schema: its segments.
        axis: the KJI axis of the slices.
        slices: which, from 0.
    """
    try:
        check_geometry("this case", image, geometry)
    except InputError as error:
        return [Finding("geometry", str(error))]
    along = 2 - axis
    others = [i for i in range(3) if i != along]
    findings = []
    for index in slices:
        piece = cut(image, axis, index)
        for one in check_label(piece, piece.geometry, schema, ()):
            place = [(size - 1) // 2 for size in geometry.size]
            place[along] = index
            if one.position is not None:
                place[others[0]], place[others[1]] = one.position[0], one.position[1]
            words = "It holds no structure." if one.kind == "empty" else one.sentence
            position = (place[0], place[1], place[2])
            findings.append(Finding(one.kind, f"Slice {index + 1}: {words}", position))
    return findings


def _boxes(array: NDArray[Any]) -> dict[int, tuple[slice, ...]]:
    """Return value → the box around its voxels, for every value but 0."""
    from scipy import ndimage

    whole = array if array.dtype.kind in "iu" else array.astype(np.uint16)
    return {
        value: box
        for value, box in enumerate(ndimage.find_objects(whole), start=1)
        if box is not None
    }


def _islands(
    array: NDArray[Any], box: tuple[slice, ...], segment: Segment, geometry: Geometry
) -> Finding | None:
    """Return the finding of stray islands of a segment: parts that share no face with the rest.

    Two kidneys are no finding, nor is a small lesion beside a large one: stray is a part below
    `STRAY_SHARE` of the largest one and not above `STRAY_MM3` (or `STRAY_VOXELS`), as a slip of
    the brush or a spot of the model leaves it.
    """
    from scipy import ndimage

    parts, count = ndimage.label(array[box] == segment.value)
    if count < 2:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    most = max(STRAY_MM3 / float(np.prod(geometry.spacing)), STRAY_VOXELS)
    stray = np.flatnonzero((sizes < STRAY_SHARE * sizes.max()) & (sizes <= most))
    if not stray.size:
        return None
    largest = int(stray[np.argmax(sizes[stray])])
    voxels = int(sizes[largest])
    return Finding(
        "islands",
        f"{segment.name} has {_counted(stray.size, 'stray island')} apart from its main part; "
        f"the largest has {_counted(voxels, 'voxel')}.",
        _inside(parts, largest + 1, box),
    )


def _inside(
    parts: NDArray[np.integer], number: int, box: tuple[slice, ...]
) -> tuple[int, int, int]:
    """Return the voxel (I, J, K) of a part that is nearest to the part's middle."""
    voxels = np.argwhere(parts == number)
    nearest = voxels[np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1))]
    k, j, i = (int(index) + side.start for index, side in zip(nearest, box, strict=True))
    return i, j, k


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
