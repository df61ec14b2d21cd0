"""One kind of input, through the doors that a user uses, compared with what must become of it."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.readers import read_image, read_label, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project import LabelSchema, Project
from Testing.odd_files import write_nifti
from Testing.sweeps.inputs import independent
from Testing.sweeps.inputs.kinds import (
    Affine,
    Duplicate,
    Kind,
    Outcome,
    PassedOver,
    Refused,
    Used,
    volume,
)

CONTROL = "control.nii.gz"  # a sound image that lies beside every odd one
_CONTROL_SEED = 99
_NOBODY = 65534
_REMEDY = re.compile(
    r"\b(copy|save|convert|export|resample|leave|put|check|restore|rename|scan|choose|lower|keep|crop|cut|"
    r"correct|import|lay|add|repair|give|open|free|exclude)\b"
)
_NO_SENTENCE = re.compile(r"Errno|Traceback|(?<![\w-])0x[0-9a-f]{5}|itk::|^\s|\n|\w+Error\b")


class WrongError(Exception):
    """What became of an input is not what must."""


def affine_of(geometry: Geometry) -> Affine:
    """Return the 4×4 matrix from voxel (I, J, K, 1) to LPS millimetres."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(geometry.direction).reshape(3, 3) * np.array(geometry.spacing)
    affine[:3, 3] = geometry.origin
    return affine


def require_plain(text: str) -> None:
    """Raise unless `text` is one plain sentence."""
    if _NO_SENTENCE.search(text) or not text.endswith(".") or len(text) > 450:
        raise WrongError(f"no plain sentence: {text!r}")


def require_sentence(text: str, refused: Refused | None = None) -> None:
    """Raise unless `text` is one plain sentence with a fault and a remedy."""
    require_plain(text)
    if not _REMEDY.search(text):
        raise WrongError(f"no remedy: {text!r}")
    for words in (refused.fault, refused.remedy) if refused else ():
        if words.casefold() not in text.casefold():
            raise WrongError(f"{words!r} is missing: {text!r}")


def require_equal(
    what: str, array: NDArray[np.generic], affine: Affine, seen: tuple[NDArray[Any], Affine]
) -> None:
    """Raise unless voxels and places are those `seen`."""
    if array.shape != seen[0].shape:
        raise WrongError(f"{what}: shape {array.shape}, not {seen[0].shape}")
    whole = array.dtype.kind in "iub" and seen[0].dtype.kind in "iub"
    same = (
        np.array_equal(array, seen[0])
        if whole
        else np.allclose(array.astype(float), seen[0].astype(float), rtol=1e-6, atol=0)
    )
    if not same:
        raise WrongError(f"{what}: other values, {array.flat[:4]} for {seen[0].flat[:4]}")
    size = np.array(array.shape[::-1])
    scale = np.abs(seen[1][:3, :3]).sum(axis=1).max()
    corner = np.array([*(size - 1), 1.0])
    for voxel in (np.array([0.0, 0.0, 0.0, 1.0]), corner):
        apart = np.abs(affine @ voxel - seen[1] @ voxel).max()
        if apart > 1e-3 * scale + 2e-6 * np.abs(seen[1][:3, 3]).max():
            raise WrongError(f"{what}: voxel {voxel[:3]} lies {apart:g} mm elsewhere")
    if np.abs(affine - seen[1])[:3, :3].max() > 1e-4 * scale:
        raise WrongError(f"{what}: other axes, {affine[:3, :3]} for {seen[1][:3, :3]}")


def check_images(kind: Kind, folder: Path) -> tuple[str, list[str]]:
    """Write, list and read one kind; return ("used" or "refused", what was said).

    Raises WrongError, or whatever ActiveSeed raises that it should not.
    """
    images = folder / "images"
    write_nifti(images / CONTROL, volume(_CONTROL_SEED), sform=1, rows=np.eye(3, 4))
    wanted = kind.write(images)
    outcomes = wanted if isinstance(wanted, list) else [wanted]
    if kind.as_user:
        for path in (folder, images, *images.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        with _without_rights():
            said = _check_all(kind, outcomes, folder)
    else:
        said = _check_all(kind, outcomes, folder)
    used = any(isinstance(outcome, Used) for outcome in outcomes)
    passed = all(isinstance(outcome, PassedOver) for outcome in outcomes)
    return "used" if used else "passed over" if passed else "refused", said


def _check_all(kind: Kind, outcomes: Sequence[Outcome], folder: Path) -> list[str]:
    images = folder / "images"
    pool = scan(images, progress=_midway(kind, images))
    if kind.later:
        kind.later(images)
    said = [_check_outcome(outcome, pool, images, folder) for outcome in outcomes]
    _check_control(pool, images)
    _check_nothing_else(pool, outcomes)
    if kind.family == "names" and len(outcomes) > 1:
        _check_project(pool, folder / "project")
    return [words for words in said if words]


@contextmanager
def _without_rights() -> Iterator[None]:
    """Give up the rights of the administrator, who may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def _check_project(pool: Pool, root: Path) -> None:
    """A project keeps each case under its name, and a label map for each."""
    with Project.create(root, pool, LabelSchema.parse("1=liver")) as project:
        for number, case in enumerate(pool.cases):
            labels = np.zeros(case.geometry.shape, np.uint8)
            labels.flat[number] = 1
            project.save_label(case.key, Image(labels, case.geometry), source="sweep")
    with Project.open(root) as project:
        if [record.case for record in project.cases()] != list(pool.cases):
            raise WrongError("the project has other cases")
        for number, case in enumerate(pool.cases):
            path = project.label_path(case.key)
            if path is None or np.flatnonzero(read_label(path).array).tolist() != [number]:
                raise WrongError(f"the label map of {case.name} is lost")
        if project.notes:
            raise WrongError(f"the project notes {project.notes}")


def _midway(kind: Kind, images: Path) -> Progress | None:
    if kind.midway is None:
        return None
    seen = 0

    def asked() -> bool:  # once a folder, before it is looked into
        nonlocal seen
        seen += 1
        if seen == 2 and kind.midway:
            kind.midway(images)
        return False

    return Progress(cancelled=asked)


def _check_outcome(outcome: Outcome, pool: Pool, images: Path, folder: Path) -> str:
    match outcome:
        case Used():
            return _check_used(outcome, pool, images, folder)
        case Refused():
            return _check_refused(outcome, pool, images)
        case Duplicate() if outcome.path not in [entry.path for entry in pool.duplicates]:
            raise WrongError(f"{outcome.path} is not told to be a duplicate")
        case PassedOver() if outcome.path in {
            *(case.path for case in pool.cases),
            *(entry.path for entry in pool.refused),
        }:
            raise WrongError(f"{outcome.path} is not passed over")
    return ""


def _check_used(used: Used, pool: Pool, images: Path, folder: Path) -> str:
    case = _case_of(used, pool, images)
    image = read_image(images, case)
    require_equal(used.path, image.array, affine_of(image.geometry), (used.array, used.affine))
    if not image.geometry.is_close(case.geometry):
        raise WrongError(f"{used.path}: the list says {case.geometry}, the file {image.geometry}")
    seen = _independent(used, images, case)
    if seen is not None:
        require_equal(f"{used.path} by {used.reader}", *seen, (used.array, used.affine))
    notes = " ".join(note.reason for note in pool.notes if note.path == used.path)
    if used.note.casefold() not in notes.casefold() or (notes and not used.note):
        raise WrongError(f"the note is {notes!r}, wanted {used.note!r}")
    for file in case.files:
        verdict = verify(images / file)
        if verdict is not None:
            raise WrongError(f"{file} is read, but told to be damaged: {verdict}")
    _check_label(image, folder / "label.nii.gz")
    return notes


def _case_of(used: Used, pool: Pool, images: Path) -> Case:
    """Return the case at its path; of several DICOM series in a folder, the one with its values."""
    found = [case for case in pool.cases if case.path == used.path]
    if not found:
        reasons = [entry.reason for entry in pool.refused if entry.path == used.path]
        raise WrongError(f"{used.path} is not used: {reasons or 'it is not listed'}")
    same = (c for c in found if np.array_equal(read_image(images, c).array, used.array))
    return found[0] if len(found) == 1 else next(same, found[0])


def _case_at(pool: Pool, path: str) -> Case | None:
    found = [case for case in pool.cases if case.path == path]
    if len(found) > 1:
        raise WrongError(f"{path} is {len(found)} cases")
    return found[0] if found else None


def _independent(used: Used, images: Path, case: Case) -> tuple[NDArray[Any], Affine] | None:
    readers: dict[str, Callable[[], tuple[NDArray[Any], Affine]]] = {
        "nibabel": lambda: independent.by_nibabel(images / used.path),
        "simpleitk": lambda: independent.by_simpleitk(images / used.path),
        "pydicom": lambda: independent.by_pydicom([images / name for name in case.files]),
    }
    return readers[used.reader]() if used.reader else None


def _check_label(image: Image, path: Path) -> None:
    """A label map saved for the image lies on its voxels, whoever reads it."""
    labels = (np.arange(image.array.size) % 3).reshape(image.array.shape).astype(np.uint8)
    write_label(path, labels, image.geometry)
    wanted = (labels, affine_of(image.geometry))
    require_equal("its label map by nibabel", *independent.by_nibabel(path), wanted)
    require_equal("its label map by SimpleITK", *independent.by_simpleitk(path), wanted)
    path.unlink()


def _check_refused(refused: Refused, pool: Pool, images: Path) -> str:
    for entry in pool.refused:
        if entry.path == refused.path:
            require_sentence(entry.reason, refused)
            return f"{entry.path}: {entry.reason}"
    case = _case_at(pool, refused.path)
    if case is None:
        raise WrongError(f"{refused.path} is neither used nor refused")
    try:
        image = read_image(images, case)
    except ActiveSeedError as error:
        if refused.path not in str(error):
            raise WrongError(f"the file is not named: {error}") from error
        require_sentence(str(error), refused)
        return str(error).replace(f"{images}/", "")
    raise WrongError(f"{refused.path} is used: {image.array.dtype}, {image.geometry}")


def _check_control(pool: Pool, images: Path) -> None:
    case = _case_at(pool, CONTROL)
    if case is None:
        raise WrongError("the sound image beside it is not used")
    image = read_image(images, case)
    wanted = (volume(_CONTROL_SEED), np.diag([-1.0, -1.0, 1.0, 1.0]))
    require_equal("the sound image", image.array, affine_of(image.geometry), wanted)


def _check_nothing_else(pool: Pool, outcomes: Sequence[Outcome]) -> None:
    told = {outcome.path for outcome in outcomes} | {CONTROL}
    for entry in (*pool.cases, *pool.refused, *pool.duplicates):
        if entry.path not in told:
            raise WrongError(f"not foreseen: {entry}")


def as_json(value: dict[str, Any]) -> str:
    """Return one line, whatever odd characters are in it."""
    return json.dumps(value, ensure_ascii=True)


def clear(folder: Path) -> None:
    """Remove the folder, whatever an odd input made of its permissions or its depth."""
    for place, folders, _ in os.walk(folder, onerror=lambda _: None):
        for name in folders:
            path = os.path.join(place, name)  # noqa: PTH118 - it may be too long for a path
            with suppress(OSError):
                os.chmod(path, 0o755)  # noqa: PTH101
    shutil.rmtree(folder, ignore_errors=True)
