"""DICOM: what the header of one file says.

Attributes and their meaning: DICOM PS3.3, C.7.6.1 (General Image), C.7.6.2 (Image Plane),
C.7.6.3 (Image Pixel).
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool import inflate, limits
from ActiveSeedLib.pool.formats import brief, format_of

_TAGS = [
    "BitsAllocated",
    "Columns",
    "DirectoryRecordSequence",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "ImagerPixelSpacing",
    "Modality",
    "NumberOfFrames",
    "PatientID",
    "PhotometricInterpretation",
    "ModalityLUTSequence",
    "PixelSpacing",
    "RescaleSlope",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SpacingBetweenSlices",
    "SliceThickness",
    "StudyInstanceUID",
]
_OTHER_OBJECTS = {
    "SEG": "a segmentation",
    "RTSTRUCT": "a set of contours",
    "RTDOSE": "a dose distribution",
    "RTPLAN": "a treatment plan",
    "SR": "a report",
    "PR": "a presentation state",
    "KO": "a key object selection",
    "REG": "a registration",
}
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BYTES = 1024
_PIECE = 1 << 20


@dataclass(frozen=True)
class Slice:
    """The header of one DICOM file that holds a grey image of one frame.

    Attributes:
        path: relative to the images folder, POSIX.
        key: quick key of the file's content.
        series, study, instance: unique identifiers (SeriesInstanceUID and so on).
        patient: pseudonym made of PatientID, or None.
        modality: such as "MR".
        size: columns, rows.
        spacing: millimetres between columns, between rows; None if unknown.
        orientation: LPS directions of the rows' and of the columns' run, or None.
        position: LPS position of the first pixel, or None.
        thickness: millimetres of the slice, or between slices; 1 if unknown.
        localizer: whether it is a scout, for planning.
        facts: for `Case.facts`.
    """

    path: str
    key: str
    series: str
    study: str
    instance: str
    patient: str | None
    modality: str
    size: tuple[int, int]
    spacing: tuple[float, float] | None
    orientation: tuple[float, ...] | None
    position: tuple[float, float, float] | None
    thickness: float
    localizer: bool
    facts: dict[str, str]


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins so is DICOM, whatever its name."""
    return head[128:132] == b"DICM"


def read_slice(root: Path, path: str, key: str, size: int) -> Slice | None:
    """Return the header of a file of `size` bytes, or None if it is a directory (DICOMDIR).

    Raises UnreadableImageError, with a sentence that does not name the file, if it does not hold
    one grey image.
    """
    header = _header(root / path)
    try:
        if header.get("SOPClassUID") == _DIRECTORY_CLASS or "DirectoryRecordSequence" in header:
            return None
        _require_grey_image(header)
        _require_room(header, size)
        return _slice(header, path, key)
    except UnreadableImageError:
        raise
    except Exception as error:  # values are converted when asked for; see `_header`
        raise UnreadableImageError(
            f"Its DICOM header holds a value that makes no sense ({brief(error)}); export it again."
        ) from error


def labels_in(path: Path) -> str | None:
    """Return "a segmentation" or "a set of contours" if the file holds such, else None."""
    import pydicom

    try:
        with path.open("rb") as file:
            named = format_of(path) == "dicom" or is_dicom(file.read(132))
        if not named:
            return None
        require_moderate(path)
        header = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["Modality"], force=True
        )
        modality = str(header.get("Modality", ""))
    except Exception:  # see `_header`; what is damaged is no label map that could be named
        return None
    return _OTHER_OBJECTS[modality] if modality in {"SEG", "RTSTRUCT"} else None


def require_moderate(path: Path) -> None:
    """Raise UnreadableImageError if a file is deflated as a whole and holds more than an image can.

    pydicom inflates such a file at once, in memory. Its header proper (PS3.10, 7.1) is not deflated
    and tells its own length in bytes 140 to 143.
    """
    with path.open("rb") as file:
        head = file.read(_META_BYTES)
        if not is_dicom(head) or _DEFLATED not in head:
            return
        file.seek(144 + int.from_bytes(head[140:144], "little"))
        total = 0
        inflater = inflate.inflater(raw=True)
        try:
            while not inflater.eof and (piece := file.read(_PIECE)):
                while piece and not inflater.eof:
                    total += len(inflater.decompress(piece, _PIECE))
                    limits.require_beside(total - 2 * limits.MOST_PIXELS)
                    piece = inflater.unconsumed_tail
        except inflate.DAMAGE as error:
            raise UnreadableImageError(
                f"The DICOM file's deflated stream is damaged ({error}); copy the file again."
            ) from error


def _header(path: Path) -> Any:
    import pydicom

    require_moderate(path)
    try:
        # `force`: older scanners wrote no preamble; what is no DICOM at all lacks every tag.
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    except OSError:
        raise
    except Exception as error:  # pydicom has no common error for what damage leads to
        raise UnreadableImageError(
            f"Its DICOM header cannot be read ({brief(error)}); copy it again."
        ) from error
    if "SOPClassUID" not in header and "Rows" not in header:
        raise UnreadableImageError(
            "The file is named as DICOM but does not hold a DICOM header; copy it again, or "
            "rename it."
        )
    return header


def _require_grey_image(header: Any) -> None:
    modality = str(header.get("Modality", "") or "")
    if modality in _OTHER_OBJECTS or "Rows" not in header or "Columns" not in header:
        if modality not in _OTHER_OBJECTS:
            raise UnreadableImageError(
                "This DICOM file is no image, or cut short; leave it out, or copy it again."
            )
        raise UnreadableImageError(
            f"This DICOM file is {_OTHER_OBJECTS[modality]}; only images are used, so leave it out."
        )
    if int(header.get("SamplesPerPixel", 1) or 1) != 1:
        raise UnreadableImageError("The DICOM image is in colour (RGB); convert it to grey.")
    if str(header.get("PhotometricInterpretation", "")).startswith("PALETTE"):
        raise UnreadableImageError("The DICOM image is in palette colours; convert it to grey.")
    limits.require_pixels(int(header.Columns), int(header.Rows))
    frames = int(header.get("NumberOfFrames", 1) or 1)
    if frames > 1:
        raise UnreadableImageError(
            f"The DICOM file holds {frames} frames; convert it to a NIfTI volume (if they are "
            "slices) or to single pictures (if they are a film)."
        )
    _require_plain_values(header)


def _require_plain_values(header: Any) -> None:
    """Refuse values that are not whole bytes, or are real ones only by a table."""
    bits = int(header.get("BitsAllocated", 16) or 16)
    if bits not in {8, 16, 32}:
        raise UnreadableImageError(
            f"Each pixel takes {bits} bit{'s' * (bits > 1)}, which is not read; save it with 8 or "
            "16 bits."
        )
    if min(int(header.Rows or 0), int(header.Columns or 0)) < 1:
        raise UnreadableImageError("The image has the size 0; copy it again, or leave it out.")
    if "ModalityLUTSequence" in header:
        raise UnreadableImageError(
            "Its real values come from a table (modality LUT), which is not read; export it with "
            "slope and intercept."
        )
    if header.get("RescaleSlope") == 0:
        raise UnreadableImageError("Its rescale slope is 0, so all is lost; export it again.")


def _require_room(header: Any, size: int) -> None:
    """Refuse a file that is too small for the pixels that it says it has."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    known = syntax is not None and syntax.is_transfer_syntax
    if known and (syntax.is_compressed or syntax.is_deflated):
        return
    expected = int(header.Rows) * int(header.Columns) * int(header.get("BitsAllocated", 16)) // 8
    if size < expected:
        raise UnreadableImageError(
            f"The file is cut short: it can hold {size:,} of {expected:,} bytes of pixels; "
            "copy it again."
        )


def _slice(header: Any, path: str, key: str) -> Slice:
    orientation = _floats(header, "ImageOrientationPatient", 6)
    position = _floats(header, "ImagePositionPatient", 3)
    across = _floats(header, "PixelSpacing", 2) or _floats(header, "ImagerPixelSpacing", 2)
    if across is not None and min(across) <= 0:
        raise UnreadableImageError(
            f"It gives its pixels the size {across[1]:g} × {across[0]:g} mm; export it again."
        )
    thickness = header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1.0
    modality = str(header.get("Modality", "") or "")
    patient = str(header.get("PatientID", "") or "").strip()
    kinds = header.get("ImageType") or []
    facts = {
        "modality": modality,
        "series": str(header.get("SeriesNumber", "") or ""),
        "photometric": str(header.get("PhotometricInterpretation", "") or ""),
    }
    return Slice(
        path=path,
        key=key,
        series=str(header.get("SeriesInstanceUID", "") or ""),
        study=str(header.get("StudyInstanceUID", "") or ""),
        instance=str(header.get("SOPInstanceUID", "") or ""),
        patient=pseudonym(patient) if patient else None,
        modality=modality,
        size=(int(header.Columns), int(header.Rows)),
        spacing=(across[1], across[0]) if across is not None else None,
        orientation=orientation,
        position=(position[0], position[1], position[2]) if position else None,
        thickness=abs(float(thickness)) or 1.0,
        localizer=any("LOCALIZER" in str(kind).upper() for kind in kinds),
        facts={name: value for name, value in facts.items() if value},
    )


def pseudonym(patient_id: str) -> str:
    """Return a short name that tells patients apart without naming them."""
    return "P-" + hashlib.sha256(patient_id.encode()).hexdigest()[:10]


def _floats(header: Any, tag: str, count: int) -> tuple[float, ...] | None:
    """Return the numbers of a tag, or None if it is absent or empty."""
    values = header.get(tag)
    if values is None or isinstance(values, str) or len(values) == 0:
        return None
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{tag} = {list(values)}")
    return numbers
