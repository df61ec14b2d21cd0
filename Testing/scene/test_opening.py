"""What the segments hold when a case is opened, and what is said about it."""

from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.app.session import OpenCase, Session
from ActiveSeedLib.app.terminologies import TERMINOLOGIES
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.scene.drafts import snapshot
from ActiveSeedLib.scene.opening import Opened, newer_prediction, open_case
from ActiveSeedLib.scene.segments import segment_id
from Testing.host import core
from Testing.labelling import draw_segment, drawn_on, predict, queue_of, truth_of
from Testing.scene.conftest import census


@pytest.fixture
def key(session: Session) -> str:
    return queue_of(session)[0]


def opened_in(scene: Any, session: Session, key: str) -> Opened:
    return open_case(scene, session, key, session.load_image(key))


def drawn(opened: Opened, session: Session) -> np.ndarray:
    return drawn_on(opened.case, session.schema)


def test_the_work_begins_with_the_best_that_there_is(
    scene: Any, session: Session, key: str
) -> None:
    truth = truth_of(session, key)
    opened = opened_in(scene, session, key)
    assert "nothing" in opened.words
    assert opened.instead is opened.note is opened.uncertainty is opened.model is None
    assert not drawn(opened, session).any()
    opened.case.close()

    predicted = predict(session, key)
    assert newer_prediction(session, opened)
    opened = opened_in(scene, session, key)
    assert "prediction" in opened.words
    assert np.array_equal(drawn(opened, session), predicted.array)
    assert not newer_prediction(session, opened)
    draw_segment(opened.case, 2, np.zeros(truth.array.shape, bool))
    unfinished = drawn(opened, session)
    draft = snapshot(opened.case.segmentation)
    opened.case.close()

    draft.write(session.draft_path(key))
    opened = opened_in(scene, session, key)
    assert "brought back" in opened.words
    assert opened.instead == "prediction"
    assert np.array_equal(drawn(opened, session), unfinished)
    opened.case.close()

    session.save(key, truth, 0.0, True)
    opened = opened_in(scene, session, key)
    assert "saved" in opened.words
    assert np.array_equal(drawn(opened, session), truth.array)
    opened.case.close()

    draft.write(session.draft_path(key))
    opened = opened_in(scene, session, key)
    assert opened.instead == "saved"
    opened.case.close()


def test_a_damaged_draft_is_told_and_passed_over(scene: Any, session: Session, key: str) -> None:
    session.draft_path(key).parent.mkdir(exist_ok=True)
    session.draft_path(key).write_bytes(b"no segmentation")
    opened = opened_in(scene, session, key)
    assert opened.note is not None
    assert session.draft_path(key).name in opened.note
    assert opened.instead is None
    assert not drawn(opened, session).any()
    opened.case.close()


def test_a_damaged_label_map_is_told_and_kept(scene: Any, session: Session, key: str) -> None:
    session.save(key, truth_of(session, key), 0.0, True)
    path = session.project.label_path(key)
    assert path is not None
    path.write_bytes(path.read_bytes()[:40])
    opened = opened_in(scene, session, key)
    assert opened.note is not None
    assert path.name in opened.note
    assert "a copy is kept" in opened.note
    assert not drawn(opened, session).any()
    assert path.stat().st_size == 40
    opened.case.close()


def test_the_segments_know_their_terms(scene: Any, session: Session, key: str) -> None:
    entry = f"{core.TERMINOLOGY}~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~~^^~^^"
    session.project.change_settings({TERMINOLOGIES: {"1": entry}})
    opened = opened_in(scene, session, key)
    segments = opened.case.segmentation.GetSegmentation()
    assert segments.GetSegment(segment_id(1)).GetTerminology() == entry
    assert segments.GetSegment(segment_id(2)).GetTerminology() != entry
    opened.case.close()


class FullDisk(Session):
    """A project that cannot be written to any more."""

    def start(self, key: str) -> OpenCase:
        raise ActiveSeedError(f"{key} cannot be noted as begun: the disk is full.")


def test_a_case_that_cannot_be_begun_leaves_the_scene_as_it_was(
    scene: Any, session: Session, key: str
) -> None:
    before = census(scene)
    full = FullDisk(session.project)
    with pytest.raises(ActiveSeedError, match="disk is full"):
        opened_in(scene, full, key)
    assert census(scene) == before
    assert session.row(key).status is Status.SUGGESTED
