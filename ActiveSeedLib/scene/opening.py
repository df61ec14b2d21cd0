"""Opening a case: what the segments hold at first, and what is known about it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.session import Session, StartingLabel, Uncertainty
from ActiveSeedLib.app.terminologies import terminologies_of
from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.scene.case import SceneCase

SOURCES = {
    "saved": "Starting from the saved label map.",
    "prediction": "Starting from the prediction of the model.",
    "empty": "Starting from nothing.",
}
REPLACE = {
    "saved": "Start from the saved label map instead",
    "prediction": "Start from the prediction instead",
    "empty": "Start from nothing instead",
}
DAMAGED = (
    "Saving replaces the damaged file, of which a copy is kept in the project's folder backups."
)


@dataclass
class Opened:
    """The open case.

    Attributes:
        case: its nodes.
        name: of the case.
        reason: why it was suggested, in words.
        words: what the work began with, in words; later, when it was saved.
        note: a sentence if something could not be used, else None.
        instead: where the segments would be from without the draft; None if there was none.
        uncertainty: how unsure the model is, if one has seen the case.
        model: the latest model with a prediction for the case when it was opened.
        is_reset: whether the draft was given up for `instead`.
        slices: those that are to be labelled, from 0; empty where the whole case is.
        slice_axis: the KJI axis that they are counted along.
    """

    case: SceneCase
    name: str
    reason: str
    words: str
    note: str | None
    instead: str | None
    uncertainty: Uncertainty | None
    model: str | None
    is_reset: bool = False
    slices: tuple[int, ...] = ()
    slice_axis: int = 0


def starting_label(session: Session, key: str) -> StartingLabel:
    """Return what the work begins with; a saved label map that cannot be read is a note."""
    try:
        return session.starting_label(key)
    except UnreadableImageError as error:
        return StartingLabel(None, "empty", note=f"{error} {DAMAGED}")


def draft_words(path: Path) -> str:
    """Return where the segments are from if they are from a draft."""
    when = time.strftime("%d %B, %H:%M", time.localtime(path.stat().st_mtime))
    return f"Your unsaved work of {when} was brought back."


def newer_prediction(session: Session, opened: Opened) -> bool:
    """Return whether a model has predicted the case since it was opened."""
    model = session.predicting_model(opened.case.key)
    return model is not None and model != opened.model


def source_without_draft(session: Session, key: str) -> str:
    """Return where the segments are from if no draft is there, without reading anything."""
    if session.row(key).labelled:
        return "saved"
    return "prediction" if session.predicting_model(key) is not None else "empty"


def open_case(scene: Any, session: Session, key: str, image: Image) -> Opened:
    """Make the nodes of a case whose image was read; from here on it is in progress.

    The segments hold the draft if there is one, else the saved label map, else the prediction,
    else nothing.

    Raises:
        ActiveSeedError: image or label map cannot be used, or the project cannot be written to;
            the scene is as before.
    """
    row = session.row(key)
    of_case = session.project.case(key).case
    modality = of_case.facts.get("modality")
    notes: list[str | None] = []
    words, instead, case = "", None, None
    place = (scene, image, session.schema, key, row.name)
    if session.has_draft(key):
        draft = session.draft_path(key)
        try:
            case = SceneCase(*place, modality=modality, draft=draft)
            words, instead = draft_words(draft), source_without_draft(session, key)
        except UnreadableImageError as error:
            notes.append(str(error))
    if case is None:
        start = starting_label(session, key)
        words = SOURCES[start.source]
        notes.append(start.note)
        case = SceneCase(
            *place,
            modality=modality,
            label=start.image,
            terminologies=terminologies_of(session.project),
        )
    try:
        opened = session.start(key)
        return Opened(
            case,
            row.name,
            opened.reason,
            words,
            " ".join(note for note in notes if note) or None,
            instead,
            session.uncertainty(key),
            session.predicting_model(key),
            slices=session.slices_to_label(key),
            slice_axis=session.project.slice_axis(of_case),
        )
    except BaseException:
        case.close()
        raise
