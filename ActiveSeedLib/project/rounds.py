"""Rounds: which cases were selected, by what, and why; and the queue that they make."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project.cases import Cases
from ActiveSeedLib.project.database import dump, now
from ActiveSeedLib.project.records import Pick, QueueItem, Round, Status


class Rounds(Cases):
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
            picks: (key, reason in one sentence, facts behind it) in the order of selection.

        Returns:
            The number of the round, from 1.

        Raises:
            InputError: no picks, a case picked twice, or one that is not unlabelled.
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
            for position, (key, reason, why) in enumerate(picks, start=1):
                record = self.case(key)
                if record.status is not Status.UNLABELLED:
                    raise InputError(
                        f"The case {record.case.name} is {record.status} and cannot be selected; "
                        "only unlabelled cases are."
                    )
                connection.execute(
                    "INSERT INTO picks VALUES (?, ?, ?, ?, ?)",
                    (number, position, key, reason, dump(why)),
                )
                connection.execute(
                    "UPDATE cases SET status = ?, round = ? WHERE key = ?",
                    (Status.SUGGESTED, number, key),
                )
        return number

    def rounds(self) -> list[Round]:
        """Return all rounds, the first one first."""
        rows = self._database.rows(
            "SELECT number, strategy, parameters, seed, provenance, created, "
            "(SELECT count(*) FROM picks WHERE round = number) FROM rounds ORDER BY number"
        )
        return [_round(*row) for row in rows]

    def rounds_in_brief(self, number: int | None = None) -> list[Round]:
        """Return the rounds (or the one) without what their provenance says of each single case.

        Of "already_chosen" the count is left, "clusters" is left out: quicker in a large pool.
        """
        rows = self._database.rows(
            "SELECT number, strategy, parameters, seed, json_set(json_remove(provenance, "
            "'$.clusters', '$.already_chosen'), '$.already_chosen', "
            "coalesce(json_array_length(provenance, '$.already_chosen'), 0)), created, "
            "(SELECT count(*) FROM picks WHERE round = number) FROM rounds "
            "WHERE ?1 IS NULL OR number = ?1 ORDER BY number",
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
        return [
            QueueItem(records[key], picks.get(key)) for key in self.queue_order() if key in records
        ]


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
