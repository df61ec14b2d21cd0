"""Where NRRD and MetaImage headers say that the voxels lie, and how many bytes they are.

SimpleITK reads these formats; this is what it takes to tell whether a file is whole, and to know
which other file belongs to a header that stands alone.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.files import leads_out
from ActiveSeedLib.pool import limits
from ActiveSeedLib.pool.formats import format_of
from ActiveSeedLib.pool.grid import NO_ORIENTATION, NO_VOXEL_SIZE

_NRRD_SIZES = ("space directions", "spacings")
_META_SIZES = ("elementspacing", "elementsize")
_META_AXES = ("transformmatrix", "rotation", "orientation")
_META_PLACES = ("offset", "position", "origin")
_USUAL_HEADER = 1 << 14
_LINES = re.IGNORECASE | re.MULTILINE
_LONGEST_HEADER = 1 << 24
# A pattern for numbered files; libraries hand it to printf as it is.
_PATTERN = re.compile(r"[^%]*%0?[0-9]{0,2}[du][^%]*")
_NRRD_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8"), 1),
    **dict.fromkeys(("uint8_t", "block"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16"), 2),
    **dict.fromkeys(("int16_t", "ushort", "unsigned short", "unsigned short int", "uint16"), 2),
    **dict.fromkeys(("uint16_t",), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int"), 4),
    **dict.fromkeys(("uint32", "uint32_t", "float"), 4),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long"), 8),
    **dict.fromkeys(("signed long long int", "int64", "int64_t", "ulonglong", "double"), 8),
    **dict.fromkeys(("unsigned long long", "unsigned long long int", "uint64", "uint64_t"), 8),
}
_META_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}


@dataclass(frozen=True)
class Voxels:
    """Where the voxels are.

    Attributes:
        file: that holds them.
        detached: whether that is another file than the header's.
        offset: byte at which they begin, or -1 if they are the last of the file.
        stored: bytes that they occupy, or None if it is not said.
        inflated: bytes that they are once inflated, or None if it is not said.
        gzip: whether they are a gzip stream.
        note: a sentence about what the header leaves out, or "".
    """

    file: Path
    detached: bool
    offset: int
    stored: int | None
    inflated: int | None
    gzip: bool
    note: str


def find_voxels(path: Path) -> Voxels | None:
    """Return where the voxels of a NRRD or MetaImage file are; None if spread over several files.

    Raises UnreadableImageError if there is no such header, the voxels' file is missing or would lie
    outside the header's folder, or they are more than `limits` allow.
    """
    head = _head(path)
    try:
        voxels = _nrrd(path, head) if format_of(path) == "nrrd" else _metaimage(path, head)
    except (KeyError, ValueError) as error:
        raise UnreadableImageError(
            f"The header is damaged ({error}); copy the file again, or save it anew."
        ) from error
    if voxels is None:
        return None
    limits.require_bytes(voxels.inflated or 0)
    if voxels.detached and voxels.file == path:
        raise UnreadableImageError(
            "The header names itself as the file of its voxels; save the image anew."
        )
    if voxels.detached:
        _require_file(voxels.file)
    return voxels


def spread_files(path: Path) -> list[Path]:
    """Return the files over which a NRRD or MetaImage header spreads its voxels, in order.

    Raises UnreadableImageError if one is missing or they are not named in a way that is known.
    """
    head = _head(path).decode("utf-8", "replace")
    found = re.search(r"^(?:data ?file:|ElementDataFile *=) *(.*)$((?s:.*))", head, _LINES)
    if found is None:
        return []
    wanted, rest = found[1].split(), found[2]
    if wanted and wanted[0] == "LIST":
        names = [line.strip() for line in rest.strip().splitlines()]
    elif len(wanted) >= 4 and re.fullmatch(r"[^%]*%0?\d?d[^%]*", wanted[0]):
        first, last, step = (int(word) for word in wanted[1:4])
        names = [wanted[0] % n for n in range(first, last + 1, max(step, 1))]
    else:
        raise UnreadableImageError(
            f"Its voxels lie in several files, named in a way that is not known ({found[1]}); save "
            "it as one file."
        )
    files = [path.parent / name for name in names]
    for file in files:
        _require_file(file)
    return files


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_USUAL_HEADER)
        if not any(mark in head for mark in (b"\n\n", b"\r\n\r\n", b"ElementDataFile")):
            head += file.read(_LONGEST_HEADER)
    return head


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UnreadableImageError(
            f"The file {path.name} that should hold its voxels is missing; put it beside."
        )


def segment_values(path: Path) -> dict[str, int]:
    """Return name → value of the segments that a header of 3D Slicer (`.seg.nrrd`) names."""
    head = _head(path).partition(b"\n\n")[0]
    keys = dict(
        line.split(":=", 1) for line in head.decode("utf-8", "replace").splitlines() if ":=" in line
    )
    values = {}
    for key, name in keys.items():
        number = re.fullmatch(r"(Segment\d+)_Name", key)
        value = keys.get(f"{number[1]}_LabelValue", "").strip() if number else ""
        if value.isascii() and value.isdigit():
            values[name.strip()] = int(value)
    return values


def _nrrd(path: Path, head: bytes) -> Voxels | None:
    if not head.startswith(b"NRRD"):
        raise UnreadableImageError(
            "The file is named as NRRD but does not hold a NRRD header; "
            "copy it again, or rename it."
        )
    ends = [head.find(mark) + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if mark in head]
    end = min(ends, default=len(head))
    fields = _fields(head[:end], ":")
    _require_numbers(fields, ("space directions", "space origin"))
    encoding = fields.get("encoding", "raw").lower()
    shape = [int(word) for word in fields.get("sizes", "").split() if word.isdigit()]
    width = _NRRD_BYTES.get(fields.get("type", "").lower())
    total = math.prod(shape) * width if width and shape else None
    name = fields.get("data file", fields.get("datafile"))
    if name is None:
        target, offset = path, end
    elif _is_several(name, head):
        return None
    else:
        target, offset = path.parent / name, 0
    skip = fields.get("byte skip", fields.get("byteskip", "0"))
    if skip == "-1":
        offset = -1
    elif encoding == "raw" and skip.isdigit():
        offset += int(skip)
    return Voxels(
        target,
        detached=name is not None,
        offset=offset,
        stored=total if encoding == "raw" else None,
        inflated=total,
        gzip=encoding in {"gzip", "gz"},
        note=_note(_is_said(fields, _NRRD_SIZES), "space directions" in fields),
    )


def _metaimage(path: Path, head: bytes) -> Voxels | None:
    start = head.find(b"ElementDataFile")
    end = head.find(b"\n", start) + 1
    if start < 0 or end == 0:
        raise UnreadableImageError(
            "The file is named as MetaImage but does not hold a whole MetaImage header; "
            "copy it again, or rename it."
        )
    fields = _fields(head[:end], "=")
    shape = [int(word) for word in fields["dimsize"].split()]
    if len(shape) != int(fields["ndims"]):  # MetaIO trusts it and writes beyond its memory
        raise ValueError(f"NDims = {fields['ndims']}, DimSize = {fields['dimsize']}")
    _require_numbers(fields, (*_META_SIZES, *_META_AXES, *_META_PLACES))
    width = _META_BYTES.get(fields.get("elementtype", ""))
    channels = int(fields.get("elementnumberofchannels", "1"))
    total = math.prod(shape) * width * channels if width else None
    compressed = fields.get("compresseddata", "false").lower() == "true"
    size = fields.get("compresseddatasize", "")
    stored = (int(size) if size.isdigit() else None) if compressed else total
    if compressed and stored is None:  # MetaIO takes the compressed bytes for voxels
        raise UnreadableImageError(
            "The header does not say how many bytes its compressed voxels take; save it anew."
        )
    name = fields["elementdatafile"]
    local = name.lower() == "local"
    if _is_several(name, head):
        return None
    skip = int(fields.get("headersize", "0"))
    return Voxels(
        path if local else path.parent / name,
        detached=not local,
        offset=skip if skip < 0 else skip + (end if local else 0),
        stored=stored,
        inflated=total,
        gzip=False,
        note=_note(_is_said(fields, _META_SIZES), any(name in fields for name in _META_AXES)),
    )


def _require_numbers(fields: dict[str, str], names: Iterable[str]) -> None:
    """Raise ValueError if a field holds a number that is none; SimpleITK makes 0 or 1 of it."""
    for name in names:
        words = re.split(r"[\s,()]+", fields.get(name, "").lower())
        for word in words:
            if word and word != "none" and not math.isfinite(float(word)):
                raise ValueError(f"{name}: {fields[name]}")


def _is_said(fields: dict[str, str], names: Iterable[str]) -> bool:
    """Return whether one of the fields is there and gives numbers alone."""
    values = [fields[name].lower() for name in names if name in fields]
    return any("nan" not in value for value in values)


def _note(has_size: bool, has_axes: bool) -> str:
    """Return what `nifti` notes of the same want, or ""."""
    if not has_size:
        return NO_VOXEL_SIZE
    return "" if has_axes else NO_ORIENTATION


def _is_several(name: str, head: bytes) -> bool:
    """Return whether a data file's `name` stands for several files; all must lie beside.

    Raises UnreadableImageError if one would not: a header may not have other files read.
    """
    names = [name]
    if name.startswith("LIST"):
        after = head[head.find(b"LIST") :].decode("utf-8", "replace")
        names = [line.strip() for line in after.splitlines()[1:]]
    elif "%" in name and not _PATTERN.fullmatch(name):
        raise UnreadableImageError("The pattern of its data files is malformed; save it anew.")
    for one in names:
        if leads_out(one):
            raise UnreadableImageError(
                f"Its header has voxels read from {one!r}, outside its own folder; put the file "
                "beside the header and correct it."
            )
    return name.startswith("LIST") or "%" in name


def _fields(head: bytes, sign: str) -> dict[str, str]:
    """Return the lines as {name in lower case: value}; `:=` lines of NRRD are the user's own."""
    fields = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, found, value = line.partition(sign)
        if found and not value.startswith("=") and not line.startswith("#"):
            fields[name.strip().lower()] = value.strip()
    return fields
