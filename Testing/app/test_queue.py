"""How the queue is listed and what can be done with its cases, in every front end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ActiveSeedLib.app import queue
from ActiveSeedLib.app.queue import ALL, FILTERS, LABELLED, SET_ASIDE, TEST, TO_LABEL, Possible
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project.records import Status
from Testing.app.conftest import LIVER, WHOLE

Key = Callable[[int], str]
Select = Callable[..., int]


@pytest.fixture
def mixed(session: Session, key: Key, select: Select) -> Session:
    """Queue 4, 1, 0; 3 labelled, 2 skipped, 5 unlabelled, 6 for testing."""
    select(4, 1, 3, 2)
    session.save(key(3), WHOLE, 90, done=True)
    session.skip(key(2))
    session.queue_by_hand(key(0))
    return session


def titles(session: Session, which: int, search: str = "") -> list[str]:
    return [line.title for line in queue.shown_lines(session.rows(), which, search)]


def test_each_filter_lists_its_cases_and_the_queue_is_numbered(mixed: Session) -> None:
    assert titles(mixed, TO_LABEL) == ["1. case_4", "2. case_1", "3. case_0"]
    assert titles(mixed, LABELLED) == ["case_3"]
    assert titles(mixed, SET_ASIDE) == ["case_2"]
    assert titles(mixed, TEST) == ["case_6"]
    assert len(titles(mixed, ALL)) == 7
    assert titles(mixed, 99) == titles(mixed, ALL)


def test_a_name_is_found_whatever_its_letters_and_keeps_its_place(mixed: Session) -> None:
    assert titles(mixed, TO_LABEL, " CASE_0 ") == ["3. case_0"]
    assert titles(mixed, ALL, "elephant") == []
    assert queue.nothing_words(ALL, " Elephant ") == "No name holds 'Elephant'."
    assert len({queue.nothing_words(which, " ") for which in FILTERS}) == len(FILTERS)


def test_a_line_tells_status_minutes_and_whether_it_is_open(mixed: Session, key: Key) -> None:
    mixed.save(key(6), LIVER, 0, done=True)
    mixed.project.set_problem(key(5), "It is damaged.")
    lines = {line.key: line for line in queue.shown_lines(mixed.rows(), ALL, opened=key(4))}
    assert [lines[key(n)].status for n in (1, 2, 3, 5, 6)] == [
        "suggested",
        "skipped",
        "labelled",
        "unusable",
        "test, labelled",
    ]
    assert [lines[key(n)].minutes for n in (1, 3)] == ["", "1.5"]
    assert [one for one in lines if lines[one].is_open] == [key(4)]


def test_the_rows_can_be_looked_through_one_at_a_time(mixed: Session) -> None:
    rows = mixed.rows()
    each = list(queue.each_line(rows, TO_LABEL))
    assert len(each) == len(rows)
    assert [line for line in each if line is not None] == queue.shown_lines(rows, TO_LABEL)


@pytest.mark.parametrize("number", range(7))
def test_what_is_offered_is_what_the_project_does(mixed: Session, key: Key, number: int) -> None:
    """Whatever is offered works, and can be undone."""
    case = key(number)
    can = queue.can_do(mixed.row(case))
    before = mixed.row(case).status
    assert can.bring_back == (before in (Status.SKIPPED, Status.EXCLUDED))
    assert can.open
    if can.queue:
        mixed.queue_by_hand(case)
        assert mixed.row(case).queued
    for offered, does, after in (
        (can.skip, mixed.skip, Status.SKIPPED),
        (can.exclude, mixed.exclude, Status.EXCLUDED),
    ):
        if offered:
            does(case)
            assert mixed.row(case).status is after
            assert queue.can_do(mixed.row(case)).bring_back


def test_what_cannot_be_used_can_only_be_put_aside(mixed: Session, key: Key) -> None:
    mixed.project.set_problem(key(5), "It is damaged.")
    assert queue.can_do(mixed.row(key(5))) == Possible(skip=True, exclude=True)
    assert queue.can_do(mixed.row(key(6))) == Possible(open=True)
    assert queue.can_do(None) == Possible()
    with pytest.raises(InputError):
        mixed.skip(key(6))


def test_what_there_is_to_say_about_a_case(mixed: Session, key: Key) -> None:
    assert queue.describe(mixed, mixed.row(key(4))) == "case_4\nReason of 4."
    mixed.project.set_problem(key(4), "It is damaged.")
    words = queue.reason_words(mixed, mixed.row(key(4)))
    assert words.splitlines() == ["Reason of 4.", "It is damaged."]


def test_a_file_that_was_not_found_is_told(mixed: Session, images: Path, key: Key) -> None:
    (images / "case_4.nii.gz").unlink()
    mixed.project.update_pool(scan(images))
    missing = mixed.row(key(4))
    assert queue.status_words(missing) == "file missing"
    assert "was not found when" in queue.describe(mixed, missing)
    assert not queue.can_do(missing).open


def test_the_end_of_the_queue_says_what_is_next(session: Session, key: Key, select: Select) -> None:
    assert queue.the_end(session, None) == (
        "The queue is empty. Suggest the first cases to label.",
        True,
    )
    assert queue.suggested_words(session) == ""
    select(4)
    assert queue.suggested_words(session) == "One case is suggested."
    assert queue.the_end(session, key(4)) == (
        "No other case waits in the queue. Label the 1 case of the queue.",
        False,
    )
    select(1, 2)
    assert queue.suggested_words(session) == "3 cases are suggested."
    for number in (4, 1, 2):
        session.save(key(number), WHOLE, 1, done=True)
    assert queue.the_end(session, key(4)) == (
        "The queue is empty. Train a first model on the 3 label maps.",
        False,
    )


def test_going_back_leads_to_the_beginning_and_not_forth_again() -> None:
    way = queue.Visited()
    assert not way
    assert way.pop() is None
    way.left("a")
    way.left("b")
    with way.going_back():
        assert way.pop() == "b"
        way.left("c")
    assert way.pop() == "a"
    assert not way
    way.left("c")
    way.clear()
    assert way.pop() is None
