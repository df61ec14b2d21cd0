"""The open project: its images, its label schema, label maps from elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.app.terminologies import TERMINOLOGIES
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.panel import choosers
from ActiveSeedLib.panel.project_report import (
    counts_line,
    import_lines,
    import_sentence,
    left_out_lines,
    rescan_sentence,
)
from ActiveSeedLib.panel.schema_table import SchemaTable
from ActiveSeedLib.panel.tips import plain_tip

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel

ShowReport = Callable[[str, list[str]], None]


class ProjectPage:
    """What can be seen and done of the open project as a whole.

    Attributes:
        table: the label schema, while it is being changed.
    """

    def __init__(self, panel: "Panel", ui: Any, table: SchemaTable, report: ShowReport) -> None:
        self.table = table
        self._panel, self._ui, self._report = panel, ui, report
        for button, act in (
            (ui.closeProjectButton, self._on_close),
            (ui.importLabelsButton, self._on_import_labels),
            (ui.rescanButton, self._on_rescan),
            (ui.relocateButton, self._on_relocate),
            (ui.editSchemaButton, self._on_edit_schema),
            (ui.applySchemaButton, self._on_apply_schema),
            (ui.cancelSchemaButton, self._on_cancel_schema),
            (ui.showReportButton, self._on_show_report),
        ):
            button.clicked.connect(act)

    def show(self) -> None:
        """Show the project that is open."""
        session = self._panel.session
        self._show_schema_editor(visible=False)
        if session is None:
            return
        ui, images = self._ui, session.project.images_root
        ui.projectNameLabel.setText(session.root.name)
        ui.projectNameLabel.setToolTip(plain_tip(str(session.root)))
        ui.imagesFolderEdit.setText(str(images))
        ui.imagesFolderEdit.setToolTip(plain_tip(f"The folder of the images: {images}"))
        ui.projectNotesLabel.setText("\n".join(session.notes))
        ui.projectNotesLabel.setVisible(bool(session.notes))
        left_out = len(session.project.refused()) + len(session.project.duplicates())
        ui.showReportButton.setText(f"What was left out ({left_out})…")
        ui.showReportButton.setVisible(left_out > 0)

    def show_counts(self) -> None:
        """Show how many cases stand where."""
        if self._panel.session is not None:
            self._ui.countsLabel.setText(counts_line(self._panel.session.counts()))

    def set_enabled(self, *, idle: bool) -> None:
        """Let nothing be begun while a job runs."""
        ui = self._ui
        for button in (
            ui.importLabelsButton,
            ui.rescanButton,
            ui.relocateButton,
            ui.applySchemaButton,
        ):
            button.setEnabled(idle)

    # -- images and label maps --------------------------------------------------------------------

    def _on_close(self, *_args: Any) -> None:
        if self._panel.is_busy:
            self._panel.notice(
                "Something is running. Closing the project ends it; what was saved is kept, and "
                "the step goes on from there when it is begun again.",
                "warning",
                [("Close all the same", self._close), ("Leave it", self._panel.clear_notice)],
            )
        else:
            self._close()

    def _close(self) -> None:
        self._panel.clear_notice()
        self._panel.close_project()

    def _on_import_labels(self, *_args: Any) -> None:
        folder = choosers.folder(self._ui.openPage, "The folder of the label maps")
        if folder is not None:
            self.import_labels(folder)

    def import_labels(self, folder: Path) -> None:
        """Take the label maps of `folder` into the project."""
        self._run("import-labels", {"labels": str(folder)}, "Taking over label maps")

    def _on_rescan(self, *_args: Any) -> None:
        self._run("rescan", {}, "Looking for new images")

    def _on_relocate(self, *_args: Any) -> None:
        self.ask_for_images()

    def ask_for_images(self) -> None:
        """Let the user choose the folder where the images are now, and look there."""
        folder = choosers.folder(self._ui.openPage, "The folder where the images are now")
        if folder is not None:
            self.relocate(folder)

    def relocate(self, images: Path) -> None:
        """Look for the project's images in the folder `images`."""
        self._run("rescan", {"images": str(images)}, "Looking for the images")

    def _run(self, job: str, parameters: dict[str, Any], title: str) -> None:
        session = self._panel.session
        if session is not None:
            finished = self._imported if job == "import-labels" else self._rescanned
            self._panel.run([Step(job, session.job_params(parameters), title)], title, finished)

    def _imported(self, done: bool) -> None:
        if done:
            report = self._panel.results["import-labels"]
            self._panel.notice(import_sentence(report))
            self._report("Label maps that were not taken over", import_lines(report))

    def _rescanned(self, done: bool) -> None:
        session = self._panel.session
        if done and session is not None:
            session.notes.clear()  # what was found at the opening is out of date
            self.show()
            self._panel.notice(rescan_sentence(self._panel.results["rescan"]))

    def _on_show_report(self, *_args: Any) -> None:
        session = self._panel.session
        if session is None:
            return
        lines = left_out_lines(
            [(one.path, one.reason) for one in session.project.refused()],
            [(one.path, one.same_as) for one in session.project.duplicates()],
        )
        self._report("What was left out", lines)

    # -- the label schema -------------------------------------------------------------------------

    def _on_edit_schema(self, *_args: Any) -> None:
        self._show_schema_editor(visible=bool(self._ui.editSchemaButton.checked))

    def _on_cancel_schema(self, *_args: Any) -> None:
        self._show_schema_editor(visible=False)

    def _on_apply_schema(self, *_args: Any) -> None:
        session = self._panel.session
        if session is None:
            return
        try:
            session.project.change_schema(self.table.schema())
            session.project.change_settings({TERMINOLOGIES: self.table.terminologies()})
        except ActiveSeedError as error:
            self._show_schema_problem(str(error))
            return
        self._show_schema_editor(visible=False)
        self._panel.cases_changed()

    def _show_schema_editor(self, *, visible: bool) -> None:
        session = self._panel.session
        visible = visible and session is not None
        self._ui.editSchemaButton.setChecked(visible)
        self._ui.openSchemaBox.setVisible(visible)
        self._show_schema_problem("")
        if visible and session is not None:
            terms = session.project.settings.get(TERMINOLOGIES, {})
            self.table.fill(session.schema.segments, terms, kept=True)

    def _show_schema_problem(self, sentence: str) -> None:
        self._ui.openSchemaProblemLabel.setText(sentence)
        self._ui.openSchemaProblemLabel.setVisible(bool(sentence))
