"""Taking over label maps that were made elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.formats import SEGMENTATION_SUFFIX, shown
from ActiveSeedLib.pool.textheader import segment_values
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.images import Images
from ActiveSeedLib.project.label_checks import check_geometry, count_values
from ActiveSeedLib.project.label_folder import FLAT, LabelFolder, match_labels, stem_of
from ActiveSeedLib.project.labels import Labels
from ActiveSeedLib.project.records import CaseRecord, Status
from ActiveSeedLib.project.slices import SliceState


@dataclass(frozen=True)
class ImportReport:
    """What became of the label maps of a folder.

    Attributes:
        imported: keys of the cases that got a label map.
        unchanged: keys of the cases that had the same one already.
        refused: (path, the reason in one sentence); also a case with several candidates.
        without_image: label maps, relative to the folder, that belong to no image, not even to a
            duplicate or unusable one.
    """

    imported: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    without_image: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "imported": list(self.imported),
            "unchanged": list(self.unchanged),
            "refused": [{"path": path, "reason": reason} for path, reason in self.refused],
            "without_image": list(self.without_image),
        }


def values_found(cases: Iterable[Case], folder: Path | LabelFolder) -> list[int]:
    """Return the values, other than 0, that the label maps of `cases` in `folder` hold, sorted.

    A label map that cannot be read or matched is left out: importing it says why.
    """
    from ActiveSeedLib.pool.readers import read_label

    labels = folder if isinstance(folder, LabelFolder) else LabelFolder(folder)
    values: set[int] = set()
    for case in cases:
        try:
            path = labels.find(case)
            if path is not None:
                values |= set(count_values(case.name, read_label(path).array))
        except ActiveSeedError:
            continue
    return sorted(values - {0})


class LabelImport(Labels, Images):
    """Importing a folder of label maps."""

    def import_labels(
        self,
        folder: Path,
        keys: Iterable[str] | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Take over the label maps of `folder` for the cases `keys` (default: all not excluded).

        A different label map that a case already has is only replaced with `overwrite`, and kept
        as a version. One file that cannot be used never stops the others.
        """
        progress = progress or Progress()
        labels = LabelFolder(folder)
        everyone = self.cases()
        owners, refused = match_labels(labels, [record.case for record in everyone])
        wanted = set(keys) if keys is not None else None
        imported: list[str] = []
        unchanged: list[str] = []
        for index, record in enumerate(everyone):
            progress.update(index / len(everyone), "importing label maps")
            key = record.case.key
            path = owners.get(key)
            if not _is_wanted(record, wanted):
                continue
            if path is None:
                refused += self._unread(record, labels)
                continue
            try:
                changed = self._import(record, path, overwrite=overwrite)
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                refused.append((labels.name(path), str(error)))
            else:
                (imported if changed else unchanged).append(key)
        refused += [
            (
                labels.name(path),
                f"This DICOM file is {what}, which is not read; save it as .nii.gz on the "
                "voxels of its image.",
            )
            for path, what in labels.dicom_labels(progress)
        ]
        known = {*owners.values(), *(folder / path for path, _ in refused)}
        left_out = {_name(image.path) for image in self.duplicates()}
        left_out |= {_name(image.path) for image in self.refused()}
        strangers = [
            labels.name(path)
            for path in labels.files
            if path not in known and _name(path.name) not in left_out
        ]
        return ImportReport(tuple(imported), tuple(unchanged), tuple(refused), tuple(strangers))

    def _unread(self, record: CaseRecord, labels: LabelFolder) -> list[tuple[str, str]]:
        """Return (path, reason) of the label map of the case in a format that is not read."""
        from ActiveSeedLib.pool.readers import read_label

        try:
            path = labels.find_unread(record.case)
            if path is not None and path != self.images_root / record.case.path:
                read_label(path)
        except ActiveSeedError as error:
            return [(labels.name(path) if path is not None else record.case.path, str(error))]
        return []

    def _import(self, record: CaseRecord, path: Path, *, overwrite: bool) -> bool:
        """Take over one label map; False if the case has the same one already."""
        from ActiveSeedLib.pool.readers import read_label

        image = read_label_of(record.case, path)
        self._check_meaning(path)
        present = self.label_path(record.case.key)
        if present is not None and record.label is not None:
            if np.array_equal(read_label(present).array, image.array):
                return self._now_done(record, image)
            if not overwrite:
                raise InputError(
                    f"{record.case.name} has a different label map already; "
                    "import with overwriting to replace it (the present one is kept as a version)."
                )
        self.save_label(record.case.key, image, source=f"imported from {shown(str(path))}")
        return True

    def _check_meaning(self, path: Path) -> None:
        """Raise `InputError` if the file says that a value means another of our segments."""
        if not path.name.lower().endswith(SEGMENTATION_SUFFIX):
            return
        ours = {segment.name.casefold(): segment for segment in self.schema.segments}
        for name, value in segment_values(path).items():
            segment = ours.get(name.casefold())
            if segment is not None and segment.value != value:
                raise InputError(
                    f"{path}: The value {value} means {name!r} here, for which the project has "
                    f"{segment.value}; correct the label map."
                )

    def _now_done(self, record: CaseRecord, image: Image) -> bool:
        """Count slices as labelled that were suggested after the same label map was imported."""
        key = record.case.key
        if not self.slices(key, SliceState.SUGGESTED):
            return False
        self.set_status(key, Status.LABELLED)
        self._slices_done(key, image)
        return True


def read_label_of(case: Case, path: Path) -> Image:
    """Return the label map at `path`; `InputError` if it does not lie on the case's voxels.

    A picture, which says nothing of millimetres, need only be of the same size.
    """
    from ActiveSeedLib.pool.readers import read_label

    image = read_label(path)
    if path.suffix.lower() in FLAT and image.geometry.size == case.geometry.size:
        image = Image(image.array, case.geometry)
    check_geometry(case.name, image, case.geometry)
    return image


def _is_wanted(record: CaseRecord, wanted: set[str] | None) -> bool:
    if wanted is None:
        return record.status is not Status.EXCLUDED
    return record.case.key in wanted or record.case.name in wanted


def _name(path: str) -> str:
    return PurePosixPath(stem_of(path)).name
