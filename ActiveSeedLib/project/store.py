"""What every part of a project stands on: its folder, its database, its settings and journal."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ActiveSeedLib.project.changes import CHANGES
from ActiveSeedLib.project.database import Database, dump, now
from ActiveSeedLib.project.records import Event

DATABASE = "project.sqlite"
TEMPORARY = ".tmp-"


def is_project(folder: Path) -> bool:
    """Return whether `folder` is a project, or was one that `repair` can bring back."""
    return any((folder / name).is_file() for name in (DATABASE, CHANGES))


class Store:
    """The folder of a project; the parts of `Project` build on it.

    Attributes:
        root: the folder.
        notes: sentences for the user about what was found when the project was opened.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.notes: list[str] = []
        self._database = database

    @property
    def features_folder(self) -> Path:
        """Where encoders keep their vectors."""
        return self.root / "features"

    @property
    def labels_folder(self) -> Path:
        """Where the label maps lie, one `.nii.gz` a case."""
        return self.root / "labels"

    @property
    def backups_folder(self) -> Path:
        """Where replaced label maps and copies of the database lie."""
        return self.root / "backups"

    @property
    def settings(self) -> dict[str, Any]:
        """The project's settings: whatever the front ends keep under names of their own."""
        rows = self._database.rows("SELECT name, value FROM settings WHERE name LIKE 'user.%'")
        return {name.removeprefix("user."): json.loads(value) for name, value in rows}

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Set the named settings; the others stay."""
        with self._database.transaction():
            for name, value in changes.items():
                self._set(f"user.{name}", value)

    def log(self, event: str, facts: Mapping[str, Any] | None = None) -> None:
        """Add a line to the journal: what happened (a word or two) and its facts."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO journal (at, event, facts) VALUES (?, ?, ?)",
                (now(), event, dump(facts or {})),
            )

    def history(self) -> list[Event]:
        """Return the journal, oldest line first."""
        rows = self._database.rows("SELECT at, event, facts FROM journal ORDER BY id")
        return [Event(at, event, json.loads(facts)) for at, event, facts in rows]

    def last_event(self, event: str, key: str) -> Event | None:
        """Return the newest line of the journal about `event` and the case `key`, if any."""
        rows = self._database.rows(
            "SELECT at, event, facts FROM journal WHERE event = ? "
            "AND json_extract(facts, '$.key') = ? ORDER BY id DESC LIMIT 1",
            (event, key),
        )
        return Event(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    def _set(self, name: str, value: Any) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, dump(value)),
            )

    def _get(self, name: str) -> Any:
        rows = self._database.rows("SELECT value FROM settings WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else None

    def _sweep(self) -> None:
        """Remove the temporary files that killed processes left; only the sole writer may."""
        for folder, folders, files in os.walk(self.root):
            if Path(folder) == self.root and "lock" in folders:
                folders.remove("lock")
            for name in files:
                if name.startswith(TEMPORARY):
                    Path(folder, name).unlink(missing_ok=True)
