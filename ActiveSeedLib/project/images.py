"""The images folder that a project belongs to, and what a new look at it changes."""

import os
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case, Pool
from ActiveSeedLib.pool.formats import shown
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.case_rows import describe, insert_cases
from ActiveSeedLib.project.cases import Cases, check_patients
from ActiveSeedLib.project.records import CaseRecord, PoolChange

if TYPE_CHECKING:
    from ActiveSeedLib.pool.patients import PatientRule


class Images(Cases):
    """Where the images are, and how the project follows them."""

    @property
    def images_root(self) -> Path:
        """The images folder: as recorded or, if project and images moved together, as it now lies.

        If it is in neither place, the recorded one is returned: `relocate` tells the new one.
        """
        recorded = Path(str(self._get("images")))
        relative = self._get("images relative")
        if not recorded.is_dir() and relative is not None:
            beside = (self.root / relative).resolve()
            if beside.is_dir():
                return Path(beside)
        return recorded

    def relocate(
        self,
        images: Path,
        patients: "PatientRule | None" = None,
        without: Collection[str] = (),
    ) -> PoolChange:
        """Look for the images in another folder and know the cases again by their content.

        Args:
            images: the folder where they are now.
            patients: how new cases are given to patients.
            without: folders below `images` that hold no images.

        Raises:
            InputError: none of the project's cases is there.
        """
        from ActiveSeedLib.pool.scan import scan

        pool = scan(images, patients=patients, without=without)
        known = set(self.statuses())
        if known and not any(case.key in known for case in pool.cases):
            raise InputError(
                f"None of the {len(known)} cases of the project {self.root} is in {images}: "
                "choose the folder that holds the same images."
            )
        return self.update_pool(pool)

    def rescan(
        self, patients: "PatientRule | None" = None, progress: Progress | None = None
    ) -> PoolChange:
        """Look at the images folder again; see `update_pool`."""
        from ActiveSeedLib.pool.scan import scan

        without = self.settings.get("without", [])
        pool = scan(self.images_root, patients=patients, without=without, progress=progress)
        return self.update_pool(pool)

    def update_pool(self, pool: Pool) -> PoolChange:
        """Take over a new scan: statuses and label maps stay with their case, known by key.

        New cases are unlabelled, or test cases where their patient is one. Cases that are gone
        stay, marked as not available. A problem of a case that is found is forgotten: the next
        reading of its file tells.

        Raises:
            InputError: patients are given otherwise now, and one would be on both sides of the test
                split; nothing is changed then.
        """
        check_folders(self.root, Path(pool.root))
        before = {record.case.key: record for record in self.cases()}
        found = {case.key: case for case in pool.cases}
        added = [case for case in pool.cases if case.key not in before]
        moved = [k for k, case in found.items() if k in before and case.path != before[k].case.path]
        missing = [k for k, record in before.items() if k not in found and record.available]
        returned = [k for k in found if k in before and not before[k].available]
        with self._database.transaction() as connection:
            test = _test_keys(added, list(before.values()))
            insert_cases(connection, added, test, start=len(before))
            connection.executemany(
                "UPDATE cases SET name = ?, path = ?, format = ?, files = ?, geometry = ?, "
                "patient = coalesce(?, patient), facts = ?, available = 1, "
                "problem = NULL WHERE key = ?",
                [(*describe(case), key) for key, case in found.items() if key in before],
            )
            connection.executemany(
                "UPDATE cases SET available = 0 WHERE key = ?", [(key,) for key in missing]
            )
            _check_split(connection)
            write_pool_facts(connection, pool)
            self._set_images_root(Path(pool.root))
            change = PoolChange(
                tuple(c.key for c in added), *map(tuple, (moved, missing, returned))
            )
            counts = {"added": len(added), "moved": len(moved), "missing": len(missing)}
            self.log("pool updated", {"images": pool.root, **counts})
        return change

    def _set_images_root(self, images: Path) -> None:
        self._set("images", str(images.absolute()))
        try:
            relative = os.path.relpath(images.resolve(), self.root.resolve())
        except ValueError:  # another drive
            relative = None
        self._set("images relative", None if relative is None else Path(relative).as_posix())


def _test_keys(added: Sequence[Case], before: Sequence[CaseRecord]) -> set[str]:
    """Return the keys of the new cases whose patient already has test cases."""
    patients = {r.case.patient for r in before if r.held_out and r.case.patient is not None}
    return {case.key for case in added if case.patient in patients}


def _check_split(connection: sqlite3.Connection) -> None:
    """Raise `InputError` if a patient is on both sides of the test split."""
    torn = connection.execute(
        "SELECT patient FROM cases WHERE patient IS NOT NULL "
        "GROUP BY patient HAVING min(held_out) != max(held_out)"
    ).fetchall()
    check_patients(connection, {patient for (patient,) in torn})


def write_pool_facts(connection: sqlite3.Connection, pool: Pool) -> None:
    """Replace the lists of refused and duplicate files, and note what is odd about cases."""
    connection.execute("DELETE FROM refused")
    connection.execute("DELETE FROM duplicates")
    connection.executemany(
        "INSERT INTO refused VALUES (?, ?)", [(r.path, r.reason) for r in pool.refused]
    )
    connection.executemany(
        "INSERT INTO duplicates VALUES (?, ?)", [(d.path, d.same_as) for d in pool.duplicates]
    )
    keys = {case.path: case.key for case in pool.cases}
    connection.executemany(
        "UPDATE cases SET note = ? WHERE key = ?",
        [(note.reason, keys[note.path]) for note in pool.notes if note.path in keys],
    )


def check_folders(root: Path, images: Path) -> None:
    """Raise `InputError` if the project would lie inside the images folder, or the reverse."""
    project, pool = root.resolve(), images.resolve()
    if shown(str(project)) != str(project):
        raise InputError(f"The name of the folder {shown(str(project))} is not text; rename it.")
    if project == pool or pool in project.parents:
        raise InputError(
            f"The project {root} would lie inside the images folder {images}, which ActiveSeed "
            "never writes to: choose a folder beside it."
        )
    if project in pool.parents:
        raise InputError(
            f"The images folder {images} lies inside the project {root}: choose a project folder "
            "beside it."
        )
