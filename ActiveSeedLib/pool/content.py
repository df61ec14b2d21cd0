"""Whether the files of a case are still those that were listed."""

from pathlib import Path

from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.identity import combined_key, full_key, peek
from ActiveSeedLib.pool.integrity import data_files


def all_files(root: Path, case: Case) -> list[Path]:
    """Return the files of a case of the pool below `root`, with those that a header points to.

    Raises UnreadableImageError if those are missing, or OSError.
    """
    files = [root / name for name in case.files]
    return files if case.format == "dicom" else [*files, *data_files(files[0])]


def is_unchanged(root: Path, case: Case) -> bool:
    """Return whether the content is that of which the key of the case was made by the scan.

    As a rule 12 kB of each file are read; all of it only where other cases had the same quick key,
    or it has changed. Raises as `all_files`.
    """
    files = all_files(root, case)
    keys = [peek(path).key for path in files]
    quick = keys[0] if len(keys) == 1 and case.format != "dicom" else combined_key(keys)
    return case.key == quick or case.key == combined_key([quick, full_key(files)])
