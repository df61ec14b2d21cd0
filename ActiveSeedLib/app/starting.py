"""What the work on a case begins with: its label map, or what the latest model makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.project.label_checks import check_geometry
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord


@dataclass(frozen=True)
class StartingLabel:
    """The label map that the work on a case begins with.

    Attributes:
        image: KJI label map on the case's voxels; None if the work begins from nothing.
        source: where it is from.
        model: the model that predicted it, if one did.
        note: a sentence for the user if a prediction could not be used, else None.
    """

    image: Image | None
    source: Literal["saved", "prediction", "empty"]
    model: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Uncertainty:
    """How unsure the latest model is about a case.

    Attributes:
        path: entropy of every voxel, nats, float32 `.nii.gz` on the case's voxels.
        axis: the KJI axis of the slices that one looks at.
        slice: index along `axis` of the most uncertain slice.
        mean_entropy: over all voxels, nats.
    """

    path: Path
    axis: int
    slice: int
    mean_entropy: float


def starting_label(project: Project, record: CaseRecord) -> StartingLabel:
    """Return the saved label map, else the latest model's prediction, else nothing.

    Work on a test case never begins from a prediction: a model that is scored against what was
    drawn on its own output looks better than it is.

    Raises:
        UnreadableImageError: there is a saved label map, but it cannot be read.
    """
    saved = project.label_path(record.case.key)
    if saved is not None:
        return StartingLabel(read_label(saved), "saved")
    return predicted_label(project, record)


def predicted_label(project: Project, record: CaseRecord) -> StartingLabel:
    """Return the latest model's prediction, else nothing; never one of a test case."""
    key = record.case.key
    model = None if record.held_out else project.latest_model()
    path = project.prediction_path(key, model.id) if model else None
    if model is None or path is None or not path.is_file():
        return StartingLabel(None, "empty")
    try:
        image = read_label(path)
        check_geometry(record.case.name, image, record.case.geometry)
    except ActiveSeedError as error:
        return StartingLabel(None, "empty", note=f"The prediction cannot be used: {error}")
    known = np.isin(image.array, [0, *project.schema.values])
    if not known.all():  # of segments that have since been removed from the schema
        image = Image(np.where(known, image.array, 0).astype(image.array.dtype), image.geometry)
    return StartingLabel(image, "prediction", model.id)


def uncertainty_of(project: Project, record: CaseRecord) -> Uncertainty | None:
    """Return how unsure the latest model is about a case; None if it has not predicted it."""
    key = record.case.key
    model = project.latest_model()
    facts = project.prediction(key, model.id) if model else None
    if model is None or facts is None:
        return None
    path = project.uncertainty_path(key, model.id)
    if not path.is_file():
        return None
    axis = record.case.geometry.coarsest_axis
    last = record.case.geometry.shape[axis] - 1
    return Uncertainty(
        path, axis, min(int(facts["most_uncertain_slice"]), last), float(facts["mean_entropy"])
    )
