"""What runs in the background: a strip with progress, the step and the time left in words."""

import math
from typing import Any

import qt

from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.worker.stream import JobState

PATIENCE_SECONDS = 5.0
"""After this long without an answer to Cancel, the job can be ended by force."""
SHOWN_NOTES = 4
CANCEL_TIP = (
    "Stop this job. Nothing that was saved is lost, and a training goes on from where it was."
)
STOP_TIP = (
    "End the background process by force: it has not answered. Nothing that was saved is lost."
)


class JobSection(Section):
    """Shows the job that runs; hidden when nothing does."""

    NAME = "Job"

    def build(self) -> None:
        """Connect the widgets."""
        self._asked = False
        self._waited = False
        self._patience = qt.QTimer()
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._on_patience)
        self.ui.cancelButton.clicked.connect(self.cancel)
        self.widget.setVisible(False)

    def show_job(self, state: JobState | None) -> None:
        """Show how far the job is; None hides the strip."""
        self.widget.setVisible(state is not None)
        if state is None:
            self._asked = self._waited = False
            self._patience.stop()
            return
        self._show_cancel(state)
        ui = self.ui
        ui.titleLabel.setText(self.panel.runner.title)
        known = state.status == "running" and bool(state.step)
        ui.progressBar.setMaximum(1000 if known or state.fraction else 0)  # 0: it only moves
        ui.progressBar.setValue(int(1000 * state.fraction))
        ui.stepLabel.setText(_step(state))
        left = state.seconds_left if state.status == "running" else None
        ui.leftLabel.setText("" if left is None else time_left(left))
        ui.notesLabel.setText("\n".join(state.notes[-SHOWN_NOTES:]))
        ui.notesLabel.setVisible(bool(state.notes))

    def cancel(self, *_args: Any) -> None:
        """Ask the job to stop; asked again after a while, end it by force."""
        if not self._asked:
            self._asked = True
            self._patience.start(int(1000 * PATIENCE_SECONDS))
            self.panel.cancel()
        else:
            self.panel.worker.stop_now()

    def close(self) -> None:
        """Stop the clock."""
        self._patience.stop()

    def _show_cancel(self, state: JobState) -> None:
        button = self.ui.cancelButton
        button.setEnabled(state.status != "cancelling" or self._waited)
        button.setText("Stop now" if self._waited else "Cancel")
        button.setToolTip(STOP_TIP if self._waited else CANCEL_TIP)

    def _on_patience(self, *_args: Any) -> None:
        state = self.panel.runner.state
        self._waited = True
        if state is not None:
            self._show_cancel(state)


def time_left(seconds: float) -> str:
    """Return in words how long it still takes: "a few seconds left", "about 20 minutes left"."""
    if seconds < 8:
        return "a few seconds left"
    if seconds < 55:
        return f"about {5 * math.ceil(seconds / 5)} seconds left"
    minutes = math.ceil(seconds / 60 - 0.25)
    if minutes < 60:
        return f"about {_count(minutes, 'minute')} left"
    hours, rest = divmod(15 * round(minutes / 15), 60)
    text = _count(hours, "hour") + (f" {rest} minutes" if rest else "")
    return f"about {text} left"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _step(state: JobState) -> str:
    if state.status == "cancelling":
        return "Stopping…"
    if not state.step:
        return "Starting the background process…" if state.status == "waiting" else "Starting…"
    return f"{state.step} ({100 * state.fraction:.0f} %)"
