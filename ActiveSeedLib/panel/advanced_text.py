"""Log, provenance of every selection, and the report on the encoder, read in the panel."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt

from ActiveSeedLib.app.inspection import encoder_report
from ActiveSeedLib.app.steps import inspect_steps
from ActiveSeedLib.files import write_bytes
from ActiveSeedLib.panel import export

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel

LOG_BYTES = 200_000
LOOK_MS = 1000
TEXT = "Text (*.txt)"


class TextBox:
    """One read-only view for all three; the log follows what the worker writes."""

    def __init__(self, panel: "Panel", ui: Any) -> None:
        self._panel, self._ui = panel, ui
        self._seen: tuple[Any, ...] = ()
        self._report = self._inspected = ""
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        ui.logButton.toggled.connect(self._on_log)
        ui.provenanceButton.toggled.connect(self._on_provenance)
        ui.inspectButton.clicked.connect(self.inspect)
        ui.saveButton.clicked.connect(self.save)
        self._show()

    def show_project(self) -> None:
        """There is a provenance only of an open project."""
        is_open = self._panel.session is not None
        self._ui.provenanceButton.setEnabled(is_open)
        if self._report:  # of the project before
            self._report = ""
            self._show()
        if self._ui.provenanceButton.checked:
            if is_open:
                self._show()
            else:
                self._ui.provenanceButton.setChecked(False)

    def inspect(self, *_args: Any) -> None:
        """Let the worker measure the chosen encoder, and show what it finds."""
        session = self._panel.session
        if session is not None:
            steps = inspect_steps(session, self._panel.choices)
            advanced = self._panel.advanced
            self._panel.run(steps, "Inspecting the encoder", self._on_inspected, near=advanced)

    def save(self, *_args: Any) -> None:
        """Ask where, and write the provenance or the report there."""
        session = self._panel.session
        if session is None:
            return
        what = "report" if self._report else "provenance"
        start = str(session.root / f"{what}.txt")
        path = export.ask_path(self._ui.saveButton, f"Save the {what}", start, TEXT)
        if path is None:
            return
        with self._panel.guarded():
            with export.writing(path, session.project):
                write_bytes(path, str(self._ui.textView.plainText).encode())
            self._panel.notice(f"Saved as {path}.")

    def exit(self) -> None:
        """Nobody looks."""
        self._timer.stop()

    def _on_inspected(self, done: bool) -> None:
        if not done:
            return
        report = encoder_report(self._panel.results["inspect"])
        self._ui.logButton.setChecked(False)
        self._ui.provenanceButton.setChecked(False)
        self._report = report.text()
        self._inspected = str(self._panel.results["inspect"]["encoder"])
        self._show()
        self._panel.notice(report.verdict)

    def _on_log(self, *_args: Any) -> None:
        if self._ui.logButton.checked:
            self._ui.provenanceButton.setChecked(False)
        self._show()

    def _on_provenance(self, *_args: Any) -> None:
        if self._ui.provenanceButton.checked:
            self._ui.logButton.setChecked(False)
        self._show()

    def _show(self) -> None:
        ui = self._ui
        log, provenance = bool(ui.logButton.checked), bool(ui.provenanceButton.checked)
        if log or provenance:
            self._report = ""
        report = bool(self._report)
        for widget in (ui.textLabel, ui.textView):
            widget.setVisible(log or provenance or report)
        ui.saveButton.setVisible(provenance or report)
        ui.textView.setLineWrapMode(
            qt.QPlainTextEdit.WidgetWidth if report else qt.QPlainTextEdit.NoWrap
        )
        ui.logButton.setText("Hide log" if log else "Show log")
        ui.provenanceButton.setText("Hide provenance" if provenance else "Provenance…")
        self._seen = ()
        if log:
            self._timer.start()
            self._look()
        else:
            self._timer.stop()
        if provenance:
            self._show_provenance()
        if report:
            ui.textLabel.setText(f"Whether {self._inspected} is worth trusting on this pool:")
            ui.textView.setPlainText(self._report)

    def _show_provenance(self) -> None:
        with self._panel.guarded():
            session = self._panel.session
            self._ui.textLabel.setText("How every selection so far came about:")
            text = "" if session is None else session.provenance()
            self._ui.textView.setPlainText(text or "Nothing has been selected yet.")

    def _look(self, *_args: Any) -> None:
        """Read the log again if it has grown."""
        worker = self._panel.worker
        path = worker.log_path
        size = path.stat().st_size if path is not None and path.is_file() else 0
        seen = (path, size, tuple(worker.strays))
        if seen == self._seen:
            return
        self._seen = seen
        where = path if path is not None else "the background process has not run yet"
        self._ui.textLabel.setText(f"Log: {where}")
        self._ui.textView.setPlainText("\n".join([*worker.strays, _tail(path)]))
        bar = self._ui.textView.verticalScrollBar()
        bar.setValue(bar.maximum)


def _tail(path: Path | None) -> str:
    """Return the last part of the log."""
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LOG_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return text if size <= LOG_BYTES else "…\n" + text.partition("\n")[2]
