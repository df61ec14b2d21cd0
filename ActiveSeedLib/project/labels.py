"""Label maps: checked, written atomically, every earlier version kept."""

import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ActiveSeedLib.errors import ActiveSeedError, InputError
from ActiveSeedLib.files import back_up, needing_disk, replacing, sha256
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project.database import dump, now
from ActiveSeedLib.project.label_checks import check_geometry, count_values
from ActiveSeedLib.project.records import CaseRecord, LabelVersion, SavedLabel, Status
from ActiveSeedLib.project.schema import LabelSchema, Segment, check_change
from ActiveSeedLib.project.slices import Slices, SliceState

SUFFIX = ".nii.gz"


class Labels(Slices):
    """The label schema, and the label map of each case."""

    @property
    def schema(self) -> LabelSchema:
        """The segments that label maps of this project may hold."""
        return LabelSchema(tuple(s for s, removed in self._segments() if not removed))

    def change_schema(self, new: LabelSchema) -> None:
        """Replace the schema; names and colours may change and values may be added.

        Raises:
            InputError: a value would change its meaning, now or because it once belonged to a
                removed segment, or a value that label maps hold would be removed.
        """
        with self._database.transaction() as connection:
            check_change(self._segments(), self.value_uses()[1], new)
            connection.execute("UPDATE segments SET removed = 1")
            insert_schema(connection, new)
            self.log("schema changed", {"schema": json.loads(new.to_json())})

    def label_path(self, key: str) -> Path | None:
        """Return the label map of a case, or None if it has none."""
        path = self._label_file(self._stem(key))
        return path if path.is_file() else None

    def labels(self) -> dict[str, SavedLabel]:
        """Return key → label map for every case that has one, in pool order."""
        rows = self._database.rows(
            "SELECT c.key, c.stem, l.version, l.sha256, l.saved, l.source, l.voxels FROM cases c "
            "JOIN labels l ON l.key = c.key AND l.version = c.label ORDER BY c.position"
        )
        return {
            key: SavedLabel(
                key, version, self._label_file(stem), digest, saved, source, _voxels(voxels)
            )
            for key, stem, version, digest, saved, source, voxels in rows
        }

    def save_label(
        self,
        key: str,
        image: Image,
        *,
        seconds: float | None = None,
        source: str,
        done: bool = True,
    ) -> SavedLabel:
        """Save the label map of a case; a different earlier one is kept as a version.

        Args:
            key: the case.
            image: KJI array of whole numbers on the case's own voxels.
            seconds: annotation time to add, in seconds.
            source: who made it, such as "user" or the file it was imported from.
            done: whether it is finished; one that is not leaves its case in progress. In a project
                that takes slices, the suggested ones are labelled then (`Slices`).

        Returns:
            The saved label map; the case is now `labelled`, or `in_progress` (a test case stays
            `test`).

        Raises:
            InputError: the geometry is not the case's, or a value is not in the schema.
            DiskError: the disk is full, gone or failing; the earlier label map is as it was.
        """
        record = self.case(key)
        voxels = self._checked(record, image)
        target = self._label_file(record.stem)
        draft = target.with_name(f".tmp-{os.getpid()}-{time.monotonic_ns()}-{target.name}")
        from ActiveSeedLib.pool.readers import write_label

        try:
            with needing_disk(target):
                write_label(draft, image.array, record.case.geometry)
                if not done:  # for good before the file is there, in case this process is killed
                    self._mark(key, Status.IN_PROGRESS)
                with self._database.transaction():
                    saved = self._put(record, draft, voxels, seconds, source)
                    if done:
                        self._slices_done(record.case.key, image)
                    else:
                        self._slices_saved(record.case.key)
                        self._mark(key, Status.IN_PROGRESS)
        finally:
            with suppress(OSError):  # the next opening of the project removes it, too
                draft.unlink(missing_ok=True)
        return saved

    def value_uses(self, besides: str | None = None) -> tuple[int, dict[int, int]]:
        """Return how many label maps there are, and value → how many of them hold it.

        Args:
            besides: the key of a case that is not counted.
        """
        rows = self._database.rows(
            "SELECT l.voxels FROM cases c JOIN labels l ON l.key = c.key AND l.version = c.label "
            "WHERE c.key IS NOT ?",
            (besides,),
        )
        parsed = json.loads("[" + ",".join(text for (text,) in rows) + "]")
        return len(rows), dict(Counter(int(value) for voxels in parsed for value in voxels))

    def label_versions(self, key: str) -> list[LabelVersion]:
        """Return all versions of a case's label map, oldest first."""
        record = self.case(key)
        rows = self._database.rows(
            "SELECT version, saved, source, seconds, sha256 FROM labels WHERE key = ? "
            "ORDER BY version",
            (record.case.key,),
        )
        copies = self._copies(record.stem)
        return [
            LabelVersion(
                version, saved, source, seconds, digest, copies.get(digest), version == record.label
            )
            for version, saved, source, seconds, digest in rows
        ]

    def restore_label(self, key: str, version: int) -> SavedLabel:
        """Make an earlier version the label map again, as a new version; nothing is lost."""
        from ActiveSeedLib.pool.readers import read_label

        versions = {v.version: v for v in self.label_versions(key)}
        name = self.case(key).case.name
        if version not in versions:
            known = ", ".join(map(str, versions)) or "none"
            raise InputError(
                f"The label map of {name} has no version {version}; its versions are: {known}."
            )
        path = versions[version].path
        if path is None:
            raise InputError(f"No copy is left of version {version} of the label map of {name}.")
        return self.save_label(key, read_label(path), source=f"version {version} restored")

    def _segments(self) -> list[tuple[Segment, bool]]:
        rows = self._database.rows(
            "SELECT value, name, color, removed FROM segments ORDER BY position, value"
        )
        return [
            (Segment(value, name, color), bool(removed)) for value, name, color, removed in rows
        ]

    def _label_file(self, stem: str) -> Path:
        return self.labels_folder / f"{stem}{SUFFIX}"

    def _checked(self, record: CaseRecord, image: Image) -> dict[int, int]:
        """Return the voxels of each value, or say why `image` is no label map of the case."""
        name = record.case.name
        check_geometry(name, image, record.case.geometry)
        voxels = count_values(name, image.array)
        unknown = sorted(set(voxels) - self.schema.values - {0})
        if unknown:
            raise InputError(
                f"The label map of {name} holds {_listed(unknown)}, which the project's schema "
                f"does not have (it has {_listed(sorted(self.schema.values))}): add the segment to "
                "the schema or correct the label map."
            )
        return voxels

    def _put(
        self,
        record: CaseRecord,
        draft: Path,
        voxels: Mapping[int, int],
        seconds: float | None,
        source: str,
    ) -> SavedLabel:
        """Let the file `draft` replace the case's label map, and record it."""
        target = self._label_file(record.stem)
        self._adopt(record.case.key)
        digest = sha256(draft)
        if not target.is_file() or sha256(target) != digest:
            back_up(target, self.backups_folder / record.stem)
            with replacing(target) as temporary:
                os.replace(draft, temporary)  # noqa: PTH105 - the rename itself
            self._record(record.case.key, target, digest, voxels, seconds, source)
        if seconds:
            self.add_seconds(record.case.key, seconds)
        self._mark(record.case.key, Status.LABELLED)
        return self._saved(record.case.key)

    def _adopt(self, key: str) -> bool:
        """Record the label map that lies on disk if it is not the one recorded; True if so.

        It lies there because a process was killed between writing and recording it, or because
        another program wrote it. One that cannot be used is noted with the case. A case in progress
        stays so: whether its label map is finished, only the user can say.
        """
        from ActiveSeedLib.pool.readers import read_label

        record = self.case(key)
        path = self._label_file(record.stem)
        rows = self._database.rows(
            "SELECT sha256 FROM labels WHERE key = ? AND version = ?", (key, record.label)
        )
        if not path.is_file() or (rows and rows[0][0] == sha256(path)):
            return False
        try:
            image = read_label(path)
            voxels = self._checked(record, image)
        except ActiveSeedError as error:
            self._set_note(key, f"The label map {path.name} cannot be used: {error}")
            return False
        with self._database.transaction():
            self._record(key, path, sha256(path), voxels, None, "found on disk")
            in_progress = record.status is Status.IN_PROGRESS
            self._mark(key, Status.IN_PROGRESS if in_progress else Status.LABELLED)
            if not in_progress:
                self._slices_done(key, image)
        return True

    def _record(
        self,
        key: str,
        path: Path,
        digest: str,
        voxels: Mapping[int, int],
        seconds: float | None,
        source: str,
    ) -> None:
        facts = path.stat()
        with self._database.transaction() as connection:
            (last,) = connection.execute(
                "SELECT coalesce(max(version), 0) FROM labels WHERE key = ?", (key,)
            ).fetchone()
            connection.execute(
                "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    last + 1,
                    digest,
                    facts.st_size,
                    facts.st_mtime_ns,
                    now(),
                    source,
                    seconds,
                    dump(voxels),
                ),
            )
            connection.execute("UPDATE cases SET label = ? WHERE key = ?", (last + 1, key))

    def _mark(self, key: str, status: Status) -> None:
        """Set the status that a label map gives its case; a test case stays one."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE cases SET note = NULL, "
                "status = CASE WHEN held_out THEN 'test' ELSE ? END WHERE key = ?",
                (status, key),
            )

    def _saved(self, key: str) -> SavedLabel:
        row = self._database.rows(
            "SELECT l.version, c.stem, l.sha256, l.saved, l.source, l.voxels FROM cases c "
            "JOIN labels l ON l.key = c.key AND l.version = c.label WHERE c.key = ?",
            (key,),
        )[0]
        version, stem, digest, saved, source, voxels = row
        return SavedLabel(
            key, version, self._label_file(stem), digest, saved, source, _voxels(voxels)
        )

    def _copies(self, stem: str) -> dict[str, Path]:
        """Return SHA-256 → file for the label map of a case and its backups."""
        folder = self.backups_folder / stem
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        files = [*files, self._label_file(stem)]
        return {sha256(path): path for path in files if path.is_file()}

    def _reconcile(self) -> None:
        """Make the records equal to the label maps on disk, after whatever happened to them."""
        on_disk = {
            entry.name.removesuffix(SUFFIX): entry.stat()
            for entry in os.scandir(self.labels_folder)
            if entry.name.endswith(SUFFIX)
        }
        rows = self._database.rows(
            "SELECT c.key, c.name, c.stem, l.size, l.modified_ns FROM cases c "
            "LEFT JOIN labels l ON l.key = c.key AND l.version = c.label"
        )
        for key, name, stem, size, modified in rows:
            facts = on_disk.get(stem)
            if facts is not None and (facts.st_size, facts.st_mtime_ns) != (size, modified):
                if self._adopt(key):
                    self.notes.append(f"The label map of {name} was found on disk and taken over.")
                    self.log("label adopted", {"key": key})
            elif facts is None and size is not None:
                self._forget_label(key, name)

    def _forget_label(self, key: str, name: str) -> None:
        sentence = "The file of its label map was removed; an earlier version can be restored."
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE cases SET label = NULL, note = ?, status = CASE status "
                "WHEN 'labelled' THEN 'unlabelled' ELSE status END WHERE key = ?",
                (sentence, key),
            )
            self._forget_slices(key, SliceState.LABELLED)
            self.log("label gone", {"key": key})
        self.notes.append(f"{name}: {sentence}")


def insert_schema(connection: sqlite3.Connection, schema: LabelSchema) -> None:
    """Write the segments of `schema` as the present ones."""
    connection.executemany(
        "INSERT INTO segments (value, position, name, color) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (value) DO UPDATE SET position = excluded.position, name = excluded.name, "
        "color = excluded.color, removed = 0",
        [(s.value, index, s.name, s.color) for index, s in enumerate(schema.segments)],
    )


def _voxels(text: str) -> dict[int, int]:
    return {int(value): count for value, count in json.loads(text).items()}


def _listed(values: list[int]) -> str:
    return ("the value " if len(values) == 1 else "the values ") + ", ".join(map(str, values))
