"""Saving with its questions: who keeps which voxels, and what a segment of the user's own is."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import slicer
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.schema import LabelSchema, Segment
from ActiveSeedLib.scene.saving import add_to_schema, precedence
from Testing.labelling import draw_segment, queue_of, saved_of, truth_of
from Testing.scene.plain_front import PlainFront


@pytest.fixture
def front(scene: Any, session: Session) -> Iterator[PlainFront]:
    """A front end with the first case of the queue open."""
    front = PlainFront(scene, session)
    front.desk.open(queue_of(session)[0])
    yield front
    front.desk.leave(force=True)


@pytest.fixture
def key(session: Session) -> str:
    return queue_of(session)[0]


@pytest.fixture
def truth(session: Session, key: str) -> Image:
    return truth_of(session, key)


def draw_all(front: PlainFront, label: Image) -> None:
    for value in (1, 2):
        draw_segment(front.desk.case, value, label.array == value)


def add_stranger(front: PlainFront, name: str = "spleen") -> np.ndarray:
    """Add a segment of the user's with a few voxels; return where they are."""
    case = front.desk.case
    assert case is not None
    identity = case.segmentation.GetSegmentation().AddEmptySegment("", name, (0.0, 1.0, 0.0))
    mask = np.zeros(slicer.util.arrayFromVolume(case.volume).shape, np.uint8)
    mask[0:2, 0:3, 0:4] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, case.segmentation, identity, case.volume)
    return mask > 0


# -- what is odd ----------------------------------------------------------------------------------


def test_a_whole_label_map_is_saved_and_counts_as_done(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_all(front, truth)
    done: list[str] = []
    front.desk.save(lambda: done.append(key))
    assert done == [key]
    assert front.text == f"{session.row(key).name} is saved."
    assert np.array_equal(saved_of(session, key), truth.array)
    assert session.row(key).status is Status.LABELLED
    assert not front.desk.drafts.is_changed


def test_what_is_missing_is_told_and_what_comes_after_waits_for_the_answer(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_segment(front.desk.case, 1, truth.array == 1)
    done: list[str] = []
    front.desk.save(lambda: done.append(key))
    assert "kidney" in front.text
    assert tuple(front.actions) == ("Count as done", "Go on editing")
    assert done == []
    assert session.row(key).status is Status.IN_PROGRESS
    assert np.array_equal(saved_of(session, key), np.where(truth.array == 1, 1, 0))
    draw_segment(front.desk.case, 2, truth.array == 2)
    front.press("Count as done")
    assert done == [key]
    assert np.array_equal(saved_of(session, key), truth.array), "as it is now, not as it was"


def test_a_new_oddity_is_told_although_another_was_accepted(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_segment(front.desk.case, 1, truth.array == 1)
    front.desk.save()
    draw_segment(front.desk.case, 1, np.zeros(truth.array.shape, bool))
    front.press("Count as done")
    assert "no voxel" in front.text
    assert session.row(key).status is Status.IN_PROGRESS
    front.press("Count as done")
    assert session.row(key).status is Status.LABELLED


def test_stray_islands_are_shown_one_after_the_other(
    front: PlainFront, session: Session, truth: Image
) -> None:
    stray = truth.array == 1
    stray[0, 0, 0] = True
    draw_all(front, truth)
    draw_segment(front.desk.case, 1, stray)
    front.desk.save()
    before = front.text
    front.press("Show me")
    front.press("Show me")
    assert front.text == before
    view = front.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    corner = np.array([truth.geometry.origin[0] * -1, truth.geometry.origin[1] * -1,
                       truth.geometry.origin[2], 1.0])  # fmt: skip
    to_slice = np.linalg.inv(slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS()))
    assert abs((to_slice @ corner)[2]) < 1e-3


def test_a_message_about_another_case_does_nothing_any_more(
    front: PlainFront, session: Session
) -> None:
    front.desk.save()
    count_as_done = front.actions["Count as done"]
    other = queue_of(session)[1]
    front.desk.open(other)
    assert front.text == ""
    count_as_done()
    assert not session.row(other).labelled


def test_what_cannot_be_saved_stays_to_be_kept(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_all(front, truth)
    folder = session.project.labels_folder
    folder.rename(folder.with_name("away"))
    folder.write_text("in the way")
    front.desk.save()
    assert front.errors
    assert front.desk.drafts.is_changed
    front.desk.leave()
    assert session.has_draft(key)
    front.desk.open(key)
    assert np.array_equal(front.drawn, truth.array)


# -- overlaps -------------------------------------------------------------------------------------


def test_overlaps_are_asked_about_and_nothing_is_saved_before(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    session.project.change_schema(LabelSchema.parse("1=liver,2=kidney,3=spleen"))
    front.desk.leave()
    front.desk.open(key)
    mask = np.zeros(truth.array.shape, bool)
    mask[2:5, 3:6, 3:6] = True
    for value in (1, 2, 3):
        draw_segment(front.desk.case, value, mask)
    front.desk.save()
    assert tuple(front.actions) == ("liver", "kidney", "Go on editing")
    assert not session.row(key).labelled
    front.press("kidney")
    assert tuple(front.actions)[:2] == ("liver", "spleen")
    front.press("liver")  # kidney before liver before spleen: nothing is left to ask
    assert "Count as done" in front.actions, front.text
    assert np.array_equal(saved_of(session, key), np.where(mask, 2, 0))


@given(st.permutations(range(1, 7)), st.data())
def test_winners_come_before_those_they_beat(order: list[int], data: st.DataObject) -> None:
    place = {value: at for at, value in enumerate(order)}
    pairs = [(a, b) for a, b in permutations(order, 2) if place[a] < place[b]]
    answers = set(data.draw(st.lists(st.sampled_from(pairs), max_size=8)))
    found = precedence(answers)
    assert sorted(found) == sorted({value for pair in answers for value in pair})
    assert all(found.index(winner) < found.index(loser) for winner, loser in answers)


# -- segments that the schema does not know -------------------------------------------------------


def test_a_segment_of_the_users_own_can_join_the_schema(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_all(front, truth)
    mask = add_stranger(front)
    front.desk.save()
    assert "spleen" in front.text
    assert not session.row(key).labelled
    front.press("Add to the schema")
    added = session.schema.segments[-1]
    assert (added.value, added.name, added.color) == (3, "spleen", "#00ff00")
    assert np.array_equal(saved_of(session, key), np.where(mask, 3, truth.array))


def test_a_segment_of_the_users_own_can_stand_for_a_structure(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_all(front, truth)
    mask = add_stranger(front)
    front.desk.save()
    front.press("It is…")
    assert front.question is not None
    name, answer = front.question
    assert name == "spleen"
    answer(name, 2)
    assert np.array_equal(saved_of(session, key), np.where(mask, 2, truth.array))


def test_a_segment_of_the_users_own_can_be_left_out(
    front: PlainFront, session: Session, key: str, truth: Image
) -> None:
    draw_all(front, truth)
    add_stranger(front)
    front.desk.save()
    front.press("Leave it out")
    assert np.array_equal(saved_of(session, key), truth.array)
    assert front.desk.case is not None
    names = front.desk.case.segmentation.GetSegmentation()
    assert names.GetSegmentIdBySegmentName("spleen"), "the user's segment was deleted"


def test_a_new_segment_gets_the_next_value_that_never_was_used(session: Session) -> None:
    known = session.schema
    with_spleen = LabelSchema((*known.segments, Segment(3, "spleen", "#112233")))
    session.project.change_schema(with_spleen)
    session.project.change_schema(known)
    added = add_to_schema(session, " gall bladder ", "#445566")
    assert added == Segment(4, "gall bladder", "#445566")
    assert session.schema.segments == (*known.segments, added)


def test_a_removed_segment_comes_back_with_its_value(session: Session) -> None:
    known = session.schema
    session.project.change_schema(LabelSchema((*known.segments, Segment(3, "spleen", "#112233"))))
    session.project.change_schema(known)
    add_to_schema(session, "pancreas", "#445566")
    assert add_to_schema(session, "Spleen", "#112233").value == 3


def test_a_name_that_the_schema_has_already_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="liver"):
        add_to_schema(session, "liver", "#445566")
