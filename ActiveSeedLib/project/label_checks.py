"""Whether an array can be the label map of an image."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LARGEST_VALUE


def check_geometry(name: str, image: Image, wanted: Geometry) -> None:
    """Raise `InputError`, saying what differs, unless `image` lies on the voxels of the case."""
    found = image.geometry
    if image.array.shape != wanted.shape or found.size != wanted.size:
        has = "×".join(str(length) for length in image.array.shape[::-1])
        due = "×".join(str(length) for length in wanted.size)
        raise InputError(
            f"The label map of {name} has {has} voxels, but the image has {due}: "
            "resample it onto the image first."
        )
    if found.is_close(wanted):
        return
    for what in ("spacing", "origin", "direction"):
        if not found.is_close(replace(wanted, **{what: getattr(found, what)})):
            continue
        raise InputError(
            f"The label map of {name} has the {what} {_rounded(getattr(found, what))}, but the "
            f"image has {_rounded(getattr(wanted, what))}: resample it onto the image first."
        )
    raise InputError(
        f"The label map of {name} lies elsewhere in space than the image: resample it onto the "
        "image first."
    )


def count_values(name: str, array: NDArray[np.generic]) -> dict[int, int]:
    """Return value → voxels for an array of whole numbers from 0 to 65535."""
    counts = np.zeros(LARGEST_VALUE + 1, np.int64)
    for part in array:  # slice by slice, because counting widens its input to 64 bits
        whole = part.astype(np.int64)
        if not np.array_equal(whole, part):
            raise InputError(
                f"The label map of {name} holds fractions; values are whole numbers: correct it."
            )
        if whole.size and (whole.min() < 0 or whole.max() > LARGEST_VALUE):
            raise InputError(
                f"The label map of {name} holds values from {whole.min()} to {whole.max()}; "
                f"values are whole numbers from 0 to {LARGEST_VALUE}: correct it."
            )
        found = np.bincount(whole.ravel())
        counts[: found.size] += found
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _rounded(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
