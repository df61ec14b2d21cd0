"""From a folder of images to a project, and existing label maps into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import needing_disk
from ActiveSeedLib.jobs.opening import on_project
from ActiveSeedLib.pool.case import Pool
from ActiveSeedLib.pool.patients import PatientRule, split_test
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.pool.slices import AXIS_NAMES, common_slice_axis
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.imports import values_found
from ActiveSeedLib.project.label_folder import LabelFolder
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.project.slices import AXIS, UNIT
from ActiveSeedLib.registry import check_seed, parse_parameters


@dataclass(frozen=True)
class InitParameters:
    """What a new project is made of; paths as text, `segments` as "1=liver,2=kidney"."""

    project: str
    images: str
    labels: str | None = None
    segments: str | None = None
    test_fraction: float = 0.0
    patients: str | None = None
    seed: int = 43
    unit: Literal["case", "slice"] = "case"

    def __post_init__(self) -> None:
        check_seed(self.seed)


def init(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Scan the images and create the project; import label maps that exist already."""
    wanted = parse_parameters("init", InitParameters, params)
    rule = PatientRule.parse(wanted.patients) if wanted.patients else None
    without = folders_without_images(wanted.images, wanted.labels)
    pool = scan(Path(wanted.images), patients=rule, without=without, progress=progress.part(0, 0.6))
    if not pool.cases:
        first = pool.refused[0] if pool.refused else None
        why = f" The first of {len(pool.refused)}: {first.path}: {first.reason}" if first else ""
        raise InputError(f"No image in {wanted.images} can be used.{why}")
    test = split_test(pool.cases, wanted.test_fraction, wanted.seed)
    schema = _schema(wanted, pool, LabelFolder(Path(wanted.labels)) if wanted.labels else None)
    settings = {
        "test_fraction": wanted.test_fraction,
        "seed": wanted.seed,
        "patients": _lasting(wanted.patients, rule),
        "without": without,
        UNIT: wanted.unit,
    }
    if wanted.unit == "slice":
        settings[AXIS] = common_slice_axis(case.geometry for case in pool.cases)
    root = Path(wanted.project)
    with (
        needing_disk(root),
        Project.create(root, pool, schema, test=test, settings=settings) as project,
    ):
        result = {"project": str(project.root), **_describe(pool), "test": len(test)}
        if wanted.labels:
            report = project.import_labels(Path(wanted.labels), progress=progress.part(0.6, 1.0))
            result["labels"] = report.to_json()
        if project.takes_slices:
            progress.note(
                "Slices are suggested and trained on, instead of whole volumes; they are cut "
                f"along {AXIS_NAMES[project.canonical_axis]}."
            )
        return result | {"summary": project.summary()}


@dataclass(frozen=True)
class RescanParameters:
    """Where the images, or the rule of the patients, are now, if they have moved."""

    images: str | None = None
    patients: str | None = None


@on_project(RescanParameters)
def rescan(project: Project, parameters: RescanParameters, progress: Progress) -> dict[str, Any]:
    """Look at the images folder again: new, moved and missing cases."""
    patients = parameters.patients or project.settings.get("patients")
    rule = PatientRule.parse(patients) if patients else None
    progress.update(0.0, "Looking at the images")
    if parameters.images:
        without = project.settings.get("without", [])
        change = project.relocate(Path(parameters.images), rule, without)
    else:
        change = project.rescan(rule, progress)
    project.change_settings({"patients": _lasting(patients, rule)})
    return {
        "cases": len(project.statuses()),
        "images": str(project.images_root),
        "refused": len(project.refused()),
        "added": len(change.added),
        "moved": len(change.moved),
        "missing": len(change.missing),
    }


@dataclass(frozen=True)
class ImportParameters:
    """Where the label maps are; `overwrite` replaces (and backs up) differing ones."""

    labels: str
    overwrite: bool = False
    cases: list[str] | None = None


@on_project(ImportParameters)
def import_labels(
    project: Project, parameters: ImportParameters, progress: Progress
) -> dict[str, Any]:
    """Take label maps that exist in another folder into the project."""
    keys = None
    if parameters.cases is not None:
        keys = [project.case(name).case.key for name in parameters.cases]
    report = project.import_labels(
        Path(parameters.labels), keys=keys, overwrite=parameters.overwrite, progress=progress
    )
    return {**report.to_json(), "summary": project.summary()}


def folders_without_images(images: str, labels: str | None) -> list[str]:
    """Return the labels folder, relative to `images`, if it lies in there: it holds no cases."""
    if labels is None:
        return []
    outer, inner = Path(images).resolve(), Path(labels).resolve()
    if outer == inner or not inner.is_relative_to(outer):
        return []
    return [inner.relative_to(outer).as_posix()]


def _lasting(patients: str | None, rule: PatientRule | None) -> str | None:
    """Return the rule as the project keeps it: a table by its whole path, for any later folder."""
    is_table = rule is not None and rule.table is not None
    return str(Path(str(patients)).absolute()) if is_table else patients


def _schema(wanted: InitParameters, pool: Pool, labels: LabelFolder | None) -> LabelSchema:
    """Return the segments the user named, or those that the label maps hold."""
    if wanted.segments:
        return LabelSchema.parse(wanted.segments)
    if labels is None:
        return LabelSchema.parse("1=structure")
    values = values_found(pool.cases, labels)
    if not values:
        raise InputError(
            f"No label map in {wanted.labels} belongs to an image of {wanted.images}: "
            "a label map has the name of its image, or that name and _seg, _label or _mask."
        )
    return LabelSchema.parse(",".join(f"{value}=label {value}" for value in values))


def _describe(pool: Pool) -> dict[str, Any]:
    return {
        "cases": len(pool.cases),
        "patients": len({case.patient or case.key for case in pool.cases}),
        "refused": [{"path": r.path, "reason": r.reason} for r in pool.refused],
        "duplicates": [{"path": d.path, "same_as": d.same_as} for d in pool.duplicates],
        "notes": [{"path": n.path, "note": n.reason} for n in pool.notes],
    }
