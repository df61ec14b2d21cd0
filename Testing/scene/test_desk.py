"""The case that is worked on: whatever happens, what was drawn is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import ActiveSeedError, UnreadableImageError
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.pool.slices import slice_key
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.slices import AXIS, UNIT
from ActiveSeedLib.scene.nodes import CASE
from ActiveSeedLib.scene.overlay import is_uncertainty_visible
from ActiveSeedLib.scene.volumes import geometry_of
from Testing.labelling import REASON, draw_segment, predict, queue_of, saved_of, truth_of
from Testing.scene.conftest import nodes
from Testing.scene.plain_front import PlainFront


@pytest.fixture
def front(scene: Any, session: Session) -> Iterator[PlainFront]:
    front = PlainFront(scene, session)
    yield front
    front.broken = ""
    front.desk.leave(force=True)


@pytest.fixture
def keys(session: Session) -> list[str]:
    return queue_of(session)


def part_of(session: Session, key: str) -> np.ndarray:
    return np.where(truth_of(session, key).array == 1, 1, 0)


def open_and_draw(front: PlainFront, key: str) -> np.ndarray:
    """Open a case and draw the first segment; return what is drawn."""
    assert front.session is not None
    front.desk.open(key)
    part = part_of(front.session, key)
    draw_segment(front.desk.case, 1, part == 1)
    return part


def of_a_case(scene: Any) -> list[str]:
    return [node.GetName() for node in nodes(scene) if node.GetAttribute(CASE)]


def forbid_drafts(session: Session, key: str) -> Path:
    """Let something lie where the folder of the drafts should be; return it."""
    folder = session.draft_path(key).parent
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("in the way")
    return folder


# -- opening and leaving --------------------------------------------------------------------------


def test_a_case_is_opened_and_told(front: PlainFront, session: Session, keys: list[str]) -> None:
    front.desk.open(keys[0])
    opened = front.desk.opened
    assert opened is not None
    assert front.shown is opened
    assert opened.reason == REASON.format(0)
    assert session.row(keys[0]).status is Status.IN_PROGRESS
    assert geometry_of(opened.case.volume).is_close(truth_of(session, keys[0]).geometry)
    front.desk.open(keys[0])
    assert front.desk.opened is opened, "it was opened again"
    front.desk.leave()
    front.desk.leave()
    assert front.events == [(keys[0], None), (None, keys[0])]
    assert of_a_case(front.scene) == []


def test_an_image_that_was_read_before_is_not_read_again(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    image = session.load_image(keys[0])
    (session.project.images_root / session.project.case(keys[0]).case.path).unlink()
    front.desk.open(keys[0], image)
    assert np.array_equal(slicer.util.arrayFromVolume(front.desk.case.volume), image.array)


@pytest.mark.parametrize("what", ["skip", "exclude"])
def test_a_case_that_is_put_aside_while_its_image_is_read_is_not_opened(
    front: PlainFront, session: Session, keys: list[str], what: str
) -> None:
    part = open_and_draw(front, keys[0])
    image = session.load_image(keys[1])
    getattr(session, what)(keys[1])
    aside = session.row(keys[1]).status
    front.desk.open(keys[1], image)
    assert front.desk.key == keys[0]
    assert np.array_equal(front.drawn, part)
    assert session.row(keys[1]).status is aside
    # What the user wishes later counts, however often that changes.
    session.bring_back(keys[1])
    front.desk.open(keys[1], image)
    assert front.desk.key == keys[1]
    front.desk.leave()
    getattr(session, what)(keys[1])
    front.desk.open(keys[1], session.load_image(keys[1]))
    assert front.desk.key == keys[1]


def test_a_case_whose_image_is_gone_leaves_the_open_one_as_it_is(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    (session.project.images_root / session.project.case(keys[1]).case.path).unlink()
    with pytest.raises(UnreadableImageError):
        front.desk.open(keys[1])
    assert front.desk.key == keys[0]
    assert np.array_equal(front.drawn, part)
    assert front.events == [(keys[0], None)]


def test_a_case_that_cannot_be_shown_leaves_nothing_and_the_one_before_is_kept(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    open_and_draw(front, keys[0])
    front.broken = "show_case"
    with pytest.raises(RuntimeError):
        front.desk.open(keys[1])
    assert front.desk.key is None
    assert of_a_case(front.scene) == []
    assert front.events[-1] == (None, keys[0])
    assert session.has_draft(keys[0])


def test_opening_another_case_keeps_the_work_and_brings_it_back(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    front.desk.open(keys[1])
    front.desk.open(keys[0])
    assert front.desk.opened is not None
    assert "brought back" in front.desk.opened.words
    assert np.array_equal(front.drawn, part)
    assert not session.has_draft(keys[1]), "a case that was only looked at"


def test_a_draft_that_cannot_be_written_keeps_the_case_open_but_for_force(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    folder = forbid_drafts(session, keys[0])
    for leave in (front.desk.leave, lambda: front.desk.open(keys[1])):
        with pytest.raises(ActiveSeedError, match="cannot be written"):
            leave()
        assert front.desk.key == keys[0]
    draw_segment(front.desk.case, 2, part == 1)  # it still can be drawn on, and is watched
    folder.unlink()
    front.desk.leave()
    assert session.has_draft(keys[0])
    open_and_draw(front, keys[1])
    session.draft_path(keys[0]).unlink()
    folder.rmdir()
    forbid_drafts(session, keys[1])
    front.desk.leave(force=True)
    assert front.desk.key is None
    assert "cannot be written" in front.errors[-1]


# -- strokes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["leave", "open", "lose", "save"])
def test_a_stroke_under_way_is_kept(
    front: PlainFront, session: Session, keys: list[str], how: str
) -> None:
    front.desk.open(keys[0])
    front.stroke = (1, part_of(session, keys[0]) == 1)
    expected = part_of(session, keys[0])
    if how == "save":
        front.desk.save()
        assert np.array_equal(saved_of(session, keys[0]), expected)
        return
    if how == "open":
        front.desk.open(keys[1])
    elif how == "lose":
        front.scene.Clear(0)
        front.pass_events()
    else:
        front.desk.leave()
    front.desk.open(keys[0])
    assert np.array_equal(front.drawn, expected)


def test_a_stroke_that_cannot_be_finished_holds_nothing_up(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    front.broken = "finish_stroke"
    front.desk.leave()
    assert front.errors == ["finish_stroke is broken"]
    front.broken = ""
    front.desk.open(keys[0])
    assert np.array_equal(front.drawn, part)


# -- what goes from under it ----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["scene", "volume", "segmentation"])
def test_nodes_that_go_take_no_work_with_them(
    front: PlainFront, session: Session, keys: list[str], what: str
) -> None:
    part = open_and_draw(front, keys[0])
    if what == "scene":
        front.scene.Clear(0)
    else:
        front.scene.RemoveNode(getattr(front.desk.case, what))
    assert front.shown is None
    front.pass_events()
    assert front.desk.key is None
    assert of_a_case(front.scene) == []
    assert front.events[-1] == (None, keys[0])
    front.desk.open(keys[0])
    assert np.array_equal(front.drawn, part)


# -- beginning with something else ----------------------------------------------------------------


def test_a_draft_is_given_up_for_the_prediction(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    predicted = predict(session, keys[0])
    part = open_and_draw(front, keys[0])
    front.desk.leave()
    front.desk.open(keys[0])
    assert front.desk.opened is not None
    assert front.desk.opened.instead == "prediction"
    brought_back = front.drawn
    assert np.array_equal(brought_back, np.where(predicted.array == 2, 2, part))
    front.desk.start_over()
    assert np.array_equal(front.drawn, predicted.array)
    assert np.array_equal(front.states[-1], brought_back), "this cannot be undone"
    assert front.desk.opened.instead is None
    assert session.has_draft(keys[0]), "as long as the case is open, it can come back"
    front.desk.leave()
    assert not session.has_draft(keys[0])


def test_what_is_drawn_after_giving_up_a_draft_is_kept(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    open_and_draw(front, keys[0])
    front.desk.leave()
    front.desk.open(keys[0])
    front.desk.start_over()
    assert not front.drawn.any()
    other = truth_of(session, keys[0]).array == 2
    draw_segment(front.desk.case, 2, other)
    front.desk.leave()
    front.desk.open(keys[0])
    assert np.array_equal(front.drawn, np.where(other, 2, 0))


def test_a_newer_prediction_is_offered_and_taken_only_if_wanted(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    assert not front.desk.has_newer_prediction
    predicted = predict(session, keys[0])
    assert front.desk.has_newer_prediction
    assert np.array_equal(front.drawn, part)
    front.desk.take_prediction()
    assert not front.desk.has_newer_prediction
    assert np.array_equal(front.drawn, predicted.array)
    assert np.array_equal(front.states[-1], part)
    assert front.desk.opened is not None
    assert front.desk.opened.uncertainty is not None
    front.desk.leave()
    assert session.has_draft(keys[0])


def test_a_prediction_that_is_damaged_changes_nothing(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    part = open_and_draw(front, keys[0])
    predict(session, keys[0])
    model = session.predicting_model(keys[0])
    assert model is not None
    session.project.prediction_path(keys[0], model).write_bytes(b"no image")
    with pytest.raises(ActiveSeedError):
        front.desk.take_prediction()
    assert np.array_equal(front.drawn, part)
    assert front.states == []


# -- how unsure the model is ----------------------------------------------------------------------


def test_the_case_opens_at_its_most_uncertain_slice(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    predict(session, keys[0], slice_index=3)
    front.desk.open(keys[0])
    uncertainty = session.uncertainty(keys[0])
    assert uncertainty is not None
    view = front.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    middle = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:, 3]
    matrix = vtk.vtkMatrix4x4()
    front.desk.case.volume.GetRASToIJKMatrix(matrix)
    ijk = slicer.util.arrayFromVTKMatrix(matrix) @ middle
    assert round(ijk[2 - uncertainty.axis]) == 3


@pytest.mark.parametrize("read_before", [False, True])
def test_the_uncertainty_comes_and_goes(
    front: PlainFront, session: Session, keys: list[str], read_before: bool
) -> None:
    predict(session, keys[0])
    front.desk.open(keys[0])
    assert front.desk.opened is not None
    assert front.desk.opened.uncertainty is not None
    image = None
    if read_before:
        path = front.desk.opened.uncertainty.path
        image = read_file(path)
        path.unlink()
    for shown in (True, False, True):
        front.desk.show_uncertainty(shown, image)
        assert is_uncertainty_visible(front.scene) is shown
        assert front.desk.is_uncertainty_shown is shown
    predict(session, keys[0])
    front.desk.take_prediction()
    assert not is_uncertainty_visible(front.scene), "that of the former model"
    assert not front.desk.is_uncertainty_shown
    front.desk.show_uncertainty(True)
    front.desk.open(keys[1])
    assert not is_uncertainty_visible(front.scene)
    assert not front.desk.is_uncertainty_shown
    front.desk.show_uncertainty(True)  # no model has seen this one
    assert not front.desk.is_uncertainty_shown


def test_an_overlay_that_cannot_be_read_is_not_shown(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    predict(session, keys[0])
    front.desk.open(keys[0])
    assert front.desk.opened is not None
    assert front.desk.opened.uncertainty is not None
    front.desk.opened.uncertainty.path.write_bytes(b"no image")
    with pytest.raises(UnreadableImageError):
        front.desk.show_uncertainty(True)
    assert not front.desk.is_uncertainty_shown


# -- drafts and the time --------------------------------------------------------------------------


def test_a_draft_is_told_until_the_label_map_is_saved(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    told: list[str] = []
    front.desk.changed.connect(lambda: told.append(front.desk.draft_words))
    open_and_draw(front, keys[0])
    assert front.desk.draft_words == ""
    front.desk.keep()
    assert told[-1].startswith("Draft kept at ")
    front.desk.save()
    assert told[-1] == front.desk.draft_words == ""
    assert not session.has_draft(keys[0])
    front.desk.leave()
    assert not session.has_draft(keys[0]), "saved work became a draft"


def test_only_the_time_of_work_counts_and_it_is_added_once(
    front: PlainFront, session: Session, keys: list[str]
) -> None:
    seconds = 0.0
    front.desk.clock._now = lambda: seconds
    front.desk.open(keys[0])
    seconds += 30
    front.desk.touch()
    seconds += 600  # lunch
    front.desk.touch()
    seconds += 20
    front.desk.keep()
    assert session.row(keys[0]).seconds == pytest.approx(50)
    front.desk.clock.stop()  # the user went away
    seconds += 40
    draw_segment(front.desk.case, 1, truth_of(session, keys[0]).array == 1)
    seconds += 7
    front.desk.save()
    assert session.row(keys[0]).seconds == pytest.approx(57)
    seconds += 3
    front.desk.leave()
    assert session.row(keys[0]).seconds == pytest.approx(60)


# -- slices ---------------------------------------------------------------------------------------


def shown_slice(front: PlainFront, axis: int) -> int:
    """Return the slice of the open case that its view goes through."""
    assert front.desk.case is not None
    volume = front.desk.case.volume
    position = slice_position(front.scene)
    to_ijk = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(to_ijk)
    return round(to_ijk.MultiplyPoint((*position, 1.0))[2 - axis])


def slice_position(scene: Any) -> tuple[float, float, float]:
    """Return the point that all three views go through."""
    found = [0.0, 0.0, 0.0]
    for node in nodes(scene):
        if node.IsA("vtkMRMLSliceNode") and node.GetOrientation() in ORIENTATIONS:
            found[ORIENTATIONS.index(node.GetOrientation())] = node.GetSliceOffset()
    return found[0], found[1], found[2]


ORIENTATIONS = ("Sagittal", "Coronal", "Axial")


def test_a_case_opens_at_its_slice_and_goes_on_to_the_next(
    front: PlainFront, session: Session, scene: Any
) -> None:
    for name in ORIENTATIONS:
        view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
        view.SetOrientation(name)
    session.project.change_settings({UNIT: "slice", AXIS: 0})
    key = session.rows()[-1].key
    units = [slice_key(key, index) for index in (4, 9, 2)]
    session.project.add_selection("levy", {}, 43, {}, [(unit, "Why.", {}) for unit in units])
    axis = session.project.slice_axis(session.project.case(key).case)
    desk = front.desk
    desk.open(key)
    seen = [(desk.slice, shown_slice(front, axis))]
    for _ in range(3):
        desk.next_slice()
        seen.append((desk.slice, shown_slice(front, axis)))
    assert seen == [(2, 2), (4, 4), (9, 9), (2, 2)]
    assert desk.slice_words == "To label: slices 3, 5, 10 (1 of 3 is shown)."
    assert desk.unit == slice_key(key, 2)
    # A click on the map shows another slice of the open case, whether it waits or not.
    opened = desk.opened
    desk.open(slice_key(key, 7))
    assert desk.opened is opened
    assert (desk.slice, shown_slice(front, axis)) == (7, 7)
    drawn = truth_of(session, key)
    for value in (1, 2):
        draw_segment(desk.case, value, drawn.array == value)
    desk.save()
    if front.actions:
        front.press("Count as done")
    assert list(session.project.training_labels()) == sorted(units)
    assert desk.slice_words == ""
    desk.next_slice()
    assert desk.slice == 7
    desk.leave()
    desk.open(slice_key(key, 5))
    assert (desk.slice, shown_slice(front, axis)) == (5, 5)
