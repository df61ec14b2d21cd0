"""The form of a new project: which images, where the project goes, what is to be labelled."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import qt

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel import choosers
from ActiveSeedLib.panel.schema_table import SchemaTable
from ActiveSeedLib.pool.patients import PatientRule
from ActiveSeedLib.project.images import check_folders
from ActiveSeedLib.project.schema import LabelSchema, Segment, default_color
from ActiveSeedLib.project.store import is_project

SUFFIX = "-ActiveSeed"
FIRST = Segment(1, "structure", default_color(1))
FROM_LABELS = "Left empty, the values that the label maps hold are taken over."


@dataclass(frozen=True)
class NewProject:
    """What the user wants a project to be made of.

    Attributes:
        images: the folder of the images.
        root: the project's folder.
        labels: a folder of label maps that exist already, or None.
        schema: what is to be labelled; None takes what the label maps hold.
        terminologies: value, as text → Slicer's terminology entry.
        test_fraction: share of the patients that is kept for testing, 0 to 1.
        patients: the rule of the patients as the user wrote it, or None.
        unit: what is suggested and trained on.
    """

    images: Path
    root: Path
    labels: Path | None
    schema: LabelSchema | None
    terminologies: dict[str, str]
    test_fraction: float
    patients: str | None
    unit: Literal["case", "slice"] = "case"


class ProjectForm:
    """The fields of a new project.

    Attributes:
        table: what is to be labelled.
    """

    def __init__(self, ui: Any, table: SchemaTable, images_changed: Callable[[], None]) -> None:
        self.table = table
        self._ui = ui
        self._images_changed = images_changed
        self._own_root = False  # the user named the project's folder, so it is left as it is
        ui.imagesEdit.textChanged.connect(self._on_images)
        ui.labelsEdit.textChanged.connect(self._on_labels)
        ui.projectFolderEdit.textEdited.connect(self._on_root_edited)
        ui.imagesButton.clicked.connect(self._on_choose_images)
        ui.projectFolderButton.clicked.connect(self._on_choose_root)
        ui.labelsButton.clicked.connect(self._on_choose_labels)
        ui.patientsButton.clicked.connect(self._on_choose_patients)

    def begin(self, images: Path | None) -> None:
        """Empty the form for a new project of `images`."""
        ui = self._ui
        self._own_root = False
        for edit in (ui.imagesEdit, ui.projectFolderEdit, ui.labelsEdit, ui.patientsEdit):
            edit.setText("")
        ui.testShareSpinBox.setValue(20)
        ui.slicesCheckBox.setChecked(False)
        self.table.fill((FIRST,))
        self.show_problem("")
        if images is not None:
            ui.imagesEdit.setText(str(images))

    def show_problem(self, sentence: str) -> None:
        """Say what is wrong with the form; nothing if `sentence` is empty."""
        self._ui.formProblemLabel.setText(sentence)
        self._ui.formProblemLabel.setVisible(bool(sentence))

    @property
    def images(self) -> Path | None:
        """The images folder that is named, or None."""
        return _path(self._ui.imagesEdit)

    @property
    def root(self) -> Path | None:
        """The project folder that is named, or None."""
        return _path(self._ui.projectFolderEdit)

    def read(self) -> NewProject:
        """Return what the form says; `InputError` in a sentence if that cannot be."""
        images, root, labels = self.images, self.root, _path(self._ui.labelsEdit)
        if images is None:
            raise InputError("Choose the folder that holds the images.")
        if not images.is_dir():
            raise InputError(f"The images folder {images} is not there: choose another one.")
        if root is None:
            raise InputError("Choose a folder for the project.")
        check_folders(root, images)
        if labels is not None and not labels.is_dir():
            raise InputError(f"The folder of label maps {labels} is not there: choose another one.")
        if self.table.is_empty and labels is None:
            raise InputError("Name at least one structure to be labelled.")
        patients = str(self._ui.patientsEdit.text).strip() or None
        if patients is not None:
            PatientRule.parse(patients)
        return NewProject(
            images,
            root,
            labels,
            None if self.table.is_empty else self.table.schema(),
            self.table.terminologies(),
            self._ui.testShareSpinBox.value / 100,
            patients,
            "slice" if self._ui.slicesCheckBox.checked else "case",
        )

    # -- what the user does -----------------------------------------------------------------------

    def _on_images(self, *_args: Any) -> None:
        images = self.images
        if images is not None and not self._own_root:
            self._ui.projectFolderEdit.setText(str(default_root(images)))
        self.show_problem("")
        self._images_changed()

    def _on_root_edited(self, *_args: Any) -> None:
        self._own_root = bool(self._ui.projectFolderEdit.text)

    def _on_labels(self, *_args: Any) -> None:
        """Let the label maps say what there is to label, unless the user has begun to."""
        given = _path(self._ui.labelsEdit) is not None
        untouched = self.table.rows() in ([], [(str(FIRST.value), FIRST.color, FIRST.name)])
        if untouched:
            self.table.fill(() if given else (FIRST,))
        self.table.show_hint(FROM_LABELS if given else "")
        self.show_problem("")

    def _on_choose_images(self, *_args: Any) -> None:
        self._choose(self._ui.imagesEdit, "The folder of the images")

    def _on_choose_root(self, *_args: Any) -> None:
        if self._choose(self._ui.projectFolderEdit, "An empty folder for the project"):
            self._own_root = True

    def _on_choose_labels(self, *_args: Any) -> None:
        self._choose(self._ui.labelsEdit, "The folder of the label maps")

    def _on_choose_patients(self, *_args: Any) -> None:
        edit, images = self._ui.patientsEdit, self.images
        start = images.parent if images is not None else None
        kinds = "Tables (*.csv *.json)"
        found = choosers.file(edit, "Whose image is whose", kinds, start)
        if found is not None:
            edit.setText(str(found))

    def _choose(self, edit: Any, title: str) -> bool:
        start = _path(edit) or self.images
        found = choosers.folder(edit, title, start)
        if found is not None:
            edit.setText(str(found))
        return found is not None


def default_root(images: Path) -> Path:
    """Return a new folder for a project: beside its images, or with the user's documents.

    The second if nothing can be written beside the images. Where a project of these images lies
    already, that folder is returned, so that the user is asked about it.
    """
    images = images.absolute()
    place = images.parent
    if place == images or not os.access(place, os.W_OK):
        place = documents()
    name = (images.name or "images") + SUFFIX
    root, count = place / name, 1
    while not (is_project(root) or _is_free(root)):
        count += 1
        root = place / f"{name}-{count}"
    return root


def documents() -> Path:
    """Return the folder of the user's documents."""
    found = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
    return Path(found) if found else Path.home()


def _is_free(folder: Path) -> bool:
    try:
        return not folder.exists() or next(folder.iterdir(), None) is None
    except OSError:  # a file, or somebody else's
        return False


def _path(edit: Any) -> Path | None:
    text = str(edit.text).strip()
    return Path(text).expanduser() if text else None
