"""Single slices of volumes, as cases of their own: how they are named, listed and cut out.

A project may pick, and train on, slices instead of whole volumes. Whatever works on a 2-D image
then works on a slice: to encoders, strategies and networks it is a case with one slice.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ActiveSeedLib.pool.case import Case, Geometry, Image
from ActiveSeedLib.pool.orientation import Orientation, canonical_axes

AXIS_NAMES = ("head-foot", "back-front", "left-right")
"""The canonical axes S, P, L in a radiologist's words."""
SLICES = "slices"
"""The fact of a volume's prediction that holds what it told of each slice, by index as text."""
MARK = "#"
KEPT_VOLUMES = 3


def slice_key(key: str, index: int) -> str:
    """Return the key of slice `index` (from 0) of the case `key`; keys sort as slices do."""
    return f"{key}{MARK}{index:05d}"


def split_key(key: str) -> tuple[str, int | None]:
    """Return the case, and the slice (from 0), that a key names; None where it names no slice."""
    case, mark, index = key.partition(MARK)
    return (case, int(index)) if mark else (key, None)


def of_slices(sentence: str) -> str:
    """Return what is said of cases, which are slices to the one who says it, said of slices."""
    small = re.sub(r"\bcase(s?)\b", r"slice\1", sentence)
    return re.sub(r"\bCase(s?)\b", r"Slice\1", small)


def common_slice_axis(geometries: Iterable[Geometry]) -> int:
    """Return the canonical axis (0, 1, 2 for S, P, L) across which a pool is best sliced.

    The one of the largest median spacing, as whole volumes are sliced for a 2-D network; ties, as
    in isotropic volumes, go to S, whose slices are axial. 2-D images have no say.
    """
    spacings = []
    for geometry in geometries:
        if 1 not in geometry.size:
            axes, _ = canonical_axes(geometry)
            spacings.append([geometry.spacing[2 - axis] for axis in axes])
    if not spacings:
        return 0
    # Headers carry rounded spacings: a difference of a thousandth is none.
    median = np.median(spacings, axis=0)
    return int(np.argmax(median >= median.max() * (1 - 1e-3)))


def slice_axis(geometry: Geometry, canonical: int) -> int:
    """Return the KJI axis that the slices of a case are counted along.

    Args:
        geometry: of the case.
        canonical: 0, 1, 2 for S, P, L; of an image of a single slice, that slice is taken instead.
    """
    return Orientation.slices(geometry, canonical).axes[0]


def cut_geometry(geometry: Geometry, axis: int, index: int) -> Geometry:
    """Return the geometry of slice `index` along KJI `axis`: that axis becomes K, of one voxel."""
    along = 2 - axis
    order = [i for i in range(3) if i != along] + [along]
    direction = np.asarray(geometry.direction).reshape(3, 3)
    step = np.asarray(direction[:, along]) * geometry.spacing[along] * index
    size, spacing = ([values[i] for i in order] for values in (geometry.size, geometry.spacing))
    return Geometry(
        (int(size[0]), int(size[1]), 1),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        (
            float(geometry.origin[0] + step[0]),
            float(geometry.origin[1] + step[1]),
            float(geometry.origin[2] + step[2]),
        ),
        tuple(direction[:, order].ravel().tolist()),
    )


def cut(image: Image, axis: int, index: int) -> Image:
    """Return slice `index` along KJI `axis` as an image of one slice: array [1, rows, columns].

    Its voxels are a view of those of `image`; the two axes within the slice keep their order.
    """
    array = np.take(np.asarray(image.array), [index], axis=axis)
    return Image(np.moveaxis(array, axis, 0), cut_geometry(image.geometry, axis, index))


def slices_of(case: Case, canonical: int) -> list[Case]:
    """Return the slices of a case, in order, as cases named "liver_04, slice 13" (from 1)."""
    axis = slice_axis(case.geometry, canonical)
    return [
        replace(
            case,
            key=slice_key(case.key, index),
            name=f"{case.name}, slice {index + 1}",
            # Slices of one volume are slices of one patient.
            patient=case.patient or case.key,
            geometry=cut_geometry(case.geometry, axis, index),
        )
        for index in range(case.geometry.shape[axis])
    ]


class SliceReader:
    """Reads slices by reading each volume once, as long as slices of one are asked for together.

    Any thread may call it; of one volume, the others wait for the one that reads it.

    Args:
        cases: the volumes whose slices will be asked for.
        load: reads a volume.
        canonical: the axis, 0, 1, 2 for S, P, L.
        kept: volumes in memory at a time.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        load: Callable[[Case], Image],
        canonical: int,
        kept: int = KEPT_VOLUMES,
    ) -> None:
        self._cases = {case.key: case for case in cases}
        self._load = load
        self._canonical = canonical
        self._kept = kept
        self._images: OrderedDict[str, Image] = OrderedDict()
        self._reading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __call__(self, unit: Case) -> Image:
        """Return the image of a slice (or, of a key that names none, of the whole case)."""
        key, index = split_key(unit.key)
        case = self._cases[key]
        image = self._volume(case)
        if index is None:
            return image
        return cut(image, slice_axis(case.geometry, self._canonical), index)

    def _volume(self, case: Case) -> Image:
        with self._lock:
            if case.key in self._images:
                self._images.move_to_end(case.key)
                return self._images[case.key]
            reading = self._reading.setdefault(case.key, threading.Lock())
        with reading:
            with self._lock:
                if case.key in self._images:
                    return self._images[case.key]
            image = self._load(case)
            with self._lock:
                self._images[case.key] = image
                while len(self._images) > self._kept:
                    self._images.popitem(last=False)
        return image
