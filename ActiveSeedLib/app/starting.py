"""What the work on a case begins with: its label map, or what the latest model makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.project.label_checks import check_geometry
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import CaseRecord
from ActiveSeedLib.project.slices import SliceState


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

    On suggested slices that were not saved yet it is the prediction, whatever else is saved.

    Work on a test case never begins from a prediction: a model that is scored against what was
    drawn on its own output looks better than it is.

    Raises:
        UnreadableImageError: there is a saved label map, but it cannot be read.
    """
    saved = _saved(project, record)
    waiting = project.slices(record.case.key, SliceState.SUGGESTED)
    if waiting:
        fresh = [one.slice_index for one in waiting if not one.saved]
        return _on_slices(project, record, saved, fresh)
    return saved or _whole_prediction(project, record)


def predicted_label(project: Project, record: CaseRecord) -> StartingLabel:
    """Return the latest model's prediction, else nothing; never one of a test case.

    Where slices of the case are to be labelled, on these alone, with what is saved elsewhere.
    """
    waiting = project.slices(record.case.key, SliceState.SUGGESTED)
    if not waiting:
        return _whole_prediction(project, record)
    slices = [one.slice_index for one in waiting]
    return _on_slices(project, record, _saved(project, record), slices)


def _saved(project: Project, record: CaseRecord) -> StartingLabel | None:
    path = project.label_path(record.case.key)
    return None if path is None else StartingLabel(read_label(path), "saved")


def _on_slices(
    project: Project, record: CaseRecord, saved: StartingLabel | None, slices: Sequence[int]
) -> StartingLabel:
    """Return the prediction on `slices`, and elsewhere what is saved, if anything is.

    A label map then holds what somebody has looked at, and no prediction that nobody did.
    """
    found = _whole_prediction(project, record)
    if found.image is None or not slices:
        return replace(saved, note=found.note) if saved is not None else found
    axis = project.slice_axis(record.case)
    array = np.zeros_like(found.image.array)
    if saved is not None and saved.image is not None:
        array = saved.image.array.astype(np.result_type(saved.image.array, found.image.array))
    chosen = tuple(np.array(slices) if a == axis else slice(None) for a in range(3))
    array[chosen] = found.image.array[chosen]
    return replace(found, image=Image(array, found.image.geometry))


def _whole_prediction(project: Project, record: CaseRecord) -> StartingLabel:
    """Return the latest model's prediction of the whole case, else nothing."""
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
    geometry = record.case.geometry
    axis = project.slice_axis(record.case) if project.takes_slices else geometry.coarsest_axis
    last = geometry.shape[axis] - 1
    return Uncertainty(
        path, axis, min(int(facts["most_uncertain_slice"]), last), float(facts["mean_entropy"])
    )
