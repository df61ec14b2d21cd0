"""2-D pictures: PNG, JPEG and TIFF, grey, or colour that is grey in truth.

Their resolution tags describe print, so a pixel counts as 1 mm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool import itk
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.formats import NotGreyError, brief

_GREY = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L"}
_JPEG_ROUNDING = 2  # grey levels by which compression may set equal channels apart


def inspect(path: Path) -> tuple[Geometry, str]:
    """Return the geometry and a note ("" if nothing is odd), from the header where it suffices.

    Only a picture stored in colour is decoded, to see whether it is grey in truth. Raises
    UnreadableImageError, with a sentence that does not name the file, if it cannot be used.
    """
    with _opened(path) as picture:
        geometry = Geometry((picture.width, picture.height, 1))
        if picture.mode in _GREY:
            return geometry, ""
        if picture.format == "JPEG":  # an eighth of the size tells as much and decodes faster
            picture.draft("RGB", (picture.width // 8, picture.height // 8))
        _grey_of(picture)
    return geometry, "It is stored in colour, but its channels are equal: read as grey."


def read(path: Path) -> Image:
    """Read a picture as grey, shape (1, rows, columns); raises as `inspect`."""
    with _opened(path) as picture:
        geometry = Geometry((picture.width, picture.height, 1))
        array = np.asarray(picture) if picture.mode in _GREY else _grey_of(picture)
        deep = picture.mode in {"RGB", "RGBA"} and _bits(path) == 16
    if deep:  # Pillow cuts 16-bit colour to 8 bits
        array = itk.read_channel(path, 1)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return Image(native.reshape(geometry.shape), geometry)


def read_indices(path: Path) -> Image:
    """Read a label map: as `read`, but a picture with a palette gives its indices.

    Colour is refused even if its channels are equal: a label map has one value a pixel.
    """
    with _opened(path) as picture:
        if picture.mode not in _GREY | {"P"}:
            raise NotGreyError(
                "The label map is stored in colour; save one value (0, 1, 2, …) a pixel."
            )
        if picture.mode == "P":
            geometry = Geometry((picture.width, picture.height, 1))
            return Image(np.asarray(picture).reshape(geometry.shape), geometry)
    return read(path)


def check(path: Path) -> None:
    """Decode a picture to its end; raises as `inspect` if it is damaged or cut short."""
    with _opened(path) as picture:
        picture.load()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a picture; whatever Pillow finds wrong in the block becomes an UnreadableImageError."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(path, formats=("PNG", "JPEG", "TIFF")) as picture:
            _require_one_page(picture)
            yield picture
    except (UnreadableImageError, FileNotFoundError):
        raise
    except Exception as error:  # Pillow has no common error for what damage leads to
        reason = "unknown format" if "cannot identify" in str(error) else brief(error)
        raise UnreadableImageError(
            f"The picture cannot be read ({reason}); copy the file again."
        ) from error


def _require_one_page(picture: Any) -> None:
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        raise UnreadableImageError(
            f"The file holds {pages} pages; save a volume as .nii.gz or .nrrd, "
            "or each page as a file."
        )


def _grey_of(picture: Any) -> NDArray[Any]:
    """Return the one channel of a picture whose colour channels are equal, alpha left out."""
    if picture.mode in {"LA", "La"}:
        return np.asarray(picture)[..., 0]
    if picture.mode not in {"P", "PA", "RGB", "RGBA", "RGBX", "RGBa"}:
        raise NotGreyError(f"The picture's colours ({picture.mode}) cannot be read as grey.")
    channels = np.asarray(picture.convert("RGB")).astype(np.int16)
    tolerance = _JPEG_ROUNDING if picture.format == "JPEG" else 0
    spread = np.max(channels.max(axis=-1) - channels.min(axis=-1))
    if spread > tolerance:
        raise NotGreyError("The picture is in colour; convert it to grey.")
    return channels[..., 1].astype(np.uint8)


def _bits(path: Path) -> int:
    """Return the bits a channel of a PNG (byte 24 of its header) or of a TIFF (tag 258)."""
    with path.open("rb") as file:
        head = file.read(25)
    if head[:4] == b"\x89PNG":
        return head[24]
    from PIL import Image as Pillow

    with Pillow.open(path) as picture:
        bits = picture.tag_v2.get(258, 8) if hasattr(picture, "tag_v2") else 8
    return int(bits[0] if isinstance(bits, tuple) else bits)
