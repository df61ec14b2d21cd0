"""A small project whose cases are opened, drawn on and saved; and what a user does to them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.panel.panel import Panel
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label, write_image, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.schema import LabelSchema
from Testing.conftest import PROJECT
from Testing.host import pump

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


def make_panel() -> Panel:
    """Return a panel in an empty scene, without a project."""
    qt.QSettings().clear()
    slicer.mrmlScene.Clear(0)
    panel = Panel(PROJECT / "ActiveSeed/Resources")
    panel.widget.resize(450, 1400)
    panel.widget.show()
    panel.enter()
    pump.process()
    return panel


def close_panel(panel: Panel) -> None:
    panel.exit()
    panel.close()
    panel.widget.deleteLater()
    slicer.mrmlScene.Clear(0)
    pump.process()


def settle(panel: Panel) -> None:
    """Wait until the panel shows what it should."""
    pump.wait_until(lambda: panel.is_up_to_date)


def open_first(panel: Panel) -> str:
    """Open the next case of the queue and return its key."""
    pump.click(panel.queue.ui.nextButton)
    assert panel.label.key is not None, panel.notice_text
    return panel.label.key


def session_of(panel: Panel) -> Session:
    assert panel.session is not None, panel.notice_text
    return panel.session


def queued(panel: Panel) -> list[str]:
    """Return the keys of the queue, in order."""
    return [row.key for row in session_of(panel).rows() if row.queued]


def truth(panel: Panel, key: str) -> Image:
    """Return the label map of a case as an annotator would draw it."""
    session = session_of(panel)
    labels = session.project.images_root.parent / "labels"
    return read_label(labels / f"{session.row(key).name}.nii.gz")


def add_prediction(panel: Panel, key: str, slice_index: int = 3) -> Image:
    """Let a new model predict the case's true label map, moved by one voxel; return that."""
    project = session_of(panel).project
    model = project.start_model({}, {"labels": {}})
    label = truth(panel, key)
    moved = Image(np.roll(label.array, 1, axis=2), label.geometry)
    write_label(project.prediction_path(key, model.id), moved.array, label.geometry)
    entropy = (label.array > 0).astype(np.float32) / 2
    write_image(project.uncertainty_path(key, model.id), entropy, label.geometry)
    facts = {"mean_entropy": 0.1, "most_uncertain_slice": slice_index}
    project.record_prediction(key, model.id, facts)
    project.finish_model(model.id, {})
    return moved


def draw(panel: Panel, value: int, mask: NDArray[Any]) -> None:
    """Let the segment of a value hold a mask (KJI), as if it were painted."""
    case = panel.label.case
    assert case is not None
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask.astype(np.uint8), case.segmentation, f"ActiveSeed_{value}", case.volume
    )
    pump.process()


def draw_all(panel: Panel, label: Image) -> None:
    for segment in session_of(panel).schema.segments:
        draw(panel, segment.value, label.array == segment.value)


def drawn(panel: Panel) -> NDArray[Any]:
    """Return what the segments of the open case hold, as one array of the schema's values."""
    case = panel.label.case
    assert case is not None
    found = np.zeros(slicer.util.arrayFromVolume(case.volume).shape, np.uint8)
    for segment in session_of(panel).schema.segments:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(
            case.segmentation, f"ActiveSeed_{segment.value}", case.volume
        )
        if mask is not None and mask.size:
            found[mask > 0] = segment.value
    return found


def on_disk(panel: Panel, key: str) -> NDArray[Any]:
    path = session_of(panel).project.label_path(key)
    assert path is not None
    return read_label(path).array
