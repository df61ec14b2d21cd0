"""Zip archives of arrays and tensors (.npz, .pt): refused before one that inflates takes memory."""

import zipfile
from pathlib import Path

from ActiveSeedLib.errors import InputError

MOST_TIMES = 16
"""How many times its own size an archive may inflate to; numbers shrink to a third at best."""


def require_moderate(path: Path) -> None:
    """Raise InputError if the archive `path` claims to hold far more bytes than it has.

    What is no zip archive passes: its reader says so. Sizes are those of the archive's directory,
    which the readers of NumPy and torch keep to.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        total = sum(entry.file_size for entry in archive.infolist())
    size = path.stat().st_size
    if total > MOST_TIMES * size:
        raise InputError(
            f"{path} has {size:,} bytes and would inflate to {total:,}, as no file of weights or "
            "vectors does: it is damaged or made to harm; delete it."
        )
