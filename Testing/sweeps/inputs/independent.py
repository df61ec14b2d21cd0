"""The same files read by others: what is expected is not only what we wrote, but what they see."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from Testing.sweeps.inputs.kinds import Affine

Seen = tuple[NDArray[np.generic], Affine]


def by_nibabel(path: Path) -> Seen:
    """Return the real values, KJI, and the LPS affine; only NIfTI in millimetres."""
    import nibabel

    image = nibabel.load(path)
    array = np.asarray(image.dataobj)
    while array.ndim > 3:
        array = array[..., 0]
    while array.ndim < 3:
        array = array[..., np.newaxis]
    return array.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine


def by_simpleitk(path: Path) -> Seen:
    """Return the values, KJI, and the LPS affine of a volume or of a picture."""
    import SimpleITK

    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    dimensions = min(image.GetDimension(), 3)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape([image.GetDimension()] * 2)
    affine[:dimensions, :dimensions] = (direction * np.array(image.GetSpacing()))[
        :dimensions, :dimensions
    ]
    affine[:dimensions, 3] = image.GetOrigin()[:dimensions]
    return array.reshape((1, 1, *array.shape)[-3:] if array.ndim < 3 else array.shape[-3:]), affine


def by_pydicom(paths: Sequence[Path]) -> Seen:
    """Return real values, KJI, and the LPS affine of slices in order, as pydicom sees them."""
    import pydicom
    from pydicom.pixels import apply_modality_lut

    slices = [pydicom.dcmread(path, force=True) for path in paths]
    array = np.stack([apply_modality_lut(one.pixel_array, one) for one in slices])
    first, last = slices[0], slices[-1]
    affine = np.eye(4)
    across = first.get("PixelSpacing") or first.get("ImagerPixelSpacing") or [1, 1]
    affine[0, 0], affine[1, 1] = float(across[1]), float(across[0])
    affine[2, 2] = float(first.get("SliceThickness") or 1)
    if "ImagePositionPatient" not in first:
        return array, affine
    rows, columns = np.reshape([float(v) for v in first.ImageOrientationPatient], (2, 3))
    start, end = (np.array([float(v) for v in one.ImagePositionPatient]) for one in (first, last))
    step = np.cross(rows, columns) * affine[2, 2]
    if len(slices) > 1:
        step = (end - start) / (len(slices) - 1)
    affine[:3] = np.column_stack((rows * affine[0, 0], columns * affine[1, 1], step, start))
    return array, affine
