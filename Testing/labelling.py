"""A small project whose cases are opened, drawn on and saved, whatever the front end."""

import shutil
from pathlib import Path

import numpy as np
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label, write_image, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.segments import segment_id

CASES, TEST, PICKED = 7, 1, 3
REASON = "It is unlike the {} others."
SIZE = (24, 20, 12)


def make_archive(folder: Path) -> Path:
    """Make images, label maps, and a project with three cases in the queue."""
    generate_cohort(folder, cases=CASES, size=SIZE)
    pool = scan(folder / "images")
    keys = [case.key for case in pool.cases]
    schema = LabelSchema.parse("1=liver,2=kidney")
    with Project.create(folder / "project", pool, schema, test=keys[:TEST]) as project:
        queue = keys[TEST : TEST + PICKED]
        picks = [(key, REASON.format(at), {}) for at, key in enumerate(queue)]
        project.add_selection("random", {}, 43, {}, picks)
    return folder


def copy_of(archive: Path, folder: Path) -> Path:
    """Return the project's folder in a copy that one test may change."""
    copy = Path(shutil.copytree(archive, folder / "archive"))
    with Project.open(copy / "project") as project:
        project.relocate(copy / "images")
    return copy / "project"


def queue_of(session: Session) -> list[str]:
    """Return the keys of the queue, in order."""
    return [row.key for row in session.rows() if row.queued]


def truth_of(session: Session, key: str) -> Image:
    """Return the label map of a case as an annotator would draw it."""
    labels = session.project.images_root.parent / "labels"
    return read_label(labels / f"{session.row(key).name}.nii.gz")


def saved_of(session: Session, key: str) -> NDArray[np.generic]:
    """Return the label map of a case that is on the disk."""
    path = session.project.label_path(key)
    assert path is not None
    return read_label(path).array


def predict(session: Session, key: str, slice_index: int = 3) -> Image:
    """Let a new model predict the case's true label map, moved by one voxel; return that."""
    project = session.project
    model = project.start_model({}, {"labels": {}})
    label = truth_of(session, key)
    moved = Image(np.roll(label.array, 1, axis=2), label.geometry)
    write_label(project.prediction_path(key, model.id), moved.array, label.geometry)
    entropy = (label.array > 0).astype(np.float32) / 2
    write_image(project.uncertainty_path(key, model.id), entropy, label.geometry)
    facts = {"mean_entropy": 0.1, "most_uncertain_slice": slice_index}
    project.record_prediction(key, model.id, facts)
    project.finish_model(model.id, {})
    return moved


def draw_segment(case: SceneCase | None, value: int, mask: NDArray[np.generic]) -> None:
    """Let the segment of a value hold a mask (KJI), as if it were painted."""
    assert case is not None
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask.astype(np.uint8), case.segmentation, segment_id(value), case.volume
    )


def drawn_on(case: SceneCase | None, schema: LabelSchema) -> NDArray[np.uint8]:
    """Return what the segments of a case hold, as one array of the schema's values."""
    assert case is not None
    found = np.zeros(slicer.util.arrayFromVolume(case.volume).shape, np.uint8)
    for segment in schema.segments:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(
            case.segmentation, segment_id(segment.value), case.volume
        )
        if mask is not None and mask.size:
            found[mask > 0] = segment.value
    return found
