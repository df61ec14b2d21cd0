"""The project: begun, opened, looked after, closed. What a radiologist sees first."""

from pathlib import Path
from typing import Any

import qt

from ActiveSeedLib.app.steps import Step, create_steps, repair_steps
from ActiveSeedLib.app.terminologies import TERMINOLOGIES
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel import choosers
from ActiveSeedLib.panel.drop import DropTarget
from ActiveSeedLib.panel.project_form import NewProject, ProjectForm, documents
from ActiveSeedLib.panel.project_page import ProjectPage
from ActiveSeedLib.panel.project_report import creation_lines, creation_sentence, shortened
from ActiveSeedLib.panel.schema_table import SchemaTable
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.tips import plain_tip
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.project.store import is_project
from ActiveSeedLib.worker.stream import JobState

SAMPLE_CASES = 40
SAMPLE_SEGMENTS = "1=liver,2=kidney"
GREY = "#888888"


class ProjectSection(Section):
    """Shows one of three pages: how to begin, the form of a new project, the open project.

    Attributes:
        form: the fields of a new project.
        page: the open project.
        sample_place: where the sample data and its project go; None: with the user's documents.
    """

    NAME = "Project"

    def build(self) -> None:
        """Connect the widgets."""
        ui = self.ui
        self.sample_place: Path | None = None
        self._new: NewProject | None = None
        self._tried: Path | None = None
        self._dropped: Path | None = None
        table_file = self.panel.resource("UI/SchemaTable.ui")
        self.new_table, self.table = SchemaTable(table_file), SchemaTable(table_file)
        ui.formSchemaBox.layout().addWidget(self.new_table.widget)
        ui.openSchemaBox.layout().insertWidget(0, self.table.widget)
        self.form = ProjectForm(ui, self.new_table, self._images_changed)
        self.page = ProjectPage(self.panel, ui, self.table, self._show_report)
        self.drop = DropTarget()
        self.drop.watch(self.panel.widget, self.take)
        for button, act in (
            (ui.chooseImagesButton, self._on_choose_images),
            (ui.openProjectButton, self._on_open_project),
            (ui.sampleButton, self._on_sample),
            (ui.openRecentButton, self._on_open_recent),
            (ui.forgetRecentButton, self._on_forget_recent),
            (ui.createButton, self._on_create),
            (ui.cancelFormButton, self._on_cancel_form),
            (ui.closeReportButton, self._on_close_report),
        ):
            button.clicked.connect(act)
        ui.recentList.itemDoubleClicked.connect(self._on_open_recent)
        ui.recentList.itemSelectionChanged.connect(self._on_recent_selected)
        self.new_table.changed.connect(self._on_new_schema_changed)

    # -- what is shown ----------------------------------------------------------------------------

    def show_project(self) -> None:
        """Show the open project, or how to begin."""
        self._show_report("", [])
        self.page.show()
        session = self.panel.session
        self.widget.setProperty("collapsed", False)
        self.widget.setText("Project" if session is None else f"Project: {session.root.name}")
        if session is not None:
            self._show_page("openPage")
        else:
            self._show_page("startPage")
            self._show_recent()

    def fold(self) -> None:
        """Leave the room to the open case."""
        self.widget.setProperty("collapsed", True)

    def show_cases(self) -> None:
        """Show how many cases stand where."""
        self.page.show_counts()

    def show_job(self, state: JobState | None) -> None:
        """While a job runs, nothing else can be begun."""
        ui, idle = self.ui, state is None
        for widget in (ui.createButton, ui.sampleButton, ui.openProjectButton, ui.recentBox):
            widget.setEnabled(idle)
        self.page.set_enabled(idle=idle)

    def close(self) -> None:
        """Let go of what Qt might still call."""
        self.drop.close()
        self.new_table.close()
        self.table.close()

    def _show_page(self, name: str) -> None:
        for page in ("startPage", "formPage", "openPage"):
            getattr(self.ui, page).setVisible(page == name)

    def _show_recent(self) -> None:
        listed = self.ui.recentList
        listed.clear()
        for root in map(Path, self.panel.recent_projects()):
            there = is_project(root)
            name = root.name if there else f"{root.name} (not there)"
            item = qt.QListWidgetItem(f"{name} · {root.parent}")
            item.setToolTip(plain_tip(str(root) if there else f"{root} is not there now."))
            item.setData(qt.Qt.UserRole, str(root))
            if not there:
                item.setForeground(qt.QBrush(qt.QColor(GREY)))
            listed.addItem(item)
        self.ui.recentBox.setVisible(int(listed.count) > 0)
        self._on_recent_selected()

    def _show_report(self, title: str, lines: list[str]) -> None:
        self.ui.reportTitleLabel.setText(title)
        self.ui.reportList.clear()
        for line in shortened(lines):
            item = qt.QListWidgetItem(line)
            item.setToolTip(plain_tip(line))
            self.ui.reportList.addItem(item)
        self.ui.reportBox.setVisible(bool(lines))

    # -- beginning --------------------------------------------------------------------------------

    def open(self, root: Path) -> bool:
        """Open a project; if that is impossible, say why and offer to try again."""
        if self.panel.open_project(root):
            return True
        if self.panel.session is None and not self.panel.is_busy:
            self._tried = root
            self.panel.bar.offer("Retry", self._retry)
        return False

    def repair(self, root: Path) -> None:
        """Close the project in `root`, if it is open; rebuild its database, and open it again."""
        if not self.panel.is_busy and self.panel.close_project(force=True):
            self._tried = root
            self.panel.run(repair_steps(root), "Repairing the project", self._repaired)

    def begin(self, images: Path | None = None) -> None:
        """Show the form of a new project, in place of the one that is open."""
        if not self.panel.close_project():
            return
        self.form.begin(images)
        self._show_report("", [])
        self._show_page("formPage")

    def take(self, paths: list[Path]) -> None:
        """Take what was dropped: a project is opened, images begin a new one."""
        with self.panel.guarded():
            folder = _folder_of(paths)
            if is_project(folder):
                self.open(folder)
            elif self.panel.is_busy:
                self.panel.notice("Something is running: wait for its end.", "warning")
            elif self.panel.session is None:
                self.begin(folder)
            else:
                self._dropped = folder
                self.panel.notice(
                    f"Make a new project of the images in {folder}? The open project is saved and "
                    "closed first.",
                    "info",
                    [("New project", self._begin_dropped), ("Leave it", self.panel.clear_notice)],
                )

    def _retry(self) -> None:
        if self._tried is not None:
            self.open(self._tried)

    def _repaired(self, done: bool) -> None:
        if not done:
            self.panel.bar.offer("Retry", self._retry)
        elif self._tried is not None and self.open(self._tried):
            self._show_report("What was repaired", self.panel.results["repair"]["said"])
            if not self.panel.notice_text:  # where a case is opened, too, the report is folded
                self.panel.notice("The project is repaired: see what was done, under Project.")

    def _begin_dropped(self) -> None:
        self.begin(self._dropped)

    def _images_changed(self) -> None:
        """Offer the project that these images have already."""
        root = self.form.root
        if root is not None and is_project(root):
            self._tried = root
            self.panel.notice(
                f"These images have a project already: {root}.", "info", [("Open it", self._retry)]
            )

    def _on_choose_images(self, *_args: Any) -> None:
        images = choosers.folder(self.widget, "The folder of the images")
        if images is not None:
            self.take([images])

    def _on_open_project(self, *_args: Any) -> None:
        root = choosers.folder(self.widget, "The folder of the project")
        if root is not None:
            self.open(root)

    def _selected_recent(self) -> str | None:
        item = self.ui.recentList.currentItem()
        return str(item.data(qt.Qt.UserRole)) if item is not None else None

    def _on_close_report(self, *_args: Any) -> None:
        self._show_report("", [])

    def _on_recent_selected(self, *_args: Any) -> None:
        selected = self._selected_recent() is not None
        self.ui.openRecentButton.setEnabled(selected)
        self.ui.forgetRecentButton.setEnabled(selected)

    def _on_open_recent(self, *_args: Any) -> None:
        root = self._selected_recent()
        if root is not None:
            self.open(Path(root))

    def _on_forget_recent(self, *_args: Any) -> None:
        root = self._selected_recent()
        if root is not None:
            self.panel.forget_recent(root)
            self._show_recent()

    # -- a new project ----------------------------------------------------------------------------

    def _on_new_schema_changed(self) -> None:
        self.form.show_problem("")

    def _on_cancel_form(self, *_args: Any) -> None:
        self.panel.clear_notice()
        self.show_project()

    def _on_create(self, *_args: Any) -> None:
        try:
            new = self.form.read()
        except InputError as error:
            self.form.show_problem(str(error))
            return
        self.form.show_problem("")
        if is_project(new.root):
            self._images_changed()
            return
        self._new = new
        self.panel.run(_steps_of(new), "Making the project", self._created)

    def _created(self, done: bool) -> None:
        new = self._new
        assert new is not None
        if not done:
            if is_project(new.root):
                self._tried = new.root
                self.panel.notice(
                    f"{self.panel.notice_text} The project {new.root} was made up to there.",
                    "warning",
                    [("Open it", self._retry)],
                )
            return
        result = self.panel.results["init"]
        if self.open(Path(result["project"])):
            assert self.panel.session is not None
            self.panel.session.project.change_settings({TERMINOLOGIES: new.terminologies})
            self.panel.notice(creation_sentence(result))
            self._show_report("What was found", creation_lines(result))

    # -- sample data ------------------------------------------------------------------------------

    def _on_sample(self, *_args: Any) -> None:
        self.try_sample()

    def try_sample(self) -> None:
        """Open the sample project; the worker makes it, and its images, the first time."""
        place = self.sample_place or documents() / "ActiveSeed sample"
        root, cohort = place / "Sample project", place / "cohort"
        if is_project(root):
            self.open(root)
            return
        self._new = NewProject(
            images=cohort / "images",
            root=root,
            labels=None,
            schema=LabelSchema.parse(SAMPLE_SEGMENTS),
            terminologies={},
            test_fraction=0.2,
            patients=str(cohort / "patients.csv"),
        )
        drawing = Step(
            "cohort", {"folder": str(cohort), "cases": SAMPLE_CASES}, "Drawing the sample volumes"
        )
        steps = [drawing, *_steps_of(self._new)]
        self.panel.run(steps, "Making the sample project", self._sample_created)

    def _sample_created(self, done: bool) -> None:
        """Give the test cases their label maps, so that a model's Dice can be told."""
        self._created(done)
        session = self.panel.session
        if not done or session is None:
            return
        cases = [row.key for row in session.rows() if row.held_out]
        labels = session.project.images_root.parent / "labels"
        step = Step(
            "import-labels",
            session.job_params({"labels": str(labels), "cases": cases}),
            "Taking over the label maps of the test cases",
        )
        self.panel.run([step], "Making the sample project", self._sample_ready)

    def _sample_ready(self, done: bool) -> None:
        session = self.panel.session
        if done and session is not None:
            labels = session.project.images_root.parent / "labels"
            self.panel.notice(
                f"The sample is ready, and its test cases have their label maps. Those of the "
                f"other cases lie in {labels}, if you would rather import than draw them."
            )


def _steps_of(new: NewProject) -> list[Step]:
    return create_steps(
        new.root,
        new.images,
        new.schema,
        labels=new.labels,
        test_fraction=new.test_fraction,
        patients=new.patients,
        unit=new.unit,
    )


def _folder_of(paths: list[Path]) -> Path:
    """Return the folder that the user means: the one that was given, or the one of the files."""
    folders = {path if path.is_dir() else path.parent for path in paths if path.exists()}
    projects = [folder for folder in folders if is_project(folder)]
    if len(projects) == 1:
        return projects[0]
    if not folders:
        raise InputError(f"{paths[0]} is not there: choose a folder of images.")
    if len(folders) > 1:
        raise InputError(
            "Several folders were given: lay the images into one folder (with folders in it, if "
            "you like), and choose that one."
        )
    return folders.pop()
