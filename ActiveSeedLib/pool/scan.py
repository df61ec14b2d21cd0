"""From a folder to a pool: every image below it, from headers alone, and why the others are out."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ActiveSeedLib.errors import InputError, UnreadableImageError
from ActiveSeedLib.plain_text import visible
from ActiveSeedLib.pool import dicom, flat, integrity, itk, nifti
from ActiveSeedLib.pool.case import Case, Duplicate, Geometry, Pool, Refused
from ActiveSeedLib.pool.content import all_files
from ActiveSeedLib.pool.formats import (
    SEGMENTATION_SUFFIX,
    UNREADABLE_SUFFIXES,
    format_of,
    require_text,
    shown,
    suffix_of,
    unread,
    without_suffix,
)
from ActiveSeedLib.pool.identity import Peek, combined_key, full_key, peek
from ActiveSeedLib.pool.series import assemble
from ActiveSeedLib.progress import Progress

if TYPE_CHECKING:
    from ActiveSeedLib.pool.patients import PatientRule

_CHUNK = 64  # files a thread takes at once
_THREADS = 4  # hide the latency of disks; the parsing itself is serial in Python


@dataclass(frozen=True)
class _Found:
    """What one file turned out to be: a case, a DICOM slice, refused, or (all None) no image."""

    case: Case | None = None
    note: str = ""
    refused: Refused | None = None
    slice: dicom.Slice | None = None


def scan(
    root: Path,
    *,
    patients: "PatientRule | None" = None,
    without: Collection[str] = (),
    progress: Progress | None = None,
) -> Pool:
    """Return every image below `root` as a case, and what cannot be used with the reason.

    Only headers are read (and the pixels of pictures stored in colour). Hidden files and folders
    are passed over, as are files that are no images; a linked folder is visited once. The result
    depends on the files alone, not on their order on the disk. A file that is damaged beyond its
    header is told by `integrity.verify`, not here.

    Args:
        root: the images folder.
        patients: how cases are given to patients; without it DICOM's PatientID does.
        without: folders below `root`, relative to it, that hold no images, such as label maps.
        progress: reported to, and asked whether to stop.

    Raises:
        InputError: `root` is no folder, cannot be read, or holds no image file at all.
    """
    progress = progress or Progress()
    if not root.is_dir():
        raise InputError(f"The images folder {root} does not exist or is not a folder.")
    root = root.resolve()
    if shown(str(root)) != str(root):
        raise InputError(f"The name of the folder {shown(str(root))} is not text; rename it.")
    paths, refused = _walk(root, without, progress)
    slices: list[dicom.Slice] = []
    cases: list[Case] = []
    notes: list[Refused] = []
    for found in _examine_all(root, paths, progress):
        if found.refused is not None:
            refused.append(found.refused)
        elif found.slice is not None:
            slices.append(found.slice)
        elif found.case is not None:
            cases.append(found.case)
            notes += [Refused(found.case.path, found.note)] if found.note else []
    series = assemble(root, slices)
    cases += series.cases
    refused += series.refused
    notes += series.notes
    if not cases and not refused:
        raise InputError(
            f"There is no image in {root}: choose a folder with NIfTI, NRRD, MetaImage, DICOM, "
            "PNG, JPEG or TIFF files."
        )
    cases, duplicates = _without_duplicates(root, sorted(cases, key=_order))
    kept = {case.path for case in cases}
    cases = _named(cases, root)
    cases, patient_notes = _with_patients(cases, patients)
    return Pool(
        str(root),
        tuple(cases),
        tuple(sorted(refused, key=lambda entry: entry.path)),
        tuple(duplicates),
        (*sorted((n for n in notes if n.path in kept), key=lambda n: n.path), *patient_notes),
    )


def _order(case: Case) -> tuple[str, tuple[str, ...]]:
    return (case.path, case.files)


def _walk(
    root: Path, without: Collection[str], progress: Progress
) -> tuple[list[str], list[Refused]]:
    """Return the POSIX paths of all visible files below `root`, sorted, and unreadable folders."""
    paths: list[str] = []
    refused: list[Refused] = []
    visited = {os.path.realpath(root / folder) for folder in without}
    folders, links = [""], list[str]()
    while folders or links:
        progress.check()
        # Links come last, so that a folder is known by its real place if that is in the pool too.
        folder = folders.pop() if folders else links.pop(0)
        real = os.path.realpath(root / folder)
        if real in visited:
            continue
        visited.add(real)
        try:
            with os.scandir(real) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"The folder cannot be opened ({error.strerror}); check its permissions."
            if not folder:
                raise InputError(f"{root}: {reason}") from error
            refused.append(Refused(shown(folder), reason))
            continue
        for entry in entries:
            if entry.name.startswith("."):  # includes ._ files of macOS
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is(entry.is_dir):
                (links if entry.is_symlink() else folders).append(path)
            elif _is(entry.is_file):
                paths.append(path)
            elif entry.is_symlink() and format_of(PurePosixPath(path)):
                refused.append(
                    Refused(shown(path), "The link leads to no file; restore its target.")
                )
    return sorted(paths), refused


def _is(kind: Callable[[], bool]) -> bool:
    """Return what `kind` says; a link that goes round in a circle is of no kind."""
    try:
        return kind()
    except OSError:
        return False


def _examine_all(root: Path, paths: Sequence[str], progress: Progress) -> Iterator[_Found]:
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]

    def examine_chunk(chunk: Sequence[str]) -> list[_Found]:
        return [_examine(root, path) for path in chunk]

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="scan") as executor:
        try:
            for number, found in enumerate(executor.map(examine_chunk, chunks), start=1):
                yield from found
                progress.update(0.95 * number / len(chunks), "Listing images")
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise


def _examine(root: Path, path: str) -> _Found:
    """Look at one file; whatever is wrong with it becomes a reason."""
    found = _look_at(root, path)
    if found.case is not None or found.slice is not None:
        try:
            require_text(PurePosixPath(path))
        except UnreadableImageError as error:
            return _refuse(path, str(error))
    return found


def _look_at(root: Path, path: str) -> _Found:
    file = root / path
    kind = format_of(file)
    if kind is None and suffix_of(file) in UNREADABLE_SUFFIXES:
        return _refuse(path, "This format is not read; save it as .nii.gz (or a picture as .png).")
    if file.name.lower().endswith(SEGMENTATION_SUFFIX):
        return _refuse(path, "This is a segmentation of 3D Slicer; import it as a label map.")
    try:
        look = peek(file)
        if look.size == 0:
            return _refuse(path, "The file is empty; copy it again.") if kind else _Found()
        if kind == "dicom" or (kind is None and dicom.is_dicom(look.head)):
            return _examine_dicom(root, path, look)
        if kind is None:
            return _Found()
        geometry, note = _inspect(file, kind, look)
        key = look.key
        data = integrity.data_files(file)
        if data:
            key = combined_key([key, *(peek(part).key for part in data)])
    except UnreadableImageError as error:
        return _refuse(path, str(error))
    except OSError as error:
        return _refuse(path, unread(error))
    return _Found(case=Case(key, "", path, kind, (path,), geometry), note=note)


def _inspect(file: Path, kind: str, look: Peek) -> tuple[Geometry, str]:
    """Return the geometry from the header, and a note if something about it is odd."""
    if kind == "image2d":
        return flat.inspect(file)
    if kind != "nifti":
        return itk.inspect(file)
    header = nifti.parse_head(look.head)
    nifti.require_room(header, look.head, look.size)
    return header.geometry, header.note


def _examine_dicom(root: Path, path: str, look: Peek) -> _Found:
    found = dicom.read_slice(root, path, look.key, look.size)
    return _Found() if found is None else _Found(slice=found)


def _refuse(path: str, reason: str) -> _Found:
    return _Found(refused=Refused(shown(path), reason))


def _without_duplicates(root: Path, cases: list[Case]) -> tuple[list[Case], list[Duplicate]]:
    """Leave out cases whose files equal those of an earlier one, byte for byte.

    Where quick keys agree but the content does not, the full content makes the key.
    """
    by_key: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_key[case.key].append(case)
    kept: list[Case] = []
    duplicates: list[Duplicate] = []
    for key, group in by_key.items():
        if len(group) == 1:
            kept += group
            continue
        first_of: dict[str, Case] = {}
        for case in group:
            full = full_key(_files_there(root, case))
            same = first_of.setdefault(full, case)
            if same is not case:
                duplicates.append(Duplicate(case.path, same.path))
        alone = len(first_of) == 1
        kept += [
            replace(case, key=key if alone else combined_key([key, full]))
            for full, case in first_of.items()
        ]
    return sorted(kept, key=_order), sorted(duplicates, key=lambda entry: entry.path)


def _files_there(root: Path, case: Case) -> list[Path]:
    try:
        return all_files(root, case)
    except OSError:
        return [root / name for name in case.files]


def _named(cases: Sequence[Case], root: Path) -> list[Case]:
    """Give each case a name that no other has, not even where upper and lower case are one."""
    wanted = []
    for case in cases:
        place = without_suffix(case.path) if case.path != "." else root.name
        name = unicodedata.normalize("NFC", visible("__".join(PurePosixPath(place).parts)))
        if len(case.files) > 1 and "series" in case.facts:
            name += f"__series-{case.facts['series']}"
        wanted.append(name)
    shared: dict[str, int] = defaultdict(int)
    for name in wanted:
        shared[name.casefold()] += 1
    return [
        replace(case, name=name if shared[name.casefold()] == 1 else f"{name}-{case.key[:8]}")
        for case, name in zip(cases, wanted, strict=True)
    ]


def _with_patients(
    cases: list[Case], rule: "PatientRule | None"
) -> tuple[list[Case], list[Refused]]:
    if rule is None:
        return cases, []
    owners = [rule.patient_of(case) for case in cases]
    unmatched = sum(owner is None for owner in owners)
    notes = []
    if unmatched:
        notes.append(
            Refused(
                ".",
                f"{unmatched} of {len(cases)} cases have no patient by {rule.source!r}: each counts"
                " as a patient of its own (or as the one that its DICOM header names).",
            )
        )
    return [
        replace(case, patient=owner) if owner is not None else case
        for case, owner in zip(cases, owners, strict=True)
    ], notes
