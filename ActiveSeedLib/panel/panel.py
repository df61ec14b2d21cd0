"""The panel as a whole: one project, one worker, the sections, and what they share."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import qt
import slicer

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.step_runner import StepRunner
from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import (
    ActiveSeedError,
    CancelledError,
    DamagedProjectError,
    ImagesGoneError,
)
from ActiveSeedLib.panel.advanced_section import AdvancedSection
from ActiveSeedLib.panel.job_section import JobSection
from ActiveSeedLib.panel.label_section import LabelSection
from ActiveSeedLib.panel.learn_section import LearnSection
from ActiveSeedLib.panel.map_section import MapSection
from ActiveSeedLib.panel.notice import Action, NoticeBar
from ActiveSeedLib.panel.plots import PlotView
from ActiveSeedLib.panel.project_section import ProjectSection
from ActiveSeedLib.panel.queue_section import QueueSection
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.setup_section import SetupSection
from ActiveSeedLib.panel.sight import Sight
from ActiveSeedLib.panel.slices import Slices
from ActiveSeedLib.panel.worker import PanelWorker
from ActiveSeedLib.requirements import missing
from ActiveSeedLib.worker.stream import JobState

Finished = Callable[[bool], None]
RECENT = "ActiveSeed/RecentProjects"
RECENT_KEPT = 8


class Panel:
    """What the user sees of ActiveSeed in Slicer.

    Args:
        resources: the module's folder `Resources`.

    Attributes:
        widget: everything, to be put into the module's layout.
        session: the open project, or None.
        choices: strategy, budget, seed and so on of that project.
        runner: what runs in the background.
        plots: Slicer's plot view, which Learn and Map share.
    """

    def __init__(self, resources: Path) -> None:
        self._resources = resources
        self.session: Session | None = None
        self.choices = Choices()
        self.worker = PanelWorker(log_folder=Path(str(slicer.app.temporaryPath)) / "ActiveSeed")
        self.runner = StepRunner(self.worker)
        self._finished: Finished | None = None
        self._showing = Slices()
        self.widget: Any = slicer.util.loadUI(self.resource("UI/ActiveSeed.ui"))
        self.ui: Any = slicer.util.childWidgetVariables(self.widget)
        self.bar = NoticeBar(self.ui)
        self.plots = PlotView()
        self.setup = SetupSection(self)
        self.project = ProjectSection(self)
        self.job = JobSection(self)
        self.queue = QueueSection(self)
        self.label = LabelSection(self)
        self.learn = LearnSection(self)
        self.map = MapSection(self)
        self.advanced = AdvancedSection(self)
        layout = self.widget.layout()
        for section in self.sections:
            layout.addWidget(section.widget)
        layout.addStretch(1)
        editor = self.label.ui.editorWidget
        self._sight = Sight(
            self.ui.noticeFrame,
            self.job.widget,
            self.label.widget,
            editor,
            lambda: self.is_up_to_date,
        )
        self.runner.changed.connect(self._on_job_changed)
        self.runner.advanced.connect(self.cases_changed)
        self.runner.ended.connect(self._on_job_ended)
        self.label.opened.connect(self._on_case_opened)
        self._show_project()

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections, from top to bottom."""
        return (
            self.setup,
            self.project,
            self.job,
            self.queue,
            self.label,
            self.learn,
            self.map,
            self.advanced,
        )

    def resource(self, name: str) -> str:
        """Return the path of a file of the module's resources."""
        return str(self._resources / name)

    # -- what is said to the user -----------------------------------------------------------------

    def notice(self, text: str, kind: str = "info", actions: Sequence[Action] = ()) -> None:
        """Say one sentence, with up to four buttons: on top of the panel, or of the open case."""
        self.bar.show(text, kind, actions)
        self._sight.show_notice(wanted=kind != "info")

    @property
    def notice_text(self) -> str:
        """What the bar says; empty when it is hidden."""
        return self.bar.text

    def clear_notice(self) -> None:
        """Put the message away."""
        self.bar.clear()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what goes wrong inside into a sentence on top of the panel."""
        try:
            yield
        except CancelledError:
            self.notice("Stopped.")
        except ImagesGoneError as error:
            self.notice(str(error), "error", [("Images moved…", self.project.page.ask_for_images)])
        except DamagedProjectError as error:
            repair = partial(self.project.repair, error.root)
            self.notice(str(error), "error", [("Repair", repair)])
        except ActiveSeedError as error:
            self.notice(str(error), "error")
        except Exception as error:
            logging.exception("ActiveSeed")
            self.notice(
                f"Something unexpected happened ({type(error).__name__}: {error}). Nothing that "
                "was saved is lost; Slicer's error log holds the details.",
                "error",
            )

    # -- the project ------------------------------------------------------------------------------

    def open_project(self, root: Path) -> bool:
        """Open the project in `root` in place of the present one; False if that is impossible."""
        if self.is_busy:
            self.notice("Something is running: wait for its end, or cancel it first.", "warning")
            return False
        if not self.close_project():
            return False
        with self.guarded():
            self.session = Session.open(root)
            self.choices = self.session.choices()
            self._remember(root)
            self._show_project()
            if self.session.notes:
                self.notice("\n".join(self.session.notes), "warning")
            self._return_to_open_case()
        return self.session is not None

    def close_project(self, *, force: bool = False) -> bool:
        """Keep what is being done as a draft, end what runs, and let go of the project.

        Args:
            force: close it even if the draft cannot be written, which is then said.

        Returns:
            Whether no project is open any more.
        """
        if self.session is None:
            return True
        try:
            self.label.leave(force=force)
        except ActiveSeedError as error:
            self.notice(str(error), "error")
            return False
        self.runner.forget()
        self.session.close()
        self.session = None
        self._show_project()
        return True

    def keep_choices(self, choices: Choices) -> None:
        """Take over what the user chose, and keep it with the project."""
        self.choices = choices
        if self.session is not None:
            with self.guarded():
                self.session.keep_choices(choices)

    def cases_changed(self) -> None:
        """Tell every section that statuses, the queue or the models may have changed.

        They hear of it one after another in the next turns of the event loop, so that many cases
        hold nothing up; told again meanwhile, they begin anew.
        """
        self._showing.start(self._show_cases())

    @property
    def is_up_to_date(self) -> bool:
        """Whether every section shows the cases as they are."""
        return self._showing.is_idle and self.queue.is_idle

    def _show_cases(self) -> Iterator[None]:
        for section in self.sections:
            with self.guarded():
                section.show_cases()
            yield
        with self.guarded():
            self._show_next()

    def recent_projects(self) -> list[str]:
        """Return the folders of the projects opened last, the latest first."""
        kept = qt.QSettings().value(RECENT, "")
        return [line for line in str(kept or "").split("\n") if line]

    def forget_recent(self, root: str) -> None:
        """Take a project from the list of the recent ones."""
        left = [one for one in self.recent_projects() if one != root]
        qt.QSettings().setValue(RECENT, "\n".join(left))

    def _remember(self, root: Path) -> None:
        others = [one for one in self.recent_projects() if one != str(root)]
        qt.QSettings().setValue(RECENT, "\n".join([str(root), *others][:RECENT_KEPT]))

    def _show_project(self) -> None:
        with self.guarded():
            for section in self.sections:
                section.show_project()
                section.show_job(self.runner.state)
        self.cases_changed()

    def _show_next(self) -> None:
        """Say what is next; not while it may be what runs just now."""
        session = None if self.is_busy else self.session
        sentence = session.what_next().sentence if session is not None else ""
        self.ui.nextLabel.setText(sentence)
        self.ui.nextLabel.setVisible(bool(sentence))

    def remember_open_case(self, key: str | None) -> None:
        """Keep with the project which case is open, so that it is opened again next time."""
        if self.session is not None:
            self.session.remember_open_case(key)

    def _on_case_opened(self, key: str | None, _before: str | None) -> None:
        if key is None:
            self._sight.place_notice(0)
            self._sight.show_top()
            return
        self.project.fold()
        if self.bar.kind == "info":  # "3 cases are suggested" is past
            self.clear_notice()
        # Its questions are asked where it is worked on, not where the panel was scrolled from.
        self._sight.place_notice_above(self.label.widget)
        self._sight.show_tools()

    def _return_to_open_case(self) -> None:
        assert self.session is not None
        key = self.session.remembered_case()
        if key is not None:
            with suppress(ActiveSeedError):  # it may be gone by now
                self.label.open(key)

    # -- what runs in the background --------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self.runner.state is not None

    @property
    def job_title(self) -> str:
        """What is being done, in words; empty when nothing is."""
        return self.runner.title

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """What each finished step of the latest run returned, by job."""
        return self.runner.results

    def run(
        self,
        steps: Sequence[Step],
        title: str,
        finished: Finished | None = None,
        near: Section | None = None,
    ) -> bool:
        """Let the worker do `steps` one after another; return whether it began.

        Args:
            steps: jobs with their parameters.
            title: what the whole is, in words.
            finished: called at the end with whether every step was done.
            near: where it was asked for, and so where its progress is seen; None: the queue.
        """
        if self.is_busy:
            self.notice("Something is running already: wait for its end, or cancel it.", "warning")
            return False
        if missing() and not self.worker.is_foreign:
            self.setup.ask(title)
            return False
        self.clear_notice()
        self._finished = finished
        self._sight.show_job_above((near or self.queue).widget)
        self.runner.run(steps, title)
        return self.is_busy

    def cancel(self) -> None:
        """Ask the worker to stop."""
        self.runner.cancel()

    def _on_job_changed(self, state: JobState) -> None:
        for section in self.sections:
            section.show_job(state)
        self.ui.nextLabel.setVisible(False)

    def _on_job_ended(self, error: Exception | None) -> None:
        finished, self._finished = self._finished, None
        with self.guarded():
            for section in self.sections:
                section.show_job(None)
        self.cases_changed()
        with self.guarded():
            if error is not None:
                raise error
        if finished is not None:
            with self.guarded():
                finished(error is None)

    # -- coming and going -------------------------------------------------------------------------

    def enter(self) -> None:
        """Take up the work: the user came to the module."""
        for section in self.sections:
            section.enter()
        self.plots.resume()

    def exit(self) -> None:
        """Pause: the user went to another module; jobs go on."""
        for section in self.sections:
            section.exit()
        self.plots.pause()

    def close(self) -> None:
        """Save, end the worker, and let go of everything."""
        self.close_project(force=True)
        self._showing.stop()
        self._sight.close()
        for section in self.sections:
            section.close()
        self.plots.close()
        self.worker.close()
