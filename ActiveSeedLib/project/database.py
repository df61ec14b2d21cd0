"""The project's SQLite file: one connection a process, whole transactions, versioned tables."""

import json
import math
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.project.migrations import MIGRATIONS, VERSION

BUSY_SECONDS = 30.0


def now() -> str:
    """Return the local time with its offset, to the second, in ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def dump(value: Any) -> str:
    """Return `value` as strict JSON; numpy numbers and paths are allowed, NaN becomes null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy, without importing it
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [
            _plain(one) for one in (sorted(value) if isinstance(value, (set, frozenset)) else value)
        ]
    return value if value is None or isinstance(value, (int, str)) else str(value)


class Database:
    """A connection that any thread of this process may use; each call is atomic."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self.path = path
        self.write = write
        self.note: str | None = None
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"The project's database {path} cannot be opened ({error}); if it is damaged, "
                f"put the newest copy from {path.parent / 'backups'} in its place."
            ) from error

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = self._configured(str(self.path))
        except sqlite3.OperationalError:
            if self.write:
                raise
            # A folder without write permission has no room for the files that readers share.
            connection = self._configured(f"{self.path.absolute().as_uri()}?immutable=1")
        if self.write:
            try:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError:
                mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
            if mode != "wal":
                self.note = (
                    f"The file system of {self.path.parent} does not let readers work beside a "
                    "writer (no write-ahead log): they may have to wait for each other."
                )
        return connection

    def _configured(self, address: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            address,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            uri=address.startswith("file:"),
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")  # the file may be a stranger's
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA query_only = {'OFF' if self.write else 'ON'}")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connection; the last one folds the write-ahead log into the file."""
        with self._lock:
            self._connection.close()

    @property
    def version(self) -> int:
        """The version of the tables in the file."""
        return int(self.rows("PRAGMA user_version")[0][0])

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a query gives."""
        with self._lock, self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for changes that all happen or, if the block raises, do not.

        A transaction within another is part of it.
        """
        if not self.write:
            raise InputError(
                f"The project {self.path.parent} was opened for reading only; "
                "open it for writing to change it."
            )
        with self._lock, self._translated():
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._connection
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._commit()

    def migrate(self, backups: Path) -> int:
        """Bring older tables up to date, after a copy into `backups`; return the old version."""
        found = self.version
        self.check_version()
        if found == VERSION:
            return found
        if found:
            stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
            self.copy_to(backups / f"project.version-{found}.{stamp}.sqlite")
        with self.transaction() as connection:
            for statements in MIGRATIONS[found:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        return found

    def check_version(self) -> None:
        """Raise `InputError` if the tables are newer than this ActiveSeed, or too old to read."""
        found = self.version
        if found > VERSION:
            raise InputError(
                f"The project {self.path.parent} was made by a newer ActiveSeed (its database has "
                f"version {found}, this ActiveSeed knows {VERSION}): update ActiveSeed."
            )
        if found < VERSION and not self.write:
            raise InputError(
                f"The project {self.path.parent} was made by an older ActiveSeed: open it once "
                "for writing, which brings it up to date."
            )

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the database to the file `target`."""
        with replacing(target) as temporary:
            copy = sqlite3.connect(temporary)
            try:
                with self._lock:
                    self._connection.backup(copy)
            finally:
                copy.close()

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise ActiveSeedError(
                f"The project's database {self.path} cannot be used now ({error}): check that its "
                "disk is there and not full, and try again."
            ) from error
