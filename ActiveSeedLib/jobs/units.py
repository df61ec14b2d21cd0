"""The images and label maps of a project's units: of its cases or, where it takes them, of slices.

A slice is a `Case` of one slice (`pool.slices`); what works on a case works on a unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.work import Reader
from ActiveSeedLib.jobs.opening import ImageLoader
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.integrity import Verified
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.slices import SliceReader, split_key
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord


@contextmanager
def reading(project: Project) -> Iterator[Reader]:
    """Give what reads the image of a unit; of a case, too, in a project that takes slices.

    It checks once that a file is whole, and leaves a thumbnail (`opening.ImageLoader`). Of slices
    of one volume the file is read once, if they are asked for one after another.
    """
    with Verified(verified_path(project)) as verified:
        loader = ImageLoader(project.images_root, verified, project.thumbnail_path)
        yield _by_slices(project, loader) if project.takes_slices else loader


def verified_path(project: Project) -> Path:
    """Return the file that holds what is known of the image files."""
    return project.root / "cache" / "verified.json"


def label_reader(project: Project) -> Reader:
    """Return what reads the label map of a unit, on the unit's voxels.

    Raises (when called):
        InputError: the label map is gone.
    """

    def load(case: Case) -> Image:
        path = project.label_path(case.key)
        if path is None:
            raise InputError("its label map is gone.")
        return read_label(path)

    return _by_slices(project, load) if project.takes_slices else load


def labelled_units(project: Project) -> list[Case]:
    """Return the units whose label maps a training uses, sorted by key."""
    wanted = project.training_labels()
    parents = {split_key(unit)[0] for unit in wanted}
    cases = [r.case for r in project.cases() if r.case.key in parents]
    return [unit for unit in project.units_of(cases) if unit.key in wanted]


def case_problems(
    project: Project, records: Sequence[CaseRecord], problems: Mapping[str, str]
) -> dict[str, str]:
    """Return by key why a case cannot be used, from what is wrong with its units.

    Single slices may be empty; a case is to blame where none of its slices can be used.
    """
    if not project.takes_slices:
        return dict(problems)
    found = {}
    for record in records:
        units = project.units_of([record.case])
        if all(unit.key in problems for unit in units):
            found[record.case.key] = problems[units[0].key]
    return found


def _by_slices(project: Project, load: Reader) -> Reader:
    return SliceReader([r.case for r in project.cases()], load, project.canonical_axis)
