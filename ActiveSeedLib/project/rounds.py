"""Rounds: which cases were selected, by what, and why; and the queue that they make."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.project.database import dump, now
from ActiveSeedLib.project.records import Pick, QueueItem, Round, Status
from ActiveSeedLib.project.slices import Chosen, Slices, reasons_in_words

_SELECTABLE = (Status.UNLABELLED,)
# A slice may be of a case of which other slices are suggested or labelled.
_SLICEABLE = (Status.UNLABELLED, Status.SUGGESTED, Status.IN_PROGRESS, Status.LABELLED)
_SIZE = (
    "max((SELECT count(*) FROM picks WHERE round = number), "
    "(SELECT count(*) FROM slices WHERE round = number))"
)


class Rounds(Slices):
    """Selections with their provenance."""

    def add_selection(
        self,
        strategy: str,
        parameters: Mapping[str, Any],
        seed: int,
        provenance: Mapping[str, Any],
        picks: Sequence[tuple[str, str, Mapping[str, Any]]],
    ) -> int:
        """Record a new round, and make its cases `suggested`, in one transaction.

        Args:
            strategy: the name of the method.
            parameters: its parameters.
            seed: its seed.
            provenance: what else it took to repeat it, such as the encoder and the model.
            picks: (key, reason in one sentence, facts behind it) in the order of selection; the
                key is of a case or, in a project that takes slices, of a slice (`slice_key`).

        Returns:
            The number of the round, from 1.

        Raises:
            InputError: no picks, a case or slice picked twice, or one that cannot be picked.
        """
        keys = [key for key, _, _ in picks]
        if not keys or len(set(keys)) != len(keys):
            raise InputError("A selection needs at least one case, and each case only once.")
        with self._database.transaction() as connection:
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM rounds").fetchone()
            number = int(last) + 1
            connection.execute(
                "INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?)",
                (number, strategy, dump(parameters), int(seed), dump(provenance), now()),
            )
            for key, own in _by_case(picks).items():
                self._check_selectable(key, {one.slice_index for one in own})
                reason, why = _together(own)
                connection.execute(
                    "INSERT INTO picks VALUES (?, ?, ?, ?, ?)",
                    (number, own[0].position, key, reason, dump(why)),
                )
                self._suggest_slices(connection, number, key, own)
                connection.execute(
                    "UPDATE cases SET round = ?, status = CASE status WHEN 'in_progress' "
                    "THEN status ELSE 'suggested' END WHERE key = ?",
                    (number, key),
                )
        return number

    def _check_selectable(self, key: str, slices: Set[int | None]) -> None:
        record = self.case(key)
        if record.status not in (_SELECTABLE if None in slices else _SLICEABLE):
            raise InputError(
                f"The case {record.case.name} is {record.status} and cannot be selected; "
                "only unlabelled cases are."
            )
        known = slices & {one.slice_index for one in self.slices(record.case.key)}
        if known:
            raise InputError(
                f"Slices of {record.case.name} were selected before: "
                f"{', '.join(str(one + 1) for one in sorted(n for n in known if n is not None))}."
            )

    def rounds(self) -> list[Round]:
        """Return all rounds, the first one first."""
        rows = self._database.rows(
            f"SELECT number, strategy, parameters, seed, provenance, created, {_SIZE} "  # noqa: S608
            "FROM rounds ORDER BY number"
        )
        return [_round(*row) for row in rows]

    def rounds_in_brief(self, number: int | None = None) -> list[Round]:
        """Return the rounds (or the one) without what their provenance says of each single case.

        Of "already_chosen" the count is left, "clusters" is left out: quicker in a large pool.
        """
        rows = self._database.rows(
            "SELECT number, strategy, parameters, seed, json_set(json_remove(provenance, "  # noqa: S608
            "'$.clusters', '$.already_chosen'), '$.already_chosen', "
            f"coalesce(json_array_length(provenance, '$.already_chosen'), 0)), created, {_SIZE} "
            "FROM rounds WHERE ?1 IS NULL OR number = ?1 ORDER BY number",
            (number,),
        )
        return [_round(*row) for row in rows]

    def clusters(self) -> dict[str, int]:
        """Return key → cluster (from 0) as the latest selection with clusters had them, or {}."""
        rows = self._database.rows(
            "SELECT json_extract(provenance, '$.clusters') AS clusters FROM rounds "
            "WHERE clusters != '{}' ORDER BY number DESC LIMIT 1"
        )
        clusters: dict[str, int] = json.loads(rows[0][0]) if rows else {}
        return clusters

    def selection(self, number: int) -> list[Pick]:
        """Return the picks of a round in the order of selection."""
        rows = self._database.rows(
            "SELECT position, key, reason, why FROM picks WHERE round = ? ORDER BY position",
            (number,),
        )
        if not rows:
            raise InputError(f"The project has no round {number}; it has {len(self.rounds())}.")
        return [_pick(*row) for row in rows]

    def pick(self, key: str) -> Pick | None:
        """Return the pick that brought a case where it is now; None if no selection did."""
        rows = self._database.rows(
            "SELECT p.position, p.key, p.reason, p.why FROM picks p "
            "JOIN cases c ON c.key = p.key AND c.round = p.round WHERE c.key = ?",
            (key,),
        )
        return _pick(*rows[0]) if rows else None

    def queue_order(self, also: str | None = None, *, usable: bool = False) -> list[str]:
        """Return the keys of the queue: by round and order of selection, then those by hand.

        Args:
            also: a case that is listed where it would stand, or stood, whatever its status.
            usable: leave out the cases whose image is missing or cannot be used.
        """
        only = "AND c.available AND c.problem IS NULL " if usable else ""
        rows = self._database.rows(
            "SELECT c.key FROM cases c "  # noqa: S608
            "LEFT JOIN picks p ON p.key = c.key AND p.round = c.round "
            f"WHERE c.status IN ('suggested', 'in_progress') {only}OR c.key = ? "
            "ORDER BY p.round IS NULL, p.round, p.position, c.position",
            (also,),
        )
        return [key for (key,) in rows]

    def queue(self) -> list[QueueItem]:
        """Return the cases to label now, in the order of `queue_order`, and why."""
        records = {r.case.key: r for r in self.cases(Status.SUGGESTED, Status.IN_PROGRESS)}
        rows = self._database.rows(
            "SELECT p.position, p.key, p.reason, p.why FROM picks p "
            "JOIN cases c ON c.key = p.key AND c.round = p.round "
            "WHERE c.status IN ('suggested', 'in_progress')"
        )
        picks = {pick.key: pick for pick in (_pick(*row) for row in rows)}
        if self.takes_slices:  # slices of earlier rounds may wait, too
            picks = {
                key: replace(pick, reason=self.slice_reasons(key) or pick.reason)
                for key, pick in picks.items()
            }
        return [
            QueueItem(records[key], picks.get(key)) for key in self.queue_order() if key in records
        ]


def _by_case(picks: Sequence[tuple[str, str, Mapping[str, Any]]]) -> dict[str, list[Chosen]]:
    """Return the picks of each case, cases and slices in the order of selection."""
    found: dict[str, list[Chosen]] = {}
    for position, (unit, reason, why) in enumerate(picks, start=1):
        key, index = split_key(unit)
        found.setdefault(key, []).append(Chosen(index, position, reason, why))
    return found


def _together(picks: Sequence[Chosen]) -> tuple[str, Mapping[str, Any]]:
    """Return reason and facts of one case; of its slices, where it was picked for these."""
    told = [(one.slice_index + 1, one) for one in picks if one.slice_index is not None]
    if not told:
        return picks[0].reason, picks[0].why
    reason = reasons_in_words((number - 1, one.reason) for number, one in told)
    slices = [
        {"slice": number, "position": one.position, "reason": one.reason, **one.why}
        for number, one in told
    ]
    return reason, {"slices": slices}


def _round(
    number: int,
    strategy: str,
    parameters: str,
    seed: int,
    provenance: str,
    created: str,
    size: int,
) -> Round:
    return Round(
        number, strategy, json.loads(parameters), seed, json.loads(provenance), created, size
    )


def _pick(position: int, key: str, reason: str, why: str) -> Pick:
    return Pick(position, key, reason, json.loads(why))
