"""Every change of the database once more, in a plain file of lines, from which it can be rebuilt.

`changes.jsonl` begins with a line that names it and the version of the tables; each further line is
one transaction: the rows that it changed, as they were afterwards, or what identified those that it
removed. A line tells its own CRC-32. The database remembers how far the file went when it was
written last, so that what a killed process left behind that point is known for what it is.
"""

import json
import re
import secrets
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ActiveSeedLib.files import back_up, replacing
from ActiveSeedLib.project.migrations import MIGRATIONS, VERSION

CHANGES = "changes.jsonl"
PLACE = "changes"
"""The setting in which the database keeps how far the file goes."""
TWICE = ("settings", "segments")
"""Tables of few rows without which the others are of no use."""
SPARE_BYTES = 2**20
ROOM = 4
"""The file is written anew once it is so many times as large as the database, and `SPARE_BYTES`."""

_LINE = re.compile(rb'\{"crc32": "([0-9a-f]{8})", "content": (.*)\}')

# What a line leads to that sums up rightly and holds something else than changes.
_NOT_OURS = (AttributeError, KeyError, TypeError, ValueError)

Row = dict[str, Any]
Key = tuple[Any, ...]
Rows = dict[str, dict[Key, Row]]
"""Table → what identifies a row → its columns by name."""


@dataclass
class Recorded:
    """What a file of changes tells.

    Attributes:
        name: of the file; None if its first line cannot be read.
        version: of the tables.
        rows: as they were after the last change.
        damaged: how many lines could not be read.
    """

    name: str | None = None
    version: int = VERSION
    rows: Rows = field(default_factory=dict)
    damaged: int = 0


class ChangeLog:
    """The file of changes of a database that this process writes to through `connection`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._keys = key_columns(connection)
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("CREATE TEMP TABLE changed (tab TEXT, key TEXT)")
        for table, columns in self._keys.items():
            self._watch(table, columns)

    def _watch(self, table: str, columns: Key) -> None:
        """Let the database itself note which rows of a table change."""
        info = self._connection.execute(f"PRAGMA main.table_info({table})").fetchall()
        differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for _, name, *_ in info)
        for event, row, when in (
            ("INSERT", "NEW", "1"),
            ("UPDATE", "NEW", differs),
            ("DELETE", "OLD", "1"),
        ):
            key = ", ".join(f"{row}.{column}" for column in columns)
            self._connection.execute(
                f"CREATE TEMP TRIGGER changed_{table}_{event} AFTER {event} ON main.{table} "  # noqa: S608
                f"WHEN {when} BEGIN INSERT INTO changed VALUES ('{table}', json_array({key})); END"
            )

    def record(self) -> None:
        """Add what the open transaction has changed; to be called before it is committed.

        Raises:
            OSError: the file cannot be written.
        """
        connection = self._connection
        changed = connection.execute("SELECT DISTINCT tab, key FROM temp.changed").fetchall()
        if not changed:
            return
        place = self._place()
        if place is None:
            size, name = self._write_all()
        else:
            size, name = self._append(place[0], self._now(changed)), place[1]
        self._remember(size, name)

    def ensure(self) -> None:
        """Write the file anew if it is missing, of another database, or has grown too long."""
        place = self._place()
        (pages,), (page,) = (
            self._connection.execute(f"PRAGMA {what}").fetchone()
            for what in ("page_count", "page_size")
        )
        if place is None or place[0] > ROOM * pages * page + SPARE_BYTES:
            if place is None and self.path.exists():  # somebody put another database here
                back_up(self.path, self.path.parent / "backups")
            self._remember(*self._write_all())

    def _place(self) -> tuple[int, str] | None:
        """Return size and name of the file that goes with the database; None if it is not there."""
        found = known_place(self._connection)
        if found is None:
            return None
        size, name, version = found
        with suppress(OSError):
            head, length = _head(self.path), self.path.stat().st_size
            if version == VERSION and head == (name, version) and length >= size:
                return size, name
        return None

    def _remember(self, size: int, name: str) -> None:
        connection = self._connection
        connection.execute(
            "INSERT INTO settings VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (PLACE, json.dumps([size, name, VERSION])),
        )
        connection.execute("DELETE FROM temp.changed")

    def _now(self, changed: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """Yield the rows that were changed as they are now."""
        for table, text in changed:
            key = json.loads(text)
            where = " AND ".join(f"{column} IS ?" for column in self._keys[table])
            found = list(_rows(self._connection, table, self._keys[table], where, key))
            yield {"table": table, "row": found[0]} if found else {"table": table, "gone": key}

    def _append(self, size: int, changes: Iterable[dict[str, Any]]) -> int:
        """Add a line after the first `size` bytes, where the last one ended; return the new end."""
        line = _line(list(changes))
        with self.path.open("r+b") as file:
            file.truncate(size)  # what a killed process wrote and did not commit
            file.seek(size)
            try:
                # Not synchronised, which would double the time of each change: the database is,
                # and what the system loses at its end is written anew when the project is opened.
                file.write(line)
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
        return size + len(line)

    def _write_all(self) -> tuple[int, str]:
        """Write the file anew from the database; return its size and name."""
        name = secrets.token_hex(8)
        self.path.parent.stat()  # that the project's folder has gone is no reason to make it anew
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            file.write(_line({"name": name, "version": VERSION}))
            for table in (*self._keys, *TWICE):  # a line a row, so that damage takes few with it
                for row in _rows(self._connection, table, self._keys[table]):
                    file.write(_line([{"table": table, "row": row}]))
            size = file.tell()
        return size, name


def read_changes(path: Path, size: int | None = None) -> Recorded:
    """Return what a file of changes tells, up to `size` bytes; damaged lines are left out."""
    found = Recorded()
    try:
        data = path.read_bytes()[:size]
    except OSError:
        return found
    cut_short = size is not None and (len(data) < size or not data.endswith(b"\n"))
    head, *lines = data.split(b"\n")
    first = _first(head)
    if first is None:
        found.damaged += 1
    else:
        found.name, found.version = first
    keys = table_keys(found.version)
    for line in lines[:-1]:  # after the last line end there is nothing, or half a line
        try:
            _replay(_content(line), keys, found.rows)
        except _NOT_OURS:
            found.damaged += 1
    found.damaged += cut_short
    return found


def _replay(changes: list[dict[str, Any]], keys: Mapping[str, Key], rows: Rows) -> None:
    for change in changes:
        table = change["table"]
        columns = keys[table]
        known = rows.setdefault(table, {})
        if "gone" in change:
            known.pop(tuple(change["gone"]), None)
        else:
            row = {name: _unpacked(value) for name, value in change["row"].items()}
            known[tuple(row[column] for column in columns)] = row


def known_place(connection: sqlite3.Connection) -> tuple[int, str, int] | None:
    """Return how far the file of changes went, its name and version, as the database knows."""
    found = connection.execute("SELECT value FROM settings WHERE name = ?", (PLACE,)).fetchone()
    if found is None:
        return None
    try:
        size, name, version = json.loads(found[0])
    except (ValueError, TypeError):
        return None
    return int(size), str(name), int(version)


def kept_statements(connection: sqlite3.Connection) -> dict[str, str]:
    """Return table → the statement that SQLite keeps of it, for all tables of a database."""
    tables = connection.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    )
    return dict(tables.fetchall())


def table_statements(version: int) -> dict[str, str]:
    """Return table → the statement that SQLite keeps of it, in a version."""
    with _empty(version) as connection:
        return kept_statements(connection)


def key_columns(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return table → the columns that identify a row, for all tables of a database."""
    found = {}
    for table in kept_statements(connection):
        info = connection.execute(f"PRAGMA main.table_info({table})").fetchall()
        numbered = sorted((place, name) for _, name, _, _, _, place in info if place)
        found[table] = tuple(name for _, name in numbered) or ("rowid",)
    return found


def table_keys(version: int) -> dict[str, tuple[str, ...]]:
    """Return table → the columns that identify a row, in the tables of a version."""
    with _empty(version) as connection:
        return key_columns(connection)


def each_row(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], order: str = "ASC"
) -> Iterator[tuple[Key, Row]]:
    """Yield the rows of a table, each under what identifies it (`columns`), in either order."""
    where = f"1 ORDER BY {', '.join(f'{column} {order}' for column in columns)}"
    for row in _rows(connection, table, columns, where):
        plain = {name: _unpacked(value) for name, value in row.items()}
        yield tuple(plain[column] for column in columns), plain


def make_tables(connection: sqlite3.Connection, version: int) -> None:
    """Make the empty tables of a version in an empty database."""
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")


@contextmanager
def _empty(version: int) -> Iterator[sqlite3.Connection]:
    """Open a database in memory with the empty tables of a version."""
    with closing(sqlite3.connect(":memory:")) as connection:
        make_tables(connection, version)
        yield connection


def _rows(
    connection: sqlite3.Connection, table: str, columns: Key, where: str = "1", values: Key = ()
) -> Iterator[Row]:
    """Yield rows of a table as JSON takes them, one by one."""
    number = "rowid, " if columns == ("rowid",) else ""
    besides = f"name != '{PLACE}' AND " if table == "settings" else ""
    cursor = connection.execute(
        f"SELECT {number}* FROM main.{table} WHERE {besides}{where}",  # noqa: S608
        values,
    )
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {name: _packed(value) for name, value in zip(names, row, strict=True)}


def _packed(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _unpacked(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def _line(content: Any) -> bytes:
    text = json.dumps(content, ensure_ascii=False).encode()
    return b'{"crc32": "%08x", "content": %s}\n' % (zlib.crc32(text), text)


def _content(line: bytes) -> Any:
    """Return what `_line` wrote, without its line end; None if it is damaged."""
    found = _LINE.fullmatch(line)
    if found is None or int(found[1], 16) != zlib.crc32(found[2]):
        return None
    try:
        return json.loads(found[2])
    except (ValueError, RecursionError):  # somebody wrote it who knew how to sum it up
        return None


def _first(line: bytes) -> tuple[str, int] | None:
    """Return the name and the version that a file's first line tells; None if it is damaged."""
    match _content(line):
        case {"name": str(name), "version": int(version)} if version >= 1:
            return name, version
    return None


def _head(path: Path) -> tuple[str, int] | None:
    """Return name and version that a file of changes begins with; None if it is damaged."""
    with path.open("rb") as file:
        return _first(file.readline(256).rstrip(b"\n"))
