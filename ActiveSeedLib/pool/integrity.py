"""Whether a file is whole.

SimpleITK and other readers fill up a truncated `.nii.gz` without an error, so the end of every
compressed stream is proven once, and the verdict kept.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.files import write_json
from ActiveSeedLib.pool import dicom_pixels, flat, inflate, nifti, streams
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.formats import format_of, unread
from ActiveSeedLib.pool.textheader import find_voxels, spread_files

_HEAD = 1 << 16
_SAVE_SECONDS = 5.0


def verify(path: Path) -> str | None:
    """Return None if the file is whole, or else a sentence that does not name it.

    gzip streams are inflated to the end, a megabyte at a time, so that their checksums and lengths
    are proven; the size of uncompressed volumes is compared with their header; pictures are
    decoded; of DICOM the pixel data's length is checked.
    """
    checks = {"nifti": _check_nifti, "nrrd": _check_voxels, "metaimage": _check_voxels}
    try:
        kind = format_of(path)
        if kind == "image2d":
            flat.check(path)
        elif kind is None or kind == "dicom":
            dicom_pixels.check(path)
        else:
            checks[kind](path)
    except UnreadableImageError as error:
        return str(error)
    except OSError as error:
        return unread(error)
    return None


def data_files(path: Path) -> list[Path]:
    """Return the files that hold the voxels of a header that stands alone, or [].

    Raises UnreadableImageError if they are missing.
    """
    if format_of(path) not in {"nrrd", "metaimage"}:
        return []
    voxels = find_voxels(path)
    if voxels is None:
        return spread_files(path)
    return [voxels.file] if voxels.detached else []


class Verified:
    """Verdicts of `verify`, kept by path, size and time of change, so that each is found once.

    Args:
        file: a JSON file to keep them in between runs; a damaged one is as good as none.

    Threads may share one. New verdicts are written every few seconds and by `save`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._saved_at = time.monotonic()
        self._changed = False
        self._entries = _read_entries(file)

    def verdict(self, path: Path) -> str | None:
        """Return what `verify` says of `path`, from memory if the file has not changed."""
        try:
            status = path.stat()
        except OSError:
            return verify(path)
        name = os.path.abspath(path)  # noqa: PTH100 - links stay: they are the name in use
        stamp = [status.st_size, status.st_mtime_ns]
        known = self._entries.get(name)
        if known is not None and known[:2] == stamp:
            verdict: str | None = known[2]
            return verdict
        verdict = verify(path)
        with self._lock:
            self._entries[name] = [*stamp, verdict]
            self._changed = True
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            self.save()
        return verdict

    def learn(self, file: Path) -> None:
        """Take over the verdicts that another process kept in `file`."""
        with self._lock:
            entries = _read_entries(file)
            self._changed |= any(self._entries.get(name) != one for name, one in entries.items())
            self._entries |= entries

    def save(self) -> None:
        """Write the verdicts, if there are new ones."""
        with self._lock:
            if self._changed:
                write_json(self._file, self._entries)
            self._changed = False
            self._saved_at = time.monotonic()

    def __enter__(self) -> "Verified":
        return self

    def __exit__(self, *_: object) -> None:
        self.save()


def verify_case(root: Path, case: Case, cache: Verified) -> str | None:
    """Return None if all files of a case of the pool below `root` are whole, or else a sentence."""
    for name in case.files:
        verdict = cache.verdict(root / name)
        if verdict is not None:
            return f"{root / name}: {verdict}"
    return None


def _read_entries(file: Path) -> dict[str, list[Any]]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in entries.items() if _is_entry(v)} if isinstance(entries, dict) else {}


def _is_entry(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[2], str | None)


def _check_nifti(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    header = nifti.parse_head(head)
    nifti.require_room(header, head, path.stat().st_size)
    if head[:2] == inflate.GZIP_MAGIC:
        streams.require_gzip(path, 0, header.end)


def _check_voxels(path: Path) -> None:
    voxels = find_voxels(path)
    if voxels is not None:  # else spread over several files: only reading them all would tell
        streams.require_voxels(voxels)
