"""One odd label map, imported into a project beside a sound one, compared with its due outcome."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project
from ActiveSeedLib.project.imports import ImportReport
from Testing.odd_files import write_nifti
from Testing.sweeps.inputs import independent
from Testing.sweeps.inputs.check import (
    CONTROL,
    WrongError,
    affine_of,
    require_equal,
    require_sentence,
)
from Testing.sweeps.inputs.kinds import Imported, Kind, NoImage, Outcome, Refused, volume

SCHEMA = "1=liver,2=kidney,3=lung,300=tumour"


def labelled(shape: tuple[int, ...] = (4, 5, 6), kind: str = "u1") -> NDArray[np.generic]:
    """Return a label map without any symmetry, of values from 0 to 3."""
    return np.random.default_rng(8).integers(0, 4, shape).astype(kind)


def check_labels(kind: Kind, folder: Path) -> tuple[str, list[str]]:
    """Write one kind, import it; return ("used" or "refused", what was said); as `check_images`."""
    control = {"sform": 1, "rows": np.eye(3, 4)}
    write_nifti(folder / "images" / CONTROL, volume(99), **control)
    write_nifti(folder / "labels" / CONTROL, labelled(), **control)
    wanted = kind.write(folder)
    outcomes = [
        *(wanted if isinstance(wanted, list) else [wanted]),
        Imported(CONTROL, CONTROL, labelled()),
    ]
    pool = scan(folder / "images")
    schema = LabelSchema.parse(SCHEMA)
    with Project.create(folder / "project", pool, schema) as project:
        if kind.later:
            kind.later(folder)
        report = project.import_labels(folder / "labels")
        said = [_check(outcome, project, report) for outcome in outcomes]
        report.to_json()
    _check_nothing_else(report, outcomes)
    used = len([outcome for outcome in outcomes if isinstance(outcome, Imported)]) > 1
    return "used" if used else "refused", [words for words in said if words]


def _check(outcome: Outcome, project: Project, report: ImportReport) -> str:
    reasons = dict(report.refused)
    match outcome:
        case Imported():
            _check_imported(outcome, project, report)
        case Refused():
            if outcome.path not in reasons:
                raise WrongError(f"{outcome.path} is not refused: {report}")
            require_sentence(reasons[outcome.path], outcome)
            return f"{outcome.path}: {reasons[outcome.path]}"
        case NoImage() if outcome.path not in report.without_image:
            raise WrongError(f"{outcome.path} is not said to be without an image: {report}")
    return ""


def _check_imported(wanted: Imported, project: Project, report: ImportReport) -> None:
    case = next(r.case for r in project.cases() if r.case.path == wanted.image)
    if case.key not in report.imported:
        raise WrongError(f"{wanted.path} is not imported: {report.refused}")
    saved = project.label_path(case.key)
    assert saved is not None
    due = (wanted.array.reshape(case.geometry.shape), affine_of(case.geometry))
    require_equal("the saved label map by nibabel", *independent.by_nibabel(saved), due)
    require_equal("the saved label map by SimpleITK", *independent.by_simpleitk(saved), due)


def _check_nothing_else(report: ImportReport, outcomes: list[Outcome]) -> None:
    told = {outcome.path for outcome in outcomes}
    listed = [path for path, _ in report.refused] + list(report.without_image)
    for path in listed:
        if path not in told:
            raise WrongError(f"not foreseen: {path}: {dict(report.refused).get(path)}")
    imported = sum(isinstance(outcome, Imported) for outcome in outcomes)
    if len(report.imported) != imported:
        raise WrongError(f"{len(report.imported)} imported, not {imported}")
