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

from ActiveSeedLib.errors import DamagedProjectError, DiskError, InputError
from ActiveSeedLib.files import needing_disk, replacing
from ActiveSeedLib.project.changes import CHANGES, PLACE, ChangeLog, known_place
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


def damaged(path: Path, what: str) -> DamagedProjectError:
    """Return the error for a database that is not whole; `what` is what is wrong with it."""
    return DamagedProjectError(
        f"The project's database {path} is damaged ({what}): repair it, which loses no "
        f'label map (`activeseed repair "{path.parent}"`).',
        path.parent,
    )


def _is_of_the_tables(error: sqlite3.OperationalError) -> bool:
    """Return whether an error is of what the file holds, not of its disk or of other processes."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


class Database:
    """A connection that any thread of this process may use; each call is atomic.

    A `new` one has no write-ahead log: what is committed is in the file itself, or was refused.
    """

    def __init__(self, path: Path, *, write: bool, new: bool = False) -> None:
        self.path = path
        self.write = write
        self.note: str | None = None
        self._lock = threading.RLock()
        self._depth = 0
        self._changes: ChangeLog | None = None
        if not (new or path.is_file()):  # SQLite would make an empty one
            raise DiskError(f"{path} is not there any more: check that its disk is there.")
        try:
            self._connection = self._configured(str(path)) if new else self._connect()
        except sqlite3.OperationalError as error:
            raise InputError(
                f"The project's database {path} cannot be opened ({error}): check that its disk is "
                "there and that you may read and write it; if so, run `activeseed repair "
                f'"{path.parent}"`.'
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise damaged(path, str(error)) from error

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

    def check_tables(self) -> None:
        """Raise `DamagedProjectError` if the file holds no tables, or not those of its version."""
        if self.version == 0:
            raise damaged(self.path, "it holds no tables")
        with self._lock, self._translated():
            place = known_place(self._connection)
        if place is not None and place[2] != self.version:
            raise damaged(self.path, "its version is not the one that it was written with")

    def check_pages(self) -> None:
        """Raise `DamagedProjectError` if the tables do not hang together: 25 ms in 10,000 cases."""
        (found, *_) = self.rows("PRAGMA quick_check(1)")
        if found != ("ok",):
            raise damaged(self.path, str(found[0]).splitlines()[-1])

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

    def keep_changes(self) -> None:
        """Write every further change to the file of changes, too; `repair` rebuilds from it."""
        with self._lock, self._translated():
            self._changes = ChangeLog(self.path.with_name(CHANGES), self._connection)

    def ensure_changes(self) -> None:
        """Let the file of changes, if it is not there or too long, begin with what there is."""
        with self.transaction():
            if self._changes is not None:
                self._changes.ensure()

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
            connection.execute("DELETE FROM settings WHERE name = ?", (PLACE,))
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
            if self._changes is not None:
                self._changes.record()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with needing_disk(self.path):
                yield
        except sqlite3.OperationalError as error:
            if _is_of_the_tables(error):
                raise damaged(self.path, str(error)) from error
            raise DiskError(
                f"The project's database {self.path} cannot be used now ({error}): check that its "
                "disk is there and not full, and try again."
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            # Else a rule of the tables, which we broke.
            if type(error) not in {sqlite3.DatabaseError, UnicodeDecodeError}:
                raise
            raise damaged(self.path, str(error)) from error
