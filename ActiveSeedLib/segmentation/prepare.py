"""Labelled cases, loaded once and kept on the network's grid."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, InputError
from ActiveSeedLib.files import needing_disk
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.preprocess import image_on_grid

VOXELS_REMEMBERED = 2000


@dataclass(frozen=True)
class TrainingCase:
    """A labelled case, loaded when needed.

    Attributes:
        key: identity by content.
        load_image: returns the image.
        load_label: returns the label map on the same voxels, with the schema's values.
        geometry: of the image, if known; spares loading the image twice.
        patient: cases of one patient stay on one side of the validation split.
        name: what the user calls it; the key if empty.
    """

    key: str
    load_image: Callable[[], Image]
    load_label: Callable[[], Image]
    geometry: Geometry | None = None
    patient: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Prepared:
    """A case on the network's grid.

    Attributes:
        key: of the case.
        patient: of the case, or the key where unknown.
        image: z-scores on the grid, three axes.
        labels: classes 0, 1, ... on the grid.
        label_hash: SHA-256 of the label map's classes in its own geometry.
        foreground: per class from 1 up, some of its voxels as rows of grid indices.
    """

    key: str
    patient: str
    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    label_hash: str
    foreground: tuple[NDArray[np.int64], ...]


class Skipped(list[tuple[str, str]]):
    """Cases left out, as (key, sentence why); each is also noted to the user."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def add(self, case: TrainingCase, reason: str) -> None:
        """Leave a case out."""
        self.append((case.key, reason))
        self._progress.note(f"{case.name or case.key} is left out of the training: {reason}")

    def none_left(self) -> InputError:
        """Return the error for when no case is left."""
        first = f" The first: {self[0][1]}" if self else ""
        return InputError(
            f"None of the {len(self)} labelled cases can be used, so nothing was trained.{first}"
        )


class ArrayCache:
    """Keeps arrays in memory up to a limit and beyond it in files of a folder of its own."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._left = limit_bytes
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)

    def keep(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `array`, or the same values mapped from a file."""
        if array.nbytes <= self._left:
            self._left -= array.nbytes
            return array
        path = self._folder / f"{self._count}.npy"
        self._count += 1
        with needing_disk(path):
            self._folder.mkdir(exist_ok=True)
            np.save(path, array)
        mapped: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def with_geometry(
    cases: Sequence[TrainingCase], skipped: Skipped, progress: Progress
) -> list[tuple[TrainingCase, Geometry]]:
    """Return the cases, sorted by key, with their geometries; unreadable ones are skipped."""
    found = []
    for index, case in enumerate(sorted(cases, key=lambda c: c.key)):
        progress.update(index / len(cases), f"Looking at case {index + 1} of {len(cases)}")
        try:
            geometry = case.geometry or case.load_image().geometry
        except NO_CASE_TO_BLAME:
            raise
        except Exception as error:  # whatever one file brings, the others are still trained on
            skipped.add(case, sentence(error))
            continue
        found.append((replace(case, geometry=geometry), geometry))
    return found


def prepare_all(
    cases: Sequence[TrainingCase],
    plan: Plan,
    values: Sequence[int],
    cache: ArrayCache,
    skipped: Skipped,
    progress: Progress,
) -> list[Prepared]:
    """Return the cases on the plan's grid, in the order given; unusable ones are skipped."""
    prepared = []
    for index, case in enumerate(cases):
        progress.update(index / len(cases), f"Preparing case {index + 1} of {len(cases)}")
        try:
            prepared.append(_prepare(case, plan, values, cache))
        except NO_CASE_TO_BLAME:
            raise
        except Exception as error:  # as above
            skipped.add(case, sentence(error))
    return prepared


def classes_of(labels: NDArray[np.generic], values: Sequence[int]) -> NDArray[np.uint8]:
    """Return the label map with 1, 2, ... in place of the schema's `values`, in their order.

    Raises:
        InputError: a voxel has a value that is neither 0 nor in `values`.
    """
    classes = np.zeros(labels.shape, dtype=np.uint8)
    for index, value in enumerate(values, start=1):
        classes[labels == value] = index
    unknown = np.unique(labels[(classes == 0) & (labels != 0)])
    if unknown.size:
        raise InputError(
            f"its label map holds the value {unknown[0]:g}, which the label schema does not "
            f"({', '.join(map(str, values))}); add it to the schema or correct the label map."
        )
    return classes


def sentence(error: Exception) -> str:
    """Return the error in words that fit into a note."""
    return str(error).strip() or type(error).__name__


def _prepare(case: TrainingCase, plan: Plan, values: Sequence[int], cache: ArrayCache) -> Prepared:
    image, label = case.load_image(), case.load_label()
    _same_voxels(image, label)
    classes = classes_of(label.array, values)
    frame, grid = image_on_grid(image, plan)
    labels = frame.labels_to_grid(classes).astype(np.uint8)
    return Prepared(
        key=case.key,
        patient=case.patient or case.key,
        image=cache.keep(grid),
        labels=labels,
        label_hash=_hash(classes),
        foreground=_some_foreground(labels, len(values)),
    )


def _same_voxels(image: Image, label: Image) -> None:
    """Check that a label map lies on its image's voxels; origin and spacing are the image's."""
    if image.array.shape != label.array.shape:
        raise InputError(
            f"its label map has {label.array.shape} voxels and its image {image.array.shape} "
            "(slices, rows, columns); export the label map in the image's geometry."
        )
    if not np.allclose(image.geometry.direction, label.geometry.direction, atol=0.05):
        raise InputError(
            "its label map is turned or flipped against its image; export it in the image's "
            "geometry."
        )


def _hash(classes: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(classes.shape).encode())
    digest.update(classes.tobytes())
    return digest.hexdigest()


def _some_foreground(labels: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int64], ...]:
    """Return up to `VOXELS_REMEMBERED` evenly picked voxels of each class from 1 to `count`."""
    places = []
    for value in range(1, count + 1):
        flat = np.flatnonzero(labels == value)
        flat = flat[:: max(1, -(-len(flat) // VOXELS_REMEMBERED))]
        places.append(np.stack(np.unravel_index(flat, labels.shape), axis=1).astype(np.int64))
    return tuple(places)
