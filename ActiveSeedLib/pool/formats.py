"""Which format a file is of, judged by its name, and the formats' common refusal."""

import os
import re
from pathlib import PurePath, PurePosixPath

from ActiveSeedLib.errors import UnreadableImageError

_WHO = re.compile(r"^((sitk|itk)?(::)?(ITK )?ERROR: |Reason: |\w+\(0x[0-9a-f]+\): )+")


class NotGreyError(UnreadableImageError):
    """The image has several values a voxel."""


SUFFIXES = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".png": "image2d",
    ".jpg": "image2d",
    ".jpeg": "image2d",
    ".tif": "image2d",
    ".tiff": "image2d",
    ".dcm": "dicom",
    ".dicom": "dicom",
    ".ima": "dicom",
}

# Images for certain, but none that can be used: they are listed with a reason, not passed over.
UNREADABLE_SUFFIXES = frozenset(
    (".hdr", ".mgz", ".mgh", ".mnc", ".bmp", ".gif", ".webp", ".jp2", ".svs", ".ndpi", ".gipl")
)

SEGMENTATION_SUFFIX = ".seg.nrrd"  # what 3D Slicer saves a segmentation as


def suffix_of(path: PurePath) -> str:
    """Return the suffix in lower case, `.nii.gz` being one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def format_of(path: PurePath) -> str | None:
    """Return the format that the suffix stands for (see `Case.format`), or None if it is open."""
    return SUFFIXES.get(suffix_of(path))


def without_suffix(path: str) -> str:
    """Return the POSIX `path` without the suffix of an image; other dots belong to the name."""
    pure = PurePosixPath(path)
    suffix = suffix_of(pure)
    return path[: -len(suffix)] if suffix in SUFFIXES else path


def unread(error: OSError) -> str:
    """Return a sentence for what the system says of a file that it does not give."""
    if isinstance(error, FileNotFoundError):
        return "The file is gone; put it back or scan the folder again."
    return f"The file cannot be read ({error.strerror or error}); check it and its permissions."


def shown(path: str) -> str:
    """Return `path` as text that can be printed and stored, even if the name on disk is none."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def require_text(path: PurePath) -> None:
    """Raise UnreadableImageError if the path is no text: SimpleITK would end the process."""
    if shown(str(path)) != str(path):
        raise UnreadableImageError("The name of the file or of its folder is not text; rename it.")


def brief(error: BaseException) -> str:
    """Return what a library says of a damaged file, short enough for a bracket in a sentence."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in said.splitlines() if any(map(str.isalpha, line))]
    reason = lines[-1] if lines else type(error).__name__
    reason = _WHO.sub("", reason.split(". ")[0])
    return reason.rstrip(".!")[:150]
