"""What is missing before the first job, and its installation on a click; hidden otherwise."""

from pathlib import Path
from typing import Any

import slicer

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel.install import Installer, Outcome
from ActiveSeedLib.panel.packages import Look, is_slicers, judge
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.requirements import Requirement, missing
from ActiveSeedLib.worker.stream import JobState

LOG_LINES = 5000


class SetupSection(Section):
    """Tells what is missing and why, installs it, and shows how that goes."""

    NAME = "Setup"

    def build(self) -> None:
        """Connect the widgets."""
        self._installer: Installer | None = None
        self._look: Look | None = None
        self._python = ""
        self._past: list[Any] = []  # what may still speak must not be lost
        self._looked: dict[str, list[Requirement]] = {}
        self._needs: list[Requirement] = []
        self.ui.logView.setMaximumBlockCount(LOG_LINES)
        self.ui.installButton.clicked.connect(self.install)
        self.ui.cancelButton.clicked.connect(self.cancel)
        self.ui.logButton.toggled.connect(self._on_log_toggled)
        self.ui.logView.setVisible(False)
        self.ui.logButton.setVisible(False)
        self._show_progress()
        self.widget.setVisible(False)

    @property
    def busy(self) -> bool:
        """Whether something is being installed."""
        return self._installer is not None

    @property
    def needs(self) -> list[Requirement]:
        """The packages that are missing in the Python of the background process."""
        return list(self._needs)

    def show_project(self) -> None:
        """Look again."""
        self.refresh()

    def enter(self) -> None:
        """Look again: the user may have installed something elsewhere."""
        self._looked.clear()
        self.refresh()

    def show_job(self, state: JobState | None) -> None:
        """Install nothing under a job that runs."""
        self.ui.installButton.setEnabled(state is None)

    def close(self) -> None:
        """Stop what is going on."""
        for one in (self._installer, self._look):
            if one is not None:
                one.close()
        self._installer = self._look = None

    def refresh(self) -> None:
        """Show what is missing; nothing is imported, and nothing waits."""
        if self.busy:
            return
        worker = self.panel.worker
        if not worker.is_foreign:
            self._show_needs(missing())
            return
        try:
            python = worker.python
        except InputError:
            return  # told when a job is asked for
        if python in self._looked:
            self._show_needs(self._looked[python])
        elif self._look is None or self._python != python:
            self._begin_look(python)

    def ask(self, title: str) -> None:
        """Tell that `title` has to wait for what is missing, and offer to install it."""
        self.refresh()
        names = ", ".join(one.package for one in self._needs)
        text = f"{title} needs what is not there yet: {names}."
        if self.busy:
            self.panel.notice(f"{title} has to wait until everything is installed.")
        else:
            self.panel.notice(text, "warning", [("Install", self.install)])

    def install(self, *_args: Any) -> None:
        """Install what is missing."""
        if self.busy or self.panel.is_busy:
            return
        with self.panel.guarded():
            self.ui.logView.setPlainText("")
            folder = Path(str(slicer.app.temporaryPath)) / "ActiveSeed"
            self._installer = Installer(self.panel.worker.python, folder)
            self._installer.line.connect(self._on_line)
            self._installer.changed.connect(self._show_progress)
            self._installer.ended.connect(self._on_installed)
            self._installer.start()
            self.widget.setVisible(True)
            self._show_progress()

    def cancel(self, *_args: Any) -> None:
        """Stop the installation."""
        if self._installer is not None:
            self.ui.cancelButton.setEnabled(False)
            self._installer.cancel()

    def _begin_look(self, python: str) -> None:
        if self._look is not None:
            self._look.close()  # it may be a program that never answers
            self._put_by(self._look)
        self._python = python
        self._look = Look(python)
        self._look.ended.connect(self._on_looked)

    def _on_looked(self, found: dict[str, str] | None) -> None:
        self._put_by(self._look)
        self._look = None
        if found is None:  # a check under Advanced tells why
            return
        self._looked[self._python] = [one for one in judge(found) if one.needed and not one.ok]
        self.refresh()

    def _put_by(self, ended: Any) -> None:
        """Keep what may still be speaking; what ended before it has nothing more to say."""
        self._past = [*self._past[-1:], ended]

    def _on_line(self, line: str) -> None:
        self.ui.logView.appendPlainText(line)

    def _on_log_toggled(self, *_args: Any) -> None:
        shown = self.ui.logButton.checked
        self.ui.logView.setVisible(shown)
        self.ui.logButton.setText("Hide log" if shown else "Show log")

    def _on_installed(self, outcome: Outcome) -> None:
        self._put_by(self._installer)
        self._installer = None
        self._looked.clear()
        self._show_progress()
        self.ui.stepLabel.setText(outcome.sentence)
        self.ui.stepLabel.setVisible(True)
        self.ui.installButton.setText("Retry")
        self.panel.worker.end()  # one that runs has looked for the packages before
        self.refresh()
        if outcome.replaced:
            self.panel.notice(outcome.sentence, "error")
        elif not outcome.missing:
            self.panel.notice(outcome.sentence, "warning" if outcome.failed else "info")

    def _show_progress(self) -> None:
        installer = self._installer
        ui = self.ui
        for widget in (ui.progressBar, ui.stepLabel, ui.cancelButton):
            widget.setVisible(installer is not None)
        ui.installButton.setVisible(installer is None)
        if installer is not None:
            ui.logButton.setVisible(True)
            ui.cancelButton.setEnabled(not installer.cancelled)
            ui.stepLabel.setText(installer.step)
            ui.progressBar.setValue(int(1000 * installer.fraction))

    def _show_needs(self, needs: list[Requirement]) -> None:
        self._needs = needs
        self.widget.setVisible(bool(needs))
        if not needs:
            return
        lines = [f"• {one.package}: {one.why}{_age(one)}" for one in needs]
        packages = "package that is" if len(needs) == 1 else "packages that are"
        self.ui.whatLabel.setText(
            f"ActiveSeed needs {len(needs)} {packages} not there yet:\n" + "\n".join(lines)
        )
        self.ui.whereLabel.setText(_where(self.panel.worker.python, needs))


def _where(python: str, needs: list[Requirement]) -> str:
    """Return where a click installs what, and what stays as it is."""
    slicers = is_slicers(python)
    where = "Slicer's own Python" if slicers else python
    torch = any(one.package == "torch" for one in needs)
    parts = [
        f"A click installs it into {where}, from the Python Package Index",
        ", PyTorch through Slicer's extension PyTorch" if torch and slicers else "",
        "; that is a download of up to 3 GB. " if torch else ". ",
        "Nothing that Slicer ships is replaced."
        if slicers
        else "The numpy, scipy and SimpleITK that are there stay as they are.",
    ]
    return "".join(parts)


def _age(one: Requirement) -> str:
    if one.installed is None:
        return ""
    return f" ({one.installed} is there, but {one.requirement} is needed)"
