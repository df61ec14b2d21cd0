"""The annotation project: a folder that keeps everything but the images."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import make_folder, needing_disk, replacing, write_bytes
from ActiveSeedLib.pool.case import Pool
from ActiveSeedLib.project.case_rows import insert_cases
from ActiveSeedLib.project.changes import CHANGES
from ActiveSeedLib.project.database import Database, damaged
from ActiveSeedLib.project.images import check_folders, write_pool_facts
from ActiveSeedLib.project.imports import LabelImport
from ActiveSeedLib.project.labels import insert_schema
from ActiveSeedLib.project.lock import WriterLock
from ActiveSeedLib.project.models import Models
from ActiveSeedLib.project.received import check_links, check_rows
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.rounds import Rounds
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.project.store import DATABASE, TEMPORARY

_FOLDERS = ("labels", "drafts", "backups", "predictions", "features", "models", "thumbnails")
# What a file manager, or an interrupted `create`, leaves in a folder that is empty otherwise.
_NOTHING = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "writer.lock", "writer.json"})
_README = """This folder is an ActiveSeed project. The images lie elsewhere and are never changed.

labels/       the label maps, one .nii.gz per case
drafts/       work on label maps that is not saved yet
backups/      earlier versions of label maps, and copies of the database
predictions/  what each model predicted, and how uncertain it was
models/       the trained models
features/     what the encoders computed from the images
thumbnails/   small pictures
project.sqlite  cases, rounds, models and their scores (any SQLite browser shows them)
changes.jsonl   the same once more, line by line, for `activeseed repair`
lock/         who is writing now
"""


class Project(LabelImport, Rounds, Models):
    """An open project. Use it as a context manager, or `close` it.

    Several threads may use one `Project`. Of the processes, one session may write: the one that
    opened the project first, and those to which it passes on `session`.
    """

    def __init__(self, root: Path, database: Database, lock: WriterLock | None) -> None:
        super().__init__(root, database)
        self._writer = lock
        self.notes += [note for note in (database.note, lock.note if lock else None) if note]

    @classmethod
    def create(
        cls,
        root: Path,
        pool: Pool,
        schema: LabelSchema,
        *,
        test: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> "Project":
        """Make a project in the new or empty folder `root`, and open it for writing.

        Args:
            root: the project's folder; not inside the images folder.
            pool: what a scan of the images folder found.
            schema: the segments to label.
            test: keys or names of the cases that only score models; whole patients.
            settings: whatever the front end wants to keep.

        Raises:
            InputError: the folder is taken, or a test case is unknown or splits a patient.
        """
        root = Path(root).absolute()
        check_folders(root, Path(pool.root))
        _check_empty(root)
        with needing_disk(root):
            lock = WriterLock(make_folder(root))
            try:
                _check_empty(root)
                _write_new(root, pool, schema, test, settings or {})
            except BaseException:
                lock.release()
                raise
            return cls._opened(root, lock)

    @classmethod
    def open(cls, root: Path, *, write: bool = True, session: str | None = None) -> "Project":
        """Open the project in `root`.

        Args:
            root: the project's folder.
            write: take the writer lock; without it, everything can be read and nothing changed.
            session: the token of the writing session to join, if there is one.

        Raises:
            ProjectLockedError: another session is writing.
            DamagedProjectError: the database is missing or damaged, as far as a quick look tells.
            InputError: there is no project, or this ActiveSeed is too old for it.
        """
        root = Path(root).absolute()
        if not (root / DATABASE).is_file():
            if (root / CHANGES).is_file():
                raise damaged(root / DATABASE, "it is missing")
            raise InputError(
                f"{root} is not an ActiveSeed project (it has no {DATABASE}): choose another "
                "folder, or make a project with `activeseed init`."
            )
        if session is None:  # else whoever opened it for the session has looked
            check_links(root)
        with needing_disk(root):
            return cls._opened(root, WriterLock(root, session) if write else None)

    @classmethod
    def _opened(cls, root: Path, lock: WriterLock | None) -> "Project":
        database = None
        try:
            database = Database(root / DATABASE, write=lock is not None)
            project = cls(root, database, lock)
            project._prepare()
        except BaseException:
            if database is not None:
                database.close()
            if lock is not None:
                lock.release()
            raise
        return project

    @property
    def session(self) -> str | None:
        """The token that lets a process started from here write too; None when only reading."""
        return self._writer.session if self._writer else None

    def close(self) -> None:
        """Close the project and let others write."""
        self._database.close()
        if self._writer is not None:
            self._writer.release()

    def __enter__(self) -> "Project":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def summary(self) -> dict[str, Any]:
        """Return the state of the project as plain values that go into JSON."""
        total, seconds, missing, labels = self._database.rows(
            "SELECT count(*), coalesce(sum(seconds), 0), coalesce(sum(NOT available), 0), "
            "count(label) FROM cases"
        )[0]
        return {
            "root": str(self.root),
            "images": str(self.images_root),
            "segments": {str(s.value): s.name for s in self.schema.segments},
            "cases": total,
            "statuses": self.counts(),
            "label_maps": labels,
            "missing": missing,
            "refused": len(self.refused()),
            "duplicates": len(self.duplicates()),
            "minutes": round(seconds / 60, 2),
            "rounds": [
                {"number": r.number, "strategy": r.strategy, "seed": r.seed, "cases": r.size}
                for r in self.rounds()
            ],
            "models": [
                {
                    "id": m.id,
                    "state": m.state,
                    "finished": m.finished,
                    "metrics": m.metrics,
                    "scores": {split: score["means"] for split, score in m.scores.items()},
                }
                for m in self.models()
            ],
            "notes": list(self.notes),
        }

    def _prepare(self) -> None:
        """Bring an opened project up to date; the sole writer also clears up after a crash."""
        self._database.check_tables()
        if self._writer is None:
            self._database.check_version()
            check_rows(self._database)
        elif self._writer.joined:
            self._database.check_version()
            self._database.keep_changes()
        else:
            self._database.check_pages()
            found = self._database.migrate(self.backups_folder)
            self._database.keep_changes()
            self._database.ensure_changes()
            if found != self._database.version:
                self.log("migrated", {"from": found, "to": self._database.version})
            check_rows(self._database)
            if not self._writer.has_company():
                for name in _FOLDERS:
                    (self.root / name).mkdir(exist_ok=True)
                self._sweep()
                self._reconcile()
        if not self.images_root.is_dir():
            self.notes.append(
                f"The images folder {self.images_root} is not there: if it was moved, tell the "
                "project its new place."
            )


def _check_empty(root: Path) -> None:
    if (root / DATABASE).exists():
        raise InputError(
            f"{root} already is an ActiveSeed project: open it, or choose another folder."
        )
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file; choose a folder for the project.")
    for folder, _, files in os.walk(root):
        for name in files:
            if name not in _NOTHING and not name.startswith(TEMPORARY):
                raise InputError(
                    f"{root} is not empty (it holds {Path(folder, name).relative_to(root)}): "
                    "choose a new folder for the project."
                )


def _write_new(
    root: Path, pool: Pool, schema: LabelSchema, test: Sequence[str], settings: Mapping[str, Any]
) -> None:
    """Write the files of a new project; the database comes last, at once and whole."""
    for name in _FOLDERS:
        (root / name).mkdir(exist_ok=True)
    with replacing(root / DATABASE) as temporary:
        database = Database(temporary, write=True, new=True)
        try:
            database.migrate(root / "backups")
            store = Project(root, database, None)
            with database.transaction() as connection:
                insert_cases(connection, pool.cases, set(), start=0)
                insert_schema(connection, schema)
                write_pool_facts(connection, pool)
                store._set_images_root(Path(pool.root))
                store.change_settings(settings)
                store.set_status([store.case(one).case.key for one in test], Status.TEST)
                store.log("created", {"images": pool.root, "cases": len(pool.cases)})
        finally:
            database.close()
    write_bytes(root / "README.txt", _README.encode())
