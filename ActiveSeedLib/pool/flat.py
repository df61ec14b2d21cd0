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
from ActiveSeedLib.pool import itk, limits
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.formats import NotGreyError, brief

_GREY = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L"}
# TIFF's tags, one of which EXIF shares.
_BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION = 258, 259, 262, 274
_STRIP_BYTES, _TILE_BYTES, _SAMPLE_FORMAT = 279, 325, 339
_JPEG_ROUNDING = 2  # grey levels by which compression may set equal channels apart


def inspect(path: Path) -> tuple[Geometry, str]:
    """Return the geometry and a note ("" if nothing is odd), from the header where it suffices.

    Only a picture stored in colour is decoded, to see whether it is grey in truth. Raises
    UnreadableImageError, with a sentence that does not name the file, if it cannot be used.
    """
    with _opened(path) as picture:
        geometry = Geometry((picture.width, picture.height, 1))
        note = _turned(picture)
        if picture.mode in _GREY:
            return geometry, note
        _require_depth(path, picture)
        if picture.format == "JPEG":  # an eighth of the size tells as much and decodes faster
            picture.draft("RGB", (picture.width // 8, picture.height // 8))
        _grey_of(picture)
    equal = "It is stored in colour, but its channels are equal: read as grey."
    return geometry, f"{equal} {note}".strip()


def read(path: Path) -> Image:
    """Read a picture as grey, shape (1, rows, columns); raises as `inspect`."""
    with _opened(path) as picture:
        geometry = Geometry((picture.width, picture.height, 1))
        array = _stored(picture) if picture.mode in _GREY else _grey_of(picture)
        _require_depth(path, picture)
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
        if _white_is_zero(picture):
            raise UnreadableImageError(
                "The label map is a TIFF in which 0 stands for white, so that programs disagree on "
                "its values; save it as .png."
            )
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
            limits.require_pixels(picture.width, picture.height)
            _require_one_page(picture)
            _require_strips(picture)
            yield picture
    except (UnreadableImageError, FileNotFoundError):
        raise
    except Pillow.DecompressionBombError as error:  # Pillow looks before `limits` can
        raise UnreadableImageError(limits.TOO_MANY_PIXELS) from error
    except Exception as error:  # Pillow has no common error for what damage leads to
        reason = "unknown format" if "cannot identify" in str(error) else brief(error)
        raise UnreadableImageError(
            f"The picture cannot be read ({reason}); copy the file again, or save it as .png."
        ) from error


def _require_one_page(picture: Any) -> None:
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        raise UnreadableImageError(
            f"The file holds {pages} pages; save a volume as .nii.gz or .nrrd, "
            "or each page as a file."
        )
    if picture.format == "TIFF" and picture.tag_v2.next:  # SimpleITK would follow it for ever
        raise UnreadableImageError(
            "The TIFF's list of pages leads back to its beginning; save the picture as .png."
        )


def _require_strips(picture: Any) -> None:
    """Refuse an uncompressed TIFF that says of itself that it holds fewer bytes than its size."""
    if picture.format != "TIFF" or picture.tag_v2.get(_COMPRESSION, 1) != 1:
        return
    held = sum(_numbers(picture, _STRIP_BYTES) or _numbers(picture, _TILE_BYTES))
    bits = sum(_numbers(picture, _BITS)) or 1
    expected = picture.width * picture.height * bits // 8
    if held < expected:
        raise UnreadableImageError(
            f"The file is cut short: it holds {held:,} of {expected:,} bytes; copy it again."
        )


def _require_depth(path: Path, picture: Any) -> None:
    """Refuse 16-bit grey with alpha: no library here reads it whole."""
    if picture.format == "PNG" and picture.mode == "RGBA" and _head(path)[24:26] == b"\x10\x04":
        raise UnreadableImageError(
            "The picture is grey in 16 bits with transparency, which is not read; save it without."
        )


def _turned(picture: Any) -> str:
    """Return a note if the picture asks to be shown turned or mirrored; nobody here does."""
    tags = picture.tag_v2 if picture.format == "TIFF" else picture.getexif()
    if tags.get(_ORIENTATION, 1) == 1:
        return ""
    return "It asks to be shown turned or mirrored (EXIF); it is read as it is stored."


def _stored(picture: Any) -> NDArray[Any]:
    """Return the values of a grey picture where Pillow changes their sign or their sense."""
    array = np.asarray(picture)
    if picture.format != "TIFF":
        return array
    form = next(iter(_numbers(picture, _SAMPLE_FORMAT)), 1)
    if picture.mode == "I" and form == 1:
        return array.view(np.uint32)
    if picture.mode == "L" and form == 2:
        return array.view(np.int8)
    if _white_is_zero(picture) and picture.mode.startswith("I;16"):
        return ((1 << _numbers(picture, _BITS)[0]) - 1 - array).astype(array.dtype)
    return array


def _white_is_zero(picture: Any) -> bool:
    return bool(picture.format == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC) == 0)


def _numbers(picture: Any, tag: int) -> tuple[int, ...]:
    value = picture.tag_v2.get(tag, ())
    return value if isinstance(value, tuple) else (value,)


def _grey_of(picture: Any) -> NDArray[Any]:
    """Return the one channel of a picture whose colour channels are equal, alpha left out."""
    if picture.mode in {"LA", "La"}:
        return np.asarray(picture)[..., 0]
    if picture.mode not in {"P", "PA", "RGB", "RGBA", "RGBX", "RGBa"}:
        raise NotGreyError(f"The picture is in colour ({picture.mode}); convert it to grey.")
    channels = np.asarray(picture.convert("RGB")).astype(np.int16)
    tolerance = _JPEG_ROUNDING if picture.format == "JPEG" else 0
    spread = np.max(channels.max(axis=-1) - channels.min(axis=-1))
    if spread > tolerance:
        raise NotGreyError("The picture is in colour; convert it to grey.")
    return channels[..., 1].astype(np.uint8)


def _bits(path: Path) -> int:
    """Return the bits a channel of a PNG (byte 24 of its header) or of a TIFF (tag 258)."""
    head = _head(path)
    if head[:4] == b"\x89PNG":
        return head[24]
    from PIL import Image as Pillow

    with Pillow.open(path) as picture:
        bits = _numbers(picture, _BITS) if hasattr(picture, "tag_v2") else (8,)
    return int((*bits, 8)[0])


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(26)
