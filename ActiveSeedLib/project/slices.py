"""Which slices of the cases are suggested and labelled, in a project that takes slices.

Images, label maps and statuses stay those of whole cases: a case waits in the queue as long as one
of its suggested slices does. A *unit* is what is picked and trained on: a case, or a slice of one,
under the key that `pool.slices.slice_key` gives it.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.slices import slice_axis, slice_key, slices_of, split_key
from ActiveSeedLib.project.cases import Cases
from ActiveSeedLib.project.database import Database
from ActiveSeedLib.project.records import Status

UNIT, AXIS = "unit", "slice_axis"
"""Settings of a project: "case" or "slice"; and the canonical axis (0, 1, 2 for S, P, L)."""
BY_HAND = "Labelled without a suggestion."


class SliceState(StrEnum):
    """Where a slice stands; slices of which nothing is known have none."""

    SUGGESTED = "suggested"
    LABELLED = "labelled"
    SKIPPED = "skipped"


class SlicePick(NamedTuple):
    """A suggested or labelled slice of a case.

    Attributes:
        slice_index: from 0, along the case's `slice_axis`.
        state: where it stands.
        reason: why, in one sentence.
        saved: whether its case's label map was saved since it was suggested.
    """

    slice_index: int
    state: SliceState
    reason: str
    saved: bool


class Chosen(NamedTuple):
    """One pick of a case: the slice (from 0; None: the whole case), its place in the round, why."""

    slice_index: int | None
    position: int
    reason: str
    why: Mapping[str, Any]


class Slices(Cases):
    """The slices of cases that were suggested or labelled."""

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root, database)
        self._slice_counts: dict[str, int] = {}  # a case's key tells its content, so it never ages

    @property
    def takes_slices(self) -> bool:
        """Whether slices are suggested and trained on, instead of whole cases."""
        return bool(self._get(f"user.{UNIT}") == "slice")

    @property
    def canonical_axis(self) -> int:
        """The canonical axis (0, 1, 2 for S, P, L) across which cases are sliced."""
        return int(self._get(f"user.{AXIS}") or 0)

    def slice_axis(self, case: Case) -> int:
        """Return the KJI axis that the slices of a case are counted along."""
        return slice_axis(case.geometry, self.canonical_axis)

    def slices(self, key: str, *states: SliceState) -> list[SlicePick]:
        """Return the slices of a case that are in one of `states` (in any, if none is named)."""
        rows = self._database.rows(
            "SELECT slice, state, reason, saved FROM slices WHERE key = ? ORDER BY slice",
            (key,),
        )
        found = [
            SlicePick(index, SliceState(state), reason, bool(saved))
            for index, state, reason, saved in rows
        ]
        return [one for one in found if not states or one.state in states]

    def slice_reasons(self, key: str) -> str:
        """Return why slices of a case wait, in words; empty where none does."""
        waiting = self.slices(key, SliceState.SUGGESTED)
        return reasons_in_words((one.slice_index, one.reason) for one in waiting)

    def slices_to_label(self) -> dict[str, list[int]]:
        """Return key → the suggested slices (from 0) of every case that waits in the queue."""
        rows = self._database.rows(
            "SELECT s.key, s.slice FROM slices s JOIN cases c USING (key) WHERE s.state = "
            "'suggested' AND c.status IN ('suggested', 'in_progress') ORDER BY s.key, s.slice"
        )
        found: dict[str, list[int]] = {}
        for key, index in rows:
            found.setdefault(key, []).append(index)
        return found

    def units_of(self, cases: Iterable[Case]) -> list[Case]:
        """Return what may be picked of `cases`: themselves, or their slices, sorted by key."""
        if self.takes_slices:
            axis = self.canonical_axis
            found = [unit for case in cases for unit in slices_of(case, axis)]
        else:
            found = list(cases)
        return sorted(found, key=lambda unit: unit.key)

    def unit_statuses(self, units: Iterable[str]) -> dict[str, Status]:
        """Return where each unit stands, by key: that of its case, but for slices of their own."""
        of_case = self.statuses()
        states = {
            slice_key(key, index): SliceState(state)
            for key, index, state in self._database.rows("SELECT key, slice, state FROM slices")
        }
        return {unit: _status(unit, of_case, states) for unit in units}

    def unit_rounds(self) -> dict[str, int]:
        """Return unit → the round that suggested it, of those that a round did."""
        if not self.takes_slices:
            return dict(self._database.rows("SELECT key, round FROM cases WHERE round NOT NULL"))
        rows = self._database.rows("SELECT key, slice, round FROM slices WHERE round NOT NULL")
        return {slice_key(key, index): number for key, index, number in rows}

    def count_candidates(self) -> int:
        """Return how many units may still be suggested."""
        if not self.takes_slices:
            return self.count_usable(Status.UNLABELLED)
        rows = self._database.rows(
            "SELECT key FROM cases WHERE available AND problem IS NULL "
            "AND status IN ('unlabelled', 'suggested', 'in_progress', 'labelled')"
        )
        usable = {key for (key,) in rows}
        if not usable <= self._slice_counts.keys():
            axis = self.canonical_axis
            geometries = {r.case.key: r.case.geometry for r in self.cases()}
            self._slice_counts = {
                key: geometry.shape[slice_axis(geometry, axis)]
                for key, geometry in geometries.items()
            }
        taken = self._database.rows("SELECT key, count(*) FROM slices GROUP BY key")
        known = sum(int(count) for key, count in taken if key in usable)
        return sum(self._slice_counts[key] for key in usable) - known

    def training_labels(self) -> dict[str, int]:
        """Return unit → version of the label maps that a training would use now."""
        if not self.takes_slices:
            rows = self._database.rows(
                "SELECT key, label FROM cases WHERE status = 'labelled' AND available "
                "ORDER BY position"
            )
            return dict(rows)
        rows = self._database.rows(
            "SELECT c.key, s.slice, c.label FROM slices s JOIN cases c USING (key) "
            "WHERE s.state = 'labelled' AND c.available AND c.label IS NOT NULL "
            "AND NOT c.held_out AND c.status != 'excluded' ORDER BY c.position, s.slice"
        )
        return {slice_key(key, index): version for key, index, version in rows}

    def counted_labels(self, count: int) -> str:
        """Return so many of what a training learns from, in words: "9 label maps"."""
        noun = "labelled slice" if self.takes_slices else "label map"
        return f"1 {noun}" if count == 1 else f"{count} {noun}s"

    def give_up_slices(self, key: str) -> bool:
        """Let a case that has labelled slices be as before its others were suggested.

        Those are not suggested again. Returns False, and changes nothing, for any other case.
        """
        labelled = self.slices(key, SliceState.LABELLED)
        if not labelled or not self.slices(key, SliceState.SUGGESTED):
            return False
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE slices SET state = 'skipped' WHERE key = ? AND state = 'suggested'", (key,)
            )
            self.set_status(key, Status.LABELLED)
        return True

    def _suggest_slices(
        self,
        connection: sqlite3.Connection,
        number: int,
        key: str,
        picks: Sequence[Chosen],
    ) -> None:
        """Record the slices of one case that a round suggests."""
        connection.executemany(
            "INSERT INTO slices (key, slice, state, round, reason) "
            "VALUES (?, ?, 'suggested', ?, ?)",
            [
                (key, one.slice_index, number, one.reason)
                for one in picks
                if one.slice_index is not None
            ],
        )

    def _slices_saved(self, key: str) -> None:
        """Note that the label map holds what somebody made of the suggested slices so far."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE slices SET saved = 1 WHERE key = ? AND state = 'suggested'", (key,)
            )

    def _slices_done(self, key: str, image: Image) -> None:
        """Count the suggested slices of a finished label map as labelled.

        Where none was ever suggested, those that hold a structure are: of an empty slice nobody
        knows whether it was looked at.
        """
        record = self.case(key)
        if not self.takes_slices or record.held_out:
            return
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE slices SET state = 'labelled' WHERE key = ? AND state = 'suggested'", (key,)
            ).rowcount
            if done or self.slices(key, SliceState.LABELLED):
                return
            axis = self.slice_axis(record.case)
            others = tuple(a for a in range(3) if a != axis)
            shown = np.flatnonzero((np.asarray(image.array) != 0).any(axis=others))
            connection.executemany(
                "INSERT OR REPLACE INTO slices (key, slice, state, reason) "
                "VALUES (?, ?, 'labelled', ?)",
                [(key, int(index), BY_HAND) for index in shown],
            )

    def _forget_slices(self, key: str, *states: SliceState) -> None:
        """Know nothing any more of the slices of a case that are in `states`."""
        with self._database.transaction() as connection:
            for state in states:
                connection.execute("DELETE FROM slices WHERE key = ? AND state = ?", (key, state))


def _status(unit: str, of_case: Mapping[str, Status], states: Mapping[str, SliceState]) -> Status:
    key, index = split_key(unit)
    status, state = of_case[key], states.get(unit)
    if index is None or status in (Status.EXCLUDED, Status.TEST):
        return status
    if state is SliceState.LABELLED:
        return Status.LABELLED
    if state is SliceState.SKIPPED or status is Status.SKIPPED:
        return Status.SKIPPED
    if state is SliceState.SUGGESTED:
        return Status.IN_PROGRESS if status is Status.IN_PROGRESS else Status.SUGGESTED
    return Status.UNLABELLED


def reasons_in_words(reasons: Iterable[tuple[int, str]]) -> str:
    """Return why slices (from 0) were chosen; those chosen for one reason are named together."""
    together: dict[str, list[str]] = {}
    for index, reason in reasons:
        together.setdefault(reason, []).append(str(index + 1))
    return " ".join(
        f"Slice{'s' * (len(numbers) > 1)} {', '.join(numbers)}: {reason}"
        for reason, numbers in together.items()
    )
