"""DICOM: the pixels of slices, whether they are all there, and the volume that they make."""

import hashlib
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.dicom import require_moderate
from ActiveSeedLib.pool.formats import brief, require_text

_RLE = "1.2.840.10008.1.2.5"


def check(path: Path) -> Any:
    """Return the data set of a file whose pixels are all there.

    Raises UnreadableImageError, with a sentence that does not name the file, if they are missing or
    fewer than the header says; compressed ones are only decoded by `read_series`.
    """
    import pydicom

    require_moderate(path)
    try:
        header = pydicom.dcmread(path, force=True)
        pixels = header.get("PixelData")
        syntax = header.file_meta.get("TransferSyntaxUID")
        encapsulated = syntax is not None and syntax.is_encapsulated
        bits = int(header.Rows) * int(header.Columns) * int(header.BitsAllocated)
        expected = bits * int(header.get("SamplesPerPixel", 1)) // 8
    except OSError:
        raise
    except Exception as error:  # pydicom has no common error for what damage leads to
        raise UnreadableImageError(
            f"The DICOM file is damaged or cut short ({brief(error)}); copy it again."
        ) from error
    if pixels is None:
        raise UnreadableImageError(
            "The DICOM file holds no pixels, or is cut short before them; copy it again, or leave "
            "it out."
        )
    # Of an encapsulated stream pydicom has looked for the end.
    if not encapsulated and len(pixels) < expected:
        raise UnreadableImageError(
            f"The file is cut short: it holds {len(pixels):,} of {expected:,} bytes of pixels; "
            "copy it again."
        )
    if syntax == _RLE:
        _require_segments(header, bits // (int(header.Rows) * int(header.Columns) or 1) // 8)
    return header


def _require_segments(header: Any, width: int) -> None:
    """Refuse run-length encoded pixels of `width` bytes without a segment for each of the bytes.

    GDCM ends the process over some of them. The header of the frame: DICOM PS3.5, G.5.
    """
    from pydicom.encaps import get_frame

    try:
        frame = get_frame(header.PixelData, 0, number_of_frames=1)
        count, *starts = struct.unpack_from("<16I", frame)
    except (ValueError, struct.error) as error:
        raise UnreadableImageError(
            f"The compressed pixels are damaged ({brief(error)}); copy the file again."
        ) from error
    bounds = [64, *starts[1:count], len(frame)]
    if count != width or starts[0] != 64 or any(a > b for a, b in pairwise(bounds)):
        raise UnreadableImageError("The compressed pixels are damaged; copy the file again.")


def digest(path: Path) -> str:
    """Return what two files share whose stored pixels are the same; raises as `check`."""
    return hashlib.sha256(bytes(check(path).PixelData)).hexdigest()


def read_series(files: Sequence[Path], geometry: Geometry) -> Image:
    """Read the slices in the order given, each with its own rescale slope and intercept.

    MONOCHROME1 comes turned by GDCM: bright means dense in every case of the pool. The array is of
    the smallest type that holds the values of all slices. Raises UnreadableImageError, with a
    sentence that names a file only where there are several, if one is damaged or has changed.
    """
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    slices: list[Any] = []
    for index, path in enumerate(files):
        try:
            require_text(path)
            _require_place(check(path), geometry, index)
            reader.SetFileName(str(path))
            array = SimpleITK.GetArrayFromImage(reader.Execute())
            slices.append(array.reshape(geometry.shape[1:]))
        except (RuntimeError, ValueError) as error:
            reason = brief(error)
            raise UnreadableImageError(
                f"The pixels of {path.name} cannot be decoded ({reason}); copy it again, or save "
                "it without compression."
            ) from error
        except UnreadableImageError as error:
            raise UnreadableImageError(
                f"{path.name}: {error}" if len(files) > 1 else str(error)
            ) from error
    kind = np.result_type(*(array.dtype for array in slices))
    return Image(np.stack(slices, dtype=kind), geometry)


def _require_place(header: Any, geometry: Geometry, index: int) -> None:
    """Refuse a slice that no longer lies where it lay when the pool was scanned."""
    position = header.get("ImagePositionPatient")
    size = (int(header.Columns), int(header.Rows))
    if size == geometry.size[:2] and (not position or geometry.size[2] == 1):
        return
    normal = np.array(geometry.direction).reshape(3, 3)[:, 2]
    step = geometry.spacing[2]
    if size == geometry.size[:2] and len(position) == 3:
        moved = np.array([float(value) for value in position]) - geometry.origin
        if abs(float(moved @ normal) - index * step) < 0.5 * step:
            return
    raise UnreadableImageError(
        "The slice has changed since the folder was scanned; scan the folder again."
    )
