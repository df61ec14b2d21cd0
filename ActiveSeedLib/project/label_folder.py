"""A folder of label maps that were made elsewhere: which file belongs to which case."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.formats import UNREADABLE_SUFFIXES, format_of, shown, suffix_of
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.names import fold

FLAT = (".png", ".tif", ".tiff")  # they say nothing of millimetres
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", *FLAT)
MARKS = (
    *("_segmentation", "_seg", "-seg", ".seg", "_labels", "_label", "-label", "_mask", "-mask"),
    "_gt",
)
CHANNEL = "_0000"  # nnU-Net's mark of an image's first channel, absent from its label map


class LabelFolder:
    """The label maps of a folder, by relative path and by name.

    Upper and lower case are equal, and so are the two ways in which systems write an accent.

    Attributes:
        folder: that folder.
        files: its label maps.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"The label folder {folder} does not exist.")
        self.folder = folder
        self.files: list[Path] = []
        self._others: list[Path] = []
        self._dicom: list[Path] = []
        for path in sorted(folder.rglob("*")):
            if path.name.startswith(".") or not _is_file(path):
                continue
            if path.name.lower().endswith(SUFFIXES):
                self.files.append(path)
            elif format_of(path) == "dicom" or not path.suffix:
                self._dicom.append(path)
            elif format_of(path) or suffix_of(path) in UNREADABLE_SUFFIXES:
                self._others.append(path)
        self._index = _Index(folder, self.files)
        self._unread = _Index(folder, self._others)

    def find(self, case: Case) -> Path | None:
        """Return the label map of `case`; see `find_label_for`."""
        return self._index.find(case)

    def find_unread(self, case: Case) -> Path | None:
        """Return what by its name is the label map of `case`, but of a format that is not read."""
        return self._unread.find(case)

    def dicom_labels(self, progress: Progress) -> list[tuple[Path, str]]:
        """Return the DICOM files that hold labels, and what they are, such as "a segmentation"."""
        from ActiveSeedLib.pool.dicom import labels_in

        found = []
        for path in self._dicom:
            progress.check()
            what = labels_in(path)
            if what is not None:
                found.append((path, what))
        return found

    def name(self, path: Path) -> str:
        """Return the path relative to the folder, as text that can be printed."""
        return _shown(path, self.folder)


class _Index:
    """Files by relative path and by name, with and without a mark such as `_seg`."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self._folder = folder
        self._by_path: dict[str, list[Path]] = {}
        self._by_marked_path: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._by_marked_name: dict[str, list[Path]] = {}
        for path in files:
            relative = path.relative_to(folder).as_posix()
            stem = stem_of(relative)
            self._by_path.setdefault(stem, []).append(path)
            self._by_name.setdefault(PurePosixPath(stem).name, []).append(path)
            for mark in MARKS:
                if stem.endswith(mark) and not stem.endswith("/" + mark):
                    bare = stem.removesuffix(mark)
                    self._by_marked_path.setdefault(bare, []).append(path)
                    self._by_marked_name.setdefault(PurePosixPath(bare).name, []).append(path)

    def find(self, case: Case) -> Path | None:
        whole = fold(case.path) if case.format == "dicom" else stem_of(case.path)
        flat = fold(case.name)
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
                        f"{_shown(files[0], self._folder)} and "
                        f"{_shown(files[1], self._folder)}; keep one of them in the folder."
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
    refused += [(labels.name(path), why) for path, why in contested.items()]
    return {key: path for key, path in owners.items() if path not in contested}, refused


def stem_of(path: str) -> str:
    """Return a relative path without its suffix, in lower case; `.nii.gz` counts as one suffix."""
    folded = fold(path)
    if folded.endswith(".gz"):
        folded = folded.removesuffix(".gz")
    pure = PurePosixPath(folded)
    return pure.with_suffix("").as_posix() if pure.suffix else folded


def _is_file(path: Path) -> bool:
    """Return whether it is a file or a link to none; folders and pipes are no label maps."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _shown(path: Path, folder: Path) -> str:
    return shown(str(path.relative_to(folder)))
