"""A project through the door that both front ends use."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError, ProjectLockedError, UnreadableImageError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import Status
from Testing.app.conftest import GEOMETRY, LIVER, WHOLE, label_map

Key = Callable[[int], str]
Select = Callable[..., int]


def test_a_second_front_end_is_told_who_holds_the_project(session: Session) -> None:
    with pytest.raises(ProjectLockedError, match="is being written to by process") as caught:
        Session.open(session.root)
    assert "\n" not in str(caught.value)
    assert session.job_params({"budget": 3}) == {
        "project": str(session.root),
        "session": session.project.session,
        "budget": 3,
    }


def test_what_is_no_project_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there: connect its disk, or choose another"):
        Session.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is not an ActiveSeed project"):
        Session.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        Session.open(tmp_path / "file")


def test_an_unplugged_disk_is_a_note_and_a_sentence(
    session: Session, images: Path, key: Key
) -> None:
    images.rename(images.with_name("away"))
    with pytest.raises(InputError, match=r"images is not there: connect its disk"):
        session.load_image(key(0))
    assert session.what_next().action == "rescan"
    assert str(images) in session.what_next().sentence
    assert len(session.rows()) == 7
    session.close()
    again = Session.open(session.root)
    assert any("is not there" in note for note in again.notes)
    images.with_name("away").rename(images)
    assert again.load_image(key(0)).array.shape == GEOMETRY.shape
    again.close()


def test_the_queue_comes_first_in_its_order(session: Session, key: Key, select: Select) -> None:
    select(4, 1)
    select(3)
    session.queue_by_hand(key(0))
    rows = session.rows()
    assert [row.name for row in rows] == [f"case_{n}" for n in (4, 1, 3, 0, 2, 5, 6)]
    assert [row.queued for row in rows] == [True] * 4 + [False] * 3
    assert [row.round for row in rows] == [1, 1, 2, None, None, None, None]
    assert rows[-1].held_out
    assert rows[-1].status is Status.TEST
    assert session.row(key(4)) == rows[0]
    assert session.reason(key(4)) == "Reason of 4."
    assert session.reason(key(0)) == "Chosen by hand."
    assert session.reason(key(6)).startswith("Kept for testing")
    assert session.counts()["suggested"] == 4
    with pytest.raises(InputError, match="no case called 'nobody'"):
        session.row("nobody")


def test_next_goes_on_from_where_one_is(session: Session, key: Key, select: Select) -> None:
    assert session.next_case(None) is None
    select(4, 1, 3)
    assert session.next_case(None) == key(4)
    assert session.next_case(key(4)) == key(1)
    assert session.next_case(key(3)) == key(4)
    session.save(key(1), WHOLE, 0, done=True)
    assert session.next_case(key(1)) == key(3)  # from its place, though it has left the queue
    session.skip(key(3))
    assert session.next_case(key(3)) == key(4)
    assert session.next_case(key(4)) == key(4)
    session.project.set_problem(key(4), "It is damaged.")
    assert session.next_case(key(4)) is None
    assert session.next_case(key(1)) is None
    assert session.next_case(key(0)) is None
    assert session.next_case("nobody") is None


def test_a_case_from_opening_to_done(session: Session, key: Key, select: Select) -> None:
    select(2)
    opened = session.start(key(2))
    assert opened.row.status is Status.IN_PROGRESS
    assert opened.reason == "Reason of 2."
    assert opened.geometry.is_close(GEOMETRY)
    assert session.starting_label(key(2)).source == "empty"
    session.draft_path(key(2)).write_bytes(b"draft")
    assert session.has_draft(key(2))
    session.save(key(2), LIVER, 30, done=False)
    assert not session.has_draft(key(2))
    row = session.row(key(2))
    assert (row.status, row.labelled, row.seconds) == (Status.IN_PROGRESS, True, 30)
    assert session.project.training_labels() == {}
    saved = session.save(key(2), WHOLE, 12.5, done=True)
    assert np.array_equal(read_label(saved.path).array, WHOLE.array)
    assert session.row(key(2)).status is Status.LABELLED
    assert session.row(key(2)).seconds == 42.5
    backups = list((session.project.backups_folder / "case_2").iterdir())
    assert [np.array_equal(read_label(b).array, LIVER.array) for b in backups] == [True]
    assert session.start(key(2)).row.status is Status.LABELLED
    start = session.starting_label(key(2))
    assert start.source == "saved"
    assert start.image is not None
    assert np.array_equal(start.image.array, WHOLE.array)
    session.save(key(2), WHOLE, 0, done=False)
    assert session.row(key(2)).status is Status.IN_PROGRESS


def test_a_test_case_stays_one_whatever_is_done_with_it(
    session: Session,
    key: Key,
    add_model: Callable[..., str],
    predict: Callable[..., None],
) -> None:
    model = add_model()
    predict(key(6), model)
    assert session.start(key(6)).row.status is Status.TEST
    assert session.starting_label(key(6)).source == "empty"  # never its model's own output
    for done in (False, True):
        session.save(key(6), WHOLE, 1, done=done)
        assert session.row(key(6)).status is Status.TEST
    assert session.starting_label(key(6)).source == "saved"
    with pytest.raises(InputError, match="test cases only score models"):
        session.skip(key(6))
    session.exclude(key(6))
    session.bring_back(key(6))
    assert session.row(key(6)).status is Status.TEST


def test_the_latest_prediction_is_the_start(
    session: Session,
    key: Key,
    add_model: Callable[..., str],
    predict: Callable[..., None],
) -> None:
    assert session.uncertainty(key(0)) is None
    first, second = add_model(), add_model()
    predict(key(0), first)
    assert session.starting_label(key(0)).source == "empty"
    assert session.uncertainty(key(0)) is None
    strange = label_map((1, np.s_[1:3, 1:3, 1:3]), (2, np.s_[4:6, 4:6, 4:6]))
    predict(key(0), second, strange, where=5, entropy=0.25)
    start = session.starting_label(key(0))
    assert (start.source, start.model) == ("prediction", second)
    assert start.image is not None
    assert set(np.unique(start.image.array)) == {0, 1}  # 2 is no segment of the schema
    found = session.uncertainty(key(0))
    assert found is not None
    assert (found.axis, found.slice, found.mean_entropy) == (0, 5, 0.25)
    assert found.path.is_file()
    session.save(key(0), WHOLE, 0, done=True)
    assert session.starting_label(key(0)).source == "saved"


def test_a_spoilt_prediction_is_told_and_a_spoilt_label_map_is_an_error(
    session: Session,
    key: Key,
    add_model: Callable[..., str],
    predict: Callable[..., None],
) -> None:
    model = add_model()
    predict(key(0), model)
    session.project.prediction_path(key(0), model).write_bytes(b"spoilt")
    start = session.starting_label(key(0))
    assert start.source == "empty"
    assert start.note is not None
    assert start.note.startswith("The prediction cannot be used: ")
    saved = session.save(key(0), WHOLE, 0, done=True)
    saved.path.write_bytes(b"spoilt")
    with pytest.raises(UnreadableImageError):
        session.starting_label(key(0))


def test_what_is_set_aside_comes_back_to_where_it_was(
    session: Session, key: Key, select: Select
) -> None:
    select(0, 1, 2)
    session.start(key(1))
    session.save(key(1), LIVER, 0, done=False)
    session.save(key(2), WHOLE, 0, done=True)
    before = session.rows()
    for number in range(4):
        session.skip(key(number))
        assert session.row(key(number)).status is Status.SKIPPED
        session.exclude(key(number))
    assert session.counts()["excluded"] == 4
    for number in range(4):
        session.bring_back(key(number))
    assert session.rows() == before
    session.bring_back(key(0))  # it is back already
    assert session.rows() == before
    with pytest.raises(InputError, match="has a label map already"):
        session.queue_by_hand(key(2))


def test_an_excluded_case_that_lost_its_label_map_is_unlabelled(session: Session, key: Key) -> None:
    saved = session.save(key(0), WHOLE, 0, done=True)
    session.exclude(key(0))
    saved.path.unlink()
    session.close()
    again = Session.open(session.root)
    again.bring_back(key(0))
    assert again.row(key(0)).status is Status.UNLABELLED
    again.close()


def test_everything_is_where_it_was_left(session: Session, key: Key, select: Select) -> None:
    select(3, 1)
    session.start(key(1))
    session.add_seconds(key(1), 61.5)
    session.keep_choices(Choices(budget=3, strategy_parameters={"alpha": 0.5}))
    rows = session.rows()
    session.close()
    again = Session.open(session.root)
    assert again.rows() == rows
    assert again.choices() == Choices(budget=3, strategy_parameters={"alpha": 0.5})
    again.close()


def test_a_label_map_elsewhere_in_space_is_refused(session: Session, key: Key) -> None:
    from dataclasses import replace

    moved = Image(WHOLE.array, replace(GEOMETRY, origin=(0.0, 0.0, 0.0)))
    with pytest.raises(InputError, match="origin"):
        session.save(key(0), moved, 0, done=True)
    assert session.row(key(0)).status is Status.UNLABELLED
    assert [f.kind for f in session.check(key(0), moved)] == ["geometry"]


def test_missing_is_what_most_label_maps_hold(session: Session, key: Key) -> None:
    assert [f.kind for f in session.check(key(0), LIVER)] == ["missing", "missing"]
    session.save(key(0), LIVER, 0, done=True)
    assert session.check(key(1), LIVER) == []
    two = label_map((1, np.s_[1:7, 1:5, 1:6]), (3, np.s_[2:5, 6:9, 1:4]))
    for number in (1, 2):
        session.save(key(number), two, 0, done=True)
    found = session.check(key(3), LIVER)
    assert [f.sentence for f in found] == [
        "There is no left kidney, which label maps of this project usually have."
    ]
    assert session.check(key(1), LIVER) == []  # half of the others are not most


def test_the_images_are_never_written_to(session: Session, images: Path, key: Key) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in images.rglob("*")}
    session.load_image(key(0))
    session.start(key(0))
    session.save(key(0), WHOLE, 1, done=True)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in images.rglob("*")}


def test_an_image_that_went_or_changed_is_told(session: Session, images: Path, key: Key) -> None:
    (images / "case_0.nii.gz").unlink()
    with pytest.raises(UnreadableImageError, match="case_0"):
        session.load_image(key(0))
    session.project.update_pool(scan(images))
    assert not session.row(key(0)).available
    session.queue_by_hand(key(0))
    assert session.next_case(None) is None


def test_a_thumbnail_is_told_once_it_is_there(session: Session, key: Key) -> None:
    assert session.thumbnail(key(0)) is None
    path = session.project.thumbnail_path(key(0))
    path.write_bytes(b"png")
    assert session.thumbnail(key(0)) == path


def test_provenance_reads_as_text(session: Session, select: Select) -> None:
    assert session.provenance() == "Nothing has been suggested yet."
    select(4, 1)
    select(2)
    text = session.provenance(1)
    assert "strategy: levy (alpha = 0.3)" in text
    assert "cases: 2 of 6 that could be chosen; 0 were chosen before" in text
    assert "clusters" not in text
    assert text.splitlines()[-1] == "    2. case_1: Reason of 1."
    assert session.provenance() == text + "\n\n" + session.provenance(2)
    with pytest.raises(InputError, match="no round 3"):
        session.provenance(3)


def test_a_project_that_moved_with_its_images_opens(session: Session, tmp_path: Path) -> None:
    session.close()
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("project", "images"):
        shutil.move(tmp_path / name, moved / name)
    again = Session.open(moved / "project")
    assert again.load_image(again.rows()[0].key).array.shape == GEOMETRY.shape
    again.close()


def test_an_image_is_read_in_another_thread(session: Session, images: Path, key: Key) -> None:
    reading = session.reading(key(0))
    with ThreadPoolExecutor(1) as thread:
        image = thread.submit(reading).result()
    assert np.array_equal(image.array, session.load_image(key(0)).array)
    with pytest.raises(InputError, match="no case called 'nobody'"):
        session.reading("nobody")
    images.rename(images.with_name("away"))
    with pytest.raises(InputError, match="images is not there"):
        session.reading(key(0))


def test_the_open_case_is_remembered_with_the_project(session: Session, key: Key) -> None:
    assert session.remembered_case() is None
    session.remember_open_case(key(3))
    session.close()
    again = Session.open(session.root)
    assert again.remembered_case() == key(3)
    again.remember_open_case(None)
    assert again.remembered_case() is None
    again.close()
