"""One case of the pool and its geometry."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Geometry:
    """Where the voxels lie, in millimetres and SimpleITK's LPS convention.

    Attributes:
        size: voxels along I, J, K.
        spacing: millimetres along I, J, K.
        origin: LPS position of the centre of voxel (0, 0, 0).
        direction: 3×3 matrix, row by row; its columns are the LPS directions of I, J, K.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the KJI array that holds the voxels."""
        i, j, k = self.size
        return (k, j, i)

    @property
    def coarsest_axis(self) -> int:
        """The KJI axis to slice along: the largest spacing, then fewest voxels, then K; 2-D: K."""
        if self.size[2] == 1:
            return 0
        spacing, size = self.spacing[::-1], self.shape
        widest = max(spacing)
        # Headers carry rounded spacings: a difference of a thousandth is none.
        coarse = [axis for axis in range(3) if spacing[axis] >= widest * (1 - 1e-3)]
        return min(coarse, key=lambda axis: (size[axis], axis))

    def is_close(self, other: "Geometry", tolerance: float = 1e-3) -> bool:
        """Return whether both cover the same voxels, but for what headers round.

        That is `tolerance` mm for the origin, a tenth of it for the spacing, 1e-4 for directions,
        and never more than a twentieth of a voxel, or a thousandth of its size.
        """
        if self.size != other.size:
            return False
        spacing, origin = np.array(other.spacing), np.array(other.origin)
        # Single precision, in which NIfTI keeps an origin, is the least that can be asked for.
        rounded = 2e-7 * np.abs(origin)
        near = np.minimum(tolerance + 1e-5 * np.abs(origin), 0.05 * spacing.min()) + rounded
        alike = np.minimum(tolerance * 0.1 + 1e-5 * spacing, 1e-3 * spacing)
        return (
            bool(np.all(np.abs(np.array(self.spacing) - spacing) <= alike))
            and bool(np.all(np.abs(np.array(self.origin) - origin) <= near))
            and bool(np.allclose(self.direction, other.direction, atol=1e-4))
        )


@dataclass(frozen=True)
class Image:
    """Voxels with their geometry. `array` is KJI; a 2-D image has K = 1."""

    array: NDArray[np.generic]
    geometry: Geometry


@dataclass(frozen=True)
class Case:
    """One image (or DICOM series) of the pool.

    Attributes:
        key: identity by content, 32 hexadecimal digits; survives moving or renaming the file.
        name: readable and unique in the pool (relative path without suffix, "/" replaced by "__").
        path: the file (DICOM: the folder of the series), relative to the images folder, POSIX; a
            hint that a later scan may change.
        format: "nifti", "nrrd", "metaimage", "dicom" or "image2d".
        files: for DICOM the files of the series in slice order, relative to the images folder;
            otherwise just (path,).
        geometry: from the header alone.
        patient: whom the case belongs to, or None if unknown (the case is then its own patient).
        facts: further header facts, such as {"modality": "MR"}; never a patient's name.
    """

    key: str
    name: str
    path: str
    format: str
    files: tuple[str, ...]
    geometry: Geometry
    patient: str | None = None
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def is_2d(self) -> bool:
        """Whether the case is a single slice."""
        return self.geometry.size[2] == 1

    def to_json(self) -> dict[str, Any]:
        """Return the case as plain values that go into JSON, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Case":
        """Return the case that `to_json` gave as `values`."""
        geometry = Geometry(**{name: tuple(axes) for name, axes in values["geometry"].items()})
        return cls(**{**values, "files": tuple(values["files"]), "geometry": geometry})


@dataclass(frozen=True)
class Refused:
    """A file or series that cannot be used, and why, in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A file left out because its content equals that of a case of the pool."""

    path: str
    same_as: str


@dataclass(frozen=True)
class Pool:
    """What a scan of the images folder found. `notes` are sentences about kept, odd cases."""

    root: str
    cases: tuple[Case, ...]
    refused: tuple[Refused, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    notes: tuple[Refused, ...] = ()
