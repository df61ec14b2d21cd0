"""Writing so that a reader, or a killed process, never sees half a file."""

import csv
import hashlib
import io
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ActiveSeedLib.errors import DiskError, InputError
from ActiveSeedLib.plain_text import cell

_NUMBER = itertools.count()


def make_folder(path: Path) -> Path:
    """Return the folder `path`, made if need be; `InputError` if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {path} cannot be made ({error.strerror}): choose another place."
        ) from error
    return path


def leads_out(name: str) -> bool:
    """Return whether a relative file name leads out of its folder, by the rules of any system."""
    kinds = (PurePosixPath, PureWindowsPath)
    return "\0" in name or any(kind(name).anchor or ".." in kind(name).parts for kind in kinds)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it, durably, when the block succeeds.

    The temporary name keeps the suffix of `path`, by which image writers choose the format, and
    nothing else of it, which some of them would misread. If the block raises, the temporary file is
    removed and `path` is as it was. The folder is made if need be, but not the one that it lies in:
    what is on a drive that has gone shall not begin elsewhere.

    Raises:
        DiskError: it cannot be written.
    """
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
    temporary = path.with_name(f".tmp-{os.getpid()}-{time.monotonic_ns()}-{next(_NUMBER)}{suffix}")
    with needing_disk(path):
        path.parent.mkdir(exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)  # noqa: PTH105 - the atomic rename itself
        finally:
            with suppress(OSError):
                temporary.unlink()
    _sync_folder(path.parent)


@contextmanager
def needing_disk(path: Path) -> Iterator[None]:
    """Let an error of the system within the block be a `DiskError` that speaks of `path`."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        raise DiskError(
            f"{path} cannot be written or read ({error.strerror or error}): check that its disk is "
            "there and not full, and try again."
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def csv_text(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> str:
    """Return `rows` as CSV, one column a name; what a row lacks stays empty.

    Text that a spreadsheet would take for a formula is marked as text.

    Args:
        rows: name → value.
        names: the columns; by default the names in the order in which the rows have them.
    """
    names = names or list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def back_up(path: Path, folder: Path) -> Path | None:
    """Copy `path` into `folder` under a dated, unused name; None if there is nothing to copy."""
    if not path.exists():
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    stem, dot, suffixes = path.name.partition(".")
    target = folder / f"{stem}.{stamp}{dot}{suffixes}"
    count = 1
    while target.exists():
        count += 1
        target = folder / f"{stem}.{stamp}-{count}{dot}{suffixes}"
    with replacing(target) as temporary:
        shutil.copy2(path, temporary)
    return target


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of the file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system allows a folder to be synchronised (not Windows)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
