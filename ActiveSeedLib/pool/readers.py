"""Reading images and label maps into arrays, and writing label maps.

Arrays are KJI. Every error names the file and says what to do.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import InputError, UnreadableImageError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.pool import dicom_pixels, flat, itk, nifti
from ActiveSeedLib.pool.case import Case, Geometry, Image
from ActiveSeedLib.pool.content import is_unchanged
from ActiveSeedLib.pool.formats import NotGreyError, format_of, suffix_of, unread

_log = logging.getLogger(__name__)
LABEL_SUFFIXES = (".nii.gz", ".png")


def read_image(root: Path, case: Case) -> Image:
    """Return the grey voxels of a case of the pool below `root`.

    The array is KJI, finite, of the stored integer type or float32. Values that are no numbers
    become the smallest finite value (a warning is logged). Raises UnreadableImageError if a file is
    gone, damaged, holds no finite value, or is another one than when the pool was scanned.
    """
    if case.format == "dicom":
        image = _read_dicom(root, case)
    else:
        image = read_file(root / case.path)
        if not image.geometry.is_close(case.geometry):
            raise UnreadableImageError(
                f"{root / case.path}: The image has changed since the folder was scanned (size "
                f"{image.geometry.size}, formerly {case.geometry.size}); scan the folder again."
            )
    _require_unchanged(root, case)
    return Image(_finite(image.array, root / case.path), image.geometry)


def _require_unchanged(root: Path, case: Case) -> None:
    """Raise UnreadableImageError if other files have taken the place of those that were listed."""
    path = root / case.path
    try:
        if is_unchanged(root, case):
            return
    except OSError as error:
        raise UnreadableImageError(f"{path}: {unread(error)}") from error
    raise UnreadableImageError(
        f"{path}: It is not the image that was listed: another one has taken its place; scan the "
        "folder again."
    )


def read_file(path: Path) -> Image:
    """Return the voxels of one non-DICOM file in their stored type, values rescaled.

    Raises UnreadableImageError, naming the file, if it is gone, damaged or not a grey image.
    """
    readers = {"nifti": nifti.read, "image2d": flat.read, "nrrd": itk.read, "metaimage": itk.read}
    return _read_with(readers, path)


def read_label(path: Path) -> Image:
    """Return a label map as an array of uint8, or uint16 where a value is above 255.

    Raises InputError if the values are not whole numbers from 0 to 65,535 (a soft map, colour, a
    JPEG), and UnreadableImageError as `read_file`.
    """
    if suffix_of(path) in {".jpg", ".jpeg"}:
        raise InputError(
            f"{path}: JPEG changes the values of a label map; save it as .png or .nii.gz."
        )
    readers = {
        "nifti": nifti.read,
        "image2d": flat.read_indices,
        "nrrd": itk.read,
        "metaimage": itk.read,
    }
    image = _read_with(readers, path, InputError)
    return Image(_as_labels(image.array, path), image.geometry)


def write_label(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write a KJI label map, atomically, in the smallest unsigned type that holds it.

    `.nii.gz` keeps the geometry (to NIfTI's single precision), `.png` is for one slice. Raises
    InputError for another suffix, a shape that is not the geometry's, or values that are not
    whole numbers from 0 to 65,535.
    """
    suffix = suffix_of(path)
    if suffix not in LABEL_SUFFIXES:
        raise InputError(f"{path}: A label map is saved as .nii.gz or .png, not as {suffix!r}.")
    _check_shape(path, array, geometry)
    if suffix == ".png" and geometry.size[2] != 1:
        raise InputError(f"{path}: A volume does not fit a .png file; save it as .nii.gz.")
    labels = _as_labels(array, path)
    with replacing(path) as temporary:
        itk.write(temporary, labels, geometry)


def write_image(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write a KJI array, such as an uncertainty map, as float32 `.nii.gz`, atomically.

    Raises InputError for another suffix or a shape that is not the geometry's.
    """
    if suffix_of(path) != ".nii.gz":
        raise InputError(f"{path}: A map of values is saved as .nii.gz.")
    _check_shape(path, array, geometry)
    with replacing(path) as temporary:
        itk.write(temporary, array.astype(np.float32, copy=False), geometry)


def _check_shape(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    if array.shape != geometry.shape:
        raise InputError(
            f"{path}: The array has the shape {array.shape}, its image {geometry.shape}."
        )


def _read_with(
    readers: dict[str, Any], path: Path, refusal: type[Exception] = UnreadableImageError
) -> Image:
    """Read by format; a file that is no grey image of a known format raises `refusal`."""
    reader = readers.get(format_of(path) or "")
    if reader is None:
        raise refusal(
            f"{path}: Images are read from NIfTI, NRRD, MetaImage, PNG, JPEG and TIFF files; "
            "this is none of them; save it as .nii.gz."
        )
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise refusal(f"{path}: This is a folder or a device, no file; put the image in its place.")
    try:
        image: Image = reader(path)
    except NotGreyError as error:
        raise refusal(f"{path}: {error}") from error
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    except OSError as error:
        raise UnreadableImageError(f"{path}: {unread(error)}") from error
    return image


def _read_dicom(root: Path, case: Case) -> Image:
    files = [root / name for name in case.files]
    missing = sum(not file.is_file() for file in files)
    if missing:
        raise UnreadableImageError(
            f"{root / case.path}: {missing} of {len(files)} slices are gone; put them back or scan "
            "the folder again."
        )
    try:
        return dicom_pixels.read_series(files, case.geometry)
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{root / case.path}: {error}") from error
    except OSError as error:
        raise UnreadableImageError(f"{root / case.path}: {unread(error)}") from error


def _finite(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return array
    try:
        with np.errstate(over="raise"):
            array = array.astype(np.float32, copy=False)
    except FloatingPointError as error:
        far = max((array[np.isfinite(array)].min(), array[np.isfinite(array)].max()), key=abs)
        raise UnreadableImageError(
            f"{path}: The image holds {far:g}, beyond single precision; save it in other units."
        ) from error
    finite = np.isfinite(array)
    if finite.all():
        return array
    if not finite.any():
        raise UnreadableImageError(f"{path}: The image holds no finite value at all; leave it out.")
    lowest = array[finite].min()
    _log.warning("%s: %d values are not finite; read as %g.", path, (~finite).sum(), lowest)
    return np.where(finite, array, lowest)


def _as_labels(array: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return the values as uint8 or uint16, or say why they are no labels."""
    if array.size == 0:
        raise InputError(f"{path}: The label map is empty.")
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path}: A label map holds whole numbers, not {array.dtype}.")
    if array.dtype.kind == "f":
        whole = array == np.floor(array)  # False for values that are no numbers
        if not whole.all():
            example = array[~whole].flat[0]
            raise InputError(
                f"{path}: The label map holds {example:g}, so it is a probability or an image; "
                "save whole numbers, one for each structure."
            )
    low, high = array.min(), array.max()
    if low < 0 or high > 65535:
        raise InputError(
            f"{path}: The label map holds values from {low:g} to {high:g}; "
            "labels are whole numbers from 0 to 65,535; correct the label map."
        )
    return array.astype(np.uint8 if high < 256 else np.uint16)
