"""The images of a folder that have a label map, as a cohort for the simulated annotator."""

from collections.abc import Callable
from pathlib import Path

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.config import DataSet
from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.jobs.setup import folders_without_images
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.patients import PatientRule
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.pool.slices import SliceReader, common_slice_axis
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.imports import read_label_of
from ActiveSeedLib.project.label_checks import count_values
from ActiveSeedLib.project.label_folder import LabelFolder, match_labels


def read_cohort(data: DataSet, progress: Progress) -> Cohort:
    """Return the cases that have a usable label map; what is left out is said in notes.

    Raises:
        InputError: there are none, or the folders cannot be read.
    """
    rule = PatientRule.parse(data.patients) if data.patients else None
    images = Path(data.images)
    without = folders_without_images(data.images, data.labels)
    pool = scan(images, patients=rule, without=without, progress=progress)
    labels, refused = match_labels(LabelFolder(Path(data.labels)), pool.cases)
    for path, reason in refused:
        progress.note(f"Left out {path}: {reason}")
    load_label = _remembering(lambda case: read_label_of(case, labels[case.key]))
    cases: list[Case] = []
    values: set[int] = set()
    for case in (case for case in pool.cases if case.key in labels):
        progress.check()
        try:
            values |= set(count_values(case.name, load_label(case).array))
        except ActiveSeedError as error:
            progress.note(f"Left out {case.name}: {error}")
        else:
            cases.append(case)
    if len(cases) < len(pool.cases):
        progress.note(
            f"{len(pool.cases) - len(cases)} images have no label map that can be used; left out."
        )
    if not cases:
        raise InputError(f"No label map in {data.labels} belongs to an image of {images}.")
    load_image = _remembering(lambda case: read_image(images, case))
    axis = None
    if data.unit == "slice":
        axis = common_slice_axis(case.geometry for case in cases)
        load_image, load_label = (
            SliceReader(cases, load, axis) for load in (load_image, load_label)
        )
    values_in_order = tuple(sorted(values - {0}))
    return Cohort(tuple(cases), load_image, load_label, values_in_order, axis)


def _remembering(read: Callable[[Case], Image], gibibytes: float = 2.0) -> Callable[[Case], Image]:
    """Return `read` that keeps what it read, up to `gibibytes`, since it is read many times."""
    kept: dict[str, Image] = {}
    left = gibibytes * 2**30

    def load(case: Case) -> Image:
        nonlocal left
        image = kept.get(case.key)
        if image is None:
            image = read(case)
            if image.array.nbytes <= left:
                left -= image.array.nbytes
                kept[case.key] = image
        return image

    return load
