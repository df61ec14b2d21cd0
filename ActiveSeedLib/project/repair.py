"""Rebuilding a project's database from what else is on the disk.

The file of changes holds all that the database held. Where that is missing or damaged, too, the
rows that can still be read from the database, or from a copy in `backups`, fill in; and in any case
the label maps on disk are taken over as they are.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.files import back_up, replacing, sha256
from ActiveSeedLib.pool.patients import PatientRule
from ActiveSeedLib.project.changes import (
    CHANGES,
    PLACE,
    TWICE,
    Key,
    Row,
    Rows,
    each_row,
    kept_statements,
    key_columns,
    known_place,
    make_tables,
    read_changes,
    table_keys,
    table_statements,
)
from ActiveSeedLib.project.database import Database
from ActiveSeedLib.project.lock import WriterLock
from ActiveSeedLib.project.migrations import VERSION
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.received import check_links
from ActiveSeedLib.project.store import DATABASE, is_project

SIDE_FILES = ("-wal", "-shm", "-journal")
LARGEST = 2**31  # bytes of a database that says how long it was
JSON_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "settings": ("value",),
    "cases": ("files", "facts"),
    "labels": ("voxels",),
    "rounds": ("parameters", "provenance"),
    "picks": ("why",),
    "models": ("settings", "provenance", "metrics"),
    "scores": ("means", "cases"),
    "predictions": ("facts",),
    "maps": ("facts",),
    "journal": ("facts",),
}


@dataclass(frozen=True)
class Repair:
    """What `repair` found and did.

    Attributes:
        healthy: whether nothing was wrong, and nothing was changed.
        rebuilt: whether the database was made anew.
        said: sentences about what was wrong and what was done.
        kept: where the damaged files are now.
        counts: cases, label maps, rounds and models that the project has.
    """

    healthy: bool
    rebuilt: bool
    said: tuple[str, ...]
    kept: tuple[Path, ...]
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        return {**asdict(self), "kept": [str(path) for path in self.kept]}


@dataclass
class _Done:
    """Sentences about what was done, where the old files are, and whether nothing was lost."""

    said: list[str]
    kept: list[Path] = field(default_factory=list)
    complete: bool = True


def repair(root: Path) -> Repair:
    """Check the project in `root`, and rebuild its database if that is damaged or missing.

    Nothing is deleted: the damaged database is moved to `backups`. Killed half-way, it can be
    called again.

    Raises:
        ProjectLockedError: another session is writing.
        InputError: there is no project, it is of a newer ActiveSeed, or too little is left of it.
    """
    root = Path(root).absolute()
    if not is_project(root):
        raise InputError(
            f"{root} is not an ActiveSeed project (it has neither {DATABASE} nor {CHANGES}): "
            "choose its folder."
        )
    check_links(root)
    lock = WriterLock(root)
    try:
        wrong = _what_is_wrong(root)
        done = _rebuild(root, wrong) if wrong else _Done(_write_changes_anew(root))
    finally:
        lock.release()
    if done.said:
        with Project.open(root) as project:  # takes over label maps, writes the file of changes
            done.said += project.notes
            done.said += [] if done.complete else _cases_found_again(project)
        if not done.complete:
            with Project.open(root) as project:  # the label maps of these cases, too
                done.said += project.notes
    with Project.open(root, write=False) as project:
        damaged = [*_damaged_labels(project)]
        counts = {
            "cases": len(project.rows()),
            "label_maps": len(project.labels()),
            "rounds": len(project.rounds()),
            "models": len(project.models()),
        }
    healthy = not done.said and not damaged
    return Repair(healthy, bool(wrong), (*done.said, *damaged), tuple(done.kept), counts)


def _what_is_wrong(root: Path) -> str | None:
    """Return what is wrong with the database, in a few words; None if it is whole."""
    path = root / DATABASE
    if not path.is_file():
        return "it is missing"
    with path.open("rb") as file:  # what cannot be read at all cannot be judged either
        file.read(1)
    try:
        with closing(Database(path, write=False)) as database:
            database.check_tables()
            (found, *_) = database.rows("PRAGMA integrity_check(1)")
            if found != ("ok",):
                return str(found[0]).splitlines()[-1]
            if database.rows("PRAGMA foreign_key_check"):
                return "rows of it speak of others that are not there"
            version = database.version
    except ActiveSeedError as error:
        return _cause(error)
    if version > VERSION:
        with closing(Database(path, write=False)) as database:
            database.check_version()
    with closing(_readable(path)) as connection:
        if kept_statements(connection) != table_statements(version):
            return "its tables are not those of its version"
    return _differences(root)


def _cause(error: ActiveSeedError) -> str:
    return str(error.__cause__ or error)


def _differences(root: Path) -> str | None:
    """Return what a whole database holds otherwise than the file of changes says, if anything."""
    with closing(_readable(root / DATABASE)) as connection:
        recorded = _recorded(root, connection)
        if recorded is None:
            return None
        count = 0
        for table, columns in key_columns(connection).items():
            held, said = dict(each_row(connection, table, columns)), recorded.get(table, {})
            count += sum(held.get(key) != said.get(key) for key in held.keys() | said.keys())
    return f"{count} of its rows are not as they were written" if count else None


def _recorded(root: Path, connection: sqlite3.Connection) -> Rows | None:
    """Return what the file of changes says of this database; None if it is not whole or not of it.

    What a killed process wrote to it and did not commit is left out.
    """
    place = known_place(connection)
    if place is None:
        return None
    size, *head = place
    found = read_changes(root / CHANGES, size)
    return None if found.damaged or [found.name, found.version] != head else found.rows


def _write_changes_anew(root: Path) -> list[str]:
    """Let a file of changes that is of no use begin again; return a sentence if that was so."""
    with closing(_readable(root / DATABASE)) as connection:
        if _recorded(root, connection) is not None:
            return []
    back_up(root / CHANGES, root / "backups")
    (root / CHANGES).unlink(missing_ok=True)
    return [f"The database is whole; {CHANGES} was not, and is written anew from it."]


def _cases_found_again(project: Project) -> list[str]:
    """Look for cases among the images that the records have lost; return sentences about them."""
    if not project.images_root.is_dir():
        return ["The images are not there, so cases that it lacks could not be looked for."]
    try:
        patients = project.settings.get("patients")
        added = project.rescan(PatientRule.parse(patients) if patients else None).added
    except ActiveSeedError as error:
        return [f"Cases that it lacks could not be looked for: {error}"]
    if not added:
        return []
    return [
        f"{len(added)} cases that it lacked were found again among the images; if some of them "
        "were kept for testing, mark them so before the next training."
    ]


def _rebuild(root: Path, wrong: str) -> _Done:
    """Make the database anew."""
    recorded = read_changes(root / CHANGES)
    said = [f"The database could not be used: {wrong}."]
    version, rows = recorded.version, recorded.rows
    if recorded.damaged or not _suffices(rows):
        version, salvaged, source = _salvaged(root, version)
        for table, known in salvaged.items():
            rows[table] = {**rows.get(table, {}), **known}
        state = "damaged" if (root / CHANGES).is_file() else "not there"
        said.append(f"{CHANGES} is {state}; what it lacks was taken from {source}.")
    if not _suffices(rows):
        raise InputError(
            f"Too little is left of {root / DATABASE} to rebuild the project, and nothing was "
            "touched: make a new one with `activeseed init NEW --images FOLDER --labels "
            f'"{root / "labels"}"`, which takes the label maps over.'
        )
    with replacing(root / DATABASE) as temporary:
        lost = _write(temporary, version, rows)
        names = [DATABASE, *(DATABASE + end for end in SIDE_FILES)]
        kept = [copy for name in names if (copy := back_up(root / name, root / "backups"))]
        for name in names[1:]:  # they belong to the damaged one
            (root / name).unlink(missing_ok=True)
    said.append(f"It was rebuilt with {len(rows.get('cases', {}))} cases.")
    if lost:
        said.append(f"{lost} of its rows could not be made whole and were left out.")
    if kept:
        said.append(f"What could not be used is kept as {kept[0].relative_to(root)}.")
    complete = not (recorded.damaged or lost) and _suffices(recorded.rows)
    return _Done(said, kept, complete)


def _suffices(rows: Rows) -> bool:
    return all(rows.get(table) for table in TWICE)


def _salvaged(root: Path, version: int) -> tuple[int, Rows, str]:
    """Return version, rows and name of the first database of which enough can still be read."""
    copies = sorted((root / "backups").glob("project.*.sqlite"), key=_modified, reverse=True)
    for path in (root / DATABASE, *copies):
        with suppress(sqlite3.Error, OSError), _made_up(path, version) as connection:
            of = _version_of(connection, version)
            rows = {t: dict(_readable_rows(connection, t, c)) for t, c in table_keys(of).items()}
            if _suffices(rows):
                return of, rows, path.name
    return version, {}, "nothing"


@contextmanager
def _made_up(path: Path, version: int) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database, as long as it says it is: SQLite reads no shorter one.

    Its tables are said to be what those of its version are: a column may have lost its name.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder, DATABASE)
        shutil.copy(path, copy)
        with suppress(FileNotFoundError):
            shutil.copy(path.with_name(path.name + SIDE_FILES[0]), folder)
        with copy.open("r+b") as file:
            head = file.read(32)
            page, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
            if len(head) == 32 and copy.stat().st_size < page * pages < LARGEST:
                file.truncate(page * pages)
        with suppress(sqlite3.Error):
            _name_tables(copy, version)
        with closing(_readable(copy)) as connection:
            yield connection


def _version_of(connection: sqlite3.Connection, otherwise: int) -> int:
    """Return the version that a database says it is of, if there is such a one."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found) if 1 <= found <= VERSION else otherwise


def _name_tables(path: Path, version: int) -> None:
    """Write the statements of a database's tables anew, as those of its version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        statements = table_statements(_version_of(connection, version))
        change = "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ? AND sql != ?"
        connection.executemany(change, [(sql, name, sql) for name, sql in statements.items()])
        connection.commit()


def _readable_rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> Iterator[tuple[Key, Row]]:
    """Yield the rows of a table, under what identifies them, that can be read from either end."""
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, LookupError):
            for key, row in each_row(connection, table, columns, order):
                if _is_plain(table, row):
                    yield key, row


def _is_plain(table: str, row: Row) -> bool:
    """Return whether those columns of a row that hold JSON do."""
    try:
        for name in JSON_COLUMNS.get(table, ()):
            if row[name] is not None:
                json.loads(row[name])
    except (ValueError, LookupError, TypeError):
        return False
    return True


def _readable(path: Path) -> sqlite3.Connection:
    """Open a database for reading, whatever its text holds."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda data: data.decode(errors="replace")
    return connection


def _write(path: Path, version: int, rows: Rows) -> int:
    """Write a database with these rows; return how many of them had to be left out."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        make_tables(connection, version)
        connection.execute("BEGIN")
        left = sum(_insert(connection, table, held) for table, held in rows.items())
        while torn := connection.execute("PRAGMA foreign_key_check").fetchall():
            for table, parent, number in {(one[0], one[2], one[3]) for one in torn}:
                left += _let_go(connection, table, parent, number)
        connection.execute("COMMIT")
    return left


def _insert(connection: sqlite3.Connection, table: str, rows: Mapping[Key, Row]) -> int:
    """Insert rows of a table; return how many of them broke a rule of it."""
    left = 0
    columns = {info[1] for info in connection.execute(f"PRAGMA table_info({table})")} | {"rowid"}
    for row in rows.values():
        if table == "settings" and row.get("name") == PLACE:
            continue  # of the file of changes that is
        if not columns.issuperset(row):  # somebody else wrote it: its names are not for SQLite
            left += 1
            continue
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        done = connection.execute(
            f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(row.values()),
        )
        left += done.rowcount < 1
    return left


def _let_go(connection: sqlite3.Connection, table: str, parent: str, number: int) -> int:
    """Let rows no more speak of rows of `parent` that are not there; return how many had to go."""
    (column, other) = next(
        (one[3], one[4])
        for one in connection.execute(f"PRAGMA foreign_key_list({table})")
        if one[0] == number
    )
    info = connection.execute(f"PRAGMA table_info({table})")
    needed = next(bool(one[3] or one[5]) for one in info if one[1] == column)
    torn = f"{column} NOT NULL AND {column} NOT IN (SELECT {other} FROM {parent})"  # noqa: S608
    if not needed:
        connection.execute(f"UPDATE {table} SET {column} = NULL WHERE {torn}")  # noqa: S608
        return 0
    return connection.execute(f"DELETE FROM {table} WHERE {torn}").rowcount  # noqa: S608


def _damaged_labels(project: Project) -> Iterator[str]:
    """Yield a sentence about each label map that cannot be read."""
    from ActiveSeedLib.pool.readers import read_label

    for key, label in project.labels().items():
        if label.path.is_file() and sha256(label.path) != label.sha256:
            try:
                read_label(label.path)
            except ActiveSeedError as error:
                earlier = [v.version for v in project.label_versions(key) if v.path]
                hint = f"version {earlier[-1]} can be restored" if earlier else "no copy is left"
                yield f"The label map {label.path.name} is damaged ({error}); {hint}."


def _modified(path: Path) -> float:
    return path.stat().st_mtime
