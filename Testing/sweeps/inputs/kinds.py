"""A kind of odd or broken input: how it is written, and what must become of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]


@dataclass(frozen=True)
class Used:
    """The image is a case, and it is read as told.

    Attributes:
        path: of the case, relative to the images folder.
        array: its real values, KJI.
        affine: 4×4, from voxel (I, J, K, 1) to LPS millimetres.
        note: words of the note that the pool must have about it; empty: it has none.
        reader: an independent reader that must agree with `array` and `affine` ("nibabel",
            "simpleitk", "pydicom"), or "" where no other reader takes the file as it is meant.
    """

    path: str
    array: NDArray[np.generic]
    affine: Affine
    note: str = ""
    reader: str = ""


@dataclass(frozen=True)
class Refused:
    """The file is refused, when listed or when read, in a sentence with these words."""

    path: str
    fault: str
    remedy: str


@dataclass(frozen=True)
class PassedOver:
    """The file is no image, and nothing is said of it."""

    path: str


@dataclass(frozen=True)
class Duplicate:
    """The file repeats another one of the pool."""

    path: str


@dataclass(frozen=True)
class Imported:
    """The label map at `path` is taken over for the case of `image`, with these values, KJI."""

    path: str
    image: str
    array: NDArray[np.generic]


@dataclass(frozen=True)
class NoImage:
    """The label map belongs to no image and is listed as such."""

    path: str


Outcome = Used | Refused | PassedOver | Duplicate | Imported | NoImage
Write = Callable[[Path], Outcome | list[Outcome]]


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        family: the group that the table counts it under.
        name: in words; unique in its family.
        write: writes it into an empty folder, and returns what must become of each file.
        later: done to the folder between listing and reading.
        midway: done to the folder while it is listed: after its names are known, before its
            files are opened.
        as_user: tried without the administrator's rights.
    """

    family: str
    name: str
    write: Write
    later: Callable[[Path], None] | None = None
    midway: Callable[[Path], None] | None = None
    as_user: bool = False

    @property
    def id(self) -> str:
        return f"{self.family}: {self.name}"


class Kinds:
    """The kinds of one family."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.all: dict[str, Kind] = {}

    def add(
        self,
        name: str,
        write: Write,
        *,
        later: Callable[[Path], None] | None = None,
        midway: Callable[[Path], None] | None = None,
        as_user: bool = False,
    ) -> None:
        if name in self.all:
            raise ValueError(f"{self.family} has the kind {name!r} already")
        self.all[name] = Kind(self.family, name, write, later, midway, as_user)

    def kind(self, name: str) -> Callable[[Write], Write]:
        """Decorate the function that writes the kind `name`."""

        def register(write: Write) -> Write:
            self.add(name, write)
            return write

        return register

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.all.values())


def volume(
    seed: int = 5, kind: str = "i2", shape: tuple[int, ...] = (4, 5, 6)
) -> NDArray[np.generic]:
    """Return an array without any symmetry, of values from 0 to 119."""
    return np.random.default_rng(seed).integers(0, 120, shape).astype(kind)


def placed(
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    direction: NDArray[np.generic] | None = None,
) -> Affine:
    """Return the 4×4 matrix from voxel to LPS mm; the columns of `direction` are I, J, K."""
    affine = np.eye(4)
    with np.errstate(invalid="ignore"):  # an infinite spacing
        affine[:3, :3] = (np.eye(3) if direction is None else direction) * np.array(spacing)
    affine[:3, 3] = origin
    return affine


def turned(axis: tuple[float, float, float], degrees: float) -> NDArray[np.float64]:
    """Return the matrix of a turn about `axis` (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    turn: NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    )
    return turn


def ras_rows(affine: Affine) -> NDArray[np.float64]:
    """Return the 3×4 rows of a NIfTI sform for an LPS `affine`."""
    rows: NDArray[np.float64] = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)[:3]
    return rows
