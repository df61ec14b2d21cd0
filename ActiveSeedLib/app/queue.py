"""The queue as a front end shows it: which cases are listed, in which words, and what can be done.

Nothing here takes long: a line needs no look at the project, so that 10,000 cases can be listed in
one go or in slices of time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.project.records import CaseRow, Status

TO_LABEL, LABELLED, SET_ASIDE, TEST, ALL = range(5)
TITLES = {
    TO_LABEL: "To label",
    LABELLED: "Labelled",
    SET_ASIDE: "Skipped and excluded",
    TEST: "Test",
    ALL: "All",
}
ASIDE = (Status.SKIPPED, Status.EXCLUDED)
FILTERS: dict[int, Callable[[CaseRow], bool]] = {
    TO_LABEL: lambda row: row.queued,
    LABELLED: lambda row: row.labelled,
    SET_ASIDE: lambda row: row.status in ASIDE,
    TEST: lambda row: row.status == Status.TEST,
    ALL: lambda _row: True,
}
NOTHING = {
    TO_LABEL: "The queue is empty.",
    LABELLED: "No case is labelled yet.",
    SET_ASIDE: "No case was skipped or excluded.",
    TEST: "No case is kept for testing.",
    ALL: "The project has no cases.",
}


class Line(NamedTuple):
    """What one row of the list shows.

    Attributes:
        key: the case.
        title: its name, with its place in the queue ("3. liver_04") if it has one.
        status: where it stands, in a word or two.
        minutes: of annotation ("1.5"); empty for none.
        is_open: whether it is the open case.
        slices: those that are to be labelled ("slices 13, 40"); empty where whole cases are.
    """

    key: str
    title: str
    status: str
    minutes: str
    is_open: bool = False
    slices: str = ""


class Possible(NamedTuple):
    """What can be done with a case."""

    open: bool = False
    skip: bool = False
    exclude: bool = False
    bring_back: bool = False
    queue: bool = False


def shown_lines(
    rows: Sequence[CaseRow], which: int, search: str = "", opened: str | None = None
) -> list[Line]:
    """Return the lines of the cases that are wanted.

    Args:
        rows: all cases, the queue first and in its order, as `Session.rows` returns them.
        which: one of `FILTERS`; any other number lists all.
        search: what the name must hold, whatever the case of its letters; empty for any name.
        opened: the open case.
    """
    return [line for line in each_line(rows, which, search, opened) if line is not None]


def each_line(
    rows: Sequence[CaseRow], which: int, search: str = "", opened: str | None = None
) -> Iterator[Line | None]:
    """Yield, for each of `rows`, its line, or None if it is not wanted; see `shown_lines`."""
    wanted = FILTERS.get(which, FILTERS[ALL])
    search = search.strip().casefold()
    place = 0
    for row in rows:
        place += row.queued
        if wanted(row) and (not search or search in row.name.casefold()):
            yield _line(row, place, row.key == opened)
        else:
            yield None


def slice_words(slices: Sequence[int]) -> str:
    """Return which slices (from 0), as people count them: "slice 13", "slices 13, 40"."""
    numbers = ", ".join(str(one + 1) for one in slices)
    return f"slice{'s' * (len(slices) > 1)} {numbers}"


def nothing_words(which: int, search: str = "") -> str:
    """Return what to say where no case is listed."""
    search = search.strip()
    return f"No name holds {search!r}." if search else NOTHING.get(which, NOTHING[ALL])


def status_words(row: CaseRow) -> str:
    """Return where a case stands, in a word or two."""
    if row.problem is not None:
        return "unusable"
    if not row.available:
        return "file missing"
    if row.status == Status.TEST:
        return "test, labelled" if row.labelled else "test"
    return str(row.status).replace("_", " ")


def can_do(row: CaseRow | None) -> Possible:
    """Return what can be done with a case; nothing with None."""
    if row is None:
        return Possible()
    status = row.status
    return Possible(
        open=row.usable,
        skip=status in (Status.UNLABELLED, Status.SUGGESTED, Status.IN_PROGRESS),
        exclude=status not in (Status.TEST, Status.LABELLED, Status.EXCLUDED),
        bring_back=status in ASIDE,
        queue=status == Status.UNLABELLED and row.usable,
    )


def describe(session: Session, row: CaseRow) -> str:
    """Return what there is to say about a case: its name, why it was chosen, what is odd."""
    return f"{row.name}\n{reason_words(session, row)}"


def reason_words(session: Session, row: CaseRow) -> str:
    """Return why a case was chosen, or where it stands otherwise, and what is odd about it."""
    said = [session.reason(row.key), row.problem, row.note]
    if not row.available and row.problem is None:
        said.append("Its file was not found when the images folder was last looked through.")
    return "\n".join(words for words in said if words)


def the_end(session: Session, opened: str | None) -> tuple[str, bool]:
    """Return that no other case waits and what to do next, and whether that is to suggest cases.

    Args:
        session: the project.
        opened: the open case.
    """
    step = session.what_next()
    waits = opened is not None and session.row(opened).queued
    first = "No other case waits in the queue." if waits else "The queue is empty."
    return f"{first} {step.sentence}", step.action == "suggest"


def suggested_words(session: Session) -> str:
    """Return how many cases are suggested, as a sentence; empty for none."""
    slices = session.project.slices_to_label()
    if slices:
        count, cases = sum(map(len, slices.values())), len(slices)
        if count == 1:
            return "One slice is suggested."
        return f"{count} slices of {cases} case{'s' * (cases > 1)} are suggested."
    waiting = session.counts().get(str(Status.SUGGESTED), 0)
    if not waiting:
        return ""
    return f"{waiting} cases are suggested." if waiting > 1 else "One case is suggested."


class Visited:
    """The way back: the cases that were open before, the latest last."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._going_back = False

    def __bool__(self) -> bool:
        return bool(self._keys)

    def left(self, key: str) -> None:
        """Note that another case was opened in place of `key`, unless that was going back."""
        if not self._going_back:
            self._keys.append(key)

    def pop(self) -> str | None:
        """Take the latest case from the way back; None at its beginning."""
        return self._keys.pop() if self._keys else None

    def clear(self) -> None:
        """Forget the way: the project is another one."""
        self._keys = []

    @contextmanager
    def going_back(self) -> Iterator[None]:
        """Note no case that is left inside, so that the way back does not lead forth again."""
        self._going_back = True
        try:
            yield
        finally:
            self._going_back = False


def _line(row: CaseRow, place: int, is_open: bool) -> Line:
    minutes = f"{row.seconds / 60:.1f}" if row.seconds else ""
    title = f"{place}. {row.name}" if row.queued else row.name
    slices = slice_words(row.slices) if row.slices else ""
    return Line(row.key, title, status_words(row), minutes, is_open, slices)
