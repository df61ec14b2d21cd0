"""What runs in the background: a strip with progress, the step and the time left in words."""

from typing import Any

import qt

from ActiveSeedLib.app.job_words import (
    CANCEL_TIP,
    PATIENCE_SECONDS,
    STOP_TIP,
    step_words,
    time_left,
)
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.worker.stream import JobState

SHOWN_NOTES = 4


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
        ui.stepLabel.setText(step_words(state))
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
