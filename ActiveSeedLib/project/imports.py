"""Taking over label maps that were made elsewhere: which file belongs to which case."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ActiveSeedLib.errors import NO_CASE_TO_BLAME, ActiveSeedError, InputError
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.label_checks import check_geometry, count_values
from ActiveSeedLib.project.labels import Labels
from ActiveSeedLib.project.records import CaseRecord, Status
from ActiveSeedLib.project.slices import SliceState

FLAT = (".png", ".tif", ".tiff")  # they say nothing of millimetres
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", *FLAT)
MARKS = ("_segmentation", "_seg", "-seg", "_labels", "_label", "-label", "_mask", "-mask", "_gt")
CHANNEL = "_0000"  # nnU-Net's mark of an image's first channel, absent from its label map


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


class LabelFolder:
    """The label maps of a folder, by relative path and by name; upper and lower case are equal."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"The label folder {folder} does not exist.")
        self.folder = folder
        self.files = sorted(
            path
            for path in folder.rglob("*")
            if path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")
        )
        self._by_path: dict[str, list[Path]] = {}
        self._by_marked_path: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._by_marked_name: dict[str, list[Path]] = {}
        for path in self.files:
            relative = path.relative_to(folder).as_posix()
            stem = _stem(relative)
            self._by_path.setdefault(stem, []).append(path)
            self._by_name.setdefault(PurePosixPath(stem).name, []).append(path)
            for mark in MARKS:
                if stem.endswith(mark) and not stem.endswith("/" + mark):
                    bare = stem.removesuffix(mark)
                    self._by_marked_path.setdefault(bare, []).append(path)
                    self._by_marked_name.setdefault(PurePosixPath(bare).name, []).append(path)

    def find(self, case: Case) -> Path | None:
        """Return the label map of `case`; see `find_label_for`."""
        whole = case.path.casefold() if case.format == "dicom" else _stem(case.path)
        flat = case.name.casefold()
        for stem in dict.fromkeys((whole, whole.removesuffix(CHANNEL))):
            name = PurePosixPath(stem).name
            for index, wanted in (
                (self._by_path, stem),
                (self._by_marked_path, stem),
                (self._by_name, flat.removesuffix(CHANNEL) if stem != whole else flat),
                (self._by_marked_name, flat.removesuffix(CHANNEL) if stem != whole else flat),
                (self._by_name, name),
                (self._by_marked_name, name),
            ):
                files = index.get(wanted, [])
                if len(files) > 1:
                    raise InputError(
                        f"Several label maps could belong to {case.name}: "
                        f"{files[0].relative_to(self.folder)} and "
                        f"{files[1].relative_to(self.folder)}; keep one of them in the folder."
                    )
                if files:
                    return files[0]
        return None


def find_label_for(case: Case, folder: Path | LabelFolder) -> Path | None:
    """Return the label map of `case` in `folder` (searched with its sub-folders), or None.

    Tried in this order: the same relative path, the same relative path with a mark such as `_seg`,
    the case's name (folders joined by `__`), the same file name in any folder; each but for the
    suffix. `case_0000.nii.gz` (a first channel) also finds `case.nii.gz`. For many cases, make one
    `LabelFolder` and ask it.

    Raises:
        InputError: there is no such folder, or several files fit equally well.
    """
    labels = folder if isinstance(folder, LabelFolder) else LabelFolder(folder)
    return labels.find(case)


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


class LabelImport(Labels):
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
            if path is None or not _is_wanted(record, wanted):
                continue
            try:
                changed = self._import(record, path, overwrite=overwrite)
            except NO_CASE_TO_BLAME:
                raise
            except ActiveSeedError as error:
                refused.append((str(path.relative_to(folder)), str(error)))
            else:
                (imported if changed else unchanged).append(key)
        known = {*owners.values(), *(folder / path for path, _ in refused)}
        left_out = {_name(image.path) for image in self.duplicates()}
        left_out |= {_name(image.path) for image in self.refused()}
        strangers = [
            str(path.relative_to(folder))
            for path in labels.files
            if path not in known and _name(path.name) not in left_out
        ]
        return ImportReport(tuple(imported), tuple(unchanged), tuple(refused), tuple(strangers))

    def _import(self, record: CaseRecord, path: Path, *, overwrite: bool) -> bool:
        """Take over one label map; False if the case has the same one already."""
        from ActiveSeedLib.pool.readers import read_label

        image = read_label_of(record.case, path)
        present = self.label_path(record.case.key)
        if present is not None and record.label is not None:
            if np.array_equal(read_label(present).array, image.array):
                return self._now_done(record, image)
            if not overwrite:
                raise InputError(
                    f"{record.case.name} has a different label map already; "
                    "import with overwriting to replace it (the present one is kept as a version)."
                )
        self.save_label(record.case.key, image, source=f"imported from {path}")
        return True

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


def match_labels(
    labels: LabelFolder, cases: Iterable[Case]
) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Return key → label map, and (path, reason) of what is refused as the match is not unique."""
    owners: dict[str, Path] = {}
    refused: list[tuple[str, str]] = []
    first: dict[Path, Case] = {}
    contested: dict[Path, str] = {}
    for case in cases:
        try:
            path = labels.find(case)
        except InputError as error:
            refused.append((case.path, str(error)))
            continue
        if path is None:
            continue
        if path in first:
            contested[path] = (
                f"It could belong to {first[path].name} or to {case.name}; "
                "lay the label maps out in the same folders as the images."
            )
        first.setdefault(path, case)
        owners[case.key] = path
    refused += [(str(path.relative_to(labels.folder)), why) for path, why in contested.items()]
    return {key: path for key, path in owners.items() if path not in contested}, refused


def _is_wanted(record: CaseRecord, wanted: set[str] | None) -> bool:
    if wanted is None:
        return record.status is not Status.EXCLUDED
    return record.case.key in wanted or record.case.name in wanted


def _name(path: str) -> str:
    return PurePosixPath(_stem(path)).name


def _stem(path: str) -> str:
    """Return a relative path without its suffix, in lower case; `.nii.gz` counts as one suffix."""
    folded = path.casefold()
    if folded.endswith(".gz"):
        folded = folded.removesuffix(".gz")
    pure = PurePosixPath(folded)
    return pure.with_suffix("").as_posix() if pure.suffix else folded
