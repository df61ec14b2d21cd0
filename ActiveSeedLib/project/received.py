"""A project that a stranger made: nothing in it may lead out of its folder.

A project names files in its database, and a folder can hold links. One that was sent by somebody
else could so have files written, or read, anywhere. Both are looked at before it is used.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project.database import Database

_MODEL = re.compile(r"model-\d{3,}")


def check_links(root: Path) -> None:
    """Raise `InputError` if a file or folder below `root` is a link that leads out of it."""
    inside = os.path.realpath(root) + os.sep
    for path in _links(root):
        target = os.path.realpath(path)
        if not target.startswith(inside):
            raise InputError(
                f"The project {root} is not opened: {path.relative_to(root)} is a link to "
                f"{target}, outside the project; put the folder or file itself there, or remove it."
            )


def check_rows(database: Database) -> None:
    """Raise `InputError` if a name in the database would lead out of the folder that it is in."""
    root = database.path.parent
    for what, sql, is_safe in _NAMES:
        for (text,) in _rows(database, sql):
            if not isinstance(text, str) or not is_safe(text):
                raise InputError(
                    f"The project {root} is not opened: its database holds the {what} {text!r}, "
                    "which leads out of its folder; ActiveSeed writes none such, so do not trust "
                    "this project."
                )


def _links(folder: Path) -> Iterator[Path]:
    """Yield all links below `folder`; what they lead to is not entered."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # junctions are Windows' links between folders, known to Python from 3.12
            if entry.is_symlink() or getattr(entry, "is_junction", bool)():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                yield from _links(Path(entry.path))


def _is_name(text: str) -> bool:
    return text not in {"", ".", ".."} and not any(sign in text for sign in "/\\\0")


def _is_below(text: str) -> bool:
    path = PurePath(text)
    return not path.anchor and ".." not in path.parts and "\0" not in text


# Of 100,000 names SQLite picks out those that need looking at.
_NAMES: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    (
        "file name",
        "SELECT stem FROM cases WHERE typeof(stem) != 'text' OR stem IN ('', '.', '..') "
        "OR stem GLOB '*[/\\]*' OR instr(stem, char(0))",
        _is_name,
    ),
    ("model", "SELECT id FROM models", lambda text: bool(_MODEL.fullmatch(text))),
    (
        "image",
        "WITH named (path) AS (SELECT path FROM cases UNION ALL "
        "SELECT value FROM cases, json_each(files) WHERE files IS NOT NULL) "
        "SELECT path FROM named WHERE typeof(path) != 'text' OR instr(path, '..') "
        "OR substr(path, 1, 1) IN ('/', '\\') OR substr(path, 2, 1) = ':' OR instr(path, char(0))",
        _is_below,
    ),
)


def _rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    try:
        return database.rows(sql)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"The database {database.path} is not one of ActiveSeed ({error}); restore it from "
            f"{database.path.parent / 'backups'}."
        ) from error
