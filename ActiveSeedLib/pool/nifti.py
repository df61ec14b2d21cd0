"""NIfTI-1: the header by hand, the voxels through the fastest inflater.

Field offsets and the two transforms are those of the NIfTI-1 standard (Cox et al. 2004,
"nifti1.h"). Where the standard leaves a choice (which transform, whose spacing), the one of ITK is
taken, so that Slicer and SimpleITK see the same voxels in the same place.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool import inflate, limits, streams
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.formats import NotGreyError
from ActiveSeedLib.pool.grid import NO_ORIENTATION, NO_VOXEL_SIZE, regular

HEADER_BYTES = 348
_FIELDS = "i36x8h14xh4x8f3f3xB128xhh6f12f16x4s"
_LAYOUT = {order: struct.Struct(order + _FIELDS) for order in "<>"}
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_COLOUR = {128, 2304}
_COMPLEX = {32, 1792, 2048}
_UNIT_MM = {1: 1000.0, 3: 0.001}
_FAR_APART = 1e-4  # transforms that differ by more (millimetres) are taken for different ones

Matrix = tuple[tuple[float, float, float, float], ...]  # 3×4, rows, RAS


@dataclass(frozen=True)
class Header:
    """What the header says.

    Attributes:
        geometry: in LPS; a 2-D image has K = 1.
        dtype: of the stored voxels, with their byte order.
        offset: byte of the first voxel.
        slope, inter: stored values × slope + inter are the real ones.
        note: a sentence about something odd, or "".
    """

    geometry: Geometry
    dtype: np.dtype[Any]
    offset: int
    slope: float
    inter: float
    note: str

    @property
    def end(self) -> int:
        """How many bytes a whole, uncompressed file has at least."""
        return self.offset + math.prod(self.geometry.size) * self.dtype.itemsize


def parse(raw: bytes) -> Header:
    """Return what the first 348 bytes (inflated) of a NIfTI-1 file say.

    Raises UnreadableImageError, with a sentence that does not name the file, if they are no header
    of an image that can be used.
    """
    order = _byte_order(raw)
    values = _LAYOUT[order].unpack_from(raw)
    dims, datatype, pixdim = values[1:9], values[9], values[10:18]
    vox_offset, slope, inter, units, qform_code, sform_code = values[18:24]
    quaternion, rows = values[24:30], values[30:42]
    if values[42] != b"n+1\0":
        raise UnreadableImageError(
            "The voxels lie in a separate file or the file is of the old Analyze format; "
            "save it as one .nii.gz file."
        )
    if not vox_offset >= 0 or math.isinf(vox_offset):
        raise UnreadableImageError(
            f"The header is damaged: its voxels begin at {vox_offset:g}; copy the file again."
        )
    size = _size(dims)
    if datatype not in _TYPES:
        raise _type_error(datatype)
    spacing, notes = _spacing(pixdim)
    affine, orientation_note = _affine(
        qform_code, sform_code, _qform(quaternion, spacing, pixdim[0]), _sform(rows)
    )
    notes.append(orientation_note)
    if sform_code and affine is not None and _norms_differ(affine, spacing):
        notes.append("Its voxel size and its transform disagree; the voxel size is used.")
    if not math.isfinite(slope) or slope == 0.0:
        slope = 1.0
    geometry = regular(_geometry(size, spacing, affine, _UNIT_MM.get(units & 7, 1.0)))
    return Header(
        geometry,
        np.dtype(order + _TYPES[datatype]),
        max(int(vox_offset), HEADER_BYTES),
        slope,
        inter if math.isfinite(inter) else 0.0,
        " ".join(note for note in notes if note),
    )


def parse_head(head: bytes) -> Header:
    """Return the header from the first bytes of a file as it lies on the disk, gzip or not."""
    if head[:2] != inflate.GZIP_MAGIC:
        return parse(head)
    try:
        return parse(inflate.first_bytes(head, HEADER_BYTES))
    except inflate.DAMAGE as error:
        raise UnreadableImageError(
            "The compressed stream is damaged from its beginning; copy the file again."
        ) from error


def require_room(header: Header, head: bytes, size: int) -> None:
    """Raise UnreadableImageError if a file of `size` bytes cannot hold what its header says.

    A damaged size shows in a compressed file too. What is beyond `limits` is refused as well.
    """
    most = size * inflate.MOST_SHRUNK if head[:2] == inflate.GZIP_MAGIC else size
    streams.require(most, header.end)
    _require_within_limits(header)


def read(path: Path) -> Image:
    """Read a `.nii` or `.nii.gz` file: voxels as stored, or float32 (float64) where they scale.

    The stream is read to its end, so that its checksum is proven. Raises UnreadableImageError with
    a sentence that does not name the file, or OSError.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == inflate.GZIP_MAGIC
        file.seek(0)
        if not compressed:
            return _read_stream(file)
        try:
            with inflate.open_stream(file) as stream:
                image = _read_stream(stream)
                inflate.prove_rest(stream)
                return image
        except inflate.DAMAGE as error:
            raise UnreadableImageError(
                f"The compressed stream is damaged or cut short ({error}); copy the file again."
            ) from error


def _read_stream(stream: Any) -> Image:
    raw = stream.read(HEADER_BYTES)
    header = parse(raw)
    _require_within_limits(header)
    skip = header.offset - HEADER_BYTES
    while skip > 0 and (skipped := len(stream.read(min(skip, 1 << 20)))):
        skip -= skipped
    try:
        voxels = np.empty(header.geometry.shape, header.dtype)
    except (MemoryError, ValueError) as error:
        raise UnreadableImageError(
            f"The image does not fit the memory: its header says {header.end:,} bytes; leave "
            "it out."
        ) from error
    missing = fill(stream, voxels)
    if missing:
        raise UnreadableImageError(
            f"The file is cut short: {missing:,} of {voxels.nbytes:,} bytes of voxels are "
            "missing; copy the file again."
        )
    return Image(_scaled(voxels, header), header.geometry)


def _require_within_limits(header: Header) -> None:
    limits.require_beside(header.offset)
    limits.require_bytes(header.end - header.offset)


def fill(stream: Any, array: NDArray[Any]) -> int:
    """Read from `stream` into `array` in C order; return how many bytes were lacking."""
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    filled = 0
    while filled < len(view):
        # A megabyte at a time stays in the cache between inflating and checking.
        count = stream.readinto(view[filled : filled + (1 << 20)])
        if not count:
            break
        filled += count
    return len(view) - filled


def _scaled(voxels: NDArray[Any], header: Header) -> NDArray[Any]:
    native = voxels.astype(header.dtype.newbyteorder("="), copy=False)
    if header.slope == 1.0 and header.inter == 0.0:
        return native
    real = np.float64 if native.dtype == np.float64 else np.float32
    scaled = native.astype(real).astype(np.float64, copy=False) * header.slope + header.inter
    try:
        with np.errstate(over="raise"):
            return scaled.astype(real, copy=False)
    except FloatingPointError:  # single precision does not reach as far
        return scaled


def _byte_order(raw: bytes) -> str:
    if len(raw) < HEADER_BYTES:
        raise UnreadableImageError("The file ends within its header; copy it again.")
    for order in "<>":
        (length,) = struct.unpack_from(order + "i", raw)
        if length == HEADER_BYTES:
            return order
        if length == 540:
            raise UnreadableImageError(
                "The file is of the NIfTI-2 format, which few programs read; save it as NIfTI-1."
            )
    raise UnreadableImageError(
        "The file is named as NIfTI but does not hold a NIfTI header; copy it again, or rename it."
    )


def _size(dims: tuple[int, ...]) -> tuple[int, int, int]:
    count = dims[0]
    extents = dims[1 : count + 1]
    if not 1 <= count <= 7 or any(extent < 1 for extent in extents):
        raise UnreadableImageError(
            f"The header is damaged: its dimensions are {list(dims)}; copy the file again."
        )
    if any(extent > 1 for extent in extents[3:]):
        shape = " × ".join(str(extent) for extent in extents)
        raise UnreadableImageError(
            f"The image has more than three dimensions ({shape}); save each volume as a file."
        )
    if count == 1:
        raise UnreadableImageError("The image has only one dimension; save it as a volume.")
    i, j, k = (*extents, 1)[:3]
    return (i, j, k)


def _type_error(datatype: int) -> UnreadableImageError:
    if datatype in _COLOUR:
        return NotGreyError("The image is in colour (RGB); convert it to grey.")
    if datatype in _COMPLEX:
        return NotGreyError("The voxels are complex numbers; save their magnitude.")
    return UnreadableImageError(
        f"The voxels are of NIfTI type {datatype}, which is not read; save them as numbers."
    )


def _spacing(pixdim: tuple[float, ...]) -> tuple[tuple[float, float, float], list[str]]:
    sizes = [abs(value) if math.isfinite(value) and value else 1.0 for value in pixdim[1:4]]
    if all(a == b for a, b in zip(sizes, pixdim[1:4], strict=True)):
        return (sizes[0], sizes[1], sizes[2]), []
    if any(math.isfinite(value) and value < 0 for value in pixdim[1:4]):
        raise UnreadableImageError("The header gives a negative voxel size; save the image anew.")
    return (sizes[0], sizes[1], sizes[2]), [NO_VOXEL_SIZE]


def _qform(
    quaternion: tuple[float, ...], spacing: tuple[float, float, float], qfac: float
) -> Matrix:
    """Return the transform of method 2 of the standard: a rotation, the spacing, an offset."""
    b, c, d, x, y, z = quaternion
    a = 1.0 - (b * b + c * c + d * d)
    if a < 1e-7:  # rounding left nothing for a: a half turn
        norm = math.sqrt(b * b + c * c + d * d) or 1.0
        a, b, c, d = 0.0, b / norm, c / norm, d / norm
    else:
        a = math.sqrt(a)
    i, j, k = spacing
    k = -k if qfac < 0 else k
    return (
        (i * (a * a + b * b - c * c - d * d), j * 2 * (b * c - a * d), k * 2 * (b * d + a * c), x),
        (i * 2 * (b * c + a * d), j * (a * a + c * c - b * b - d * d), k * 2 * (c * d - a * b), y),
        (i * 2 * (b * d - a * c), j * 2 * (c * d + a * b), k * (a * a + d * d - c * c - b * b), z),
    )


def _sform(rows: tuple[float, ...]) -> Matrix | None:
    """Return the transform of method 3, or None if it is damaged or not at right angles."""
    matrix = (rows[0:4], rows[4:8], rows[8:12])
    columns = [[row[axis] for row in matrix] for axis in range(3)]
    norms = [math.sqrt(sum(v * v for v in column)) for column in columns]
    if not all(math.isfinite(value) for value in rows) or min(norms) == 0.0:
        return None
    for first, second in ((0, 1), (0, 2), (1, 2)):
        dot = sum(a * b for a, b in zip(columns[first], columns[second], strict=True))
        if abs(dot) > 1e-4 * norms[first] * norms[second]:
            return None
    return matrix  # type: ignore[return-value]  # each row is a slice of four


def _affine(
    qform_code: int, sform_code: int, qform: Matrix, sform: Matrix | None
) -> tuple[Matrix | None, str]:
    """Return the transform that ITK would use, or None if the file has none, and a note."""
    if qform_code <= 0 and sform_code <= 0:
        return None, NO_ORIENTATION
    if sform_code > 0 and sform is not None:
        if qform_code <= 0 or sform_code == 1 or _close(qform, sform):
            return sform, ""
        return qform, "Its two transforms disagree; the scanner's (qform) is used."
    if qform_code > 0:
        note = "Its sform is sheared or damaged; its qform is used." if sform_code > 0 else ""
        return qform, note
    raise UnreadableImageError(
        "Its sform is damaged, or its axes are not at right angles; resample it to a regular grid, "
        "or save it anew."
    )


def _close(first: Matrix, second: Matrix) -> bool:
    return all(
        abs(a - b) <= _FAR_APART
        for row_a, row_b in zip(first, second, strict=True)
        for a, b in zip(row_a, row_b, strict=True)
    )


def _norms_differ(affine: Matrix, spacing: tuple[float, float, float]) -> bool:
    return any(
        abs(math.sqrt(sum(row[axis] ** 2 for row in affine)) - spacing[axis]) > 1e-3
        for axis in range(3)
    )


def _geometry(
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    affine: Matrix | None,
    unit: float,
) -> Geometry:
    """Turn RAS into LPS and units into millimetres (`unit` of them)."""
    i, j, k = spacing
    scaled = (i * unit, j * unit, k * unit)
    if affine is None:
        return Geometry(size, scaled)
    norms = [math.sqrt(sum(row[axis] ** 2 for row in affine)) for axis in range(3)]
    direction: list[float] = []
    origin: list[float] = []
    for row, sign in zip(affine, (-1.0, -1.0, 1.0), strict=True):
        direction += [sign * row[axis] / norms[axis] + 0.0 for axis in range(3)]  # no -0.0
        origin.append(sign * row[3] * unit + 0.0)
    return Geometry(size, scaled, (origin[0], origin[1], origin[2]), tuple(direction))
