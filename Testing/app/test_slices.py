"""A project that takes slices, as both front ends use it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app import queue as queues
from ActiveSeedLib.app.label_check import check_slices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import suggest_steps
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import write_image, write_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.pool.slices import slice_key
from ActiveSeedLib.project import Project, Status
from ActiveSeedLib.project.slices import AXIS, UNIT
from Testing.app.conftest import GEOMETRY, LIVER, SCHEMA, label_map

Key = Callable[[int], str]


@pytest.fixture
def session(tmp_path: Path, images: Path) -> Iterator[Session]:
    """Cases of eight slices, case_0 to case_6, of which case_6 is a test case."""
    root = tmp_path / "project"
    settings = {UNIT: "slice", AXIS: 0}
    Project.create(root, scan(images), SCHEMA, test=["case_6"], settings=settings).close()
    opened = Session.open(root)
    yield opened
    opened.close()


def suggest(session: Session, *units: tuple[str, int]) -> None:
    picks = [(slice_key(*unit), "It is unlike the others.", {}) for unit in units]
    session.project.add_selection("levy", {}, 43, {}, picks)


def predict(session: Session, key: str, image: Image) -> None:
    project = session.project
    model = project.start_model({}, {"labels": {}})
    write_label(project.prediction_path(key, model.id), image.array, image.geometry)
    entropy = np.zeros(image.array.shape, np.float32)
    write_image(project.uncertainty_path(key, model.id), entropy, image.geometry)
    facts = {"mean_entropy": 0.1, "most_uncertain_slice": 5, "slices": {}}
    project.record_prediction(key, model.id, facts)
    project.finish_model(model.id, {})


def test_the_queue_tells_which_slices_wait(session: Session, key: Key) -> None:
    suggest(session, (key(0), 2), (key(0), 5), (key(1), 7))
    assert session.noun == "slices"
    lines = queues.shown_lines(session.rows(), queues.TO_LABEL)
    assert [(line.title, line.slices) for line in lines] == [
        ("1. case_0", "slices 3, 6"),
        ("2. case_1", "slice 8"),
    ]
    assert queues.suggested_words(session) == "3 slices of 2 cases are suggested."
    why = "It is unlike the others."
    assert session.reason(key(0)) == f"Slices 3, 6: {why}"
    assert session.reason(slice_key(key(0), 5)) == why
    assert session.reason(slice_key(key(0), 0)) == "Not suggested yet."
    assert session.what_next().sentence == "Label the 2 cases of the queue."


def test_what_is_next_counts_slices(session: Session, key: Key) -> None:
    assert session.what_next().sentence == "Suggest the first slices to label."
    assert suggest_steps(session, session.choices())[0].params["budget"] == 8
    suggest(session, (key(0), 2), (key(0), 5))
    session.save(key(0), LIVER, 60.0, True)
    assert session.what_next().sentence == "Train a first model on the 2 labelled slices."


def test_work_begins_with_the_prediction_on_the_suggested_slices_alone(
    session: Session, key: Key
) -> None:
    predicted = label_map((3, np.s_[:, 2:5, 2:5]))
    predict(session, key(0), predicted)
    suggest(session, (key(0), 2))
    start = session.starting_label(key(0))
    assert start.source == "prediction"
    assert start.image is not None
    assert np.flatnonzero(start.image.array.any(axis=(1, 2))).tolist() == [2]
    # What was drawn and saved stays; the newly suggested slice begins with the prediction.
    drawn = label_map((1, np.s_[2:3, 1:5, 1:6]))
    session.save(key(0), drawn, 0.0, True)
    suggest(session, (key(0), 5))
    start = session.starting_label(key(0))
    assert start.image is not None
    np.testing.assert_array_equal(start.image.array[2], drawn.array[2])
    np.testing.assert_array_equal(start.image.array[5], predicted.array[5])
    assert np.flatnonzero(start.image.array.any(axis=(1, 2))).tolist() == [2, 5]
    # Once it was saved, if only in part, that counts.
    session.save(key(0), drawn, 0.0, False)
    again = session.starting_label(key(0))
    assert (again.source, again.image is not None) == ("saved", True)
    assert again.image is not None
    np.testing.assert_array_equal(again.image.array, drawn.array)
    # The prediction can be asked for again, on these slices.
    asked = session.predicted_label(key(0)).image
    assert asked is not None
    np.testing.assert_array_equal(asked.array[5], predicted.array[5])
    np.testing.assert_array_equal(asked.array[2], drawn.array[2])


def test_only_the_suggested_slices_are_checked(session: Session, key: Key) -> None:
    suggest(session, (key(0), 2), (key(0), 5))
    image = label_map((1, np.s_[2:3, 1:5, 1:6]))
    (finding,) = session.check(key(0), image)
    assert (finding.kind, finding.sentence) == ("empty", "Slice 6: It holds no structure.")
    assert finding.position is not None
    assert finding.position[2] == 5
    image.array[5, 1:9, 1:10] = 3
    assert session.check(key(0), image) == []
    assert session.check(key(0), Image(image.array[:4], GEOMETRY))[0].kind == "geometry"
    session.save(key(0), image, 0.0, True)
    assert session.slices_to_label(key(0)) == ()
    assert session.check(key(0), image) == [], "saved again, it is no whole volume either"


@pytest.mark.parametrize(("axis", "place"), [(0, (38, 30, 5)), (1, (38, 5, 30)), (2, (5, 38, 30))])
def test_a_stray_island_of_a_slice_is_where_it_is_said_to_be(
    axis: int, place: tuple[int, int, int]
) -> None:
    geometry = Geometry((40, 40, 40))
    array = np.zeros(geometry.shape, np.uint8)
    pick: list[slice | int] = [slice(2, 20)] * 3
    pick[axis] = 5
    array[tuple(pick)] = 3
    array[place[::-1]] = 3
    (finding,) = check_slices(Image(array, geometry), geometry, SCHEMA, axis, [5])
    assert finding.kind == "islands"
    assert finding.sentence.startswith("Slice 6: left kidney has 1 stray island")
    assert finding.position == place


def test_skipping_gives_up_the_slices_that_wait(session: Session, key: Key) -> None:
    suggest(session, (key(0), 2), (key(1), 2))
    session.save(key(0), LIVER, 0.0, True)
    suggest(session, (key(0), 5))
    session.skip(key(0))
    assert session.row(key(0)).status is Status.LABELLED
    assert session.slices_to_label(key(0)) == ()
    session.skip(key(1))
    assert session.row(key(1)).status is Status.SKIPPED
    session.bring_back(key(1))
    assert session.row(key(1)).status is Status.SUGGESTED
    assert session.slices_to_label(key(1)) == (2,)
