"""The cases of a project: the pool as last seen, and where each case stands."""

import difflib
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Duplicate, Refused
from ActiveSeedLib.project.case_rows import BRIEF_COLUMNS, COLUMNS, brief, records
from ActiveSeedLib.project.records import CaseRecord, CaseRow, Status
from ActiveSeedLib.project.store import Store

_FREE = {Status.UNLABELLED, Status.SKIPPED, Status.EXCLUDED}
_WORK = {Status.SUGGESTED, Status.IN_PROGRESS, Status.LABELLED}
# From → to, for cases that were never test cases (those may only be excluded and come back).
# A label map is asked for besides, wherever `labelled` is the goal.
_ALLOWED: Mapping[Status, set[Status]] = {
    Status.UNLABELLED: _FREE | _WORK | {Status.TEST},
    Status.SUGGESTED: _FREE | _WORK | {Status.TEST},
    Status.IN_PROGRESS: _FREE | _WORK,
    Status.LABELLED: _FREE | {Status.IN_PROGRESS},
    Status.SKIPPED: _FREE | _WORK | {Status.TEST},
    Status.EXCLUDED: _FREE | _WORK | {Status.TEST},
}


class Cases(Store):
    """Reading the cases, and changing their status."""

    def cases(self, *statuses: Status) -> list[CaseRecord]:
        """Return the cases with one of `statuses` (all cases if none is named), in pool order."""
        where, values = _in("status", [Status(status) for status in statuses])
        rows = self._database.rows(
            f"SELECT {COLUMNS} FROM cases WHERE {where} ORDER BY position",  # noqa: S608
            values,
        )
        return records(rows)

    def case(self, key_or_name: str) -> CaseRecord:
        """Return the case with this key, name or path; `InputError` names similar ones."""
        for column in ("key", "name", "path"):
            rows = self._database.rows(
                f"SELECT {COLUMNS} FROM cases WHERE {column} = ? "  # noqa: S608
                "ORDER BY available DESC, position LIMIT 1",
                (key_or_name,),
            )
            if rows:
                return records(rows)[0]
        near = self._similar(key_or_name)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
        raise InputError(f"The project has no case called {key_or_name!r}{hint}")

    def rows(self) -> list[CaseRow]:
        """Return all cases in brief, in pool order; many times quicker than `cases`."""
        return brief(
            self._database.rows(
                f"SELECT {BRIEF_COLUMNS} FROM cases ORDER BY position"  # noqa: S608
            )
        )

    def row(self, key: str) -> CaseRow:
        """Return one case in brief; `InputError` if there is none with this key."""
        rows = self._database.rows(
            f"SELECT {BRIEF_COLUMNS} FROM cases WHERE key = ?",  # noqa: S608
            (key,),
        )
        return brief(rows)[0] if rows else self.row(self.case(key).case.key)

    def count_usable(self, status: Status, *, labelled: bool = False) -> int:
        """Return how many cases have `status` and an image that can be used (and a label map)."""
        only = " AND label IS NOT NULL" if labelled else ""
        rows = self._database.rows(
            "SELECT count(*) FROM cases "  # noqa: S608
            f"WHERE status = ? AND available AND problem IS NULL{only}",
            (status,),
        )
        return int(rows[0][0])

    def counts(self) -> dict[str, int]:
        """Return how many cases have each status, those without any included."""
        found = dict(self._database.rows("SELECT status, count(*) FROM cases GROUP BY status"))
        return {str(status): found.get(str(status), 0) for status in Status}

    def statuses(self) -> dict[str, Status]:
        """Return key → status of all cases, in pool order; quicker than `cases`."""
        rows = self._database.rows("SELECT key, status FROM cases ORDER BY position")
        members = {str(status): status for status in Status}
        return {key: members[status] for key, status in rows}

    def set_status(self, keys: str | Iterable[str], status: Status) -> None:
        """Move the cases with these keys to `status`: all of them or, if one may not, none.

        Raises:
            InputError: a key is unknown; a case would be labelled without a label map; a test case
                would be trained on or suggested; a labelled case would become a test case; a
                patient would have cases on both sides of the test split.
        """
        status = Status(status)
        patients: set[str | None] = set()
        with self._database.transaction() as connection:
            for key in [keys] if isinstance(keys, str) else keys:
                record = self.case(key)
                _check_transition(record, status)
                kept_round = None if status is Status.UNLABELLED else record.round
                connection.execute(
                    "UPDATE cases SET status = ?, round = ?, held_out = ? WHERE key = ?",
                    (
                        status,
                        kept_round,
                        record.held_out or status is Status.TEST,
                        record.case.key,
                    ),
                )
                if status is Status.UNLABELLED:
                    connection.execute("DELETE FROM slices WHERE key = ?", (record.case.key,))
                if status is Status.TEST:
                    patients.add(record.case.patient)
            check_patients(connection, patients)

    def add_seconds(self, key: str, seconds: float) -> None:
        """Add annotation time to a case."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise InputError(f"An annotation time of {seconds} s cannot be added.")
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE cases SET seconds = seconds + ? WHERE key = ?",
                (seconds, self.case(key).case.key),
            )

    def set_problem(self, key: str, problem: str | None) -> None:
        """Note in one sentence why a case cannot be used; None when it can."""
        record = self.case(key)
        if problem != record.problem:
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE cases SET problem = ? WHERE key = ?", (problem, record.case.key)
                )

    def _set_note(self, key: str, note: str | None) -> None:
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET note = ? WHERE key = ?", (note, key))

    def refused(self) -> list[Refused]:
        """Return the files of the images folder that cannot be used, and why."""
        return [Refused(*r) for r in self._database.rows("SELECT path, reason FROM refused")]

    def duplicates(self) -> list[Duplicate]:
        """Return the files left out because a case with the same content is there."""
        return [Duplicate(*r) for r in self._database.rows("SELECT path, same_as FROM duplicates")]

    def thumbnail_path(self, key: str) -> Path:
        """Return where the small picture (PNG) of a case belongs; it need not exist yet."""
        return self.root / "thumbnails" / f"{self._stem(key)}.png"

    def draft_path(self, key: str) -> Path:
        """Return where the unsaved work on a case is kept; it need not exist."""
        return self.root / "drafts" / f"{self._stem(key)}.seg.nrrd"

    def _stem(self, key: str) -> str:
        rows = self._database.rows("SELECT stem FROM cases WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else self.case(key).stem

    def _similar(self, wanted: str) -> list[str]:
        part = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._database.rows(
            "SELECT name FROM cases WHERE name LIKE ? ESCAPE '\\' ORDER BY position LIMIT 3",
            (f"%{part}%",),
        )
        if rows and wanted:
            return [name for (name,) in rows]
        # Comparing by edits is slow, so a very large pool is compared by its first names only.
        rows = self._database.rows("SELECT name FROM cases ORDER BY position LIMIT 5000")
        return difflib.get_close_matches(wanted, [name for (name,) in rows], n=3)


def check_patients(connection: sqlite3.Connection, patients: set[str | None]) -> None:
    """Raise `InputError` if one of `patients` has both test cases and others."""
    for patient in sorted(patient for patient in patients if patient is not None):
        rows = connection.execute(
            "SELECT name, held_out FROM cases WHERE patient = ? ORDER BY position", (patient,)
        ).fetchall()
        inside = [name for name, held_out in rows if held_out]
        outside = [name for name, held_out in rows if not held_out]
        if inside and outside:
            raise InputError(
                f"The patient {patient} would be on both sides of the test split ({inside[0]} in "
                f"it, {outside[0]} not): take all cases of a patient or none."
            )


def _in(column: str, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    if not values:
        return "1", ()
    return f"{column} IN ({', '.join('?' * len(values))})", values


def _check_transition(record: CaseRecord, status: Status) -> None:
    name, before = record.case.name, record.status
    if status is before:
        return
    if status is Status.LABELLED and record.label is None:
        raise InputError(f"The case {name} has no label map yet: save one, and it is labelled.")
    allowed = {Status.TEST, Status.EXCLUDED} if record.held_out else _ALLOWED[before]
    if status in allowed:
        return
    if record.held_out:
        why = "test cases only score models, and a case that did so is never trained on"
    elif status is Status.TEST:
        why = "a model may have been trained on it"
    else:
        why = "it has a label map already; open it again instead"
    raise InputError(f"The case {name} is {before} and cannot become {status}: {why}.")
